// SPDX-License-Identifier: MIT
// rates.js - samples the host's counters as long as the page is open, whatever view is shown, so that the charts of the
// overview have a past. What the host counts becomes rates here.
import * as api from "./api.js";
import { SPAN } from "./chart.js";

export const samples = []; // {time, messages, bytes, loops: {name: {events, turns}}}
export let host = null;
const listeners = new Set();
let before = null, pid = null;

function rate(now, then, seconds) {
	return typeof now === "number" && typeof then === "number" ? Math.max(0, now - then) / seconds : 0;
}

function take(answer) {
	const time = performance.now() / 1000;
	host = answer = Array.isArray(answer) ? answer[0] : answer;
	if (pid !== answer.pid) {
		pid = answer.pid;
		before = null; // started anew: its counters begin at zero
	}
	if (before && time - before.time > 0.2) {
		const seconds = time - before.time;
		const loops = {};
		for (const loop of answer.loops ?? []) {
			const then = before.host.loops?.find(({ name }) => name === loop.name);
			if (then)
				loops[loop.name] = { events: rate(loop.events, then.events, seconds), turns: rate(loop.turns, then.turns, seconds) };
		}
		samples.push({
			time, loops, messages: rate(answer.messages, before.host.messages, seconds),
			bytes: rate(answer.bytes, before.host.bytes, seconds),
		});
		while (samples.length && samples[0].time < time - SPAN)
			samples.shift();
	}
	before = { time, host: answer };
	for (const func of listeners)
		func(null);
}

export function start() {
	return api.poll(() => api.list("host"), take, (error) => error && listeners.forEach((func) => func(error)));
}

// Calls `func` after each sample, with null, or with the error. Gives a function that ends it.
export function listen(func) {
	listeners.add(func);
	return () => listeners.delete(func);
}
