// SPDX-License-Identifier: MIT
// services.js - what is open, and the classes that can be opened by a form made from their parameters.
import { h, empty, pageHead, showDialog, toast } from "./dom.js";
import { dateTime } from "./format.js";
import { stateKind } from "./host.js";
import { Table } from "./table.js";
import { formDialog } from "./form.js";

export const title = "Services";

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
			{ name: "keep", label: "Keep after restart", type: "bool", help: "it is opened again at every start", value: true },
		],
		submit: async (params, { name, context, keep }) => {
			await api.post("/instances", { class: row.id, name, context: context || "/", params });
			const kept = keep ? await api.post("/commands/run", { command: `module keep ${JSON.stringify(name)}` }) : null;
			toast(`${name} is open.${kept?.status ? ` ${kept.output}` : ""}`);
			refresh();
		},
	});
}

// The form of an open instance, with what it was opened with; it is opened again with what was changed.
async function edit(api, row, refresh, copy) {
	const class_ = (await api.list("modules")).find(({ id }) => id === row.class);
	const same = (param, value) => value === null || value === undefined || value === "" || String(value) === String(param.default ?? "") || value === "***";
	const params = (class_?.params ?? []).map((param) => ({ ...param, value: same(param, row.values?.[param.name]) ? undefined : row.values[param.name] }));
	params.sort((a, b) => (a.value === undefined) - (b.value === undefined));
	formDialog({
		title: copy ? `Duplicate ${row.id}` : `Edit ${row.id}`, intro: copy ? class_?.help : "It is closed and opened again with these values; connections are made anew. Secrets have to be given again.", params,
		firstCount: Math.max(5, params.filter(({ value }) => value !== undefined).length), verb: copy ? "Open" : "Apply",
		lead: copy ? [{ name: "name", label: "Name", type: "string", required: true, help: "of the new instance", value: `${row.id}-2` }] : [],
		submit: async (values, { name }) => {
			const body = (params_) => ({ class: row.class, name: name ?? row.id, context: row.context, params: params_ });
			if (!copy)
				await api.del(`/instances/${api.part(row.id)}`);
			try {
				await api.post("/instances", body(values));
			} catch (error) {
				// As it was, so that a wrong value does not cost the device.
				if (!copy)
					await api.post("/instances", body(Object.fromEntries(params.filter(({ value }) => value !== undefined).map((param) => [param.name, param.value])))).catch(() => {});
				throw error;
			}
			toast(copy ? `${name} is open.` : `${row.id} has the new values.`);
			refresh();
		},
	});
}

function details(api, row, refresh) {
	const button = (text, run) => h("button", {
		type: "button", onclick: () => {
			dialog.close();
			run();
		},
	}, text);
	const metrics = Object.entries(row.metrics ?? {});
	const pairs = (rows) => h("dl", { class: "pairs" }, rows.flatMap(([name, value]) => [h("dt", null, name), h("dd", { class: "mono" }, value === null || value === "" ? "–" : String(value))]));
	const dialog = h("dialog", { "aria-label": row.id }, h("h2", null, row.id, " ", h("span", { class: `badge ${stateKind(row.state)}` }, row.state ?? "ok")),
		row.reason ? h("p", null, row.reason) : null, row.description ? h("pre", { class: "muted" }, row.description) : null,
		pairs([["class", row.class], ["plugin", row.plugin], ["context", row.context], ["since", dateTime(row.since)]]),
		metrics.length ? [h("h3", null, "Counted"), pairs(metrics)] : null, h("details", null, h("summary", null, "Parameters"), pairs(Object.entries(row.values ?? {}))),
		h("div", { class: "buttons" }, button("Duplicate", () => edit(api, row, refresh, true)), button("Edit", () => edit(api, row, refresh)),
			h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Close")));
	showDialog(dialog);
}

export function show(element, api) {
	let instances = [], wanted = api.query.get("id");
	const open_ = new Table({
		caption: "Open modules", key: (row) => row.id,
		empty: empty("Nothing is open", "Choose a class below and press Open."),
		columns: [
			{ id: "id", title: "Name", value: (row) => row.id },
			{ id: "state", title: "State", value: (row) => row.state, render: (row) => h("span", { class: `badge ${stateKind(row.state)}` }, row.state ?? "ok") },
			{ id: "class", title: "Class", value: (row) => row.class },
			{ id: "where", title: "How it is", value: (row) => row.reason || (row.description ?? "").split("\n")[0], wide: true, minor: true, mono: true, sort: false },
			{ id: "context", title: "Context", value: (row) => row.context, minor: true, mono: true },
			{ id: "plugin", title: "Plugin", value: (row) => row.plugin, minor: true },
			{ id: "since", title: "Since", value: (row) => row.since, text: (row) => dateTime(row.since), minor: true },
		],
		actions: (row) => [
			{ label: "Details", run: () => details(api, row, refresh) },
			{ label: "Edit", run: () => edit(api, row, refresh) },
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
		api.poll(() => api.list("instances"), (rows) => {
			open_.update(instances = rows);
			const asked = rows.find(({ id }) => id === wanted);
			wanted = null;
			if (asked)
				details(api, asked, refresh);
		}, (error) => open_.fail(error)),
		api.poll(() => api.list("modules"), (rows) => classes.update(rows), (error) => classes.fail(error), 5000),
	];
	const refresh = () => ends.forEach((end) => end.now());
	element.append(pageHead(title), h("section", { class: "card" }, h("h2", null, "Open"), open_.element),
		h("section", { class: "card" }, h("h2", null, "Classes"), classes.element));
	return () => ends.forEach((end) => end());
}
