// SPDX-License-Identifier: MIT
// help.js - the guide, from Markdown that is part of the program: no network is needed. A search looks through all of it.
import { h, pageHead, empty, sentence } from "./dom.js";

const PAGES = [["first-hour", "First hour"], ["recipes", "Recipes"], ["how-it-works", "How it works"], ["plugins", "Writing a plugin"], ["protocols", "For programs"]];
const texts = new Map();

async function load(name) {
	if (!texts.has(name)) {
		const answer = await fetch(`assets/${name}.md`);
		if (!answer.ok)
			throw new Error(`the guide cannot be read: ${answer.status}`);
		texts.set(name, await answer.text());
	}
	return texts.get(name);
}

/* --- Markdown, as far as the guide uses it --- */

// `code`, **strong** and [links](page.md); everything else is text.
function inline(text) {
	return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).filter(Boolean).map((part) => {
		const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
		if (part.length > 2 && part.startsWith("`"))
			return h("code", null, part.slice(1, -1));
		if (part.startsWith("**"))
			return h("strong", null, part.slice(2, -2));
		return link ? h("a", { href: link[2].endsWith(".md") ? `#/help?page=${link[2].slice(0, -3)}` : link[2] }, link[1]) : part;
	});
}

function table(lines) {
	const cells = (line) => line.replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
	const [head, , ...rows] = lines;
	return h("div", { class: "scroll" }, h("table", null,
		h("thead", null, h("tr", null, ...cells(head).map((cell) => h("th", { scope: "col" }, ...inline(cell))))),
		h("tbody", null, ...rows.map((row) => h("tr", null, ...cells(row).map((cell) => h("td", null, ...inline(cell))))))));
}

// A block is a code block, or lines up to an empty one.
function blocks(text) {
	const found = [];
	let lines = [], fence = false;
	for (const line of [...text.split("\n"), ""]) {
		if (line.startsWith("```")) {
			if (fence)
				found.push({ code: lines.join("\n") });
			fence = !fence;
			lines = [];
		} else if (fence || line) {
			lines.push(line);
		} else if (lines.length) {
			found.push({ lines });
			lines = [];
		}
	}
	return found;
}

function list(lines, tag) {
	const items = [];
	for (const line of lines) {
		if (/^(-|\d+\.) /.test(line))
			items.push(line.replace(/^(-|\d+\.) /, ""));
		else
			items[items.length - 1] += ` ${line.trim()}`;
	}
	return h(tag, null, ...items.map((item) => h("li", null, ...inline(item))));
}

function draw({ code, lines }) {
	if (code !== undefined)
		return h("pre", { tabindex: "0" }, h("code", null, code));
	const heading = /^(#+) (.*)$/.exec(lines[0]);
	if (heading)
		return h(`h${Math.min(heading[1].length, 3)}`, null, ...inline(heading[2]));
	if (lines[0].startsWith("|"))
		return table(lines);
	if (/^(-|\d+\.) /.test(lines[0]))
		return list(lines, lines[0].startsWith("-") ? "ul" : "ol");
	return h("p", null, ...inline(lines.join(" ")));
}

// The parts of a page: each begins with a heading.
function sections(text) {
	const found = [];
	for (const block of blocks(text)) {
		if (block.lines?.[0].startsWith("#") || !found.length)
			found.push([]);
		found[found.length - 1].push(block);
	}
	return found;
}

function plain(section) {
	return section.map(({ code, lines }) => code ?? lines.join(" ")).join(" ");
}

/* --- the view --- */

export const title = "Help";

export function show(element, api) {
	const wanted = api.query?.get("page"), name = PAGES.some(([id]) => id === wanted) ? wanted : PAGES[0][0];
	const body = h("section", { class: "card guide" });
	const search = h("input", { type: "search", placeholder: "Search the guide", "aria-label": "Search the guide", autocomplete: "off", spellcheck: "false" });
	const links = h("p", { class: "guide-pages" }, ...PAGES.flatMap(([id, label]) => [h("a", { href: `#/help?page=${id}`, "aria-current": id === name ? "page" : null }, label), " "]));
	let turn = 0;

	async function page() {
		const text = await load(name);
		body.replaceChildren(...blocks(text).map((block) => draw(block.lines?.[0].startsWith("# ") ? { lines: [`#${block.lines[0]}`] } : block)));
	}

	async function find(words) {
		const found = [];
		for (const [id, label] of PAGES)
			for (const section of sections(await load(id)))
				if (words.every((word) => plain(section).toLowerCase().includes(word)))
					found.push(h("p", { class: "hint" }, h("a", { href: `#/help?page=${id}` }, label)), ...section.map((block) => draw(block.lines?.[0].startsWith("# ") ? { lines: [`#${block.lines[0]}`] } : block)));
		return found.length ? found : [empty("Nothing in the guide has these words", "help and find search the commands.")];
	}

	async function update() {
		const mine = ++turn, words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
		try {
			if (!words.length) {
				await page();
				return;
			}
			const found = await find(words);
			if (mine === turn)
				body.replaceChildren(...found);
		} catch (error) {
			body.replaceChildren(h("p", { class: "notice error", role: "alert" }, sentence(error)));
		}
	}
	search.addEventListener("input", update);
	element.append(pageHead(title), links, search, body);
	update();
}
