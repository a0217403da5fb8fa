// SPDX-License-Identifier: MIT
// store.js - what this browser remembers. A browser that forbids storage only forgets.
const PREFIX = "backplane.";

export function load(key, fallback) {
	try {
		const text = localStorage.getItem(PREFIX + key);
		return text === null ? fallback : JSON.parse(text);
	} catch {
		return fallback;
	}
}

export function save(key, value) {
	try {
		localStorage.setItem(PREFIX + key, JSON.stringify(value));
	} catch {
		// Full or forbidden.
	}
}

// theme.js reads this one without a parser.
export function saveTheme(theme) {
	try {
		if (theme)
			localStorage.setItem(PREFIX + "theme", theme);
		else
			localStorage.removeItem(PREFIX + "theme");
	} catch {
		// Full or forbidden.
	}
}
