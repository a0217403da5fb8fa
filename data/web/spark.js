// SPDX-License-Identifier: MIT
// spark.js - a line of the last values, without axes.
import { svg } from "./dom.js";

const WIDTH = 120, HEIGHT = 28;

export class Spark {
	constructor() {
		this.line = svg("polyline", { class: "line", fill: "none" });
		this.area = svg("polygon", { class: "area" });
		this.element = svg("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.area, this.line);
	}

	// [[time, value], ...]
	set(samples) {
		if (samples.length < 2) {
			this.line.setAttribute("points", "");
			this.area.setAttribute("points", "");
			return;
		}
		const values = samples.map(([, value]) => value), low = Math.min(...values), span = Math.max(...values) - low || 1;
		const begin = samples[0][0], length = samples.at(-1)[0] - begin || 1;
		const points = samples.map(([time, value]) => `${(WIDTH * (time - begin) / length).toFixed(1)},${(HEIGHT - 3 - (HEIGHT - 6) * (value - low) / span).toFixed(1)}`).join(" ");
		this.line.setAttribute("points", points);
		this.area.setAttribute("points", `0,${HEIGHT} ${points} ${WIDTH},${HEIGHT}`);
	}
}
