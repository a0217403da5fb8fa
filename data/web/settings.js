// SPDX-License-Identifier: MIT
// settings.js - settings by context, each with the field of its type; kept by the host at once.
import { h, empty, pageHead, noticeBox, notice, toast, sentence, fresh } from "./dom.js";
import { field, isTrue } from "./form.js";

export const title = "Settings";

let context = "/";

function same(a, b) {
	return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

// One setting. It is drawn anew when the host has another value, but never under somebody's hands.
class Row {
	constructor(api, setting) {
		this.api = api;
		this.id = fresh("setting");
		this.place = h("div", { class: "setting-field" });
		this.badges = h("span", { class: "badges" });
		this.wrong = noticeBox();
		this.save = h("button", { type: "submit", class: "small primary", hidden: true }, "Save");
		this.revert = h("button", { type: "button", class: "small", hidden: true, onclick: () => this.fill(this.setting) }, "Revert");
		this.reset = h("button", { type: "button", class: "small quiet", onclick: () => this.put(null) }, "Use default");
		this.element = h("form", { class: "setting", novalidate: true },
			h("div", { class: "setting-name" }, h("span", { id: this.id, class: "mono" }, setting.id ?? setting.name), this.badges, h("p", { class: "hint" }, setting.help ?? "")),
			this.place, h("div", { class: "setting-buttons" }, this.save, this.revert, this.reset), this.wrong);
		this.element.addEventListener("submit", (event) => {
			event.preventDefault();
			this.put(this.field.current());
		});
		this.element.addEventListener("input", () => this.mark());
		this.element.addEventListener("change", () => this.mark());
		this.fill(setting);
	}

	mark() {
		const changed = this.field.changed();
		this.element.classList.toggle("changed", changed);
		this.save.hidden = this.revert.hidden = !changed;
		this.reset.hidden = changed || !this.setting.set;
	}

	update(setting) {
		if (same(setting, this.setting))
			return;
		if (this.field.changed() || this.element.contains(document.activeElement))
			return;
		this.fill(setting);
	}

	fill(setting) {
		this.setting = setting;
		const value = setting.set || setting.temporary ? setting.value : setting.type === "bool" ? isTrue(setting.value ?? setting.default) : null;
		this.field = field({ ...setting, name: setting.id ?? setting.name, required: false }, { value, bare: true, labelledby: this.id });
		this.place.replaceChildren(this.field.element);
		this.badges.replaceChildren(...[
			setting.set ? h("span", { class: "badge accent" }, "set") : setting.temporary ? null : h("span", { class: "badge" }, "default"),
			setting.temporary ? h("span", { class: "badge warn", title: "for this run only: from the command line or the configuration" }, "this run") : null,
		].filter(Boolean));
		notice(this.wrong, "");
		this.mark();
	}

	async put(value) {
		notice(this.wrong, "");
		const key = this.setting.id ?? this.setting.name;
		this.save.disabled = true;
		try {
			await this.api.put(`/settings/${encodeURIComponent(key)}?context=${encodeURIComponent(context)}`, { value });
			const rows = await this.api.get(`/settings?context=${encodeURIComponent(context)}`);
			this.fill(rows.find((each) => (each.id ?? each.name) === key) ?? { ...this.setting, value, set: value !== null });
			toast(value === null ? `${key} has its default again.` : `${key} is saved.`);
		} catch (error) {
			notice(this.wrong, sentence(error));
		}
		this.save.disabled = false;
	}
}

export function show(element, api) {
	let rows = new Map(), end = null;
	const select = h("select", { id: "settings-context" }, h("option", { value: "/" }, "/"));
	const list = h("div", { class: "settings" });
	const failure = noticeBox();
	const find = h("input", { type: "search", placeholder: "Find a setting", "aria-label": "Find a setting", oninput: () => filter() });
	const filter = () => {
		const needle = find.value.trim().toLowerCase();
		for (const [key, row] of rows)
			row.element.hidden = !!needle && !key.toLowerCase().includes(needle) && !(row.setting.help ?? "").toLowerCase().includes(needle);
	};
	const draw = (answer) => {
		const keys = answer.map((each) => each.id ?? each.name);
		if (keys.join() !== [...rows.keys()].join()) {
			const old = rows;
			rows = new Map(answer.map((each, at) => [keys[at], old.get(keys[at]) ?? new Row(api, each)]));
			list.replaceChildren(...[...rows.values()].map((row) => row.element));
		}
		answer.forEach((each, at) => rows.get(keys[at]).update(each));
		if (!answer.length)
			list.replaceChildren(empty(`There are no settings in ${context}`, "Plugins declare settings when they are loaded; choose another context above."));
		filter();
	};
	const begin = () => {
		end?.();
		rows = new Map();
		list.replaceChildren(h("p", { class: "muted pad" }, "Asking the host…"));
		end = api.poll(() => api.get(`/settings?context=${encodeURIComponent(context)}`), draw, (error) => {
			notice(failure, error ? sentence(error) : "");
			if (error && !rows.size)
				list.replaceChildren();
		}, 5000);
	};
	select.addEventListener("change", () => {
		context = select.value;
		begin();
	});
	const contexts = api.poll(() => api.list("contexts"), (answer) => {
		const ids = [...new Set(["/", ...answer.map(({ id }) => id), context])];
		if (ids.join() !== [...select.options].map(({ value }) => value).join())
			select.replaceChildren(...ids.map((id) => h("option", { value: id }, id)));
		select.value = context;
	}, null, 5000);
	element.append(pageHead("Settings", h("label", { class: "inline", for: "settings-context" }, "Context"), select, find), failure, h("section", { class: "card" }, list));
	begin();
	return () => {
		end?.();
		contexts();
	};
}
