// SPDX-License-Identifier: MIT
// peers.js - the view Peers: a map of the hosts around this one, and a table with states and rates.
import { h, svg, pageHead, empty } from "../assets/dom.js";
import { short, number } from "../assets/format.js";
import { Table } from "../assets/table.js";

export const title = "Peers";

const KINDS = { up: "good", original: "good", connecting: "warn", handshake: "warn", waiting: "warn", suspect: "warn", down: "bad" };
const WIDTH = 400, HEIGHT = 260;

// Messages a second since the last time it was asked for that peer.
function meter(key) {
	const past = new Map();
	return (row) => {
		const now = performance.now() / 1000, then = past.get(row.id);
		if (typeof row[key] !== "number")
			return null;
		if (!then || now - then.time > 1)
			past.set(row.id, { time: now, count: row[key], rate: then ? Math.max(0, row[key] - then.count) / (now - then.time) : 0 });
		return past.get(row.id).rate;
	};
}

function rateColumn(id, name, key) {
	const rate = meter(key);
	return { id, title: name, number: true, value: rate, text: (row) => (rate(row) === null ? "–" : `${short(rate(row))}/s`) };
}

function peerTable() {
	return new Table({
		caption: "Peers", key: (row) => `${row.instance ?? ""} ${row.id}`, cards: true,
		empty: empty("No other host is known yet", "This one is found by others, and finds them, after ", h("code", null, "module open Peer NAME port=8900 project_id=…"), " in the ",
			h("a", { href: "#/console" }, "Console"), "; ", h("code", null, "peer connect HOST:PORT"), " goes to one that is known."),
		columns: [
			{ id: "name", title: "Name", value: (row) => row.name ?? row.id },
			{ id: "state", title: "State", value: (row) => row.state, render: (row) => h("span", { class: `badge ${row.instance ? KINDS[row.state] ?? "" : ""}`, title: row.why || null }, row.instance ? row.state : `found, ${row.state}`) },
			{ id: "address", title: "Address", value: (row) => row.ip, text: (row) => (row.ip ? `${row.ip}${row.port ? `:${row.port}` : ""}` : "–"), wide: true, mono: true },
			{ id: "channels", title: "Channels", number: true, value: (row) => row.channels, text: (row) => number(row.channels) },
			rateColumn("in", "In", "messages_in"),
			rateColumn("out", "Out", "messages_out"),
			{ id: "drops", title: "Drops", number: true, value: (row) => row.drops, render: (row) => h("span", { class: row.drops ? "warn-text" : "faint" }, number(row.drops ?? 0)) },
		],
	});
}

// This host in the middle, a line to each it has to do with; those that were only found have none.
function map(all, here) {
	const middle = [WIDTH / 2, HEIGHT / 2];
	const places = all.map((peer, at) => {
		const angle = 2 * Math.PI * at / all.length;
		return { peer, kind: peer.instance ? KINDS[peer.state] ?? "" : "", x: middle[0] + 140 * Math.cos(angle), y: middle[1] - 10 + 90 * Math.sin(angle) };
	});
	return svg("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${here} and the hosts around it` },
		...places.filter(({ peer }) => peer.instance).map(({ peer, kind, x, y }) =>
			svg("line", { class: `tie ${kind}`, x1: middle[0], y1: middle[1] - 10, x2: x, y2: y, "stroke-width": peer.connected ? 3 : 1 })),
		...places.flatMap(({ peer, kind, x, y }) => [svg("circle", { class: `spot ${kind}`, cx: x, cy: y, r: 10 }),
			svg("text", { x, y: y + 26, "text-anchor": "middle" }, peer.name ?? peer.id)]),
		svg("circle", { class: "spot here", cx: middle[0], cy: middle[1] - 10, r: 13 }),
		svg("text", { x: middle[0], y: middle[1] + 20, "text-anchor": "middle" }, here));
}

export function show(element, api) {
	const table = peerTable();
	const place = h("section", { class: "card", hidden: true });
	let drawn = "";

	function draw([peers, found, host]) {
		const known = new Set(peers.map(({ id }) => id));
		const all = [...peers, ...found.filter(({ id }) => !known.has(id))];
		const here = [host].flat()[0].name;
		const state = JSON.stringify(all.map(({ id, name, state: each, connected }) => [id, name, each, connected]));
		table.update(all);
		place.hidden = !all.length;
		if (state !== drawn)
			place.replaceChildren(map(all, here));
		drawn = state;
	}

	element.append(pageHead(title), place, h("section", { class: "card" }, table.element));
	return api.poll(() => Promise.all(["peers", "discovery", "host"].map(api.list)), draw, (error) => table.fail(error));
}
