// SPDX-License-Identifier: MIT
// rates.js - the host's counters as rates, as long as the page is open and whatever view is shown. The past is what the host
// noted itself (resource history): a page has charts when it is opened, and again after it was hidden or cut off. Times are
// the host's, seconds since 1970.
import * as api from "./api.js";
import { SPAN } from "./chart.js";

const GAP = 10; // seconds without an answer after which the host's own notes are better than a straight line

export const samples = []; // {time, cpu in parts of a core, messages and bytes a second, connections}
export const loopEvents = new Map(); // name of a loop -> events a second
export let host = null;
const listeners = new Set();
let before = null; // the counters, as they were at `time`

function rate(now, then, seconds) {
	return typeof now === "number" && typeof then === "number" ? Math.max(0, now - then) / seconds : 0;
}

function add(row) {
	const seconds = row.time - (before?.time ?? row.time);
	if (before && seconds < 1) // too little to tell
		return;
	if (before) {
		const [cpu, messages, bytes] = ["cpu", "messages", "bytes"].map((name) => rate(row[name], before[name], seconds));
		samples.push({ time: row.time, cpu, messages, bytes, connections: row.connections ?? 0 });
		for (const { name, events } of row.loops ?? [])
			loopEvents.set(name, rate(events, before.loops?.find((loop) => loop.name === name)?.events, seconds));
	}
	while (samples.length && samples[0].time < row.time - SPAN)
		samples.shift();
	before = row;
}

async function ask() {
	const answer = [await api.list("host")].flat()[0];
	const time = answer.started + answer.uptime;
	// A host that started anew has counters that begin at zero, and notes of its own.
	const anew = before?.started !== answer.started || Math.abs(time - before.time) > GAP;
	const past = anew ? await api.list("history").catch(() => []) : null;
	return { ...answer, time, past };
}

function take(answer) {
	if (answer.past) {
		samples.length = 0;
		before = null;
		answer.past.filter(({ time }) => time <= answer.time).forEach(add);
	}
	add(answer);
	before.started = answer.started;
	host = answer;
	for (const func of listeners)
		func(null);
}

export function start() {
	return api.poll(ask, take, (error) => error && listeners.forEach((func) => func(error)));
}

// Calls `func` after each sample, with null, or with the error. Gives a function that ends it.
export function listen(func) {
	listeners.add(func);
	return () => listeners.delete(func);
}
