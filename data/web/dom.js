// SPDX-License-Identifier: MIT
// dom.js - makes elements. Text is always text: nothing here takes HTML, so names and data cannot become markup.

// h("button", { class: "primary", onclick: f, disabled: true }, "Open", element, ...): null and false are left out.
export function h(tag, props, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (typeof value === "function")
			element.addEventListener(name.slice(2), value);
		else if (name === "value")
			element.value = value;
		else
			element.setAttribute(name, value === true ? "" : String(value));
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props, ...children) {
	const element = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(props ?? {}))
		element.setAttribute(name, String(value));
	element.append(...children);
	return element;
}

let last = 0;

// An id that no other element has.
export function fresh(prefix) {
	return `${prefix}-${++last}`;
}

// Shown for some seconds at the bottom, and read out.
export function toast(text) {
	const box = h("div", { class: "toast" }, text);
	document.getElementById("toasts").append(box);
	setTimeout(() => box.remove(), 5000);
}

// A sentence beside what was clicked; "" takes it away.
export function notice(box, text, kind = "error") {
	box.replaceChildren();
	box.className = text ? `notice ${kind}` : "notice";
	box.hidden = !text;
	if (text)
		box.append(text);
}

export function noticeBox() {
	return h("p", { class: "notice", role: "alert", hidden: true });
}

// Runs something slow for a button: it cannot be clicked twice, and what fails is said in `box`.
export async function busy(button, box, work) {
	notice(box, "");
	button.disabled = true;
	button.setAttribute("aria-busy", "true");
	try {
		await work();
		return true;
	} catch (error) {
		notice(box, sentence(error));
		return false;
	} finally {
		button.disabled = false;
		button.removeAttribute("aria-busy");
	}
}

export function sentence(error) {
	const text = String(error?.message ?? error).trim();
	return text ? text + (/[.!?]$/.test(text) ? "" : ".") : "It failed, and nothing said why.";
}

// Where a list is empty: what that means and what to do.
export function empty(title, ...advice) {
	return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", null, ...advice));
}

// Shows a dialog; `closed` (may be left out) runs when it is closed, and focus goes back to where it was.
export function showDialog(dialog, closed) {
	const opener = document.activeElement;
	dialog.addEventListener("close", () => {
		closed?.();
		dialog.remove();
		opener?.isConnected && opener.focus();
	});
	document.body.append(dialog);
	dialog.showModal();
}

export function pageHead(title, ...tools) {
	return h("div", { class: "page-head" }, h("h1", null, title), h("div", { class: "tools" }, ...tools));
}
