// SPDX-License-Identifier: MIT
// console.js - commands as at a terminal: completion by Tab, history by the arrows, each answer under what was typed.
import { h, pageHead, sentence, fresh } from "./dom.js";
import { ansiNodes } from "./ansi.js";
import * as store from "./store.js";

export const title = "Console";

const BLOCKS = 200, PIECES = 4000, HISTORY = 300;
const STYLES = new Set(["heading", "good", "warn", "bad", "dim", "strong"]);
// What was typed and answered stays while other views are shown.
const log = h("div", { class: "console-log", role: "log", "aria-live": "polite", "aria-label": "Commands and their output", tabindex: 0 });
// A line that gives what has such a name is not kept in the browser.
const SECRET = /(token|secret|password|passphrase|api_?key)[=\s]\s*\S/i;
let history = store.load("history", []);
let said = false;

function atEnd() {
	return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function toEnd() {
	log.scrollTop = log.scrollHeight;
}

function block(command) {
	const output = h("pre");
	const element = h("div", { class: "block" }, command === null ? null : h("div", { class: "typed" }, h("span", { "aria-hidden": "true", class: "sign" }, "›"), h("code", null, command)), output);
	log.querySelector(".empty")?.remove();
	log.append(element);
	while (log.children.length > BLOCKS)
		log.firstChild.remove();
	return { element, output, colours: {}, pieces: 0 };
}

// A line that replaces itself: progress.
const AGAIN = "\r\x1b[K";

function put(into, text, style) {
	const stays = atEnd();
	if (text.startsWith(AGAIN)) {
		into.progress?.remove();
		into.progress = null;
		text = text.slice(AGAIN.length);
		if (text && !text.includes("\n")) {
			into.progress = h("span", { class: "style-dim" }, ...ansiNodes(text));
			into.output.append(into.progress);
			return;
		}
	}
	const nodes = ansiNodes(text, into.colours);
	if (STYLES.has(style))
		into.output.append(h("span", { class: `style-${style}` }, ...nodes));
	else
		into.output.append(...nodes);
	while (into.output.childNodes.length > PIECES)
		into.output.firstChild.remove();
	if (stays)
		toEnd();
}

// The answer of a form, made by the server.
export function showOutput(section) {
	const into = block(null);
	into.output.append(section.textContent.trim());
}

function remember(line) {
	if (line.startsWith(" ") || SECRET.test(line))
		return; // as shells do: not kept
	history = [...history.filter((each) => each !== line), line].slice(-HISTORY);
	store.save("history", history);
}

async function execute(api, line) {
	const into = block(line);
	into.element.classList.add("running");
	const stop = h("button", { type: "button", class: "small stop", "aria-label": `Stop ${line}`, onclick: () => api.interrupt().catch(() => {}) }, "Stop");
	into.element.querySelector(".typed").append(stop);
	toEnd();
	try {
		const { status } = await api.run(line, (text, style) => put(into, text, style));
		if (status)
			into.element.classList.add("failed");
		if (!into.output.textContent.trim())
			into.output.append(h("span", { class: "faint" }, status ? "failed" : "done"));
	} catch (error) {
		into.element.classList.add("failed");
		into.output.append(h("span", { class: "style-bad" }, sentence(error)));
	}
	into.element.classList.remove("running");
	stop.remove();
	toEnd();
}

function prompt(api) {
	const listId = fresh("words");
	const words = h("ul", { id: listId, class: "words", role: "listbox", "aria-label": "Completions", hidden: true });
	const told = h("span", { class: "hidden", role: "status" });
	const input = h("textarea", {
		rows: 1, class: "mono", spellcheck: "false", autocapitalize: "off", autocomplete: "off", autocorrect: "off", "aria-label": "Command",
		"aria-haspopup": "listbox", "aria-controls": listId, "aria-autocomplete": "list", placeholder: "Type a command; help lists them", enterkeyhint: "send",
	});
	let place = history.length, draft = "", chosen = -1, offer = null, free = false, queue = Promise.resolve();

	const grow = () => {
		input.rows = Math.min(8, input.value.split("\n").length);
	};
	const set = (text) => {
		input.value = text;
		input.setSelectionRange(text.length, text.length);
		grow();
	};
	const hide = () => {
		words.hidden = true;
		told.textContent = "";
		offer = null;
		chosen = -1;
		input.removeAttribute("aria-activedescendant");
	};
	const insert = (word, final) => {
		const rest = input.value.slice(offer.cursor);
		const blank = final && !/^\s/.test(rest) && !/[\s/]$/.test(word) ? " " : "";
		const head = input.value.slice(0, offer.start) + word + blank;
		input.value = head + rest;
		input.setSelectionRange(head.length, head.length);
	};
	const choose = (at) => {
		chosen = (at + offer.words.length) % offer.words.length;
		[...words.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === chosen)));
		input.setAttribute("aria-activedescendant", words.children[chosen].id);
		words.children[chosen].scrollIntoView({ block: "nearest" });
	};
	const take = (at) => {
		insert(offer.words[at], true);
		hide();
		input.focus();
	};
	const complete = async () => {
		const cursor = input.selectionStart, line = input.value;
		const answer = await api.complete(line, new TextEncoder().encode(line.slice(0, cursor)).length).catch(() => null);
		if (!answer?.words?.length || input.value !== line)
			return;
		// The server counts bytes, the field counts UTF-16.
		const start = new TextDecoder().decode(new TextEncoder().encode(line).slice(0, answer.start)).length;
		offer = { start, cursor, words: answer.words.slice(0, 100) };
		if (offer.words.length === 1) {
			take(0);
			return;
		}
		const common = offer.words.reduce((a, b) => {
			let same = 0;
			while (same < a.length && a[same] === b[same])
				same++;
			return a.slice(0, same);
		});
		if (common.length > cursor - start) {
			insert(common, false);
			offer.cursor = start + common.length;
		}
		words.replaceChildren(...offer.words.map((word, at) => h("li", {
			id: `${listId}-${at}`, role: "option", "aria-selected": "false", onmousedown: (event) => {
				event.preventDefault();
				take(at);
			},
		}, word)));
		words.hidden = false;
		told.textContent = `${offer.words.length} completions; Tab chooses`;
	};
	const submit = () => {
		const lines = input.value.split(/\r?\n/).filter((line) => line.trim());
		hide();
		set("");
		for (const line of lines) {
			remember(line);
			queue = queue.then(() => execute(api, line));
		}
		place = history.length;
	};
	const recall = (step) => {
		if (place === history.length)
			draft = input.value;
		place = Math.max(0, Math.min(history.length, place + step));
		set(place === history.length ? draft : history[place]);
	};

	input.addEventListener("input", () => {
		hide();
		grow();
	});
	input.addEventListener("blur", hide);
	input.addEventListener("keydown", (event) => {
		const was = free;
		free = false;
		if (event.key === "Tab" && !event.shiftKey && !was && (offer || input.value.trim())) {
			event.preventDefault();
			if (offer)
				choose(chosen + 1);
			else
				complete();
		} else if (offer && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
			event.preventDefault();
			choose(chosen + (event.key === "ArrowDown" ? 1 : chosen < 0 ? 0 : -1));
		} else if (offer && chosen >= 0 && event.key === "Enter") {
			event.preventDefault();
			take(chosen);
		} else if (event.key === "Escape") {
			free = !offer; // then Tab leaves the field
			hide();
		} else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
			event.preventDefault();
			submit();
		} else if (event.key === "ArrowUp" && !input.value.slice(0, input.selectionStart).includes("\n")) {
			event.preventDefault();
			recall(-1);
		} else if (event.key === "ArrowDown" && !input.value.slice(input.selectionStart).includes("\n")) {
			event.preventDefault();
			recall(1);
		} else if (event.key === "c" && event.ctrlKey && input.selectionStart === input.selectionEnd && log.querySelector(".running")) {
			event.preventDefault();
			api.interrupt().catch(() => {});
		} else if (event.key === "l" && event.ctrlKey) {
			event.preventDefault();
			log.replaceChildren();
		}
	});
	return { input, words, told, submit };
}

export function show(element, api) {
	const { input, words, told, submit } = prompt(api);
	const follow = h("input", { type: "checkbox", id: "console-follow" });
	let end = null;
	const listen = () => {
		end?.();
		end = null;
		said = follow.checked;
		if (!said)
			return;
		let into = null;
		end = api.watch("console", (message) => {
			if (!into || into.element !== log.lastChild) {
				into = block(null);
				into.element.classList.add("said");
			}
			put(into, `${(message.text ?? "").replace(/\r?\n$/, "")}\n`);
		});
	};
	follow.checked = said;
	follow.addEventListener("change", listen);
	listen();
	if (!log.children.length)
		log.append(h("div", { class: "empty" }, h("p", { class: "empty-title" }, "Nothing was typed yet"),
			h("p", null, "Try ", ...["status", "channel list", "help"].flatMap((word) => [h("button", {
				type: "button", class: "small", onclick: () => {
					remember(word);
					execute(api, word);
				},
			}, word), " "]))));
	element.append(
		pageHead("Console", h("label", { class: "inline", for: "console-follow" }, follow, " Show channel console"),
			h("button", { type: "button", onclick: () => log.replaceChildren() }, "Clear")),
		h("div", { class: "console card" }, log,
			h("form", {
				class: "prompt", onsubmit: (event) => {
					event.preventDefault();
					submit();
				},
			}, words, told, h("span", { class: "sign", "aria-hidden": "true" }, "›"), input, h("button", { class: "primary", type: "submit" }, "Run"))),
		h("p", { class: "hint keys" }, h("kbd", null, "Tab"), " completes (", h("kbd", null, "Esc"), " first to leave the field), ", h("kbd", null, "↑"), " ", h("kbd", null, "↓"),
			" recall, ", h("kbd", null, "Shift Enter"), " starts another line, ", h("kbd", null, "Ctrl C"), " stops, ", h("kbd", null, "Ctrl L"), " clears. Commands that take the input, such as ", h("code", null, "uart term"), ", work in a ", h("a", { href: "#/terminals" }, "terminal"), "."));
	toEnd();
	if (matchMedia("(hover: hover)").matches)
		input.focus({ preventScroll: true });
	return () => end?.();
}
