// SPDX-License-Identifier: MIT
// ansi.js - text with terminal colours becomes spans with classes; every other control character is made visible or dropped.
import { h } from "./dom.js";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// Colour changes; other escape sequences, which mean nothing here; carriage returns before a line end.
const SEQUENCE = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>]|\r(?=\n)|\r$/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

export function visible(text) {
	return text.replace(CONTROL, (character) => {
		const code = character.charCodeAt(0);
		return code < 32 ? `^${String.fromCharCode(64 + code)}` : code === 127 ? "^?" : "\ufffd";
	});
}

export function plain(text) {
	return visible(text.replace(SEQUENCE, ""));
}

function apply(state, codes) {
	for (let at = 0; at < codes.length; at++) {
		const code = codes[at];
		if (code === 0)
			Object.assign(state, { color: "", bold: false, dim: false, italic: false, underline: false, inverse: false });
		else if (code === 1)
			state.bold = true;
		else if (code === 2)
			state.dim = true;
		else if (code === 3)
			state.italic = true;
		else if (code === 4)
			state.underline = true;
		else if (code === 7)
			state.inverse = true;
		else if (code === 22)
			state.bold = state.dim = false;
		else if (code === 23)
			state.italic = false;
		else if (code === 24)
			state.underline = false;
		else if (code === 27)
			state.inverse = false;
		else if (code >= 30 && code <= 37)
			state.color = NAMES[code - 30];
		else if (code >= 90 && code <= 97)
			state.color = NAMES[code - 90];
		else if (code === 39)
			state.color = "";
		else if (code === 38 || code === 48)
			at += codes[at + 1] === 5 ? 2 : 4; // 256 and true colours: the page keeps to its own
	}
}

function classes(state) {
	const list = [];
	if (state.color)
		list.push(`ansi-${state.color}`);
	for (const flag of ["bold", "dim", "italic", "underline", "inverse"])
		if (state[flag])
			list.push(`ansi-${flag}`);
	return list.join(" ");
}

// A list of nodes. `state` carries the colour over from one piece of output to the next.
export function ansiNodes(text, state = {}) {
	const nodes = [];
	let from = 0;
	const add = (piece) => {
		if (!piece)
			return;
		const names = classes(state);
		nodes.push(names ? h("span", { class: names }, visible(piece)) : document.createTextNode(visible(piece)));
	};
	for (const match of text.matchAll(SEQUENCE)) {
		add(text.slice(from, match.index));
		from = match.index + match[0].length;
		if (match[1] !== undefined)
			apply(state, match[1].split(/[;:]/).map(Number));
	}
	add(text.slice(from));
	return nodes;
}
