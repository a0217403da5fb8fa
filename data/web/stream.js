// SPDX-License-Identifier: MIT
// stream.js - messages as they flow: text, hex or JSON; filtered, paused, cleared, saved. Keeps the last 10,000 (32 MiB at
// most), draws the last 500.
import { h, fresh } from "./dom.js";
import { ansiNodes, plain, visible } from "./ansi.js";
import { timeOfDay, number } from "./format.js";
import * as store from "./store.js";

const KEPT = 10000, KEPT_BYTES = 32 << 20, DRAWN = 500, LONGEST = 8192;

function weight(message) {
	return (message.text ?? message.base64 ?? "").length + 200;
}

function cut(text) {
	return text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… ${text.length - LONGEST} characters more` : text;
}

export function messageBytes(message) {
	if (message.base64 === undefined)
		return new TextEncoder().encode(message.text ?? "");
	return Uint8Array.from(atob(message.base64), (character) => character.charCodeAt(0));
}

export function messageText(message) {
	if (message.base64 === undefined)
		return message.text ?? "";
	return new TextDecoder("latin1").decode(messageBytes(message));
}

export function hexDump(data) {
	const lines = [];
	for (let at = 0; at < Math.min(data.length, 4096); at += 16) {
		const row = [...data.slice(at, at + 16)];
		const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
		const left = hex.slice(0, 8).join(" "), right = hex.slice(8).join(" ");
		const ascii = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
		lines.push(`${at.toString(16).padStart(4, "0")}  ${`${left}  ${right}`.padEnd(48)}  ${ascii}`);
	}
	if (data.length > 4096)
		lines.push(`… ${data.length - 4096} bytes more`);
	return lines.join("\n");
}

function body(message, view) {
	if (view === "hex")
		return h("pre", { class: "hex" }, hexDump(messageBytes(message)));
	const text = messageText(message).replace(/\r?\n$/, "");
	if (view === "json") {
		try {
			return h("pre", null, cut(JSON.stringify(JSON.parse(text), null, 2)));
		} catch {
			return h("pre", { class: "faint", title: "not JSON" }, visible(cut(text)));
		}
	}
	return h("pre", null, ...(text ? ansiNodes(cut(text)) : [h("span", { class: "faint" }, "(empty)")]));
}

export class Stream {
	// label names the region; empty is what is shown while there is nothing; name the start of saved files.
	constructor({ label, empty, name = "channel" }) {
		this.name = name;
		this.kept = [];
		this.fresh = [];
		this.total = 0;
		this.size = 0;
		this.paused = false;
		this.pending = 0;
		this.view = store.load("stream.view", "text");
		this.empty = h("div", { class: "stream-empty" }, empty);
		this.list = h("div", { class: "stream", role: "log", "aria-live": "off", "aria-label": label, tabindex: 0 });
		const id = fresh("stream");
		this.needle = h("input", { type: "search", placeholder: "Filter messages", "aria-label": "Filter messages", oninput: () => this.redraw() });
		this.pauseButton = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.pause(!this.paused) }, "Pause");
		this.viewSelect = h("select", { id, onchange: () => this.setView(this.viewSelect.value) },
			[["text", "Text"], ["hex", "Hex"], ["json", "JSON"]].map(([value, name]) => h("option", { value }, name)));
		this.viewSelect.value = this.view;
		this.counter = h("span", { class: "muted counter", "aria-hidden": "true" });
		this.told = h("span", { class: "hidden", role: "status" });
		this.tools = h("div", { class: "stream-tools" }, this.needle, h("label", { class: "hidden", for: id }, "Show as"), this.viewSelect, this.pauseButton,
			h("button", { type: "button", onclick: () => this.clear() }, "Clear"), h("button", { type: "button", onclick: () => this.save() }, "Save"));
		this.element = h("div", { class: "stream-box" }, this.tools, h("div", { class: "stream-frame" }, this.list, this.empty), this.counter, this.told);
	}

	add(message) {
		this.kept.push(message);
		this.total++;
		this.size += weight(message);
		if (this.kept.length > KEPT + 1000 || (this.size > KEPT_BYTES && this.kept.length > 1))
			this.shrink();
		if (this.paused) {
			this.pending++;
			this.schedule();
			return;
		}
		if (this.matches(message))
			this.fresh.push(message);
		if (this.fresh.length > DRAWN)
			this.fresh.shift();
		this.schedule();
	}

	shrink() {
		let drop = Math.max(0, this.kept.length - KEPT);
		let size = this.size - this.kept.slice(0, drop).reduce((sum, message) => sum + weight(message), 0);
		while (size > KEPT_BYTES * 0.75 && drop < this.kept.length - 1)
			size -= weight(this.kept[drop++]);
		this.kept.splice(0, drop);
		this.size = size;
	}

	// However many come, the document changes ten times a second at most.
	schedule() {
		this.timer ??= setTimeout(() => {
			this.timer = null;
			this.flush();
		}, 100);
	}

	matches(message) {
		const needle = this.needle.value.toLowerCase();
		return !needle || message.channel?.toLowerCase().includes(needle) || plain(messageText(message)).toLowerCase().includes(needle);
	}

	line(message) {
		return h("div", { class: "message" }, h("time", null, timeOfDay(message.time)), h("span", { class: "from", title: message.origin ? `${message.channel} from ${message.origin}` : message.channel },
			message.channel), body(message, this.view));
	}

	flush() {
		const stays = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 60;
		const messages = this.fresh;
		this.fresh = [];
		this.list.append(...messages.map((message) => this.line(message)));
		while (this.list.children.length > DRAWN)
			this.list.firstChild.remove();
		this.empty.hidden = this.kept.length > 0;
		if (stays && messages.length)
			this.list.scrollTop = this.list.scrollHeight;
		this.count();
	}

	count() {
		const unit = this.total === 1 ? "message" : "messages";
		const text = this.paused ? `Paused; ${number(this.pending)} new` : this.total ? `${number(this.total)} ${unit}` : "";
		this.counter.textContent = text;
		// Read out every ten seconds at most, so that who listens to the screen is not drowned.
		this.telling ??= setTimeout(() => {
			this.telling = null;
			if (this.told.textContent !== this.counter.textContent)
				this.told.textContent = this.counter.textContent;
		}, 10000);
	}

	redraw() {
		this.list.replaceChildren();
		const matching = [];
		for (let at = this.kept.length - 1 - (this.paused ? this.pending : 0); at >= 0 && matching.length < DRAWN; at--)
			if (this.matches(this.kept[at]))
				matching.unshift(this.kept[at]);
		this.fresh = [];
		this.list.append(...matching.map((message) => this.line(message)));
		this.list.scrollTop = this.list.scrollHeight;
		this.empty.hidden = this.kept.length > 0;
	}

	setView(view) {
		this.view = view;
		store.save("stream.view", view);
		this.redraw();
	}

	pause(on) {
		this.paused = on;
		this.pending = 0;
		this.pauseButton.textContent = on ? "Go on" : "Pause";
		this.pauseButton.setAttribute("aria-pressed", String(on));
		if (!on)
			this.redraw();
		this.count();
	}

	clear() {
		this.kept = [];
		this.fresh = [];
		this.total = this.pending = this.size = 0;
		this.redraw();
		this.count();
	}

	save() {
		const kept = this.kept.filter((message) => this.matches(message));
		const lines = kept.map((message) => {
			if (this.view === "json")
				return JSON.stringify(message);
			const head = `${new Date(message.time).toISOString()} ${message.channel}`;
			return this.view === "hex" ? `${head}\n${hexDump(messageBytes(message))}` : `${head} ${visible(messageText(message).replace(/\r?\n$/, ""))}`;
		});
		const url = URL.createObjectURL(new Blob([lines.join("\n"), "\n"], { type: "text/plain" }));
		const stamp = new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-");
		const link = h("a", { href: url, download: `${this.name}-${stamp}.${this.view === "json" ? "jsonl" : "txt"}` });
		link.click();
		setTimeout(() => URL.revokeObjectURL(url), 10000);
	}

	end() {
		clearTimeout(this.timer);
		clearTimeout(this.telling);
	}
}
