// SPDX-License-Identifier: MIT
// automations.js - rules (when a message matches, then...), timers, and commands that run at every start.
import { h, empty, pageHead, noticeBox, notice, sentence, toast } from "./dom.js";
import { number } from "./format.js";
import { Table } from "./table.js";
import { formDialog } from "./form.js";
import { plain } from "./ansi.js";

export const title = "Automations";

function when(row) {
	return [row.match ? `text is like ${row.match}` : "", row.above ? `${row.field ?? "value"} above ${row.above}` : "", row.below ? `${row.field ?? "value"} below ${row.below}` : "",
		row.silence ? `silent for ${row.silence}` : ""].filter(Boolean).join(", ");
}

function then(row) {
	return [row.problem ? `raise “${row.problem}”` : "", row.to ? `send “${row.send ?? "{value}"}” to ${row.to}` : "", row.run ? `run ${row.run}` : ""].filter(Boolean).join(", ");
}

async function addRule(api, refresh) {
	const params = (await api.list("modules")).find(({ id }) => id === "Rule")?.params ?? [];
	formDialog({
		title: "New rule", intro: "When a message on a channel matches, or none comes for a while, then send one, run a command or raise a problem.", params, firstCount: 11, verb: "Add",
		lead: [{ name: "name", label: "Name", type: "string", required: true, help: "of the rule" }],
		submit: async (values, { name }) => {
			await api.post("/rules/add", { name, ...Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)])) });
			toast(`${name} is active.`);
			refresh();
		},
	});
}

// What a command lists; its lines may be looked at here and changed in the console.
function listed(api, title_, command, advice) {
	const output = h("pre", null), box = noticeBox();
	const element = h("section", { class: "card" }, h("h2", null, title_), output, box, h("p", { class: "hint" }, advice));
	const end = api.poll(() => api.run(command), ({ output: text }) => {
		const lines = plain(text).trim();
		if (output.textContent !== lines)
			output.textContent = lines;
	}, (error) => notice(box, error ? sentence(error) : ""), 5000);
	return { element, end };
}

export function show(element, api) {
	const box = noticeBox();
	const table = new Table({
		caption: "Rules", key: (row) => row.id, name: (row) => row.id,
		empty: empty("There are no rules", "A rule does something when a message on a channel matches: a value above its limit, a text, or silence. Press New rule."),
		columns: [
			{ id: "id", title: "Rule", value: (row) => row.id, lead: true },
			{ id: "holds", title: "Now", value: (row) => row.holds, render: (row) => h("span", { class: `badge ${row.holds ? "warn" : "good"}` }, row.holds ? "holds" : "watching") },
			{ id: "channel", title: "Channel", value: (row) => row.channel, mono: true },
			{ id: "when", title: "When", value: when },
			{ id: "then", title: "Then", value: then, wide: true, sort: false },
			{ id: "acted", title: "Acted", number: true, value: (row) => row.acted, text: (row) => number(row.acted) },
		],
		actions: () => [{
			label: "Remove", danger: true, confirm: (row) => `Remove the rule ${row.id}?`, run: async (row) => {
				await api.post(`/rules/${api.part(row.id)}/remove`);
				toast(`${row.id} is removed.`);
				rules.now();
			},
		}],
	});
	const rules = api.poll(() => api.list("rules"), (rows) => table.update(rows), (error) => table.fail(error));
	const timers = listed(api, "Timers", "timer", "timerbeat 0 60 status runs a command every minute; timerbeat off ends it.");
	const batch = listed(api, "At every start", "batch", "batch add COMMAND, batch remove NUMBER, batch disable NUMBER.");
	const add = h("button", { type: "button", class: "primary", onclick: () => addRule(api, () => rules.now()).catch((error) => notice(box, sentence(error))) }, "New rule");
	element.append(pageHead(title, add), box, h("section", { class: "card" }, h("h2", null, "Rules"), table.element), timers.element, batch.element);
	return () => [rules, timers.end, batch.end].forEach((end) => end());
}
