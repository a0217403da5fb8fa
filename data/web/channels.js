// SPDX-License-Identifier: MIT
// channels.js - every channel with its rate; what flows on those that are watched; sending.
import { h, empty, pageHead, noticeBox, busy, notice, sentence, fresh } from "./dom.js";
import { number, short, bytes } from "./format.js";
import { Table } from "./table.js";
import { Stream } from "./stream.js";

export const title = "Channels";

// What is watched stays watched while other views are shown, and its messages are kept.
const watched = new Map(); // pattern -> function that ends it
let stream = null, latest = null, greeted = 0;
const heard = new Map(); // channel -> time of its last message

// A channel that matches several patterns is heard once. A new watch is told the last messages again, as is each after a
// reconnect: those that are here already are left out.
function take(message) {
	const known = performance.now() < greeted && message.time <= (heard.get(message.channel) ?? -1);
	if (message === latest || known)
		return;
	latest = message;
	heard.set(message.channel, message.time);
	stream.add(message);
}

function greet() {
	greeted = performance.now() + 2000;
}

function base64(bytes_) {
	let text = "";
	for (const byte of bytes_)
		text += String.fromCharCode(byte);
	return btoa(text);
}

function parseHex(text) {
	const digits = text.replace(/0x/gi, "").replace(/[\s,:]+/g, "");
	if (!/^([0-9a-f]{2})+$/i.test(digits))
		throw new Error("That is not hex: give pairs of digits, as in 48 65 6c 6c 6f");
	return Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
}

function sendForm(api, offered) {
	const listId = fresh("names");
	const names = h("datalist", { id: listId });
	const target = h("input", { type: "text", "aria-label": "Channel to send on", placeholder: "channel", list: listId, spellcheck: "false", autocapitalize: "off", class: "mono" });
	const text = h("input", { type: "text", "aria-label": "Message", placeholder: "message", spellcheck: "false", autocapitalize: "off", autocomplete: "off", class: "mono" });
	const kind = h("select", { "aria-label": "Kind of message" }, h("option", { value: "text" }, "Text"), h("option", { value: "hex" }, "Hex"));
	const go = h("button", { type: "submit", class: "primary" }, "Send");
	const box = noticeBox();
	const offer = () => names.replaceChildren(...offered(target.value).slice(0, 50).map((name) => h("option", { value: name })));
	target.addEventListener("input", offer);
	target.addEventListener("focus", offer);
	const form = h("form", { class: "send" }, h("div", { class: "send-row" }, target, text, kind, go), names, box);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		if (!target.value.trim()) {
			notice(box, "Name the channel to send on.");
			target.focus();
			return;
		}
		const done = await busy(go, box, () => api.send(target.value.trim(), kind.value === "hex" ? { base64: base64(parseHex(text.value)) } : { text: text.value }));
		if (done)
			text.value = "";
		text.focus();
	});
	return { form, target };
}

export function show(element, api) {
	let rows = [];
	if (!stream)
		api.on("open", greet);
	stream ??= new Stream({
		label: "Messages of the watched channels", name: "channels",
		empty: empty("No messages yet", "Tick channels in the list, or watch a pattern such as ", h("code", null, "uart/*"), "; what is said on them appears here."),
	});
	const chips = h("ul", { class: "chips", "aria-label": "Watched" });
	const box = noticeBox();
	const drawChips = () => {
		chips.replaceChildren(...[...watched.keys()].map((pattern) => h("li", null, h("span", { class: "mono" }, pattern),
			h("button", { type: "button", class: "chip-x", "aria-label": `Stop watching ${pattern}`, onclick: () => toggle(pattern, false) }, "×"))));
		chips.hidden = !watched.size;
	};
	const toggle = (pattern, on) => {
		notice(box, "");
		if (!on) {
			watched.get(pattern)?.();
			watched.delete(pattern);
		} else if (!watched.has(pattern)) {
			greet();
			const end = api.watch(pattern, take);
			watched.set(pattern, end);
			end.ready.catch((error) => {
				toggle(pattern, false);
				notice(box, sentence(error));
			});
			if (!send.target.value && !/[*?]/.test(pattern))
				send.target.value = pattern;
		}
		drawChips();
		table.arrange();
	};
	const tick = (row) => h("input", { type: "checkbox", "aria-label": `Watch ${row.id}`, onchange: (event) => toggle(row.id, event.target.checked) });
	const table = new Table({
		caption: "Channels", key: (row) => row.id, class: "tall compact",
		empty: empty("There are no channels", "Channels appear when a plugin makes one or somebody watches one."),
		columns: [
			{ id: "watch", title: "Watch", sort: false, value: () => "", render: tick, refresh: (row, box) => (box.checked = watched.has(row.id)) },
			{ id: "id", title: "Channel", value: (row) => row.id, wide: true, mono: true },
			{ id: "rate", title: "Rate/s", number: true, value: (row) => row.rate, text: (row) => short(row.rate) },
			{ id: "messages", title: "Messages", number: true, value: (row) => row.messages, text: (row) => short(row.messages) },
			{ id: "bytes", title: "Bytes", number: true, minor: true, value: (row) => row.bytes, text: (row) => bytes(row.bytes) },
			{ id: "watchers", title: "Watchers", number: true, minor: true, value: (row) => row.watchers, text: (row) => number(row.watchers) },
			{ id: "drops", title: "Drops", number: true, minor: true, value: (row) => row.drops, text: (row) => number(row.drops) },
		],
	});
	const counter = h("span", { class: "muted counter" });
	const filter = h("input", {
		type: "search", placeholder: "Find a channel", "aria-label": "Find a channel", oninput: () => {
			const needle = filter.value.trim().toLowerCase();
			const matcher = api.globMatcher(needle);
			table.setFilter(needle ? (row) => (matcher ? matcher.test(row.id.toLowerCase()) : row.id.toLowerCase().includes(needle)) : null);
			count();
		},
	});
	const count = () => {
		counter.textContent = table.shown.length === rows.length ? `${number(rows.length)} channels` : `${number(table.shown.length)} of ${number(rows.length)} channels`;
	};
	const pattern = h("input", { type: "text", class: "mono", placeholder: "name or pattern, uart/*", "aria-label": "Name or pattern to watch", spellcheck: "false", autocapitalize: "off" });
	const patternForm = h("form", {
		class: "inline-form", onsubmit: (event) => {
			event.preventDefault();
			if (pattern.value.trim())
				toggle(pattern.value.trim(), true);
			pattern.value = "";
		},
	}, pattern, h("button", { type: "submit" }, "Watch"));
	const send = sendForm(api, (typed) => rows.map(({ id }) => id).filter((id) => id.includes(typed)));

	element.append(pageHead("Channels", counter), h("div", { class: "split" },
		h("div", { class: "card pane" }, h("div", { class: "pane-tools" }, filter, patternForm), table.element),
		h("div", { class: "card pane" }, chips, box, stream.element, send.form)));
	drawChips();
	if (api.query.get("watch"))
		toggle(api.query.get("watch"), true);
	stream.redraw();
	return api.poll(() => api.list("channels"), (answer) => {
		rows = answer;
		table.update(rows);
		count();
	}, (error) => table.fail(error));
}
