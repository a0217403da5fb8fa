// SPDX-License-Identifier: MIT
// host.js - what several views know of the host: its instances and channels, asked for once, kept while views change.
import * as api from "./api.js";

export const state = { instances: null, channels: null, servers: null, jobs: null };
const listeners = new Set();
let end = null;

async function ask() {
	const [instances, channels, servers] = await Promise.all([api.list("instances"), api.list("channels"), api.list("servers").catch(() => [])]);
	return { instances, channels, servers };
}

function tell(answer) {
	Object.assign(state, answer);
	listeners.forEach((func) => func(state, null));
}

// `func(state, error)` now, if something is known, and after each answer. Gives a function that ends it, whose `now` asks at once.
export function listen(func) {
	listeners.add(func);
	if (state.instances)
		func(state, null);
	end ??= api.poll(ask, tell, (error) => error && listeners.forEach((each) => each(state, error)), 2000);
	const stop = () => {
		listeners.delete(func);
		if (!listeners.size) {
			end?.();
			end = null;
		}
	};
	stop.now = () => end?.now();
	return stop;
}

/* --- kinds of instances --- */

const KINDS = [
	[/^UART$/, { kind: "device", icon: "serial", recv: "recv", send: "send", noun: "serial port" }],
	[/^(TCPClient|TCPSocket)$/, { kind: "device", icon: "network", recv: "recv", send: "send", noun: "TCP connection" }],
	[/^UDP/, { kind: "device", icon: "network", recv: "recv", send: "send", noun: "UDP" }],
	[/^Mesh/, { kind: "device", icon: "mesh", recv: "recv", send: "send", noun: "mesh" }],
	[/^(Exec|Process|Command)/, { kind: "device", icon: "terminal", recv: "recv", send: "send", noun: "program" }],
	[/^Rule$/, { kind: "rule", icon: "rule", noun: "rule" }],
	[/Server$/, { kind: "service", icon: "server", recv: "recv", send: "send", noun: "server" }],
	[/(Peer|MQTT|NATS|Bridge)/i, { kind: "service", icon: "link", recv: "recv", send: "send", noun: "bridge" }],
];
const OTHER = { kind: "device", icon: "box", recv: "recv", send: "send", noun: "instance" };

export function kindOf(instance) {
	return KINDS.find(([pattern]) => pattern.test(instance.class))?.[1] ?? OTHER;
}

// The channel on which it says what it has to say, and the one on which it is spoken to; null if there is none.
export function channelsOf(instance, channels) {
	const kind = kindOf(instance), names = channels.names ?? (channels.names = new Map(channels.map((each) => [each.id, each])));
	const find = (suffix) => (suffix ? names.get(`${instance.id}/${suffix}`) ?? null : null);
	return { recv: find(kind.recv) ?? find("state") ?? find("status"), send: find(kind.send) };
}

// Seconds that an instance has been in its state, for people.
export function stateKind(state) {
	return state === "failed" ? "bad" : state === "waiting" ? "warn" : "good";
}
