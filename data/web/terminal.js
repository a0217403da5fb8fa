// SPDX-License-Identifier: MIT
// terminal.js - a screen for bytes: xterm.js where it was compiled in, else lines of text; both with a view in hex.
import { h, fresh } from "./dom.js";
import { ansiNodes } from "./ansi.js";
import { hexDump } from "./stream.js";

const KEPT = 256 << 10, LINES = 2000;
let loading = null;

// The page's policy allows no style in markup. Where xterm.js makes a <style>, it gets an element whose text becomes a sheet made by script.
function allowStyles() {
	const create = document.createElement.bind(document);
	document.createElement = (tag, options) => {
		if (String(tag).toLowerCase() !== "style")
			return create(tag, options);
		const sheet = new CSSStyleSheet(), element = create("span"), remove = element.remove.bind(element);
		document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
		element.hidden = true;
		Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text), get: () => "" });
		element.remove = () => {
			document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
			remove();
		};
		return element;
	};
	const set = HTMLSpanElement.prototype.setAttribute;
	HTMLSpanElement.prototype.setAttribute = function (name, value) {
		if (name === "style")
			this.style.cssText = value;
		else
			set.call(this, name, value);
	};
}

async function load() {
	const [{ Terminal }, { FitAddon }] = await Promise.all([import("./xterm.js"), import("./xterm-fit.js")]);
	const link = h("link", { rel: "stylesheet", href: "assets/xterm.css" });
	await new Promise((done) => {
		link.addEventListener("load", done);
		link.addEventListener("error", done);
		document.head.append(link);
	});
	allowStyles();
	return { Terminal, FitAddon };
}

function colours() {
	const style = getComputedStyle(document.documentElement), probe = h("span", { class: "hidden" });
	document.body.append(probe);
	const of = (name) => {
		probe.style.color = style.getPropertyValue(name);
		return getComputedStyle(probe).color;
	};
	const theme = { background: of("--sunk"), foreground: of("--text"), cursor: of("--accent"), selectionBackground: of("--accent-soft") };
	probe.remove();
	return theme;
}

// Lines of text, when there is no xterm.js: what replaces a line does so, what moves the cursor elsewhere is left out.
class LineScreen {
	constructor() {
		this.decoder = new TextDecoder();
		this.output = h("pre", { class: "line-screen", tabindex: 0, role: "log", "aria-label": "Output", "aria-live": "off" });
		this.element = h("div", { class: "screen" }, this.output);
		this.colours = {};
		this.rest = "";
	}

	write(data) {
		const end = this.output.scrollHeight - this.output.scrollTop - this.output.clientHeight < 40;
		const lines = (this.rest + this.decoder.decode(data, { stream: true })).replace(/\r\n/g, "\n").split("\n");
		this.last?.remove();
		this.rest = lines.pop().slice(-10000);
		for (const line of lines)
			this.output.append(h("div", null, ...ansiNodes(line.slice(line.lastIndexOf("\r") + 1), this.colours)));
		this.last = h("div", null, ...ansiNodes(this.rest.slice(this.rest.lastIndexOf("\r") + 1), { ...this.colours }));
		this.output.append(this.last);
		while (this.output.childNodes.length > LINES)
			this.output.firstChild.remove();
		if (end)
			this.output.scrollTop = this.output.scrollHeight;
	}

	clear() {
		this.output.replaceChildren();
		this.rest = "";
	}

	text() {
		return [...this.output.childNodes].map((line) => line.textContent).join("\n");
	}

	focus() {
		this.output.focus();
	}

	fit() {}
	end() {}
}

class XtermScreen {
	constructor({ Terminal, FitAddon }, { typed, resized, plainLines }) {
		this.element = h("div", { class: "screen" });
		this.terminal = new Terminal({ scrollback: 5000, convertEol: plainLines, fontSize: 13, fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), theme: colours(), cursorBlink: false });
		this.fitter = new FitAddon();
		this.terminal.loadAddon(this.fitter);
		this.terminal.onData(typed);
		this.terminal.onResize(({ cols, rows }) => resized(cols, rows));
		// Ctrl-Shift-C copies, and so does Ctrl-C where something is selected.
		this.terminal.attachCustomKeyEventHandler((event) => {
			if (event.type !== "keydown" || !event.ctrlKey || event.key.toLowerCase() !== "c" || (!event.shiftKey && !this.terminal.hasSelection()))
				return true;
			event.preventDefault();
			navigator.clipboard?.writeText(this.terminal.getSelection());
			this.terminal.clearSelection();
			return false;
		});
		this.observer = new ResizeObserver(() => this.fit());
		this.observer.observe(this.element);
	}

	fit() {
		if (!this.element.isConnected || !this.element.clientWidth)
			return;
		if (!this.terminal.element)
			this.terminal.open(this.element);
		this.fitter.fit();
	}

	write(data) {
		this.terminal.write(data);
	}

	clear() {
		this.terminal.reset();
	}

	text() {
		const buffer = this.terminal.buffer.active;
		return Array.from({ length: buffer.length }, (_, at) => buffer.getLine(at)?.translateToString(true) ?? "").join("\n").trimEnd();
	}

	focus() {
		this.terminal.focus();
	}

	restyle() {
		this.terminal.options.theme = colours();
	}

	end() {
		this.observer.disconnect();
		this.terminal.dispose();
	}
}

// plainLines: LF alone begins a line at its left; typed(text): what was typed; resized(columns, rows). `element` is there at once, the screen as soon as it is loaded.
export class Screen {
	constructor({ label, typed, resized, plainLines }) {
		this.bytes = [];
		this.size = 0;
		this.hex = h("pre", { class: "line-screen hex", tabindex: 0, hidden: true, "aria-label": `${label}, in hex` });
		this.place = h("div", { class: "screen-place" });
		const id = fresh("line");
		this.field = h("input", { id, type: "text", class: "mono", spellcheck: "false", autocapitalize: "off", autocomplete: "off", "aria-label": `Line to send to ${label}`, placeholder: "type a line, Enter sends it" });
		this.line = h("form", {
			class: "line-input", hidden: true, onsubmit: (event) => {
				event.preventDefault();
				typed(`${this.field.value}\r`);
				this.field.value = "";
			},
		}, this.field, h("button", { type: "submit" }, "Send"));
		this.told = h("p", { class: "hint", hidden: true }, "This host was built without xterm.js, so this is a terminal of lines: colours, but no cursor. Build it with npm to have the other.");
		this.element = h("div", { class: "screen-box" }, this.place, this.hex, this.line, this.told);
		loading ??= load().catch(() => null);
		loading.then((parts) => {
			if (this.ended)
				return;
			this.screen = parts ? new XtermScreen(parts, { typed, resized, plainLines }) : new LineScreen();
			this.line.hidden = !!parts;
			this.told.hidden = !!parts;
			this.place.append(this.screen.element);
			this.screen.fit();
			this.bytes.forEach((data) => this.screen.write(data));
			if (this.wantsFocus)
				this.focus();
		});
	}

	write(data) {
		this.bytes.push(data);
		this.size += data.length;
		while (this.size > KEPT && this.bytes.length > 1)
			this.size -= this.bytes.shift().length;
		this.screen?.write(data);
		if (!this.hex.hidden)
			this.drawHex();
	}

	drawHex() {
		if (this.due)
			return;
		this.due = requestAnimationFrame(() => {
			this.due = null;
			const last = [];
			let size = 0;
			for (let at = this.bytes.length - 1; at >= 0 && size < 4096; at--) {
				last.unshift(this.bytes[at]);
				size += this.bytes[at].length;
			}
			const all = new Uint8Array(size);
			let place = 0;
			for (const each of last) {
				all.set(each, place);
				place += each.length;
			}
			this.hex.textContent = hexDump(all.slice(-4096));
			this.hex.scrollTop = this.hex.scrollHeight;
		});
	}

	setHex(on) {
		this.hex.hidden = !on;
		this.place.hidden = on;
		if (on)
			this.drawHex();
		else
			this.screen?.fit();
	}

	// A line below, for devices that want whole ones.
	setLine(on) {
		this.line.hidden = !on && this.screen instanceof XtermScreen;
		this.screen?.fit();
	}

	clear() {
		this.bytes = [];
		this.size = 0;
		this.screen?.clear();
		this.hex.textContent = "";
	}

	text() {
		return this.screen?.text() ?? "";
	}

	shown() {
		this.screen?.fit();
	}

	focus() {
		this.wantsFocus = true;
		if (this.screen && !this.line.hidden)
			this.field.focus();
		else
			this.screen?.focus();
	}

	restyle() {
		this.screen?.restyle?.();
	}

	end() {
		this.ended = true;
		this.screen?.end();
	}
}
