// SPDX-License-Identifier: MIT
// devices.js - serial ports that are there and not opened, what is open, and opening by choosing.
import * as host from "./host.js";
import { h, empty, pageHead, noticeBox, notice, sentence, toast } from "./dom.js";
import { duration } from "./format.js";
import { Table } from "./table.js";
import { formDialog } from "./form.js";
import { openTerminal } from "./terminals.js";
import { icon } from "./icons.js";

export const title = "Devices";

// A class's form with the values that are known already; `first` are the parameters that matter for it.
export async function openClass(api, name, { values = {}, id, first, refresh }) {
	const all = await api.list("modules"), row = all.find((each) => each.id === name);
	if (!row)
		throw new Error(`The plugin that has ${name} is not loaded; load it under Settings, Plugins`);
	const params = row.params.map((param) => ({ ...param, value: values[param.name] }));
	const rank = new Map((first ?? []).map((each, at) => [each, at - 1000]));
	params.sort((a, b) => (rank.get(a.name) ?? 0) - (rank.get(b.name) ?? 0));
	formDialog({
		title: `Open ${name}`, intro: row.help, params, verb: "Open", firstCount: first?.length,
		lead: [{ name: "name", label: "Name", type: "string", required: true, help: "of the instance; its channels are called after it", value: id }],
		submit: async (given, lead) => {
			await api.post("/instances", { class: name, name: lead.name, context: "/", params: { ...given } });
			toast(`${lead.name} is open.`);
			refresh?.();
		},
	});
}

function freeName(stem) {
	const taken = new Set((host.state.instances ?? []).map(({ id }) => id));
	let name = stem;
	for (let count = 2; taken.has(name); count++)
		name = `${stem}-${count}`;
	return name;
}

function portCard(api, port, refresh) {
	const name = port.id.replace(/^\/dev\//, ""), box = noticeBox();
	const open = h("button", { type: "button", class: port.problem ? null : "primary", "aria-label": `Open ${name}` }, "Open");
	open.addEventListener("click", () => openClass(api, "UART", {
		values: { port: port.usb && port.serial ? `${port.usb}:${port.serial}` : port.id }, first: ["port", "baud", "framing"], refresh,
		id: freeName((port.description || name).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 20) || "uart"),
	}).catch((error) => notice(box, sentence(error))));
	return h("li", { class: "device-card card" },
		h("div", { class: "card-top" }, h("span", { class: "card-icon" }, icon("serial", 20)), h("div", { class: "card-title" }, h("h3", null, port.description || name), h("p", { class: "card-about mono" }, name))),
		h("dl", { class: "pairs tight" }, [["USB", port.usb], ["Serial number", port.serial], ["In use by", port.holder]].filter(([, value]) => value).flatMap(([key, value]) => [h("dt", null, key), h("dd", { class: "mono" }, value)])),
		port.problem ? h("p", { class: "notice warn" }, port.problem) : null, box, h("div", { class: "card-foot" }, h("span", { class: "muted" }, port.used_by?.length ? `open as ${port.used_by.join(", ")}` : "not opened"), open));
}

export function show(element, api) {
	const found = h("ul", { class: "device-cards" }), box = noticeBox();
	const foundBox = h("section", null, h("h2", null, "Found, not opened"), found);
	const nothing = empty("No other serial port is there", "Plug a device in: it appears here by itself. Network devices are opened with the buttons above.");
	const refresh = () => {
		ports.now?.();
		end.now?.();
	};
	const table = new Table({
		caption: "Open devices", key: (row) => row.id, name: (row) => row.id, cards: true,
		empty: empty("No device is open", "Open one that was found, or a TCP or UDP connection."),
		columns: [
			{ id: "id", title: "Name", value: (row) => row.id, lead: true },
			{ id: "state", title: "State", value: (row) => row.state, render: (row) => h("span", { class: `badge ${host.stateKind(row.state)}` }, row.state) },
			{ id: "class", title: "Class", value: (row) => row.class },
			{ id: "where", title: "Where", value: (row) => row.description.split("\n")[0] || row.reason, wide: true, mono: true, sort: false },
			{ id: "age", title: "Since", number: true, minor: true, value: (row) => row.state_age, text: (row) => duration(row.state_age) },
		],
		actions: (row) => {
			const { recv, send } = host.channelsOf(row, host.state.channels);
			return [
				recv ? { label: "Terminal", run: () => openTerminal({ title: row.id, recv: recv.id, send: send?.id, instance: row }) } : null,
				{ label: "Edit", run: () => { location.hash = `#/services?id=${encodeURIComponent(row.id)}`; } },
				{
					label: "Close", danger: true, confirm: (each) => `Close ${each.id}? Its channels go with it.`, run: async (each) => {
						await api.del(`/instances/${api.part(each.id)}`);
						toast(`${each.id} is closed.`);
						refresh();
					},
				},
			];
		},
	});
	const opener = (text, class_, first) => h("button", {
		type: "button", onclick: (event) => openClass(api, class_, { first, id: freeName(text.toLowerCase().split(" ")[0]), refresh }).catch((error) => notice(box, sentence(error))),
	}, text);
	element.append(pageHead(title, opener("TCP connection", "TCPClient", ["host", "port"]), opener("UDP", "UDPSocket", ["port", "host"]), opener("Serial port", "UART", ["port", "baud", "framing"])), box,
		h("section", { class: "card" }, h("h2", null, "Open"), table.element), foundBox);
	const end = host.listen((state, error) => {
		table.fail(error);
		if (!error)
			table.update(state.instances.filter((each) => host.kindOf(each).kind === "device"));
	});
	let drawn = null;
	const ports = api.poll(() => api.list("ports"), (rows) => {
		const free = rows.filter((row) => !row.used_by?.length), signature = JSON.stringify(free);
		if (signature === drawn)
			return;
		drawn = signature;
		found.replaceChildren(...(free.length ? free.map((row) => portCard(api, row, refresh)) : [h("li", { class: "card" }, nothing)]));
	}, (error) => {
		foundBox.hidden = error?.status === 404 || error?.status === 400;
		notice(box, error && !foundBox.hidden ? sentence(error) : "");
	}, 3000);
	return () => {
		end();
		ports();
	};
}
