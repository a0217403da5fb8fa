// SPDX-License-Identifier: MIT
// api.js - the host, over one WebSocket that connects again by itself, and over REST.
//
// Lists, commands and messages come by WebSocket as long as it is open; requests that change something are REST, because
// their problems name what is wrong. Every call that fails throws an Error whose message is a sentence for people.
import * as store from "./store.js";

const PING = 20000, ANSWER = 10000, LONGEST_PAUSE = 10000, SAMPLE = 1000;

class Problem extends Error {
	constructor(message, status) {
		super(message);
		this.status = status;
	}
}

const state = {
	socket: null,
	open: false,
	tries: 0,
	timer: 0,
	next: 1,
	waiting: new Map(), // id -> { resolve, reject, output, timer }
	watches: new Map(), // pattern -> Set of functions
	samples: new Map(), // the same, of those that want the last message of each second
	matchers: new Map(), // pattern with * or ? -> RegExp
	hello: null,
	heard: 0,
};
const listeners = new EventTarget();

function emit(type, detail) {
	listeners.dispatchEvent(new CustomEvent(type, { detail }));
}

// "open" {hello, again, restarted}, "closed" {in ms}, "dropped" {count}. Gives a function that ends it.
export function on(type, func) {
	const listener = (event) => func(event.detail);
	listeners.addEventListener(type, listener);
	return () => listeners.removeEventListener(type, listener);
}

export function isOpen() {
	return state.open;
}

/* --- the socket --- */

export function connect() {
	clearTimeout(state.timer);
	if (state.socket)
		return;
	const address = new URL("ws", document.baseURI);
	address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
	address.hash = "";
	const socket = new WebSocket(address.href, ["backplane.v1"]);
	state.socket = socket;
	socket.onopen = () => opened(socket);
	socket.onmessage = (event) => received(event.data);
	socket.onclose = () => closed(socket);
}

function opened(socket) {
	if (socket !== state.socket)
		return;
	state.open = true;
	state.heard = Date.now();
	for (const pattern of new Set([...state.watches.keys(), ...state.samples.keys()]))
		tell(wanted(pattern));
	const again = state.tries > 0;
	state.tries = 0;
	emit("open", { again });
}

function closed(socket) {
	if (socket !== state.socket)
		return;
	state.socket = null;
	state.open = false;
	for (const wait of state.waiting.values()) {
		clearTimeout(wait.timer);
		wait.reject(new Problem("the connection was lost before the answer came", 0));
	}
	state.waiting.clear();
	const pause = Math.min(LONGEST_PAUSE, 500 * 2 ** state.tries) * (0.8 + 0.4 * Math.random());
	state.tries++;
	state.timer = setTimeout(connect, pause);
	emit("closed", { in: pause, tries: state.tries });
	get("/me").catch(() => {}); // who is not logged in any more is led to the form
}

function tell(object) {
	state.socket.send(JSON.stringify(object));
}

function received(data) {
	state.heard = Date.now();
	let message;
	try {
		message = JSON.parse(data);
	} catch {
		return;
	}
	if (message.op === "message")
		dispatch(message);
	else if (message.op === "output")
		state.waiting.get(message.id)?.output?.(message.text, message.style);
	else if (message.op === "ok" || message.op === "error")
		answered(message);
	else if (message.op === "dropped")
		emit("dropped", { count: message.count });
	else if (message.op === "hello") {
		const before = state.hello;
		state.hello = message;
		emit("hello", { hello: message, restarted: before && (before.pid !== message.pid || before.started !== message.started) });
	}
}

function answered(message) {
	const wait = state.waiting.get(message.id);
	if (!wait)
		return;
	state.waiting.delete(message.id);
	clearTimeout(wait.timer);
	if (message.op === "ok")
		wait.resolve(message);
	else
		wait.reject(new Problem(message.error ?? "the host refused, and did not say why", 400));
}

// One request over the socket. Commands may take their time; everything else answers soon or the line is dead.
function ask(object, { output, patient } = {}) {
	if (!state.open)
		return Promise.reject(new Problem("there is no connection to the host", 0));
	const id = state.next++;
	return new Promise((resolve, reject) => {
		const timer = patient ? 0 : setTimeout(() => {
			state.waiting.delete(id);
			reject(new Problem("the host did not answer in time", 0));
		}, ANSWER);
		state.waiting.set(id, { resolve, reject, output, timer });
		tell({ id, ...object });
	});
}

// A line that is dead without saying so is noticed here.
setInterval(() => {
	if (!state.open)
		return;
	if (Date.now() - state.heard > PING + ANSWER)
		state.socket.close();
	else
		ask({ op: "ping" }).catch(() => state.socket?.close());
}, PING);
addEventListener("online", connect);
document.addEventListener("visibilitychange", () => document.hidden || connect());

/* --- watching --- */

export function globMatcher(pattern) {
	if (!/[*?]/.test(pattern))
		return null;
	const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
	return new RegExp(`^${escaped}$`, "s");
}

function dispatch(message) {
	for (const watches of message.sampled ? [state.samples] : [state.watches, state.samples]) {
		watches.get(message.channel)?.forEach((func) => func(message));
		for (const [pattern, matcher] of state.matchers)
			if (watches.has(pattern) && matcher.test(message.channel))
				watches.get(pattern).forEach((func) => func(message));
	}
}

// What the host is asked for: each message, if somebody wants each.
function wanted(pattern) {
	return { op: "watch", channel: pattern, ...(state.watches.has(pattern) ? {} : { every: SAMPLE }) };
}

function add(watches, pattern, func) {
	let ready = Promise.resolve();
	if (!watches.has(pattern)) {
		const known = state.watches.has(pattern);
		watches.set(pattern, new Set());
		if (/[*?]/.test(pattern))
			state.matchers.set(pattern, globMatcher(pattern));
		if (state.open && !known)
			ready = ask(wanted(pattern));
	}
	watches.get(pattern).add(func);
	const end = () => {
		const funcs = watches.get(pattern);
		if (!funcs?.delete(func) || funcs.size)
			return;
		watches.delete(pattern);
		const needed = state.watches.has(pattern) || state.samples.has(pattern);
		if (!needed)
			state.matchers.delete(pattern);
		if (state.open && (!needed || watches === state.watches))
			ask(needed ? wanted(pattern) : { op: "unwatch", channel: pattern }).catch(() => {});
	};
	ready.catch(() => {});
	end.ready = ready;
	return end;
}

// `func` gets each message of the channels that match, now and after every reconnect. Gives a function that ends it; its
// `ready` is a promise that tells what the host thinks of the first attempt.
export const watch = (pattern, func) => add(state.watches, pattern, func);
// The same for the last message of each channel, once a second at most: for what is only looked at.
export const sample = (pattern, func) => add(state.samples, pattern, func);

/* --- REST --- */

async function request(method, path, body) {
	const options = { method, headers: { Accept: "application/json" }, credentials: "same-origin" };
	if (method !== "GET")
		options.headers["X-Backplane"] = "1";
	if (body !== undefined) {
		options.headers["Content-Type"] = "application/json";
		options.body = JSON.stringify(body);
	}
	let answer;
	try {
		answer = await fetch(new URL(`api/v1${path}`, document.baseURI), options);
	} catch {
		throw new Problem("the host cannot be reached; is it still running?", 0);
	}
	const text = await answer.text();
	let value = null;
	try {
		value = text ? JSON.parse(text) : null;
	} catch {
		if (answer.ok)
			throw new Problem("the host answered something that is not JSON", answer.status);
	}
	if (answer.status === 401)
		location.assign(new URL("login", document.baseURI));
	if (!answer.ok)
		throw new Problem(value?.detail || value?.title || `the host answered ${answer.status} ${answer.statusText}`, answer.status);
	return value;
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);
export const put = (path, body) => request("PUT", path, body);
export const del = (path) => request("DELETE", path);

// An id as a part of a path: slashes stay, so that channels read as they are written.
export function part(id) {
	return String(id).split("/").map(encodeURIComponent).join("/");
}

/* --- what both can do --- */

// The array (or the object, for "host") of a resource.
export async function list(what) {
	if (!state.open)
		return get(`/${what}`);
	const answer = await ask({ op: "list", what });
	return answer.items ?? answer[what] ?? answer.list ?? answer.result ?? answer;
}

// Runs a command line; `output` gets the text as it comes. Gives {status, output}.
export async function run(command, output) {
	if (!state.open) {
		const answer = await post("/commands/run", { command });
		output?.(answer.output);
		return answer;
	}
	let text = "";
	const answer = await ask({ op: "run", command }, {
		patient: true,
		output: (piece, style) => {
			text += piece;
			output?.(piece, style);
		},
	});
	return { status: answer.status ?? 0, output: text };
}

// Ends the command that runs, and those that wait for it.
export function interrupt() {
	return ask({ op: "interrupt" });
}

export async function complete(line, cursor) {
	if (!state.open)
		return get(`/complete?line=${encodeURIComponent(line)}&cursor=${cursor}`);
	return ask({ op: "complete", line, cursor });
}

// content: { text } or { base64 }.
export async function send(channel, content) {
	if (!state.open)
		return post(`/channels/${part(channel)}/send`, content);
	return ask({ op: "send", channel, ...content });
}

// Asks again and again while the page is seen, never faster than the host can answer. Gives a function that ends it,
// whose `now` asks at once. `fail` (may be left out) gets the error, or null when it goes again.
export function poll(work, show, fail, interval = 2000) {
	let timer = 0, ended = false, running = false;
	const turn = async () => {
		clearTimeout(timer);
		if (ended || running)
			return;
		running = true;
		const begun = performance.now();
		try {
			if (!document.hidden) {
				const answer = await work();
				if (!ended) {
					show(answer);
					fail?.(null);
				}
			}
		} catch (error) {
			// That the host is gone the banner says, once for all.
			if (!ended && (error.status !== 0 || !document.documentElement.classList.contains("gone")))
				fail?.(error);
		}
		running = false;
		if (!ended)
			timer = setTimeout(turn, Math.max(interval, 8 * (performance.now() - begun)));
	};
	const off = on("open", turn);
	document.addEventListener("visibilitychange", turn);
	const end = () => {
		ended = true;
		clearTimeout(timer);
		off();
		document.removeEventListener("visibilitychange", turn);
	};
	end.now = turn;
	turn();
	return end;
}

/* --- documents of the page that the host keeps (plugin board); a browser keeps them where it does not --- */

const documents = new Map();

export async function kept(id, fallback) {
	if (!documents.has(id))
		documents.set(id, get(`/page/${id}`).then(({ value }) => value, () => store.load(`page.${id}`, null)));
	return (await documents.get(id)) ?? fallback;
}

export async function keep(id, value) {
	documents.set(id, Promise.resolve(value));
	store.save(`page.${id}`, value);
	await post(`/page/${id}/set`, { value: JSON.stringify(value) }).catch((error) => {
		if (error.status !== 404)
			throw error;
	});
}

// Another browser may have changed them.
export function forgetKept() {
	documents.clear();
}

// A plugin came or went, and with it perhaps views and resources.
export function changed() {
	emit("changed", null);
}
