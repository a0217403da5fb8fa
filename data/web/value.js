// SPDX-License-Identifier: MIT
// value.js - what a message says: its numbers with names and units, or its first line.
import { messageText } from "./stream.js";
import { visible } from "./ansi.js";

const UNITS = [
	[/celsius|temp(erature)?$|_c$/i, "°C"], [/humid|percent|battery|soc$/i, "%"], [/volt/i, "V"], [/amp|current/i, "A"], [/watt|power/i, "W"],
	[/hpa|pressure/i, "hPa"], [/rssi|dbm/i, "dBm"], [/ppm|co2/i, "ppm"], [/lux|illum/i, "lx"], [/_ms$|millis/i, "ms"], [/seconds|_s$/i, "s"],
	[/bytes/i, "B"], [/rpm/i, "rpm"], [/meter|_m$/i, "m"], [/^(T|B)$/, "°C"], [/^(X|Y|Z)$/, "mm"],
];
const MOST = 12, LONGEST = 16384;

export function unitOf(name) {
	return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? "";
}

function collect(value, path, found) {
	if (found.length >= MOST)
		return;
	if (typeof value === "number")
		found.push({ name: path, value, unit: unitOf(path) });
	else if (value && typeof value === "object")
		for (const [name, member] of Object.entries(value))
			collect(member, path ? `${path}.${name}` : name, found);
}

// [{name, value, unit}] of a message in JSON or text; at most a dozen.
export function numbers(message) {
	const text = messageText(message).slice(0, LONGEST).trim(), found = [];
	if (/^[{["\dtf-]/.test(text)) {
		try {
			collect(JSON.parse(text), "", found);
			return found;
		} catch {
			// Text then.
		}
	}
	for (const match of text.matchAll(/(?:([A-Za-z][\w.]*)\s*[:=]\s*)?(?<![\w.])([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*(°C|%|[a-zA-Z]{1,3}\b)?/g)) {
		found.push({ name: match[1] ?? "", value: Number(match[2]), unit: match[3] ?? unitOf(match[1] ?? "") });
		if (found.length >= MOST)
			break;
	}
	return found;
}

export function tidy(value) {
	if (!Number.isFinite(value))
		return "–";
	if (Number.isInteger(value))
		return value.toLocaleString("en");
	return Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3 ? value.toPrecision(3) : String(Number(value.toPrecision(Math.abs(value) < 100 ? 4 : 6)));
}

// One line of it, for lists.
export function headline(message) {
	const text = visible(messageText(message).slice(0, 300)).trim();
	return text.split("\n", 1)[0].slice(0, 120) || "(empty)";
}
