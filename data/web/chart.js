// SPDX-License-Identifier: MIT
// chart.js - a small line chart of the last minutes, in SVG; colours and widths are in the style sheet.
import { h, svg } from "./dom.js";
import { duration } from "./format.js";

const WIDTH = 600, HEIGHT = 120;
export const SPAN = 300; // seconds shown at most, and at least a fifth of it

export class LineChart {
	// series: names of up to four lines; format: a number for people.
	constructor({ title, series, format }) {
		this.title = title;
		this.format = format;
		this.samples = []; // [seconds, value, value, ...]
		this.now = h("span", { class: "chart-now" }, "–");
		this.top = h("span", { class: "chart-top" });
		this.begin = h("span", null, "");
		this.moment = h("span", null, "now");
		this.lines = series.map((name, at) => svg("polyline", { class: `line line-${at}`, fill: "none" }));
		this.area = svg("polygon", { class: "area" });
		this.cross = svg("line", { class: "cross", y1: 0, y2: HEIGHT, x1: -9, x2: -9 });
		this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
			...[0.25, 0.5, 0.75].map((part) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT * part, y2: HEIGHT * part })),
			...(series.length === 1 ? [this.area] : []), ...this.lines, this.cross);
		const legend = series.length > 1 ? h("span", { class: "legend" }, series.map((name, at) => h("span", { class: `key key-${at}` }, name))) : null;
		this.element = h("figure", { class: "chart card" },
			h("figcaption", null, h("span", { class: "chart-title" }, title), legend, this.now),
			h("div", { class: "plot" }, this.drawing, this.top),
			h("div", { class: "axis", "aria-hidden": "true" }, this.begin, this.moment));
		this.drawing.addEventListener("pointermove", (event) => this.point(event));
		this.drawing.addEventListener("pointerleave", () => this.point(null));
	}

	set(samples) {
		this.samples = samples;
		this.draw();
	}

	// 1, 2 or 5 times a power of ten, above the highest value.
	ceiling() {
		let highest = 0;
		for (const [, ...values] of this.samples)
			for (const value of values)
				highest = Math.max(highest, value);
		if (highest <= 0)
			return 1;
		const power = 10 ** Math.floor(Math.log10(highest));
		return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= highest * 1.05) ?? 20 * power;
	}

	draw() {
		const end = this.samples.at(-1)?.[0] ?? 0;
		this.limit = this.ceiling();
		this.end = end;
		this.span = Math.min(SPAN, Math.max(SPAN / 5, end - (this.samples[0]?.[0] ?? 0)));
		this.begin.textContent = `${duration(this.span)} ago`;
		const x = (time) => (WIDTH * (1 - (end - time) / this.span)).toFixed(1);
		const y = (value) => (HEIGHT - 2 - (HEIGHT - 6) * Math.min(1, value / this.limit)).toFixed(1);
		this.lines.forEach((line, at) => {
			line.setAttribute("points", this.samples.map((sample) => `${x(sample[0])},${y(sample[at + 1] ?? 0)}`).join(" "));
		});
		if (this.lines.length === 1 && this.samples.length > 1) {
			const points = this.lines[0].getAttribute("points");
			this.area.setAttribute("points", `${x(this.samples[0][0])},${HEIGHT} ${points} ${WIDTH},${HEIGHT}`);
		}
		this.top.textContent = this.format(this.limit);
		const latest = this.samples.at(-1)?.slice(1) ?? [];
		this.describe(latest);
	}

	describe(values, ago) {
		const text = values.length ? values.map((value) => this.format(value ?? 0)).join(" / ") : "–";
		this.now.textContent = text;
		this.moment.textContent = ago === undefined ? "now" : `${duration(ago)} ago`;
		if (ago === undefined)
			this.drawing.setAttribute("aria-label", `${this.title}: ${text} now, scale to ${this.format(this.limit)}`);
	}

	point(event) {
		if (!event || !this.samples.length) {
			this.cross.setAttribute("x1", -9);
			this.cross.setAttribute("x2", -9);
			this.describe(this.samples.at(-1)?.slice(1) ?? []);
			return;
		}
		const box = this.drawing.getBoundingClientRect();
		const time = this.end - this.span * (1 - (event.clientX - box.left) / box.width);
		let nearest = this.samples[0];
		for (const sample of this.samples)
			if (Math.abs(sample[0] - time) < Math.abs(nearest[0] - time))
				nearest = sample;
		const at = WIDTH * (1 - (this.end - nearest[0]) / this.span);
		this.cross.setAttribute("x1", at);
		this.cross.setAttribute("x2", at);
		this.describe(nearest.slice(1), this.end - nearest[0]);
	}
}
