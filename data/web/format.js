// SPDX-License-Identifier: MIT
// format.js - numbers and times for people.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function number(value) {
	return typeof value === "number" && Number.isFinite(value) ? value.toLocaleString("en") : "–";
}

// 0.4, 12.5, 340, 12.3k, 4.1M
export function short(value) {
	if (typeof value !== "number" || !Number.isFinite(value))
		return "–";
	if (value >= 1e6)
		return `${(value / 1e6).toFixed(1)}M`;
	if (value >= 1e4)
		return `${(value / 1e3).toFixed(1)}k`;
	if (value >= 100 || Number.isInteger(value))
		return number(Math.round(value));
	return value.toFixed(1);
}

export function bytes(value) {
	if (typeof value !== "number" || !Number.isFinite(value))
		return "–";
	let unit = 0;
	while (value >= 1024 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

// Seconds as "4.2 s", "12 min", "3 h 05 min", "2 d 4 h".
export function duration(seconds) {
	if (typeof seconds !== "number" || !Number.isFinite(seconds))
		return "–";
	if (seconds < 60)
		return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
	const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
	if (minutes < 60)
		return `${minutes} min`;
	if (hours < 48)
		return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// Seconds as H:MM:SS; what has no end is ∞, what is not known is –.
export function clock(seconds) {
	if (seconds === null || seconds === undefined || seconds === "")
		return "–";
	const value = Number(seconds);
	if (!Number.isFinite(value))
		return "∞";
	const whole = Math.max(0, Math.round(value));
	const two = (part) => String(part).padStart(2, "0");
	return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

// The server says moments as milliseconds or seconds since 1970, or as ISO text.
export function moment(value) {
	if (typeof value === "number")
		return new Date(value < 1e11 ? value * 1000 : value);
	const date = new Date(value);
	return value && !Number.isNaN(date.getTime()) ? date : null;
}

export function timeOfDay(ms) {
	const date = new Date(ms);
	const two = (part, width = 2) => String(part).padStart(width, "0");
	return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
}

export function dateTime(value) {
	const date = moment(value);
	if (!date)
		return "–";
	const two = (part) => String(part).padStart(2, "0");
	const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
	const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
	return date.toDateString() === new Date().toDateString() ? time : `${day} ${time}`;
}

// "port=5000 bind=::1" of an object; what is null is not said.
export function values(object) {
	return Object.entries(object ?? {}).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length))
		.map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : value}`).join(" ");
}
