// SPDX-License-Identifier: MIT
// terminals.js - live terminals, several at once: the bytes of a device or a connection, or a console of one's own. They stay while
// other views are shown.
import * as api from "./api.js";
import * as host from "./host.js";
import { h, empty, pageHead, noticeBox, notice, sentence, toast, fresh } from "./dom.js";
import { Screen } from "./terminal.js";
import { messageBytes } from "./stream.js";
import { plain } from "./ansi.js";
import * as store from "./store.js";

export const title = "Terminals";

const ENDS = [["cr", "CR", "\r"], ["lf", "LF", "\n"], ["crlf", "CR LF", "\r\n"], ["none", "nothing", ""]];
const open = new Map(); // key -> Terminal
let changed = null;

class Terminal {
	constructor({ key, title: title_, recv, send, instance }) {
		Object.assign(this, { key, recv, send, instance });
		this.screen = new Screen({ label: title_, plainLines: !!recv, typed: (text) => this.typed(text), resized: (columns, rows) => this.resized(columns, rows) });
		this.box = noticeBox();
		this.state = h("span", { class: "muted" });
		const toggle = (text, run) => {
			const button = h("button", {
				type: "button", class: "small", "aria-pressed": "false", onclick: () => {
					const on = button.getAttribute("aria-pressed") !== "true";
					button.setAttribute("aria-pressed", String(on));
					run(on);
				},
			}, text);
			return button;
		};
		const id = fresh("end");
		this.lineEnd = h("select", { id, class: "small", onchange: () => store.save(`terminal.end.${key}`, this.lineEnd.value) }, ENDS.map(([value, name]) => h("option", { value }, `Enter: ${name}`)));
		this.lineEnd.value = store.load(`terminal.end.${key}`, "cr");
		const run = (text, command) => h("button", { type: "button", class: "small", onclick: () => this.command(text, command) }, text);
		const line = (name) => {
			const button = toggle(name.toUpperCase(), (on) => this.command(name.toUpperCase(), `uart lines ${instance?.id} --${name} ${on ? "on" : "off"}`));
			button.setAttribute("aria-pressed", String(instance?.values?.[name] === "on"));
			return button;
		};
		const isUart = instance?.class === "UART";
		this.element = h("section", { class: "terminal card", "aria-label": title_ },
			h("div", { class: "terminal-head" }, h("h2", null, title_), this.state, h("div", { class: "tools" },
				send ? [h("label", { class: "hidden", for: id }, "What Enter sends"), this.lineEnd, toggle("Line", (on) => this.screen.setLine(on)), toggle("Echo", (on) => (this.echo = on))] : null,
				toggle("Hex", (on) => this.screen.setHex(on)),
				isUart ? [run("Break", `uart break ${instance.id}`), line("dtr"), line("rts")] : null,
				h("button", { type: "button", class: "small", onclick: () => this.screen.clear() }, "Clear"),
				h("button", { type: "button", class: "small", onclick: () => this.save() }, "Save"),
				h("button", { type: "button", class: "small", "aria-label": `Close terminal ${title_}`, onclick: () => this.close() }, "Close"))),
			this.box, this.screen.element);
		this.title = title_;
		if (recv)
			this.end = api.watch(recv, (message) => this.screen.write(messageBytes(message)));
		else
			this.connect();
	}

	/* --- a console of one's own --- */

	connect() {
		const address = new URL("terminal", document.baseURI);
		address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
		address.hash = "";
		const socket = new WebSocket(address.href, ["backplane.v1"]);
		socket.binaryType = "arraybuffer";
		this.socket = socket;
		socket.onopen = () => {
			this.tell("");
			this.resized(this.columns, this.rows);
		};
		socket.onmessage = ({ data }) => this.screen.write(typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data));
		socket.onclose = () => {
			this.socket = null;
			this.tell("ended");
			if (!this.closed)
				this.screen.write(new TextEncoder().encode("\r\n\x1b[2m(the session has ended; Enter begins a new one)\x1b[0m\r\n"));
		};
	}

	tell(text) {
		this.state.textContent = text;
	}

	resized(columns, rows) {
		Object.assign(this, { columns, rows });
		if (this.socket?.readyState === WebSocket.OPEN && columns)
			this.socket.send(`\0${JSON.stringify({ columns, rows })}`);
	}

	/* --- both --- */

	async typed(text) {
		notice(this.box, "");
		if (!this.recv) {
			if (this.socket?.readyState === WebSocket.OPEN)
				this.socket.send(text);
			else if (!this.socket && text.includes("\r"))
				this.connect();
			return;
		}
		if (!this.send) {
			notice(this.box, "This can only be watched.");
			return;
		}
		const sent = text.replaceAll("\r", ENDS.find(([value]) => value === this.lineEnd.value)[2]);
		if (this.echo)
			this.screen.write(new TextEncoder().encode(text.replaceAll("\r", "\r\n")));
		if (!sent)
			return;
		// One after the other, in the order in which it was typed.
		this.sending = (this.sending ?? Promise.resolve()).then(() => api.send(this.send, { base64: btoa(String.fromCharCode(...new TextEncoder().encode(sent))) }))
			.catch((error) => notice(this.box, sentence(error)));
	}

	async command(text, command) {
		try {
			const { status, output } = await api.run(command);
			if (status)
				throw new Error(plain(output) || `${text} failed`);
			notice(this.box, "");
			toast(`${text}: done.`);
		} catch (error) {
			notice(this.box, sentence(error));
		}
	}

	save() {
		const url = URL.createObjectURL(new Blob([this.screen.text(), "\n"], { type: "text/plain" }));
		h("a", { href: url, download: `${this.title.replace(/\W+/g, "-")}-${new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-")}.txt` }).click();
		setTimeout(() => URL.revokeObjectURL(url), 10000);
	}

	close() {
		this.closed = true;
		this.end?.();
		this.socket?.close();
		this.screen.end();
		open.delete(this.key);
		changed?.();
	}
}

// Opens one, or shows the one that is open, and the view of all.
export function openTerminal({ title: title_, recv, send, instance }) {
	// The line itself rather than what a framing makes of it.
	const names = new Set((host.state.channels ?? []).map(({ id }) => id)), raw = (name) => name?.replace(/\/(recv|send)$/, "/raw/$1");
	if (recv && names.has(raw(recv)))
		recv = raw(recv);
	if (send && names.has(raw(send)))
		send = raw(send);
	const key = recv ?? `console-${Date.now()}`;
	if (!open.has(key))
		open.set(key, new Terminal({ key, title: title_, recv, send, instance }));
	location.hash = "#/terminals";
	changed?.();
	open.get(key).screen.focus();
}

addEventListener("themechange", () => open.forEach(({ screen }) => screen.restyle()));

export function show(element) {
	const place = h("div", { class: "terminals" });
	const box = noticeBox();
	const pick = h("select", { "aria-label": "Open a terminal on" });
	const draw = () => {
		place.replaceChildren(...[...open.values()].map((each) => each.element));
		if (!open.size)
			place.append(empty("No terminal is open", "Choose a device or a connection above, or open a console of your own."));
		open.forEach(({ screen }) => screen.shown());
	};
	const offer = ({ instances, channels }) => {
		const names = new Set(channels.map(({ id }) => id)), byId = new Map(instances.map((each) => [each.id, each]));
		const pairs = [...names].filter((name) => name.endsWith("/recv") && !name.endsWith("/raw/recv")).map((name) => name.slice(0, -5));
		const rows = [["", "Open a terminal on…"], ["console", "A console of your own"], ...pairs.map((name) => [name, byId.has(name) ? `${name} (${byId.get(name).class})` : name])];
		const signature = JSON.stringify(rows);
		if (signature === pick.dataset.rows || document.activeElement === pick)
			return;
		pick.dataset.rows = signature;
		pick.replaceChildren(...rows.map(([value, text]) => h("option", { value }, text)));
	};
	pick.addEventListener("change", () => {
		const name = pick.value;
		pick.value = "";
		if (name === "console")
			openTerminal({ title: `Console ${[...open.values()].filter(({ recv }) => !recv).length + 1}` });
		else if (name) {
			// What a session is shown is on its channel send; nobody types for somebody else.
			const session = name.startsWith("session/"), send = host.state.channels.some(({ id }) => id === `${name}/send`) ? `${name}/send` : null;
			openTerminal({ title: name, recv: session ? `${name}/send` : `${name}/recv`, send: session ? null : send, instance: host.state.instances.find(({ id }) => id === name) });
		}
	});
	changed = draw;
	element.append(pageHead(title, pick), box, place);
	draw();
	const end = host.listen((state, error) => (error ? notice(box, sentence(error)) : offer(state)));
	return () => {
		changed = null;
		end();
	};
}
