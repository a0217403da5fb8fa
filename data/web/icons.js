// SPDX-License-Identifier: MIT
// icons.js - line drawings of 24 by 24.
import { svg } from "./dom.js";

const PATHS = {
	home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
	devices: "M7 3v5M17 3v5M5 8h14v4a7 7 0 0 1-14 0zM12 19v3",
	channels: "M4 9a11 11 0 0 1 16 0M7 13a7 7 0 0 1 10 0M12 18h.01",
	services: "M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01",
	console: "M4 6l5 5-5 5M12 18h8",
	automations: "M13 3L5 14h6l-1 7 8-11h-6z",
	settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
	jobs: "M4 6h16M4 12h10M4 18h6",
	sessions: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
	plugins: "M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3",
	serial: "M4 8h16l-2 8H6zM8 11h.01M12 11h.01M16 11h.01M10 13.5h.01M14 13.5h.01",
	network: "M12 4v6M5 20v-5h14v5M12 10v5M9.5 4h5v4h-5zM3 17h4v4H3zM17 17h4v4h-4z",
	mesh: "M12 5a2 2 0 1 0 0-.01M5 18a2 2 0 1 0 0-.01M19 18a2 2 0 1 0 0-.01M11 7l-5 9M13 7l5 9M7 18h10",
	nodes: "M12 5a2 2 0 1 0 0-.01M5 18a2 2 0 1 0 0-.01M19 18a2 2 0 1 0 0-.01M11 7l-5 9M13 7l5 9M7 18h10",
	scripts: "M8 4H6a2 2 0 0 0-2 2v4l-2 2 2 2v4a2 2 0 0 0 2 2h2M16 4h2a2 2 0 0 1 2 2v4l2 2-2 2v4a2 2 0 0 1-2 2h-2",
	machines: "M4 20h16M6 20V8h12v12M9 8V4h6v4M12 12v4",
	server: "M4 4h16v6H4zM4 14h16v6H4zM8 7h.01M8 17h.01",
	link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
	terminal: "M3 5h18v14H3zM7 9l3 3-3 3M12 15h5",
	rule: "M4 6h8l4 6-4 6H4M16 12h5",
	box: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
	warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
	pin: "M9 3h6l-1 7 3 3H7l3-3zM12 13v8",
	help: "M12 3a9 9 0 1 0 .01 0M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5h.01",
	other: "M5 5h14v14H5z",
};

export function icon(name, size = 18) {
	return svg("svg", { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" }, svg("path", { d: PATHS[name] ?? PATHS.other }));
}

export function hasIcon(name) {
	return name in PATHS;
}
