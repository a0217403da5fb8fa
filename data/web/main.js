// SPDX-License-Identifier: MIT
// main.js - the frame around the views: navigation by the part after #, the state of the connection, colours, plugins' views.
//
// A view, ours or a plugin's, is a module with `title` and `show(element, api)`, which gives a function that ends it.
import * as api from "./api.js";
import * as rates from "./rates.js";
import * as store from "./store.js";
import { h, svg, toast, sentence, pageHead } from "./dom.js";
import * as overview from "./overview.js";
import * as console_ from "./console.js";
import * as channels from "./channels.js";
import * as modules from "./modules.js";
import * as plugins from "./plugins.js";
import * as jobs from "./jobs.js";
import * as sessions from "./sessions.js";
import * as settings from "./settings.js";

const ICONS = {
	overview: "M3 13h4l3-8 4 14 3-6h4",
	console: "M4 6l5 5-5 5M12 18h8",
	channels: "M4 9a11 11 0 0 1 16 0M7 13a7 7 0 0 1 10 0M12 18h.01",
	modules: "M4 4h7v7H4zM13 13h7v7h-7zM13 4h7v7h-7zM4 13h7v7H4z",
	plugins: "M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3",
	jobs: "M4 6h16M4 12h10M4 18h6",
	sessions: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
	settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
	other: "M5 5h14v14H5z",
};

const views = [
	{ id: "overview", module: overview },
	{ id: "console", module: console_ },
	{ id: "channels", module: channels },
	{ id: "modules", module: modules },
	{ id: "plugins", module: plugins },
	{ id: "jobs", module: jobs, hidden: true },
	{ id: "sessions", module: sessions },
	{ id: "settings", module: settings },
];
const place = document.getElementById("view");
const main = document.getElementById("main");
let current = null, end = null, turn = 0;

/* --- navigation --- */

function drawNav() {
	const focused = document.activeElement?.dataset?.view;
	document.getElementById("nav").replaceChildren(h("ul", null, views.filter((view) => !view.hidden).map((view) => h("li", null,
		h("a", { href: `#/${view.id}`, "data-view": view.id, "aria-current": view.id === current ? "page" : null },
			svg("svg", { viewBox: "0 0 24 24", width: 18, height: 18, "aria-hidden": "true" }, svg("path", { d: ICONS[view.id] ?? ICONS.other })),
			h("span", null, view.title ?? view.module.title))))));
	if (focused)
		document.querySelector(`#nav a[data-view="${CSS.escape(focused)}"]`)?.focus();
	document.querySelector("#nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function route(first) {
	const id = location.hash.replace(/^#\/?/, "").split("?")[0] || "overview";
	const view = views.find((each) => each.id === id) ?? (id.startsWith("view/") ? null : views[0]);
	if (view && view.id === current)
		return;
	const mine = ++turn;
	end?.();
	end = null;
	current = view?.id ?? id;
	drawNav();
	place.replaceChildren();
	place.className = `view-${view?.url ? "plugin" : current}`;
	if (!view)
		return; // a plugin's view that has not been heard of yet
	document.title = `${view.title ?? view.module.title} – ${hostName}`;
	const element = h("div", { class: "view" });
	place.append(element);
	try {
		const module = view.module ?? await import(new URL(view.url, document.baseURI));
		if (mine !== turn)
			return;
		const ended = module.show(element, { ...api });
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
	views.find(({ id }) => id === "jobs").hidden = !work;
	if (Array.isArray(found)) {
		const own = views.filter((view) => !view.url);
		views.splice(0, views.length, ...own, ...found.map(({ id, title, url }) => ({ id: `view/${id}`, title: title ?? id, url: url ?? `views/${id}.js` })));
	}
	if (JSON.stringify(views.map(({ id, hidden }) => [id, hidden])) === before)
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
	say("good", "live");
});
api.on("hello", ({ hello, restarted }) => {
	if (wasLost)
		toast(restarted ? "The host was started anew; this page is connected again." : "Connected again.");
	wasLost = false;
	if (greeted && greeted !== hello.version)
		toast(`The host runs version ${hello.version} now; load this page anew to have the page of that version.`);
	greeted = hello.version;
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
