// SPDX-License-Identifier: MIT
// main.js - the frame around the views: navigation by the part after #, the state of the connection, colours, plugins' views.
//
// A view, ours or a plugin's, is a module with `title` and `show(element, api)`, which gives a function that ends it.
import * as api from "./api.js";
import * as rates from "./rates.js";
import * as store from "./store.js";
import { h, toast, sentence, pageHead, empty } from "./dom.js";
import * as home from "./home.js";
import * as console_ from "./console.js";
import { icon, hasIcon } from "./icons.js";

// `parent` makes a view a tab of another one; those with `load` are loaded when they are shown first.
const views = [
	{ id: "home", title: "Home", module: home },
	{ id: "devices", title: "Devices", load: () => import("./devices.js") },
	{ id: "terminals", title: "Terminals", parent: "devices", load: () => import("./terminals.js") },
	{ id: "channels", title: "Channels", load: () => import("./channels.js") },
	{ id: "services", title: "Services", load: () => import("./services.js") },
	{ id: "sessions", title: "Sessions", parent: "services", load: () => import("./sessions.js") },
	{ id: "console", title: "Console", module: console_ },
	{ id: "automations", title: "Automations", load: () => import("./automations.js") },
	{ id: "jobs", title: "Jobs", load: () => import("./jobs.js"), hidden: true },
	{ id: "settings", title: "Settings", load: () => import("./settings.js") },
	{ id: "plugins", title: "Plugins", parent: "settings", load: () => import("./plugins.js") },
	{ id: "help", title: "Help", load: () => import("./help.js") },
	{ id: "host", title: "Host", parent: "settings", load: () => import("./overview.js") },
];
const OLD = { overview: "home", modules: "services" }; // as they were called once
const place = document.getElementById("view");
const main = document.getElementById("main");
let current = null, end = null, turn = 0, looked = false;

/* --- navigation --- */

function shown(id) {
	return views.find((view) => view.id === id);
}

function drawNav() {
	const focused = document.activeElement?.dataset?.view, at = shown(current)?.parent ?? current;
	document.getElementById("nav").replaceChildren(h("ul", null, views.filter((view) => !view.hidden && !view.parent).map((view) => h("li", null,
		h("a", { href: `#/${view.id}`, "data-view": view.id, "aria-current": view.id === at ? "page" : null },
			icon(hasIcon(view.icon ?? view.id) ? view.icon ?? view.id : "other"), h("span", null, view.title))))));
	if (focused)
		document.querySelector(`#nav a[data-view="${CSS.escape(focused)}"]`)?.focus();
	document.querySelector("#nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
	drawTabs();
}

// The views of a group, above the one that is shown.
function drawTabs() {
	const parent = shown(current)?.parent ?? current, group = views.filter((view) => !view.hidden && (view.id === parent || view.parent === parent));
	const tabs = document.getElementById("tabs");
	tabs.hidden = group.length < 2;
	tabs.setAttribute("aria-label", shown(parent)?.title ?? "");
	tabs.replaceChildren(...(tabs.hidden ? [] : group.map((view) => h("a", { href: `#/${view.id}`, "data-view": view.id, "aria-current": view.id === current ? "page" : null }, view.tab ?? view.title))));
}

function unknown(element, id) {
	element.append(pageHead("Not found"), h("section", { class: "card" }, empty(`There is no view ${id}`, "It may belong to a plugin that is not loaded. ", h("a", { href: "#/home" }, "Go to Home"), ".")));
}

async function route(first) {
	const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
	const id = OLD[path] ?? (path || "home"), view = shown(id);
	if (id === current && first !== true && (place.query ?? "") === (query ?? ""))
		return;
	const mine = ++turn;
	end?.();
	end = null;
	current = id;
	place.query = query ?? "";
	drawNav();
	place.replaceChildren();
	place.className = `view-${view?.url ? "plugin" : view ? id : "unknown"}`;
	if (!view && !looked && id.startsWith("view/"))
		return; // a plugin's view that has not been heard of yet
	document.title = `${view?.title ?? "Not found"} – ${hostName}`;
	const element = h("div", { class: "view" });
	place.append(element);
	if (!view) {
		unknown(element, id);
		return;
	}
	try {
		const module = view.module ?? await (view.load ? view.load() : import(new URL(view.url, document.baseURI)));
		if (mine !== turn)
			return;
		const ended = module.show(element, { ...api, query: new URLSearchParams(query ?? "") }, view);
		end = typeof ended === "function" ? ended : null;
	} catch (error) {
		element.replaceChildren(pageHead(view.title ?? view.id), h("p", { class: "notice error", role: "alert" }, `This view does not work: ${sentence(error)}`));
	}
	if (first !== true) {
		main.focus({ preventScroll: true });
		scrollTo(0, 0);
	}
}

addEventListener("hashchange", route);
document.getElementById("skip").addEventListener("click", (event) => {
	event.preventDefault();
	main.focus();
});

/* --- what there is: jobs, and views that plugins bring --- */

async function look() {
	const found = await api.list("views").catch(() => null);
	const work = await api.list("jobs").then(Array.isArray, () => false);
	if (!found)
		return; // the host is gone, and not its jobs
	const before = JSON.stringify(views.map(({ id, hidden }) => [id, hidden]));
	shown("jobs").hidden = !work;
	if (Array.isArray(found)) {
		const own = views.filter((view) => !view.url), at = own.findIndex(({ id }) => id === "settings");
		own.splice(at, 0, ...found.map(({ id, title, url }) => ({ id: `view/${id}`, icon: id, title: title ?? id, url: url ?? `views/${id}.js` })));
		views.splice(0, views.length, ...own);
	}
	const anew = !looked || JSON.stringify(views.map(({ id, hidden }) => [id, hidden])) !== before;
	looked = true;
	if (!anew)
		return;
	drawNav();
	if (!end && current?.startsWith("view/")) {
		current = null;
		route(true);
	}
}

api.poll(look, () => {}, null, 10000);
// A plugin came or went by our hand.
api.on("changed", look);

/* --- the connection --- */

const lost = document.getElementById("lost"), lostText = document.getElementById("lost-text");
let hostName = "Backplane", countdown = 0, wasLost = false, greeted = null;
let answers = false, refused = 0; // without a live connection: the host answers requests; how often it was refused since

function explain() {
	const text = refused > 1
		? "The host answers, but the live connection to it is refused. A proxy between may not pass WebSocket: have it pass Upgrade for /ws, or open this page at the host itself. Until then messages cannot be watched."
		: greeted ? "The connection to the host was lost; what you see may be old."
			: "There is no live connection to the host; messages cannot be watched.";
	// Numbers that count down are for eyes only: the alert is read once.
	if (lost.hidden || lostText.firstChild.data !== text)
		lostText.replaceChildren(text, h("span", { id: "lost-in", "aria-hidden": "true" }));
	lost.hidden = false;
	document.documentElement.classList.add("gone"); // what is known stays, greyed
}

function say(state, text) {
	document.getElementById("link").className = `pill needs-script ${state}`;
	const place = document.getElementById("link-text");
	if (place.textContent !== text)
		place.textContent = text;
}

api.on("closed", ({ in: pause, tries }) => {
	clearInterval(countdown);
	const until = performance.now() + pause;
	if (tries < 2)
		answers = false;
	refused = answers ? refused + 1 : 0;
	if (refused > 1)
		say("warn", "not live");
	else if (tries < 2 && !wasLost)
		say("warn", "reconnecting");
	else
		say("bad", "no connection");
	wasLost = true;
	const tell = () => {
		const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
		document.getElementById("lost-in").textContent = left ? ` Next try in ${left} s.` : " Trying…";
	};
	explain();
	tell();
	countdown = setInterval(tell, 500);
});
api.on("open", () => {
	clearInterval(countdown);
	lost.hidden = true;
	document.documentElement.classList.remove("gone");
	say("good", "live");
});
api.on("hello", ({ hello, restarted }) => {
	if (wasLost)
		toast(restarted ? "The host was started anew; this page is connected again." : "Connected again.");
	wasLost = false;
	if (greeted && greeted !== hello.version)
		toast(`The host runs version ${hello.version} now; load this page anew to have the page of that version.`);
	greeted = hello.version;
	api.get("/me").then((me) => {
		const form = document.getElementById("logout");
		form.hidden = !me.login || !me.name;
		form.firstElementChild.textContent = `Log out ${me.name}`;
		form.firstElementChild.title = `You are ${me.role}.`;
	}).catch(() => {});
	api.forgetKept();
	look();
});
api.on("dropped", ({ count }) => toast(`This browser was too slow: ${count} messages were left out.`));
document.getElementById("lost-now").addEventListener("click", () => api.connect());
rates.listen((error) => {
	// A host that answers again is tried at once.
	if (!api.isOpen() && !error && !answers)
		api.connect();
	answers = !error;
	if (error || !rates.host?.name || rates.host.name === hostName)
		return;
	hostName = rates.host.name;
	document.getElementById("host").textContent = hostName;
	document.title = document.title.replace(/ – .*$/, ` – ${hostName}`);
});

/* --- colours --- */

const themes = ["", "light", "dark"];
const themeButton = document.getElementById("theme");

function showTheme() {
	const theme = document.documentElement.dataset.theme ?? "";
	themeButton.textContent = `Theme: ${theme || "system"}`;
}

themeButton.addEventListener("click", () => {
	const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "") + 1) % themes.length];
	if (next)
		document.documentElement.dataset.theme = next;
	else
		delete document.documentElement.dataset.theme;
	store.saveTheme(next);
	showTheme();
	dispatchEvent(new Event("themechange"));
});
showTheme();

/* --- start --- */

// The answer of a form is shown in the console; loading the page anew must not run it again.
const output = document.getElementById("output");
if (output) {
	output.remove();
	console_.showOutput(output);
	history.replaceState(null, "", "/#/console");
}
api.connect();
rates.start();
route(true);
