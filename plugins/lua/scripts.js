// SPDX-License-Identifier: MIT
// scripts.js - the view Scripts: what each script does and uses, and what it prints.
import { h, pageHead, empty } from "/assets/dom.js";
import { bytes } from "/assets/format.js";
import { Stream } from "/assets/stream.js";
import { Table } from "/assets/table.js";

export const title = "Scripts";

const KINDS = { runs: "good", failed: "bad", pauses: "warn" };

function firstLine(text) {
	return (text ?? "").split("\n")[0];
}

function scriptTable(api) {
	return new Table({
		caption: "Scripts", key: (row) => row.id,
		empty: empty("No script is open", "In the ", h("a", { href: "#/console" }, "Console"), ", ", h("code", null, "lua run FILE"), " runs one."),
		columns: [
			{ id: "id", title: "Name", value: (row) => row.id, lead: true },
			{ id: "state", title: "State", value: (row) => row.state, render: (row) => h("span", { class: `badge ${KINDS[row.state] ?? ""}` }, row.state) },
			{ id: "file", title: "File", value: (row) => row.file, minor: true, mono: true },
			{ id: "memory", title: "Memory", number: true, value: (row) => row.memory, text: (row) => `${bytes(row.memory)} of ${bytes(row.memory_limit)}` },
			{ id: "cpu", title: "CPU", number: true, value: (row) => row.cpu, text: (row) => `${row.cpu.toFixed(2)} s` },
			{ id: "waits", title: "Waits for", number: true, value: (row) => row.waits, minor: true },
			{ id: "error", title: "Last error", value: (row) => row.error, text: (row) => firstLine(row.error) || "–", wide: true },
		],
		actions: (row) => [
			{ label: "Restart", run: () => api.post(`/scripts/${encodeURIComponent(row.id)}/restart`, {}) },
			{ label: "Stop", danger: true, confirm: `Stop ${row.id}?`, run: () => api.post(`/scripts/${encodeURIComponent(row.id)}/stop`, {}) },
		],
	});
}

export function show(element, api) {
	const table = scriptTable(api);
	const printed = new Stream({ label: "What scripts print", name: "scripts", empty: empty("Nothing was printed since", "What scripts print appears here, and their errors.") });

	element.append(pageHead(title), h("section", { class: "card" }, table.element),
		h("section", { class: "card traffic" }, h("h2", null, "Output"), printed.element));
	const unwatch = api.watch("script-*", (message) => printed.add(message));
	const end = api.poll(() => api.list("scripts"), (rows) => table.update(rows), (error) => table.fail(error), 1000);
	return () => {
		end();
		unwatch();
		printed.end();
	};
}
