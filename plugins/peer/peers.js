// SPDX-License-Identifier: MIT
// peers.js - the view Peers: a map of the hosts around this one, and a table with states and rates.
export const title = 'Peers';
const colours = { up: '#2a2', original: '#28c', connecting: '#c80', handshake: '#c80', waiting: '#888', suspect: '#c80', down: '#c22' };
const svg = (name, attributes, text) => {
	const node = document.createElementNS('http://www.w3.org/2000/svg', name);
	for (const key in attributes) node.setAttribute(key, attributes[key]);
	if (text !== undefined) node.textContent = text;
	return node;
};
export function show(element, api) {
	const map = svg('svg', { viewBox: '0 0 600 400', role: 'img', width: '100%', height: 320, 'aria-label': 'the hosts around this one' });
	const table = document.createElement('table');
	const before = new Map();
	let ended = false, last = performance.now();
	const heading = document.createElement('h1'), note = document.createElement('p'), box = document.createElement('div'), picture = document.createElement('div');
	heading.textContent = title;
	picture.className = box.className = 'card';
	picture.append(map);
	box.append(table);
	element.append(heading, note, picture, box);
	function rate(peer, key, seconds) {
		const name = peer.id + ' ' + key, now = peer[key] || 0, then = before.get(name);
		before.set(name, now);
		return then === undefined ? '' : ((now - then) / seconds).toFixed(1) + '/s';
	}
	function draw(peers, found) {
		const seconds = Math.max(0.1, (performance.now() - last) / 1000);
		const known = new Set(peers.map(peer => peer.id));
		const all = peers.concat(found.filter(node => !known.has(node.id)));
		last = performance.now();
		note.textContent = all.length ? '' : 'No other host is known yet: module open Peer NAME port=8900 project_id=... makes this one findable.';
		picture.hidden = box.hidden = !all.length;
		map.replaceChildren();
		table.replaceChildren();
		const head = table.createTHead().insertRow();
		for (const text of ['Name', 'State', 'Address', 'Channels', 'In', 'Out', 'Drops']) {
			const cell = document.createElement('th');
			cell.textContent = text;
			head.append(cell);
		}
		const body = table.createTBody();
		all.forEach((peer, index) => {
			const angle = 2 * Math.PI * index / all.length, x = 300 + 220 * Math.cos(angle), y = 200 + 140 * Math.sin(angle);
			const colour = colours[peer.state] || '#888', row = body.insertRow();
			if (known.has(peer.id))
				map.append(svg('line', { x1: 300, y1: 200, x2: x, y2: y, stroke: colour, 'stroke-width': peer.connected ? 3 : 1 }));
			map.append(svg('circle', { cx: x, cy: y, r: 18, fill: colour }));
			map.append(svg('text', { x, y: y + 34, 'text-anchor': 'middle', fill: 'currentColor' }, peer.name));
			for (const text of [peer.name, peer.state, (peer.ip || '') + (peer.port ? ':' + peer.port : ''), peer.channels ?? '',
				rate(peer, 'messages_in', seconds), rate(peer, 'messages_out', seconds), peer.drops ?? ''])
				row.insertCell().textContent = text;
		});
		map.append(svg('circle', { cx: 300, cy: 200, r: 24, fill: 'currentColor' }));
	}
	async function refresh() {
		try {
			const [peers, found] = await Promise.all([api.get('/peers'), api.get('/discovery')]);
			if (!ended) draw(peers, found);
		} catch (error) {
			if (!ended) note.textContent = String(error.message || error);
		}
	}
	const timer = setInterval(refresh, 2000);
	refresh();
	return () => { ended = true; clearInterval(timer); };
}
