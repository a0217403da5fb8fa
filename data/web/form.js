// SPDX-License-Identifier: MIT
// form.js - fields and forms from a parameter table, the rows that the host describes modules, commands and settings with.
import { h, fresh, notice, noticeBox, sentence, showDialog } from "./dom.js";

const TRUE = new Set(["true", "yes", "on", "1"]);
const HINTS = { duration: "250ms, 10s, 5m, 2h, 1d", bytes: "512, 64K, 8M, 1G" };

export function isTrue(value) {
	return value === true || TRUE.has(String(value ?? "").toLowerCase());
}

function range(param) {
	if (param.min === undefined)
		return "";
	return param.max === undefined ? `at least ${param.min}` : `${param.min} to ${param.max}`;
}

function input(param, id, value) {
	const common = { id, name: param.name, "aria-required": param.required && param.default === undefined ? "true" : null };
	const text = value === null || value === undefined ? "" : String(value);
	switch (param.type) {
	case "bool": {
		const box = h("input", { ...common, type: "checkbox" });
		box.checked = isTrue(value ?? param.default);
		return box;
	}
	case "choice": {
		const none = h("option", { value: "" }, param.default === undefined ? "–" : `${param.default} (default)`);
		const rest = (param.choices ?? []).filter((choice) => choice !== param.default || text === choice);
		const select = h("select", common, text === "" || !param.required ? none : null, rest.map((choice) => h("option", { value: choice }, choice)));
		select.value = text;
		return select;
	}
	case "int":
	case "double":
		return h("input", {
			...common, type: "number", step: param.type === "int" ? 1 : "any", min: param.min, max: param.max, value: text,
			placeholder: param.default, inputmode: param.type === "int" ? "numeric" : "decimal",
		});
	default:
		if (param.many)
			return h("textarea", { ...common, rows: 2, value: Array.isArray(value) ? value.join("\n") : text, placeholder: "one a line", spellcheck: "false" });
		return h("input", {
			...common, type: param.secret ? "password" : "text", value: text, placeholder: param.default, spellcheck: "false", autocapitalize: "off",
			autocomplete: param.secret ? "new-password" : "off",
		});
	}
}

// {element, control, read(), text(), setError(text)}; read() gives undefined for what was left as it was. `bare` leaves the
// label out, for places that have one (its id then is `labelledby`).
export function field(param, { value, bare, labelledby } = {}) {
	const id = fresh("field"), help = `${id}-help`, wrong = `${id}-wrong`;
	const control = input(param, id, value);
	const first = raw(control);
	const hints = [param.help, HINTS[param.type], range(param)].filter(Boolean).join("; ");
	const error = h("p", { id: wrong, class: "field-error", role: "alert", hidden: true });
	const label = h("label", { for: id }, param.label ?? param.name, param.required && param.default === undefined ? h("span", { class: "required" }, " required") : null);
	control.setAttribute("aria-describedby", bare ? wrong : `${help} ${wrong}`);
	if (labelledby)
		control.setAttribute("aria-labelledby", labelledby);
	const hint = h("p", { id: help, class: "hint" }, hints);
	const element = bare ? h("div", { class: "field bare" }, control, error)
		: param.type === "bool" ? h("div", { class: "field check" }, control, h("div", null, label, hint, error))
			: h("div", { class: "field" }, label, control, hint, error);

	return {
		param, element, control,
		changed: () => raw(control) !== first,
		read() {
			const now = raw(control);
			if (now === first && !(param.required && now !== "") && (value === undefined || value === null))
				return undefined;
			return convert(param, now);
		},
		current: () => convert(param, raw(control)),
		setError(text) {
			error.hidden = !text;
			error.textContent = text;
			if (text)
				control.setAttribute("aria-invalid", "true");
			else
				control.removeAttribute("aria-invalid");
		},
	};
}

function raw(control) {
	return control.type === "checkbox" ? control.checked : control.value;
}

function convert(param, now) {
	if (param.type === "bool")
		return now;
	if (param.many)
		return now.split("\n").map((line) => line.trim()).filter(Boolean);
	if (now === "")
		return null;
	return param.type === "int" || param.type === "double" ? Number(now) : now;
}

// Says a problem at the field it names, or in `box`.
function blame(fields, box, error) {
	const text = sentence(error);
	const culprit = fields.find(({ param }) => new RegExp(`(^|[^\\w])${param.name.replace(/\W/g, "\\$&")}([^\\w]|$)`, "i").test(text.split(":")[0]))
		?? fields.find(({ param }) => text.toLowerCase().startsWith(`${param.name} `));
	if (!culprit) {
		notice(box, text);
		return;
	}
	culprit.element.closest("details")?.setAttribute("open", "");
	culprit.setError(text);
	culprit.control.focus();
}

// A dialog with a form. `lead` are fields of the caller's, `params` rows of a table; submit(values, lead) may throw. A long
// table shows its first rows and what is required, and keeps the rest folded.
export function formDialog({ title, intro, lead = [], params = [], verb, submit, firstCount = 5 }) {
	const leads = lead.map((param) => field(param, { value: param.value }));
	const fields = params.map((param) => field(param, { value: param.value }));
	const first = fields.length > 8 ? fields.filter(({ param }, at) => param.required || at < firstCount) : fields;
	const rest = fields.filter((each) => !first.includes(each));
	const box = noticeBox();
	const go = h("button", { class: "primary", type: "submit" }, verb);
	const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
	const id = fresh("dialog");
	const form = h("form", { novalidate: true },
		h("h2", { id }, title), intro ? h("p", { class: "muted" }, intro) : null,
		h("div", { class: "fields" }, leads.map(({ element }) => element)),
		first.length && leads.length ? h("hr") : null,
		h("div", { class: "fields" }, first.map(({ element }) => element)),
		rest.length ? h("details", null, h("summary", null, `${rest.length} more parameters`), h("div", { class: "fields" }, rest.map(({ element }) => element))) : null,
		box, h("div", { class: "buttons" }, cancel, go));
	const dialog = h("dialog", { "aria-labelledby": id }, form);

	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const all = [...leads, ...fields];
		all.forEach((each) => each.setError(""));
		notice(box, "");
		const missing = all.find(({ param, control }) => param.required && param.default === undefined && param.type !== "bool" && !control.value.trim());
		const invalid = all.find(({ control }) => control.validity && !control.validity.valid);
		if (missing ?? invalid) {
			const culprit = missing ?? invalid;
			culprit.element.closest("details")?.setAttribute("open", "");
			culprit.setError(missing ? `${culprit.param.label ?? culprit.param.name} is required.` : culprit.control.validationMessage);
			culprit.control.focus();
			return;
		}
		const collect = (list) => Object.fromEntries(list.map((each) => [each.param.name, each.read()]).filter(([, value]) => value !== undefined && value !== null));
		go.disabled = true;
		go.setAttribute("aria-busy", "true");
		try {
			await submit(collect(fields), Object.fromEntries(leads.map((each) => [each.param.name, each.current()])));
			dialog.close();
		} catch (error) {
			blame(all, box, error);
		} finally {
			go.disabled = false;
			go.removeAttribute("aria-busy");
		}
	});
	showDialog(dialog);
	(leads[0] ?? fields[0])?.control.focus();
	return dialog;
}
