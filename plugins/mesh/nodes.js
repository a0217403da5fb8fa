// SPDX-License-Identifier: MIT
// nodes.js - the view Nodes: a table with the last values, a map where positions are known, and the traffic log.
//
// It uses nothing but `api` (get, post, watch) and the classes of the page's style sheet. Text is always text.

export const title = "Nodes";

const SVG = "http://www.w3.org/2000/svg";
const LOG_LINES = 200;
const PAUSE = 250; // ms between two questions

function make(tag, props, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(props ?? {}))
		if (typeof value === "function")
			element.addEventListener(name.slice(2), value);
		else
			element.setAttribute(name, String(value));
	element.append(...children);
	return element;
}

function draw(tag, props, ...children) {
	const element = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(props))
		element.setAttribute(name, String(value));
	element.append(...children);
	return element;
}

/* --- values --- */

// Bytes as a number, for the sparkline: whole numbers of 1, 2 and 4 bytes, the first of several.
function numberOf(hex) {
	const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
	const view = new DataView(bytes.buffer);
	switch (bytes.length) {
	case 0: return 0;
	case 1: return view.getUint8(0);
	case 4: return view.getInt32(0, true);
	case 8: case 16: return view.getFloat64(0, true);
	default: return view.getInt16(0, true);
	}
}

function sparkline(values) {
	const numbers = values.map((value) => numberOf(value.hex)).filter(Number.isFinite);
	const low = Math.min(...numbers), high = Math.max(...numbers), width = 80, height = 18;
	const points = numbers.map((number, at) => {
		const x = numbers.length > 1 ? at / (numbers.length - 1) * width : width / 2;
		const y = high > low ? height - 1 - (number - low) / (high - low) * (height - 2) : height / 2;
		return `${x.toFixed(1)},${y.toFixed(1)}`;
	});
	return draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `last ${numbers.length} values` },
		draw("polyline", { points: points.join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.2 }));
}

function lastValues(node) {
	const box = make("div");
	for (const [type, values] of Object.entries(node.data ?? {})) {
		if (!values.length)
			continue;
		const last = values.at(-1);
		box.append(make("div", { title: new Date(last.time).toLocaleString() }, sparkline(values), " ",
			make("span", { class: "muted" }, type), " ", make("code", null, last.hex.length > 32 ? `${last.hex.slice(0, 32)}…` : last.hex)));
	}
	return box;
}

/* --- the map: positions among each other, north above --- */

function map(nodes) {
	const placed = nodes.filter((node) => node.gps);
	if (!placed.length)
		return "";
	const size = 320, edge = 24;
	const lats = placed.map((node) => node.gps.lat), lons = placed.map((node) => node.gps.lon);
	const middle = (Math.min(...lats) + Math.max(...lats)) / 2;
	const wide = Math.cos(middle * Math.PI / 180) || 1;
	const west = Math.min(...lons), south = Math.min(...lats);
	const extent = Math.max((Math.max(...lons) - west) * wide, Math.max(...lats) - south, 1e-5);
	const scale = (size - 2 * edge) / extent;
	const drawing = draw("svg", { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "img", "aria-label": "positions of the nodes" });
	for (const node of placed) {
		const x = edge + (node.gps.lon - west) * wide * scale, y = size - edge - (node.gps.lat - south) * scale;
		const active = node.status === "Active";
		drawing.append(draw("circle", { cx: x, cy: y, r: 5, fill: active ? "currentColor" : "none", stroke: "currentColor" },
			draw("title", {}, `Node-${node.address}: ${node.gps.lat.toFixed(6)}, ${node.gps.lon.toFixed(6)}`)));
		const label = draw("text", { x: x + 8, y: y + 4, "font-size": 11, fill: "currentColor" });
		label.append(String(node.address));
		drawing.append(label);
	}
	const meters = extent * 111320;
	return make("figure", { class: "card" }, make("figcaption", { class: "muted" },
		meters >= 1000 ? `${(meters / 1000).toFixed(1)} km across` : `${Math.round(meters)} m across`), drawing);
}

/* --- the table --- */

function since(time) {
	const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
	if (!time)
		return "never";
	return seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function row(node) {
	return make("tr", null, make("td", { class: "number" }, String(node.address)),
		make("td", null, make("span", { class: `badge ${node.status.toLowerCase()}` }, node.status)),
		make("td", null, make("code", null, node.uuid ?? "")), make("td", { class: "number" }, since(node.seen)),
		make("td", null, lastValues(node)),
		make("td", null, node.gps ? `${node.gps.lat.toFixed(6)}, ${node.gps.lon.toFixed(6)}` : ""));
}

export function show(element, api) {
	const body = make("tbody"), place = make("div"), log = make("pre", { class: "console-log", tabindex: 0 });
	const summary = make("p", { class: "muted" }, "Asking the host…");
	const lines = [], ends = [];
	let ended = false, asking = false, again = false;

	const head = ["Address", "Status", "UUID", "Silent", "Last data", "Position"].map((name) => make("th", { scope: "col" }, name));
	element.append(make("h1", null, title), summary,
		make("div", { class: "table-scroll" }, make("table", null, make("caption", { class: "hidden" }, "Nodes of the mesh"),
			make("thead", null, make("tr", null, ...head)), body)),
		place, make("h2", null, "Traffic"), log);

	async function refresh() {
		if (asking) {
			again = true;
			return;
		}
		asking = true;
		try {
			const nodes = await api.get("/nodes");
			if (ended)
				return;
			const active = nodes.filter((node) => node.status === "Active").length;
			summary.textContent = nodes.length ? `${nodes.length} nodes, ${active} active` : "No node is known yet.";
			body.replaceChildren(...nodes.map(row));
			place.replaceChildren(map(nodes));
		} catch (error) {
			summary.textContent = `The nodes cannot be read: ${error.message ?? error}`;
		}
		await new Promise((resolve) => setTimeout(resolve, PAUSE));
		asking = false;
		if (again && !ended) {
			again = false;
			refresh();
		}
	}

	function say(message) {
		lines.push(`${new Date(message.time ?? Date.now()).toLocaleTimeString()} ${message.text ?? ""}`.trimEnd());
		lines.splice(0, Math.max(0, lines.length - LOG_LINES));
		const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
		log.textContent = lines.join("\n");
		if (atEnd)
			log.scrollTop = log.scrollHeight;
	}

	async function begin() {
		ends.push(await api.watch("mesh-nodes", refresh));
		const gateways = await api.get("/netinfo").catch(() => []);
		for (const gateway of gateways)
			ends.push(await api.watch(`${gateway.id}/log`, say));
		if (ended)
			stop();
	}

	function stop() {
		for (const end of ends.splice(0))
			if (typeof end === "function")
				end();
	}

	refresh();
	begin();
	return () => {
		ended = true;
		stop();
	};
}
