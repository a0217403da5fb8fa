// SPDX-License-Identifier: MIT
// plugins.js - the plugins that are loaded; loading, reloading and unloading them.
import { h, empty, pageHead, toast } from "./dom.js";
import { number } from "./format.js";
import { plain } from "./ansi.js";
import { Table } from "./table.js";
import { formDialog } from "./form.js";

export const title = "Plugins";

// What serves this page: without it there is nobody to answer.
const OURS = new Set(["web"]);

export function stateBadge(state) {
	const kind = /fail|error/.test(state) ? "bad" : /unload|load(ing)|wait|dying/.test(state) ? "warn" : /loaded|running|active/.test(state) ? "good" : "";
	return h("span", { class: `badge ${kind}` }, state ?? "–");
}

function load(api, refresh) {
	formDialog({
		title: "Load a plugin", verb: "Load",
		lead: [{ name: "file", label: "Plugin", type: "string", required: true, help: "a name, looked for in the plugin folders, or the path of a .so file on the host" }],
		submit: async (params, { file }) => {
			await api.post("/plugins", { file });
			toast(`${file} is loaded.`);
			refresh();
		},
	});
}

export function show(element, api) {
	const counted = (value) => (Array.isArray(value) ? value.length : value ?? 0);
	const amount = (id, name) => ({
		id, title: name, number: true, minor: true, value: (row) => counted(row[id]), text: (row) => number(counted(row[id])),
	});
	const table = new Table({
		caption: "Plugins", key: (row) => row.id,
		empty: empty("No plugin is loaded", "The kernel alone has commands only. Press Load a plugin and give its name."),
		columns: [
			{ id: "id", title: "Plugin", value: (row) => row.id },
			{ id: "state", title: "State", value: (row) => row.state, render: (row) => stateBadge(row.state) },
			{ id: "version", title: "Version", value: (row) => row.version, minor: true },
			amount("commands", "Commands"), amount("modules", "Modules"), amount("handlers", "Handlers"),
			{ id: "summary", title: "What it is", value: (row) => row.summary, wide: true, sort: false, minor: true },
		],
		actions: (row) => (row.file === null || row.id === "kernel" ? [] : [
			{ label: "Reload", confirm: OURS.has(row.id) ? "Reload what serves this page? It comes back by itself." : null, run: () => act(row, "reload", "was reloaded") },
			{
				label: "Unload", danger: true, run: () => act(row, "unload", "is unloaded"),
				confirm: OURS.has(row.id) ? `Unload ${row.id}? It serves this page, which then stops working.` : `Unload ${row.id}? Its open modules are closed first.`,
			},
		]),
	});
	const act = async (row, action, done) => {
		// By the connection that is open anyway: when it breaks, the plugin took it along.
		const { status, output } = await api.run(`plugin ${action} ${row.id}`).catch((error) => {
			if (OURS.has(row.id) && !api.isOpen())
				return { status: 0 }; // it took the connection with it
			throw error;
		});
		if (status)
			throw new Error(plain(output) || `plugin ${action} failed`);
		toast(`${row.id} ${done}.`);
		refresh();
	};
	const end = api.poll(() => api.list("plugins"), (rows) => table.update(rows), (error) => table.fail(error));
	const refresh = () => {
		end.now();
		api.changed();
	};
	element.append(pageHead("Plugins", h("button", { type: "button", class: "primary", onclick: () => load(api, refresh) }, "Load a plugin")),
		h("section", { class: "card" }, table.element));
	return end;
}
