// SPDX-License-Identifier: MIT
// table.js - a live table: rows are kept by key, so that an update moves neither focus nor selection; long ones are virtual.
//
//	const table = new Table({
//		caption: "Plugins", key: (row) => row.id, empty: element,
//		columns: [{ id: "id", title: "Name", value: (row) => row.id, wide: true }, { ..., number: true, minor: true, render: (row) => node }],
//		actions: (row) => [{ label: "Unload", danger: true, confirm: "Unload tcp?", run: async (row) => ... }],
//	});
//	place.append(table.element); table.update(rows);
//
// `minor` columns are left out where there is little room; with actions, or `cards`, rows become cards there, headed by the `lead` column. An action that fails says so in a row of its own under the one clicked.
import { h, sentence, fresh } from "./dom.js";

const WHOLE = 200; // longer tables are drawn only where they are seen
const MARGIN = 12; // rows drawn beyond the edges

export class Table {
	constructor(options) {
		this.options = options;
		this.records = new Map();
		this.rows = [];
		this.shown = [];
		this.filter = null;
		this.sort = options.sort ?? { column: null, down: false };
		this.rowHeight = 34;
		this.columns = options.actions ? [...options.columns, { id: "actions", title: "Actions", actions: true }] : options.columns;
		this.head = h("tr", { role: "row" }, this.columns.map((column) => this.headCell(column)));
		this.body = h("tbody", { role: "rowgroup" });
		this.before = this.spacer();
		this.after = this.spacer();
		// Narrow screens show rows as cards, which would take the roles away: they are said here.
		this.table = h("table", { role: "table", "aria-rowcount": -1, class: options.cards || options.actions ? "cards" : null },
			h("caption", { class: "hidden" }, options.caption), h("thead", { role: "rowgroup" }, this.head), this.body);
		this.scroll = h("div", { class: `table-scroll ${options.class ?? ""}`, tabindex: 0, role: "region", "aria-label": options.caption }, this.table);
		this.emptyBox = h("div", { hidden: true }, options.empty ?? "");
		this.element = h("div", { class: "table-box" }, this.scroll, this.emptyBox);
		this.scroll.addEventListener("scroll", () => this.shown.length > WHOLE && this.draw(), { passive: true });
		this.loading = h("p", { class: "muted pad" }, "Asking the host…");
		this.element.append(this.loading);
		this.scroll.hidden = true;
	}

	spacer() {
		return h("tr", { class: "spacer", "aria-hidden": "true" }, h("td", { colspan: this.columns.length }));
	}

	headCell(column) {
		const classes = [column.number && "number", column.minor && "minor", column.wide && "wide"].filter(Boolean).join(" ") || null;
		if (column.actions || column.sort === false)
			return h("th", { scope: "col", role: "columnheader", class: classes }, column.actions ? h("span", { class: "hidden" }, column.title) : column.title);
		const button = h("button", { type: "button", class: "sort", onclick: () => this.sortBy(column) }, column.title);
		return h("th", { scope: "col", role: "columnheader", class: classes }, button);
	}

	sortBy(column) {
		if (this.sort.column === column.id)
			this.sort.down = !this.sort.down;
		else
			this.sort = { column: column.id, down: !!column.number };
		this.arrange();
	}

	update(rows) {
		this.rows = rows;
		this.loading.remove();
		this.arrange();
	}

	setFilter(func) {
		this.filter = func;
		this.arrange();
	}

	arrange() {
		const column = this.columns.find(({ id }) => id === this.sort.column);
		let shown = this.filter ? this.rows.filter(this.filter) : this.rows;
		if (column) {
			const sign = this.sort.down ? -1 : 1;
			const value = column.value;
			shown = shown.map((row) => [value(row), row]).sort(([a], [b]) => sign * compare(a, b)).map(([, row]) => row);
		}
		this.columns.forEach((each, at) => {
			if (each === column)
				this.head.children[at].setAttribute("aria-sort", this.sort.down ? "descending" : "ascending");
			else
				this.head.children[at].removeAttribute("aria-sort");
		});
		this.shown = shown;
		this.table.setAttribute("aria-rowcount", shown.length + 1);
		this.scroll.hidden = !this.rows.length;
		this.emptyBox.hidden = !!this.rows.length;
		this.draw();
	}

	// Which rows are to be in the document.
	window() {
		if (this.shown.length <= WHOLE)
			return [0, this.shown.length];
		const sample = this.body.querySelector("tr.row");
		if (sample?.offsetHeight)
			this.rowHeight = sample.offsetHeight;
		const first = Math.max(0, Math.floor(this.scroll.scrollTop / this.rowHeight) - MARGIN);
		const count = Math.ceil((this.scroll.clientHeight || 600) / this.rowHeight) + 2 * MARGIN;
		return [Math.min(first, Math.max(0, this.shown.length - count)), Math.min(this.shown.length, first + count)];
	}

	draw() {
		const [first, end] = this.window();
		const wanted = [];
		const keep = new Set();
		this.scroll.classList.toggle("virtual", this.shown.length > WHOLE);
		if (this.shown.length > WHOLE) {
			this.before.firstChild.style.height = `${first * this.rowHeight}px`;
			this.after.firstChild.style.height = `${(this.shown.length - end) * this.rowHeight}px`;
			wanted.push(this.before);
		}
		for (let at = first; at < end; at++) {
			const record = this.record(this.shown[at]);
			record.element.setAttribute("aria-rowindex", at + 2);
			keep.add(record.key);
			wanted.push(record.element);
			if (record.note)
				wanted.push(record.note);
		}
		if (this.shown.length > WHOLE)
			wanted.push(this.after);
		for (const key of this.records.keys())
			if (!keep.has(key))
				this.records.delete(key);
		settle(this.body, wanted);
	}

	record(row) {
		const key = this.options.key(row);
		let record = this.records.get(key);
		if (!record) {
			record = { key, row, cells: [], note: null, signature: null };
			record.element = h("tr", { class: "row", role: "row" }, this.columns.map((column, at) => (record.cells[at] = this.cell(column, at))));
			this.records.set(key, record);
		}
		record.row = row;
		this.columns.forEach((column, at) => this.fill(record, column, record.cells[at]));
		return record;
	}

	cell(column, at) {
		const lead = column.lead ?? (at === 0 && !this.columns.some((each) => each.lead));
		const classes = [
			column.number && "number", column.minor && "minor", column.wide && "wide", column.mono && "mono", column.actions && "actions", lead && "lead",
		];
		return h(at === 0 ? "th" : "td", {
			scope: at === 0 ? "row" : null, role: at === 0 ? "rowheader" : "cell", class: classes.filter(Boolean).join(" ") || null, "data-label": column.title,
		});
	}

	fill(record, column, cell) {
		if (column.actions) {
			this.fillActions(record, cell);
			return;
		}
		if (column.render) {
			// A cell that keeps state (a checkbox, a bar) is made once and told of changes.
			if (!cell.firstChild || !column.refresh)
				cell.replaceChildren(column.render(record.row));
			column.refresh?.(record.row, cell.firstChild);
			return;
		}
		const text = column.text ? column.text(record.row) : String(column.value(record.row) ?? "");
		if (cell.textContent !== text) {
			cell.textContent = text;
			cell.title = text.length > 24 ? text : "";
		}
	}

	fillActions(record, cell) {
		const actions = this.options.actions(record.row).filter(Boolean);
		const signature = actions.map(({ label }) => label).join();
		if (signature === record.signature)
			return;
		record.signature = signature;
		cell.replaceChildren(h("div", { class: "row-actions" }, actions.map((action) => h("button", {
			type: "button", class: action.danger ? "small danger" : "small",
			"aria-label": `${action.label} ${this.options.name?.(record.row) ?? record.key}`,
			onclick: (event) => this.act(record, action, event.currentTarget),
		}, action.label))));
	}

	act(record, action, button) {
		const confirm = typeof action.confirm === "function" ? action.confirm(record.row) : action.confirm;
		if (!confirm) {
			this.perform(record, action, button);
			return;
		}
		const yes = h("button", { type: "button", class: "small danger-full" }, action.label);
		const no = h("button", { type: "button", class: "small" }, "Keep");
		const close = () => {
			this.note(record, null);
			button.focus();
		};
		yes.addEventListener("click", () => this.perform(record, action, yes, button));
		no.addEventListener("click", close);
		const id = fresh("ask");
		this.note(record, h("div", {
			class: "ask", role: "group", "aria-labelledby": id, onkeydown: (event) => event.key === "Escape" && close(),
		}, h("span", { id }, confirm), yes, no));
		yes.focus();
	}

	async perform(record, action, button, origin = button) {
		button.disabled = true;
		button.setAttribute("aria-busy", "true");
		try {
			await action.run(record.row);
			this.note(record, null);
		} catch (error) {
			const close = h("button", { type: "button", class: "small quiet", onclick: () => this.note(record, null) }, "Dismiss");
			this.note(record, h("div", { class: "ask failed", role: "alert" }, h("span", null, sentence(error)), close));
			if (!document.activeElement || document.activeElement === document.body)
				(origin.isConnected ? origin : close).focus();
		} finally {
			button.disabled = false;
			button.removeAttribute("aria-busy");
		}
	}

	note(record, content) {
		record.note?.remove();
		record.note = content && h("tr", { class: "note", role: "row" }, h("td", { role: "cell", colspan: this.columns.length }, content));
		if (record.note)
			record.element.after(record.note);
	}

	fail(error) {
		this.loading.remove();
		if (!this.failure) {
			this.failure = h("p", { class: "notice error", role: "alert" });
			this.element.prepend(this.failure);
		}
		this.failure.hidden = !error;
		this.failure.textContent = error ? sentence(error) : "";
	}
}

function compare(a, b) {
	if (typeof a === "number" && typeof b === "number")
		return a - b;
	return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}

// Makes the children these, moving as few as possible so that focus stays.
function settle(parent, wanted) {
	const set = new Set(wanted);
	for (const child of [...parent.children])
		if (!set.has(child))
			child.remove();
	let at = parent.firstChild;
	for (const element of wanted) {
		if (element === at)
			at = at.nextSibling;
		else
			parent.insertBefore(element, at);
	}
}
