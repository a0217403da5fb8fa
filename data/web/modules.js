// SPDX-License-Identifier: MIT
// modules.js - what is open, and the classes that can be opened by a form made from their parameters.
import { h, empty, pageHead, showDialog, toast } from "./dom.js";
import { dateTime, values } from "./format.js";
import { Table } from "./table.js";
import { formDialog } from "./form.js";

export const title = "Modules";

function freeName(wanted, taken) {
	const stem = wanted.toLowerCase().replace(/(server|client|socket)$/, "-$1").replace(/^-/, "");
	let name = stem;
	for (let count = 2; taken.has(name); count++)
		name = `${stem}-${count}`;
	return name;
}

async function open(api, row, instances, contexts, refresh) {
	formDialog({
		title: `Open ${row.id}`, intro: row.help, params: row.params ?? [], verb: "Open",
		lead: [
			{ name: "name", label: "Name", type: "string", required: true, help: "of the new instance; channels are named after it", value: freeName(row.id, new Set(instances.map(({ id }) => id))) },
			{ name: "context", label: "Context", type: "string", help: `where it is opened${contexts.length > 1 ? `: ${contexts.slice(0, 6).join(", ")}` : ""}`, value: "/" },
		],
		submit: async (params, { name, context }) => {
			await api.post("/instances", { class: row.id, name, context: context || "/", params });
			toast(`${name} is open.`);
			refresh();
		},
	});
}

function details(row) {
	const dialog = h("dialog", { "aria-label": row.id }, h("h2", null, row.id),
		row.description ? h("p", { class: "muted" }, row.description) : null,
		h("dl", { class: "pairs" }, [["class", row.class], ["plugin", row.plugin], ["context", row.context], ["since", dateTime(row.since)], ...Object.entries(row.values ?? {})]
			.flatMap(([name, value]) => [h("dt", null, name), h("dd", { class: "mono" }, value === null || value === "" ? "–" : String(value))])),
		h("div", { class: "buttons" }, h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Close")));
	showDialog(dialog);
}

export function show(element, api) {
	let instances = [];
	const open_ = new Table({
		caption: "Open modules", key: (row) => row.id,
		empty: empty("Nothing is open", "Choose a class below and press Open."),
		columns: [
			{ id: "id", title: "Name", value: (row) => row.id },
			{ id: "class", title: "Class", value: (row) => row.class },
			{ id: "context", title: "Context", value: (row) => row.context, minor: true, mono: true },
			{ id: "plugin", title: "Plugin", value: (row) => row.plugin, minor: true },
			{ id: "since", title: "Since", value: (row) => row.since, text: (row) => dateTime(row.since), minor: true },
			{ id: "values", title: "Parameters", value: (row) => (typeof row.description === "string" && row.description) || values(row.values), minor: true, wide: true, mono: true, sort: false },
		],
		actions: (row) => [
			{ label: "Details", run: () => details(row) },
			{
				label: "Close", danger: true, confirm: (each) => `Close ${each.id}? Its channels and connections go with it.`, run: async (each) => {
					await api.del(`/instances/${api.part(each.id)}`);
					toast(`${each.id} is closed.`);
					refresh();
				},
			},
		],
	});
	const classes = new Table({
		caption: "Classes", key: (row) => row.id,
		empty: empty("No plugin brings a class", "Load one under ", h("a", { href: "#/plugins" }, "Plugins"), "."),
		columns: [
			{ id: "id", title: "Class", value: (row) => row.id },
			{ id: "help", title: "What it is", value: (row) => row.help, wide: true, sort: false },
			{ id: "plugin", title: "Plugin", value: (row) => row.plugin, minor: true },
		],
		actions: () => [{
			label: "Open", run: async (row) => {
				const contexts = await api.get("/contexts").catch(() => []);
				await open(api, row, instances, contexts.map(({ id }) => id), refresh);
			},
		}],
	});
	const ends = [
		api.poll(() => api.list("instances"), (rows) => open_.update(instances = rows), (error) => open_.fail(error)),
		api.poll(() => api.list("modules"), (rows) => classes.update(rows), (error) => classes.fail(error), 5000),
	];
	const refresh = () => ends.forEach((end) => end.now());
	element.append(pageHead("Modules"), h("section", { class: "card" }, h("h2", null, "Open"), open_.element),
		h("section", { class: "card" }, h("h2", null, "Classes"), classes.element));
	return () => ends.forEach((end) => end());
}
