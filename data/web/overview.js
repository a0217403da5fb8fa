// SPDX-License-Identifier: MIT
// overview.js - the host at a glance: what it carries, how fast, its loops, its servers.
import * as rates from "./rates.js";
import { h, empty, pageHead, noticeBox, notice, sentence } from "./dom.js";
import { number, short, bytes, duration, dateTime } from "./format.js";
import { LineChart } from "./chart.js";
import { Table } from "./table.js";

export const title = "Host";

function tile(name) {
	const value = h("dd", null, "–");
	return { element: h("div", { class: "tile" }, h("dt", null, name), value), set: (text) => value.textContent === text || (value.textContent = text) };
}

function loopTable() {
	return new Table({
		caption: "Loops of the host", key: (row) => row.name, class: "short",
		columns: [
			{ id: "name", title: "Loop", value: (row) => row.name, wide: true },
			{ id: "rate", title: "Events/s", number: true, value: (row) => row.rate, text: (row) => short(row.rate) },
			{ id: "calls", title: "Calls", number: true, minor: true, value: (row) => row.calls, text: (row) => number(row.calls) },
			{ id: "waiting", title: "Waiting", number: true, value: (row) => row.waiting, text: (row) => number(row.waiting) },
			{ id: "drops", title: "Drops", number: true, value: (row) => row.drops, render: (row) => count(row.drops) },
			{ id: "descriptors", title: "Descriptors", number: true, minor: true, value: (row) => row.descriptors, text: (row) => number(row.descriptors) },
			{ id: "timers", title: "Timers", number: true, minor: true, value: (row) => row.timers, text: (row) => number(row.timers) },
		],
	});
}

// A count of something bad: seen only when it is not zero.
function count(value) {
	return h("span", { class: value ? "warn-text" : "faint" }, number(value ?? 0));
}

function serverTable() {
	const past = new Map();
	const speed = (row) => {
		const now = performance.now() / 1000, then = past.get(row.id);
		if (!then || now - then.time > 1)
			past.set(row.id, {
				time: now, sum: row.bytes_in + row.bytes_out,
				rate: then ? Math.max(0, (row.bytes_in + row.bytes_out - then.sum) / (now - then.time)) : 0,
			});
		return past.get(row.id).rate;
	};
	return new Table({
		caption: "Servers", key: (row) => row.id, class: "short", cards: true,
		empty: empty("No server is open", "Nobody can reach this host yet. Type ", h("code", null, "consoleserver"), " in the ", h("a", { href: "#/console" }, "Console"),
			", or open a server under ", h("a", { href: "#/modules" }, "Modules"), "."),
		columns: [
			{ id: "id", title: "Server", value: (row) => row.id },
			{ id: "class", title: "Class", value: (row) => row.class, minor: true },
			{
				id: "addresses", title: "Address", value: (row) => [row.addresses].flat().join(" "), wide: true, sort: false,
				render: (row) => h("span", { class: "clipped" }, h("span", { class: "mono", title: [row.addresses].flat().join(" ") }, [row.addresses].flat().join(" ")),
					row.insecure ? h("span", { class: "badge warn", title: "reachable from other machines, and nobody has to log in" }, "insecure") : null),
			},
			{ id: "connections", title: "Open", number: true, value: (row) => row.connections, text: (row) => number(row.connections) },
			{ id: "accepted", title: "Accepted", number: true, minor: true, value: (row) => row.accepted, text: (row) => number(row.accepted) },
			{ id: "refused", title: "Refused", number: true, minor: true, value: (row) => row.refused, render: (row) => count(row.refused) },
			{ id: "timeouts", title: "Timeouts", number: true, minor: true, value: (row) => row.timeouts, render: (row) => count(row.timeouts) },
			{ id: "slow", title: "Slow", number: true, minor: true, value: (row) => row.slow, render: (row) => count(row.slow) },
			{ id: "drops", title: "Drops", number: true, value: (row) => row.drops, render: (row) => count(row.drops) },
			{ id: "in", title: "In", number: true, minor: true, value: (row) => row.bytes_in, text: (row) => bytes(row.bytes_in) },
			{ id: "out", title: "Out", number: true, minor: true, value: (row) => row.bytes_out, text: (row) => bytes(row.bytes_out) },
			{ id: "rate", title: "Bytes/s", number: true, value: speed, text: (row) => bytes(speed(row)) },
		],
	});
}

export function show(element, api) {
	const about = h("p", { class: "muted about" });
	const box = noticeBox();
	const tiles = ["Uptime", "Memory", "Messages", "Channels", "Sessions", "Instances", "Messages lost"].map(tile);
	const charts = [ // what is drawn of each sample
		["Processor", "cpu", (value) => `${short(100 * value)} %`],
		["Messages", "messages", (value) => `${short(value)}/s`],
		["Bytes", "bytes", (value) => `${bytes(value)}/s`],
		["Connections", "connections", number],
	].map(([title, name, format]) => ({ name, chart: new LineChart({ title, series: [name], format }) }));
	const loops = loopTable(), servers = serverTable();

	const draw = (error) => {
		notice(box, error ? sentence(error) : "");
		const host = rates.host;
		if (!host)
			return;
		about.textContent = [`Backplane ${String(host.version ?? "").replace(/^Backplane /, "")}`, host.abi === undefined ? "" : `ABI ${host.abi}`, `process ${host.pid}`,
			`started ${dateTime(host.started)}`].filter(Boolean).join(" · ");
		tiles[0].set(duration(host.uptime));
		tiles[1].set(bytes(host.resident));
		tiles[2].set(number(host.messages));
		tiles[3].set(number(host.channels));
		tiles[4].set(number(host.sessions));
		tiles[5].set(number(host.instances));
		tiles[6].set(number(host.lost ?? 0));
		tiles[6].element.classList.toggle("bad", host.lost > 0);
		charts.forEach(({ name, chart }) => chart.set(rates.samples.map((sample) => [sample.time, sample[name]])));
		loops.update((host.loops ?? []).map((loop) => ({ ...loop, rate: rates.loopEvents.get(loop.name) ?? 0 })));
	};
	element.append(pageHead(title), about, box, h("dl", { class: "tiles" }, tiles.map((each) => each.element)),
		h("div", { class: "charts" }, charts.map(({ chart }) => chart.element)),
		h("section", { class: "card" }, h("h2", null, "Servers"), servers.element),
		h("section", { class: "card" }, h("h2", null, "Loops"), loops.element));
	draw(null);
	const ends = [rates.listen(draw), api.poll(() => api.list("servers"), (rows) => servers.update(rows), (error) => servers.fail(error))];
	return () => ends.forEach((end) => end());
}
