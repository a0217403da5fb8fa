// SPDX-License-Identifier: MIT
// jobs.js - the queue of work of each device, in the columns that users know. The view is there when a plugin has jobs.
import { h, empty, pageHead, toast } from "./dom.js";
import { number, clock } from "./format.js";
import { Table } from "./table.js";

export const title = "Jobs";

function badge(status) {
	const text = String(status ?? "–"), low = text.toLowerCase();
	const kind = /run|active/.test(low) ? "good" : /queue|wait|interrupt/.test(low) ? "warn" : /error|fail/.test(low) ? "bad" : "";
	return h("span", { class: `badge ${kind}` }, text);
}

function steps(row) {
	const done = row.steps_done ?? row.done ?? null, total = row.steps_total ?? row.total ?? null;
	if (done === null && total === null)
		return h("span", null, String(row.steps ?? "–"));
	const bar = h("progress", { max: total || 1, value: done ?? 0, "aria-label": `Steps of ${row.name ?? row.label ?? row.id}` });
	return h("span", { class: "steps" }, bar, h("span", null, `${number(done ?? 0)}/${total === null ? "?" : number(total)}`));
}

function passes(row) {
	if (row.loops === undefined && typeof row.passes !== "object")
		return String(row.passes ?? "–");
	const total = row.loops ?? row.passes?.total;
	return `${row.loops_executed ?? row.loops_done ?? row.passes?.done ?? 0}/${total === null || total === 0 || !Number.isFinite(Number(total)) ? "∞" : total}`;
}

// What can be done to a job in its state; the host has the last word.
function offered(status) {
	const low = String(status ?? "").toLowerCase();
	if (/run|active/.test(low))
		return ["pause", "stop"];
	if (/paus|hold/.test(low))
		return ["resume", "stop"];
	if (/stop|interrupt/.test(low))
		return ["resume", "remove"];
	return ["remove"];
}

const DONE = { pause: "is paused", resume: "goes on", stop: "is stopped", remove: "is removed" };

export function show(element, api) {
	const name = (row) => row.name ?? row.label ?? row.id;
	const action = (verb) => ({
		label: verb[0].toUpperCase() + verb.slice(1), danger: verb === "stop" || verb === "remove",
		confirm: verb === "remove" ? (row) => `Remove ${name(row)}? It cannot be brought back.` : null,
		run: async (row) => {
			await api.post(`/jobs/${api.part(row.id)}/${verb}`);
			toast(`${name(row)} ${DONE[verb]}.`);
			end.now();
		},
	});
	const table = new Table({
		caption: "Jobs", key: (row) => row.id, name, class: "jobs",
		empty: empty("No jobs in the queue", "Jobs appear here as soon as something is spooled, for instance with ", h("code", null, "spool FILE"), " in the ",
			h("a", { href: "#/console" }, "Console"), "."),
		columns: [
			{ id: "number", title: "#", value: (row) => row.number ?? row.id },
			{ id: "device", title: "Device", value: (row) => row.device },
			{ id: "name", title: "Name", value: name, wide: true, lead: true },
			{ id: "items", title: "Items", number: true, value: (row) => row.items, text: (row) => number(row.items) },
			{ id: "status", title: "Status", value: (row) => row.status, render: (row) => badge(row.status) },
			{ id: "type", title: "Type", value: (row) => row.type, text: (row) => row.type ?? "–" },
			{ id: "steps", title: "Steps", value: (row) => (row.steps_done ?? 0) / (row.steps_total || 1), render: steps },
			{ id: "passes", title: "Passes", number: true, value: passes, text: passes },
			{ id: "priority", title: "Priority", number: true, value: (row) => row.priority, text: (row) => String(row.priority ?? "–") },
			{ id: "runtime", title: "Runtime", number: true, value: (row) => row.runtime, text: (row) => clock(row.runtime) },
			{ id: "estimate", title: "Estimate", number: true, value: (row) => row.estimate, text: (row) => (row.estimate === null && (row.loops === null || row.loops === 0) ? "∞" : clock(row.estimate)) },
		],
		actions: (row) => (row.actions ?? offered(row.status)).filter((verb) => DONE[verb]).map(action),
	});
	const end = api.poll(() => api.list("jobs"), (rows) => table.update(rows), (error) => table.fail(error), 1000);
	element.append(pageHead("Jobs"), h("section", { class: "card" }, table.element));
	return end;
}
