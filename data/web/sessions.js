// SPDX-License-Identifier: MIT
// sessions.js - who is here; seeing what they type and are shown, telling them something, ending them.
import { h, empty, pageHead, noticeBox, busy, showDialog, toast } from "./dom.js";
import { duration, dateTime, moment } from "./format.js";
import { Table } from "./table.js";
import { Stream } from "./stream.js";
import { formDialog } from "./form.js";

export const title = "Sessions";

function seconds(value) {
	if (typeof value === "number")
		return value > 1e9 ? (Date.now() - moment(value)) / 1000 : value;
	return value ? (Date.now() - moment(value)) / 1000 : NaN;
}

function message(api, row) {
	formDialog({
		title: `Tell ${row.peer || `session ${row.id}`} something`, verb: "Send",
		lead: [{ name: "text", label: "Text", type: "string", required: true, help: "shown in their session at once" }],
		submit: async (params, { text }) => {
			await api.post(`/sessions/${api.part(row.id)}/send`, { text });
			toast(`Session ${row.id} was told.`);
		},
	});
}

function tellAll(api) {
	const text = h("input", { type: "text", "aria-label": "Message to everybody", placeholder: "Message to everybody", maxlength: 1000 });
	const go = h("button", { type: "submit" }, "Tell all");
	const box = noticeBox();
	return h("form", {
		class: "tell", onsubmit: async (event) => {
			event.preventDefault();
			if (text.value.trim() && await busy(go, box, () => api.post("/sessions/message", { text: text.value }))) {
				toast("Everybody was told.");
				text.value = "";
			}
		},
	}, h("div", { class: "inline-form" }, text, go), box);
}

// What one session types and is shown, in a dialog.
function watch(api, row) {
	const stream = new Stream({
		label: `Session ${row.id}`, name: `session-${row.id}`,
		empty: empty("Nothing was typed since", "What the session types (recv) and is shown (send) appears here. Passwords do not."),
	});
	const ends = ["recv", "send"].map((way) => api.watch(`session/${row.id}/${way}`, (each) => stream.add(each)));
	const dialog = h("dialog", { class: "wide", "aria-label": `Session ${row.id}` }, h("h2", null, `Session ${row.id}, ${row.peer ?? ""}`), stream.element,
		h("div", { class: "buttons" }, h("button", { type: "button", autofocus: true, onclick: () => dialog.close() }, "Close")));
	showDialog(dialog, () => {
		ends.forEach((end) => end());
		stream.end();
	});
}

export function show(element, api) {
	const table = new Table({
		caption: "Sessions", key: (row) => row.id, name: (row) => `session ${row.id}`,
		empty: empty("Nobody is here", "Sessions appear when somebody connects, for instance with telnet after ", h("code", null, "consoleserver"), "."),
		columns: [
			{ id: "id", title: "Id", number: true, value: (row) => Number(row.id), text: (row) => String(row.id) },
			{ id: "peer", title: "Peer", value: (row) => row.peer, wide: true, lead: true, mono: true },
			{ id: "transport", title: "Transport", value: (row) => row.transport },
			{ id: "server", title: "Server", value: (row) => row.server, text: (row) => row.server || "–", minor: true },
			{ id: "handler", title: "Handler", value: (row) => row.handler, minor: true },
			{ id: "role", title: "Role", value: (row) => row.role, minor: true },
			{ id: "started", title: "Started", value: (row) => row.started, text: (row) => dateTime(row.started), minor: true },
			{ id: "idle", title: "Idle", number: true, value: (row) => seconds(row.idle), text: (row) => duration(seconds(row.idle)) },
			{ id: "terminal", title: "Terminal", value: (row) => row.terminal, text: (row) => (row.terminal === true ? "yes" : row.terminal || "–"), minor: true },
		],
		actions: () => [
			{ label: "Watch", run: (row) => watch(api, row) },
			{ label: "Message", run: (row) => message(api, row) },
			{
				label: "End", danger: true, confirm: (row) => `End session ${row.id} of ${row.peer || "?"}?`, run: async (row) => {
					await api.post(`/sessions/${api.part(row.id)}/kill`);
					toast(`Session ${row.id} was ended.`);
					end.now();
				},
			},
		],
	});
	const end = api.poll(() => api.list("sessions"), (rows) => table.update(rows), (error) => table.fail(error));
	element.append(pageHead("Sessions", tellAll(api)), h("section", { class: "card" }, table.element));
	return end;
}
