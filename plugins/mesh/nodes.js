// SPDX-License-Identifier: MIT
// nodes.js - the view Nodes: a table with the last values, a map where positions are known, and the traffic log.
import { h, svg, pageHead, empty } from "../assets/dom.js";
import { duration } from "../assets/format.js";
import { Stream } from "../assets/stream.js";
import { Table } from "../assets/table.js";

export const title = "Nodes";

const DEGREE = 111320; // metres of a degree of latitude
const KINDS = { Active: "good", Idle: "warn", Disconnect: "bad" };

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
	return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `last ${numbers.length} values` },
		svg("polyline", { class: "line", fill: "none", points: points.join(" ") }));
}

function lastValues(node) {
	return h("div", null, Object.entries(node.data ?? {}).filter(([, values]) => values.length).map(([type, values]) => {
		const { hex, time } = values.at(-1);
		return h("div", { class: "value", title: `${hex}, ${new Date(time).toLocaleString()}` }, values.length > 1 ? sparkline(values) : null,
			h("span", { class: "muted" }, type), h("code", null, hex.length > 32 ? `${hex.slice(0, 32)}…` : hex));
	}));
}

const position = ({ gps }) => (gps ? `${gps.lat.toFixed(6)}, ${gps.lon.toFixed(6)}` : "");
const silent = ({ seen }) => (seen ? Math.max(0, (Date.now() - seen) / 1000) : Infinity);

/* --- the map: positions among each other, north above --- */

function scaleText(placed, metres) {
	if (placed.length === 1)
		return `Node ${placed[0].address} at ${position(placed[0])}`;
	if (metres < 1)
		return `${placed.length} nodes at ${position(placed[0])}`;
	return `${placed.length} nodes, ${metres >= 1000 ? `${(metres / 1000).toFixed(1)} km` : `${Math.round(metres)} m`} across, north above`;
}

function map(nodes) {
	const placed = nodes.filter((node) => node.gps);
	if (!placed.length)
		return [];
	const width = 400, height = 260, edge = 30;
	const lats = placed.map(({ gps }) => gps.lat), lons = placed.map(({ gps }) => gps.lon);
	const [west, east, south, north] = [Math.min(...lons), Math.max(...lons), Math.min(...lats), Math.max(...lats)];
	const narrow = Math.cos((south + north) * Math.PI / 360) || 1; // a degree of longitude beside one of latitude
	const metres = Math.max((east - west) * narrow, north - south) * DEGREE;
	// What is all at one place is in the middle.
	const scale = metres < 1 ? 0 : Math.min((width - 2 * edge) / ((east - west) * narrow || 1e-9), (height - 2 * edge) / (north - south || 1e-9));
	const spots = new Map(); // nodes that would cover each other share a spot
	for (const node of placed) {
		const x = Math.round(width / 2 + (node.gps.lon - (west + east) / 2) * narrow * scale);
		const y = Math.round(height / 2 - (node.gps.lat - (south + north) / 2) * scale);
		const key = `${Math.round(x / 8)} ${Math.round(y / 8)}`;
		spots.set(key, [...(spots.get(key) ?? []), { node, x, y }]);
	}
	const text = scaleText(placed, metres);
	return [h("p", { class: "muted" }, text), svg("svg", { class: "map", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text },
		...[...spots.values()].flatMap((spot) => {
			const [{ node, x, y }] = spot, names = spot.map((each) => each.node.address);
			return [svg("circle", { class: `spot ${KINDS[node.status] ?? ""}`, cx: x, cy: y, r: 6 }, svg("title", {}, `${names.join(", ")}: ${position(node)}`)),
				svg("text", { x: x > width / 2 ? x - 10 : x + 10, y: y + 4, "text-anchor": x > width / 2 ? "end" : "start" },
					names.length > 6 ? `${names.slice(0, 6).join(", ")}, …` : names.join(", "))];
		}))];
}

/* --- the view --- */

function nodeTable() {
	return new Table({
		caption: "Nodes of the mesh", key: (row) => row.id, cards: true,
		empty: empty("No node is known yet", "A node appears when the root module tells of it. Open a gateway with ", h("code", null, "mesh open NAME --uart UART"), " in the ",
			h("a", { href: "#/console" }, "Console"), "; ", h("code", null, "mesh ask"), " asks the root for its nodes."),
		columns: [
			{ id: "address", title: "Address", number: true, value: (row) => row.address, lead: true },
			{ id: "gateway", title: "Gateway", value: (row) => row.gateway, minor: true },
			{ id: "status", title: "Status", value: (row) => row.status, render: (row) => h("span", { class: `badge ${KINDS[row.status] ?? ""}` }, row.status) },
			{ id: "silent", title: "Silent", number: true, value: silent, text: (row) => (row.seen ? duration(silent(row)) : "never heard") },
			{ id: "messages", title: "Messages", number: true, value: (row) => row.messages },
			{ id: "uuid", title: "UUID", value: (row) => row.uuid, text: (row) => row.uuid ?? "–", minor: true, mono: true },
			{ id: "position", title: "Position", value: position, text: (row) => position(row) || "–", minor: true, mono: true, sort: false },
			{ id: "data", title: "Last data", value: (row) => row.data, render: lastValues, wide: true, sort: false },
		],
	});
}

export function show(element, api) {
	const table = nodeTable();
	const summary = h("p", { class: "muted about" });
	const place = h("section", { class: "card", hidden: true });
	const traffic = new Stream({ label: "Traffic of the mesh", name: "mesh", empty: empty("Nothing was said since", "Requests and messages of each gateway appear here.") });
	const watches = new Map(); // gateway -> what ends watching its log
	let drawn = "";

	function draw([nodes, gateways]) {
		table.update(nodes);
		summary.textContent = gateways.map(({ id, line, active, nodes: all, listeners }) =>
			`${id}: ${line ? "" : "the root module is not connected, "}${active} of ${all.length} nodes active, clients: ${listeners}`).join(" · ");
		const state = JSON.stringify(nodes.map(({ id, status, gps }) => [id, status, gps]));
		if (state !== drawn)
			place.replaceChildren(h("h2", null, "Map"), ...map(nodes));
		drawn = state;
		place.hidden = !nodes.some((node) => node.gps);
		for (const { id } of gateways)
			if (!watches.has(id))
				watches.set(id, api.watch(`${id}/log`, (message) => traffic.add(message)));
	}

	element.append(pageHead(title), summary, h("section", { class: "card" }, table.element), place,
		h("section", { class: "card traffic" }, h("h2", null, "Traffic"), traffic.element));
	const end = api.poll(() => Promise.all([api.list("nodes"), api.list("netinfo")]), draw, (error) => table.fail(error), 1000);
	return () => {
		end();
		watches.forEach((stop) => stop());
		traffic.end();
	};
}
