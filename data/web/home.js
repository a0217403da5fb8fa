// SPDX-License-Identifier: MIT
// home.js - whether everything is all right: problems first, then a card for each instance, in the order and with the names that the user
// has chosen; these are kept on the host.
import * as host from "./host.js";
import * as rates from "./rates.js";
import { h, empty, pageHead, noticeBox, notice, sentence, toast } from "./dom.js";
import { number, short, bytes, duration } from "./format.js";
import { numbers, tidy, headline } from "./value.js";
import { Spark } from "./spark.js";
import { icon } from "./icons.js";
import { openTerminal } from "./terminals.js";
import { formDialog } from "./form.js";

export const title = "Home";

const KEPT = 120, WATCHED = 48; // samples of a card; cards whose messages are looked at
const WORDS = { good: "Ok", warn: "Waiting", bad: "Failed" };
const histories = new Map(); // instance -> { message, value, samples }, kept while other views are shown

function note(id, message) {
	const past = histories.get(id) ?? { samples: [] };
	const found = numbers(message)[0] ?? null;
	past.message = message;
	past.value = found;
	if (found)
		past.samples.push([message.time / 1000, found.value]);
	if (past.samples.length > KEPT)
		past.samples.shift();
	histories.set(id, past);
}

// Sends a line to a device.
function sendDialog(api, id, channel) {
	formDialog({
		title: `Send to ${id}`, verb: "Send",
		lead: [{ name: "text", label: "Text", type: "string", required: true, help: `sent on ${channel}` }],
		submit: async (params, { text }) => {
			await api.send(channel, { text });
			toast(`Sent to ${id}.`);
		},
	});
}

class Card {
	constructor(view, id) {
		this.view = view;
		this.id = id;
		this.name = h("h3", null);
		this.dot = h("span", { class: "dot" });
		this.state = h("span", { class: "pill" }, this.dot, h("span", null, ""));
		this.place = h("span", { class: "card-icon" });
		this.about = h("p", { class: "card-about" });
		this.value = h("span", { class: "card-number" });
		this.unit = h("span", { class: "card-unit" });
		this.label = h("span", { class: "card-label" });
		this.line = h("p", { class: "card-line mono" });
		this.rate = h("span", { class: "muted" });
		this.spark = new Spark();
		this.buttons = h("div", { class: "card-buttons" });
		this.tools = h("div", { class: "card-tools", hidden: true },
			h("button", { type: "button", class: "small", "aria-label": `Move ${id} to the front`, onclick: () => view.move(id, -1) }, "←"),
			h("button", { type: "button", class: "small", "aria-label": `Move ${id} back`, onclick: () => view.move(id, 1) }, "→"),
			h("button", { type: "button", class: "small", "aria-label": `Rename ${id}`, onclick: () => view.rename(id) }, "Rename"),
			h("button", { type: "button", class: "small", "aria-label": `Hide ${id}`, onclick: () => view.hide(id) }, "Hide"));
		this.element = h("li", { class: "device-card card" },
			h("div", { class: "card-top" }, this.place, h("div", { class: "card-title" }, this.name, this.about), this.state),
			h("div", { class: "card-value" }, h("div", null, this.value, this.unit, this.label), this.spark.element), this.line,
			h("div", { class: "card-foot" }, this.rate, this.buttons), this.tools);
	}

	update(instance, channels, server) {
		const kind = host.kindOf(instance), shade = host.stateKind(instance.state), { recv, send } = host.channelsOf(instance, channels);
		const past = histories.get(this.id);
		put(this.name, this.view.nameOf(this.id));
		put(this.about, this.view.nameOf(this.id) === this.id ? instance.class : `${this.id} · ${instance.class}`);
		this.state.className = `pill ${shade}`;
		put(this.state.lastChild, WORDS[shade]);
		this.element.classList.toggle("bad", shade === "bad");
		this.element.classList.toggle("warn", shade === "warn");
		if (!this.place.firstChild)
			this.place.append(icon(kind.icon, 20));
		const wrong = shade !== "good";
		put(this.value, wrong || !past?.value ? "" : tidy(past.value.value));
		put(this.unit, wrong || !past?.value ? "" : past.value.unit);
		put(this.label, wrong || !past?.value ? "" : past.value.name);
		if (server && !wrong && !past?.value) {
			put(this.value, number(server.connections));
			put(this.label, server.connections === 1 ? "connection" : "connections");
		}
		put(this.line, wrong ? instance.reason : past ? headline(past.message) : server ? [server.addresses].flat().join(" ") : instance.reason || "nothing was said yet");
		this.line.title = this.line.textContent;
		this.spark.set(wrong ? [] : past?.samples ?? []);
		put(this.rate, wrong ? `for ${duration(instance.state_age)}` : server ? `${bytes((server.bytes_in ?? 0) + (server.bytes_out ?? 0))} in and out`
			: recv?.rate >= 0.05 ? `${short(recv.rate)} messages/s` : past ? `last ${duration(Math.max(0, Date.now() - past.message.time) / 1000)} ago` : "quiet");
		const signature = [recv?.id, send?.id, wrong, kind.kind].join();
		if (signature === this.signature)
			return;
		this.signature = signature;
		const button = (text, run, kind_ = "small") => h("button", { type: "button", class: kind_, "aria-label": `${text} ${this.id}`, onclick: run }, text);
		this.buttons.replaceChildren(...(recv && send && !wrong && kind.kind === "device" ? [
			button("Terminal", () => openTerminal({ title: this.view.nameOf(this.id), recv: recv.id, send: send.id, instance })),
			button("Send", () => sendDialog(this.view.api, this.id, send.id))] : [
			button(wrong ? "Edit" : "Details", () => (location.hash = `#/services?id=${encodeURIComponent(this.id)}`)),
			recv ? button("Messages", () => (location.hash = `#/channels?watch=${encodeURIComponent(recv.id)}`)) : null].filter(Boolean)));
	}
}

function put(element, text) {
	if (element.textContent !== String(text ?? ""))
		element.textContent = text ?? "";
}

class Home {
	constructor(api, element) {
		this.api = api;
		this.cards = new Map();
		this.kept = { order: [], names: {}, hidden: [] };
		this.watches = new Map();
		this.problems = h("section", { class: "problems", "aria-label": "Problems" });
		this.list = h("ul", { class: "device-cards" });
		this.services = h("ul", { class: "device-cards services" });
		this.servicesBox = h("section", null, h("h2", null, "Services"), this.services);
		this.devicesBox = h("section", null, h("h2", null, "Devices"), this.list);
		this.counters = h("p", { class: "counters" });
		this.nothing = h("div", { hidden: true }, empty("No device is open yet", "Plug one in and open it under ", h("a", { href: "#/devices" }, "Devices"),
			", or open a server under ", h("a", { href: "#/services" }, "Services"), "."));
		this.hiddenBox = h("p", { class: "muted", hidden: true });
		this.box = noticeBox();
		this.arrange = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.arranging(!this.isArranging) }, "Arrange");
		element.append(pageHead(title, this.arrange), this.problems, this.box, this.devicesBox, this.nothing, this.servicesBox, this.hiddenBox, this.counters);
	}

	nameOf(id) {
		return this.kept.names[id] || id;
	}

	arranging(on) {
		this.isArranging = on;
		this.arrange.textContent = on ? "Done" : "Arrange";
		this.arrange.setAttribute("aria-pressed", String(on));
		for (const card of this.cards.values())
			card.tools.hidden = !on;
		this.draw();
	}

	async save() {
		this.draw();
		try {
			await this.api.keep("home", this.kept);
			notice(this.box, "");
		} catch (error) {
			notice(this.box, sentence(error));
		}
	}

	move(id, step) {
		const lists = [this.list, this.services], list = lists.find((each) => each.contains(this.cards.get(id).element));
		const ids = [...list.children].map((element) => [...this.cards].find(([, card]) => card.element === element)[0]);
		const at = ids.indexOf(id), to = Math.max(0, Math.min(ids.length - 1, at + step));
		ids.splice(to, 0, ...ids.splice(at, 1));
		this.kept.order = [...ids, ...this.kept.order.filter((each) => !ids.includes(each))];
		const focused = document.activeElement;
		this.save();
		focused?.focus();
	}

	hide(id) {
		this.kept.hidden = [...new Set([...this.kept.hidden, id])];
		this.save();
	}

	rename(id) {
		formDialog({
			title: `Name of ${id}`, verb: "Keep", lead: [{ name: "name", label: "Name", type: "string", value: this.nameOf(id), help: "shown on this page; empty gives it back its own" }],
			submit: async (params, { name }) => {
				this.kept.names = { ...this.kept.names };
				if (name && name !== id)
					this.kept.names[id] = name;
				else
					delete this.kept.names[id];
				await this.save();
			},
		});
	}

	draw() {
		const { instances, channels, servers } = host.state;
		if (!instances)
			return;
		const order = new Map(this.kept.order.map((id, at) => [id, at]));
		const shown = instances.filter((each) => host.kindOf(each).kind !== "rule" && each.plugin !== "control" && !this.kept.hidden.includes(each.id))
			.sort((a, b) => (order.get(a.id) ?? 1e6) - (order.get(b.id) ?? 1e6));
		const byServer = new Map((servers ?? []).map((server) => [server.id, server]));
		const devices = [], services = [];
		for (const instance of shown) {
			if (!this.cards.has(instance.id)) {
				this.cards.set(instance.id, new Card(this, instance.id));
				this.cards.get(instance.id).tools.hidden = !this.isArranging;
			}
			const card = this.cards.get(instance.id);
			card.update(instance, channels, byServer.get(instance.id));
			(host.kindOf(instance).kind === "service" ? services : devices).push(card.element);
		}
		for (const id of this.cards.keys())
			if (!shown.some((each) => each.id === id))
				this.cards.delete(id);
		arrangeChildren(this.list, devices);
		arrangeChildren(this.services, services);
		this.nothing.hidden = devices.length > 0;
		this.devicesBox.hidden = !devices.length;
		this.servicesBox.hidden = !services.length;
		this.watchAll(shown, channels);
		this.drawHidden();
		this.drawProblems(instances);
	}

	watchAll(shown, channels) {
		const wanted = new Map(shown.map((each) => [each.id, host.channelsOf(each, channels).recv?.id]).filter(([, channel]) => channel).slice(0, WATCHED));
		for (const [id, { channel, end }] of this.watches)
			if (wanted.get(id) !== channel) {
				end();
				this.watches.delete(id);
			}
		for (const [id, channel] of wanted)
			if (!this.watches.has(id))
				this.watches.set(id, { channel, end: this.api.sample(channel, (message) => note(id, message)) });
	}

	drawHidden() {
		const count = this.kept.hidden.length;
		this.hiddenBox.hidden = !count;
		if (count !== this.hiddenCount)
			this.hiddenBox.replaceChildren(`${count} hidden `, h("button", {
				type: "button", class: "small quiet", onclick: () => {
					this.kept.hidden = [];
					this.save();
				},
			}, "Show all"));
		this.hiddenCount = count;
	}

	drawProblems(instances) {
		const wrong = instances.filter((each) => each.state !== "ok").sort((a, b) => (a.state === "failed" ? 0 : 1) - (b.state === "failed" ? 0 : 1));
		const signature = JSON.stringify(wrong.map((each) => [each.id, each.state, each.reason, this.nameOf(each.id), Math.floor(each.state_age / 60)]));
		if (signature === this.drawn)
			return;
		this.drawn = signature;
		this.problems.className = `problems ${wrong.length ? wrong.some((each) => each.state === "failed") ? "bad" : "warn" : "good"}`;
		if (!wrong.length) {
			this.problems.replaceChildren(h("p", { class: "all-good" }, h("span", { class: "tick", "aria-hidden": "true" }, "✓"), "Everything is all right"));
			return;
		}
		this.problems.replaceChildren(h("h2", null, icon("warning", 20), wrong.length === 1 ? " 1 problem" : ` ${wrong.length} problems`), h("ul", null, wrong.map((each) => h("li", null,
			h("span", { class: `badge ${host.stateKind(each.state)}` }, each.state), h("strong", null, this.nameOf(each.id)), h("span", { class: "why" }, each.reason || "no reason was given"),
			h("span", { class: "muted since" }, duration(each.state_age)),
			h("a", { href: host.kindOf(each).kind === "rule" ? "#/automations" : `#/services?id=${encodeURIComponent(each.id)}`, "aria-label": `Look at ${each.id}` }, "Look")))));
	}

	count(error) {
		const now = rates.host, last = rates.samples.at(-1);
		if (!now)
			return;
		const parts = [`up ${duration(now.uptime)}`, last ? `${short(100 * last.cpu)} % processor` : null, bytes(now.resident), last ? `${short(last.messages)} messages/s` : null,
			`${number(now.sessions)} ${now.sessions === 1 ? "session" : "sessions"}`, now.lost ? `${number(now.lost)} lost` : "nothing lost"].filter(Boolean);
		if (!this.countText) {
			this.countText = h("span", null);
			this.counters.append(this.countText, " ", h("a", { href: "#/host" }, "Details of the host"));
		}
		put(this.countText, parts.join(" · "));
	}
}

function arrangeChildren(parent, wanted) {
	if (wanted.length === parent.children.length && wanted.every((element, at) => parent.children[at] === element))
		return;
	parent.replaceChildren(...wanted);
}

export function show(element, api) {
	const home = new Home(api, element);
	api.kept("home", home.kept).then((kept) => {
		home.kept = { order: [], names: {}, hidden: [], ...kept };
		home.draw();
	});
	const ends = [host.listen((state, error) => {
		notice(home.box, error ? sentence(error) : "");
		home.draw();
	}), rates.listen((error) => home.count(error))];
	home.count();
	return () => {
		ends.forEach((end) => end());
		home.watches.forEach(({ end }) => end());
	};
}
