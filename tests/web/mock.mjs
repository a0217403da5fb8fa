// SPDX-License-Identifier: MIT
// mock.mjs - a host that is not there: speaks what the page asks for, with living data, and with what a real one seldom has:
// jobs, a plugin's view, failures to order, CHANNELS=10000 channels.
//
//	node tests/web/mock.mjs PORT [CHANNELS]
import { createServer } from "node:http";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { basename, extname } from "node:path";

const ASSETS = fileURLToPath(new URL("../../data/web/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const started = Date.now();
const clients = new Set();

class Fault extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

/* --- what the host has --- */

const server = [
	{ name: "port", letter: "p", type: "int", kind: "option", default: "23", min: 0, max: 65535, required: true, many: false, secret: false, help: "port to listen on" },
	{ name: "bind", letter: "b", type: "string", kind: "option", required: false, many: true, secret: false, help: "address to listen on; loopback if left out" },
	{ name: "insecure", type: "bool", kind: "option", default: "false", required: false, many: false, secret: false, help: "allow a bind that others can reach" },
	{ name: "max_connections", type: "int", kind: "option", default: "100", min: 0, required: false, many: false, secret: false, help: "connections at a time" },
	{ name: "idle_timeout", type: "duration", kind: "option", default: "0", required: false, many: false, secret: false, help: "closed after so long without input" },
	{ name: "backlog", type: "bytes", kind: "option", default: "1M", required: false, many: false, secret: false, help: "what may wait for a slow reader" },
	{ name: "slow", type: "choice", kind: "option", default: "close", choices: ["close", "drop-oldest"], required: false, many: false, secret: false, help: "what is done to a slow reader" },
	{ name: "tls_cert", type: "string", kind: "option", required: false, many: false, secret: false, help: "certificate file; with tls_key this is TLS" },
	{ name: "tls_password", type: "string", kind: "option", required: false, many: false, secret: true, help: "of the key" },
];
const modules = ["TCPServer", "TCPClient", "TelnetServer", "UDPServer", "UART"].map((id) => ({
	id, plugin: id.startsWith("TCP") ? "tcp" : id.replace(/Server|Client/, "").toLowerCase(), params: server,
	help: { TCPServer: "bytes of TCP connections on channels", TCPClient: "a TCP connection on channels, made again when it is cut", TelnetServer: "sessions of a handler over telnet", UDPServer: "datagrams on channels" }[id] ?? "a serial port on channels",
}));
const instance = (id, type, context = "/") => ({
	id, class: type, plugin: modules.find((each) => each.id === type)?.plugin ?? "kernel", context, since: new Date(started - 5e6).toISOString(), values: { port: 2323, bind: ["127.0.0.1"], slow: "close" }, description: "port=2323 bind=127.0.0.1",
});
const instances = [instance("console-server", "TelnetServer"), instance("lab", "TCPServer"), instance("uart0", "UART", "/device/uart0")];
let plugins = [["consoleserver", "The console over telnet"], ["spooler", "Devices and jobs"], ["tcp", "TCP servers and clients on channels"], ["telnet", "Consoles and applications over telnet"], ["udp", "UDP servers and sockets on channels"], ["web", "HTTP server, REST and the page"], ["websocket", "WebSocket"]]
	.map(([id, summary]) => ({ id, version: "1.0", summary, state: "loaded", file: `/usr/lib/backplane/plugins/${id}.so`, commands: 2, modules: 1, handlers: 0 }));
const channelNames = ["console", "log", "server-tcp-2323", "console-server/recv", "console-server/send", "uart/uart0/recv", "uart/uart0/send", "lab/recv", "lab/send", "sensors/temperature", "sensors/humidity"];
const channels = new Map([...channelNames, ...Array.from({ length: Math.max(0, Number(process.argv[3] ?? 0)) }, (_, at) => `node/${String(at).padStart(5, "0")}/telemetry`)]
	.map((id, at) => [id, { id, number: at + 1, watchers: at % 3, messages: 0, bytes: 0, rate: 0, drops: at === 7 ? 12 : 0, replay: 0 }]));
let sessions = [
	{ id: 1, peer: "kernel", transport: "system", server: "", handler: "console", role: "admin", started: started / 1000, idle: 812, terminal: "" },
	{ id: 2, peer: "127.0.0.1:50112", transport: "telnet", server: "console-server", handler: "console", role: "operator", started: started / 1000 - 90, idle: 3.2, terminal: "xterm-256color" },
	{ id: 7, peer: "[::1]:40518", transport: "telnet", server: "console-server", handler: "guess", role: "observer", started: started / 1000 - 4000, idle: 44, terminal: "vt100" },
];
let jobs = [
	{ id: "job1", number: 1, device: "laser", name: "bracket-left.gcode", items: 12, status: "Running", type: "lines", steps_done: 350, steps_total: 1200, loops: 3, loops_executed: 1, priority: 0, runtime: 305, estimate: 912 },
	{ id: "job2", number: 2, device: "laser", name: "engraving <b>&quot;Anna&quot;</b>", items: 3, status: "Waiting", type: "lines", steps_done: 0, steps_total: 80, loops: 1, loops_executed: 0, priority: 0, runtime: 0, estimate: 44 },
	{ id: "job3", number: 3, device: "plotter", name: "calibration", items: 1, status: "Paused", type: "channel", steps_done: 40, steps_total: 90, loops: null, loops_executed: 12, priority: 5, runtime: 4211, estimate: null },
	{ id: "job4", number: 4, device: "plotter", name: "logo", items: 7, status: "Failed", type: "channel", steps_done: 5, steps_total: 64, loops: 1, loops_executed: 0, priority: -1, runtime: 12, estimate: 70 },
];
const setting = (id, type, fallback, help, more = {}) => ({ id, context: "/", name: id, type, kind: "option", default: fallback, value: fallback, set: false, temporary: false, required: false, many: false, secret: false, help, ...more });
const settings = {
	"/": [
		setting("default_telnet_port", "int", "23", "port of `consoleserver` when none is named", { min: 0, max: 65535, value: 2323, temporary: true }),
		setting("default_webserver_port", "int", "2080", "port of `webserver` when none is named", { min: 0, max: 65535 }),
		setting("log_level", "choice", "info", "what is said on channel log", { choices: ["debug", "info", "warning", "error"], set: true, value: "debug" }),
		setting("greeting", "string", "Welcome", "first line sent to each client"),
		setting("session_timeout", "duration", "10m", "how long a session may be idle"),
		setting("keep_history", "bool", "true", "remember what is typed from one start to the next"),
		setting("access_token", "string", undefined, "of programs that ask over HTTP", { secret: true }),
	],
	"/device/uart0": [setting("baud", "int", "115200", "bits a second", { min: 50, max: 4000000, context: "/device/uart0" })],
	"/device/empty": [],
};
const total = { messages: 0, bytes: 0, turns: 0, events: 0 };
const VIEW = `export const title = "Nodes";
export function show(element, api) {
	const box = document.createElement("p");
	box.id = "nodes";
	element.append(box);
	api.get("/host").then((host) => box.textContent = "nodes of " + host.name);
	return api.watch("sensors/*", (message) => box.textContent = "heard " + message.channel);
}
`;

function host() {
	return {
		name: "workshop", version: "0.1.0", abi: 1, pid: process.pid, uptime: (Date.now() - started) / 1000, started: started / 1000, resident: 9.4 * 1048576,
		loops: [{ name: "main", turns: total.turns, events: total.events, calls: 3, waiting: 0, drops: 0, descriptors: 14, timers: 6 }, { name: "uart", turns: 10, events: Math.round(total.events / 3), calls: 0, waiting: 2, drops: 4, descriptors: 3, timers: 1 }],
		cpu: (Date.now() - started) / 4e3 + total.events / 1e3, connections: 43, channels: channels.size, sessions: sessions.length, instances: instances.length, lost: 3, messages: total.messages, bytes: total.bytes,
	};
}

// Five minutes before it started it was busy already.
function past() {
	// As the host does, it has gone on noting.
	const last = started + 5000 * Math.floor((Date.now() - started) / 5000);
	return Array.from({ length: 61 }, (_, at) => ({
		id: String(last - 5000 * (60 - at)), time: last / 1000 - 5 * (60 - at), cpu: at * 1.2 - 72 + 0.3 * Math.sin(at), messages: 90 * at - 5400,
		bytes: 4e4 * (at - 60) + 1e4 * Math.sin(at), connections: 30 + (at >> 2),
	}));
}

function servers() {
	return [
		{ id: "console-server", class: "TelnetServer", addresses: ["/run/user/1000/backplane/a-name-that-takes-room/control.sock"], connections: 2, accepted: 18, refused: 0, timeouts: 1, slow: 0, bytes_in: 5120 + total.messages, bytes_out: 90000 + total.bytes, drops: 0, insecure: false },
		{ id: "lab", class: "TCPServer", addresses: ["0.0.0.0:5000", "[::]:5000"], connections: 41, accepted: 4012, refused: 3, timeouts: 0, slow: 2, bytes_in: 5e7, bytes_out: 8e8 + total.bytes * 3, drops: 12, insecure: true },
	];
}

const COMMANDS = ["alias", "channel", "channel close", "channel info", "channel list", "channel send", "channel watch", "consoleserver", "help", "plugin list", "status", "version", "wait"];

async function run(command, output) {
	const [word, ...rest] = command.trim().split(/\s+/);
	if (word === "version")
		output("Backplane 0.1.0\nABI 1, GLib 2.74.6, 6 plugins\n");
	else if (word === "help")
		output(COMMANDS.map((name) => `\x1b[1;34m${name.padEnd(20)}\x1b[0m does something\n`).join(""));
	else if (word === "echo")
		output(`${rest.join(" ")}\n`);
	else if (word === "colours")
		output("\x1b[31mred\x1b[0m \x1b[32mgreen\x1b[0m \x1b[33myellow\x1b[0m \x1b[1mbold\x1b[0m \x07\x1b[2Jplain\n");
	else if (command === "plugin reload tcp") {
		output("\x1b[31mtcp cannot be reloaded: /usr/lib/backplane/plugins/tcp.so was built for ABI 2, this is ABI 1; build it anew\x1b[0m\n");
		return 1;
	} else if (command.startsWith("plugin unload")) {
		plugins = plugins.filter((each) => each.id !== rest[1]);
	} else if (command.startsWith("plugin reload")) {
		output("");
	} else if (word === "slow") {
		for (const piece of ["one\n", "two\n", "three\n"]) {
			output(piece);
			await new Promise((resolve) => setTimeout(resolve, 300));
		}
	} else if (command.startsWith("channel list"))
		output(["Channels Active:          Watchers  Messages", ...[...channels.values()].slice(0, 20).map((each) => `${String(each.number).padStart(4)}: ${each.id.padEnd(24)}${String(each.watchers).padStart(4)}${String(each.messages).padStart(10)}`), ""].join("\n"));
	else {
		output(`\x1b[31m${word} is not a registered command in this context: Base; help lists them\x1b[0m\n`);
		return 1;
	}
	return 0;
}

function list(what) {
	const all = {
		host: host(), history: past(), servers: servers(), channels: [...channels.values()], modules, instances, plugins, sessions, jobs,
		rules: [{ id: "hot", holds: false, acted: 2, left_out: 0, channel: "sensors/temperature", match: null, field: "celsius", above: "30", below: null, silence: null, to: null, send: null, run: null, problem: "{value} degrees", pause: null }],
		ports: [{ id: "/dev/ttyUSB0", description: "CP2102 USB to UART", usb: "10c4:ea60", serial: "0001", used_by: [], holder: null, problem: "This host may not open /dev/ttyUSB0, only a group of users may. Run `sudo usermod -aG $(stat -c %G /dev/ttyUSB0) $USER`, then log in again, or restart the service." }],
		contexts: Object.keys(settings).map((id) => ({ id })), views: [{ id: "nodes", title: "Nodes", url: "views/nodes.js" }], commands: COMMANDS.map((id) => ({ id })),
	};
	if (!all[what])
		throw new Fault(404, `there is no resource ${what}`);
	return all[what];
}

function complete(line, cursor) {
	const head = line.slice(0, cursor), start = head.lastIndexOf(" ") + 1;
	const words = COMMANDS.filter((name) => name.startsWith(head)).map((name) => name.slice(start).split(" ")[0]);
	if (/^channel (watch|send|info) /.test(head))
		words.push(...[...channels.keys()].filter((name) => name.startsWith(head.slice(start))));
	return { start, words: [...new Set(words)] };
}

function publish(channel, content, origin) {
	let row = channels.get(channel);
	if (!row)
		channels.set(channel, row = { id: channel, number: channels.size + 1, watchers: 0, messages: 0, bytes: 0, rate: 0, drops: 0, replay: 0 });
	const size = content.text === undefined ? Buffer.from(content.base64, "base64").length : Buffer.byteLength(content.text);
	row.messages++;
	row.bytes += size;
	total.messages++;
	total.bytes += size;
	for (const client of clients)
		if ([...client.watches].some((pattern) => pattern.test(channel)))
			client.send({ op: "message", channel, time: Date.now(), ...(origin ? { origin } : {}), ...content, size });
}

function act(method, path, query, body) {
	const [what, id, action] = path;
	if (method === "GET" && what === "settings")
		return settings[query.get("context") ?? "/"] ?? [];
	if (method === "GET" && what === "complete")
		return complete(query.get("line") ?? "", Number(query.get("cursor")));
	if (method === "GET")
		return path.length === 1 ? list(what) : list(what).find((each) => String(each.id) === id);
	if (what === "instances" && method === "POST") {
		if (instances.some((each) => each.id === body.name))
			throw new Fault(409, `name ${body.name} is taken; choose another`);
		if (Number(body.params.port) === 80)
			throw new Fault(422, "port 80: Permission denied; ports under 1024 need the right to open them");
		instances.push({ ...instance(body.name, body.class, body.context), values: body.params, description: JSON.stringify(body.params), since: new Date().toISOString() });
		return {};
	}
	if (what === "instances") {
		if (id === "uart0")
			throw new Fault(409, "uart0 is in use: device /device/uart0 runs a job; stop the job first");
		instances.splice(instances.findIndex((each) => each.id === id), 1);
		return null;
	}
	if (what === "plugins" && path.length === 1) {
		if (!body.file.match(/^[a-z]+$/))
			throw new Fault(422, `${body.file}: No such file; give a name or a path that exists`);
		plugins.push({ id: body.file, version: "1.0", summary: "Loaded by hand", state: "loaded", file: body.file, commands: 0, modules: 0, handlers: 0 });
		return {};
	}
	if (what === "sessions") {
		if (action === "kill")
			sessions = sessions.filter((each) => String(each.id) !== id);
		return null;
	}
	if (what === "commands") {
		let output = "";
		return run(body.command, (text) => (output += text)).then((status) => ({ status, output }));
	}
	if (what === "jobs") {
		const job = jobs.find((each) => each.id === id);
		if (action === "remove")
			jobs = jobs.filter((each) => each !== job);
		else
			job.status = { pause: "Paused", resume: "Running", stop: "Stopped" }[action];
		return null;
	}
	if (what === "settings") {
		const row = settings[query.get("context") ?? "/"].find((each) => each.id === id);
		if (row.max !== undefined && Number(body.value) > row.max)
			throw new Fault(422, `${id}: ${body.value} is too much; give ${row.min} to ${row.max}`);
		Object.assign(row, { value: body.value ?? row.default, set: body.value !== null });
		return row;
	}
	throw new Fault(404, "there is no such thing");
}

/* --- HTTP --- */

const http = createServer(async (request, response) => {
	const url = new URL(request.url, "http://localhost");
	const answer = (status, type, data) => response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache" }).end(data);
	try {
		const chunks = [];
		for await (const chunk of request)
			chunks.push(chunk);
		const body = Buffer.concat(chunks).toString();
		if (url.pathname === "/" || url.pathname.startsWith("/assets/")) {
			const name = basename(url.pathname) || "index.html";
			let data = readFileSync(name.endsWith(".md") ? `${ASSETS}../guide/${name}` : ASSETS + name);
			const command = new URLSearchParams(request.method === "POST" ? body : url.search).get("cmd");
			if (name === "index.html" && command) {
				let text = "";
				await run(command, (piece) => (text += piece));
				const escaped = `${command}\n${text}`.replace(/\x1b\[[\d;]*m/g, "").replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
				data = data.toString().replace("<!--OUTPUT-->", `<section id="output"><h2>Output</h2><pre>${escaped}</pre></section>`);
			}
			answer(200, TYPES[extname(name)] ?? "text/plain", data);
		} else if (url.pathname === "/views/nodes.js") {
			answer(200, TYPES[".js"], VIEW);
		} else if (url.pathname.startsWith("/api/v1/")) {
			const value = await act(request.method, url.pathname.slice(8).split("/").map(decodeURIComponent), url.searchParams, body ? JSON.parse(body) : {});
			answer(200, "application/json", JSON.stringify(value ?? null));
		} else {
			answer(404, "text/plain", "not found");
		}
	} catch (error) {
		const status = error.status ?? (error.code === "ENOENT" ? 404 : 500);
		answer(status, "application/problem+json", JSON.stringify({ type: "about:blank", title: "It failed", status, detail: error.message }));
	}
});

/* --- WebSocket: whole text frames from a browser, nothing else --- */

const ops = {
	ping: () => ({}),
	watch: (client, { channel }) => {
		if (channel === "forbidden")
			throw new Fault(403, "forbidden may not be watched: your role is observer");
		client.watches.add(Object.assign(new RegExp(`^${channel.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`), { pattern: channel }));
		return {};
	},
	unwatch: (client, { channel }) => {
		for (const each of client.watches)
			if (each.pattern === channel)
				client.watches.delete(each);
		return {};
	},
	send: (client, { channel, text, base64 }) => {
		publish(channel, text === undefined ? { base64 } : { text }, "web");
		return {};
	},
	list: (client, { what }) => ({ items: list(what) }),
	complete: (client, { line, cursor }) => complete(line, cursor),
	run: async (client, { id, command }) => ({ status: await run(command, (text) => client.send({ op: "output", id, text })) }),
};

http.on("upgrade", (request, socket) => {
	const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
	socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\nSec-WebSocket-Protocol: backplane.v1\r\n\r\n`);
	const client = {
		watches: new Set(),
		send(object) {
			const data = Buffer.from(JSON.stringify(object));
			const head = data.length < 126 ? Buffer.from([0x81, data.length]) : data.length < 65536 ? Buffer.from([0x81, 126, data.length >> 8, data.length & 255]) : Buffer.alloc(10);
			if (data.length >= 65536) {
				head.set([0x81, 127]);
				head.writeBigUInt64BE(BigInt(data.length), 2);
			}
			socket.write(Buffer.concat([head, data]));
		},
	};
	let buffer = Buffer.alloc(0);
	clients.add(client);
	client.send({ op: "hello", version: "0.1.0", pid: process.pid, started: started / 1000 });
	socket.on("close", () => clients.delete(client));
	socket.on("error", () => {});
	socket.on("data", async (data) => {
		buffer = Buffer.concat([buffer, data]);
		while (buffer.length >= 6) {
			const short = buffer[1] & 127, start = short === 126 ? 8 : 6, size = short === 126 ? buffer.readUInt16BE(2) : short;
			if (buffer.length < start + size)
				return;
			const opcode = buffer[0] & 15, mask = buffer.subarray(start - 4, start);
			const text = Buffer.from(buffer.subarray(start, start + size).map((byte, at) => byte ^ mask[at % 4])).toString();
			buffer = buffer.subarray(start + size);
			if (opcode === 8)
				socket.end();
			if (opcode !== 1)
				continue;
			const message = JSON.parse(text);
			Promise.resolve().then(() => ops[message.op](client, message))
				.then((result) => client.send({ op: "ok", id: message.id, ...result }), (error) => client.send({ op: "error", id: message.id, error: error.message }));
		}
	});
});

/* --- life --- */

setInterval(() => {
	const wave = 1 + Math.sin(Date.now() / 9000);
	for (let count = 0; count < 1 + 6 * wave; count++)
		publish("uart/uart0/recv", { base64: Buffer.from([0x7e, 0x10, Math.random() * 256, Math.random() * 256, 0x0d, 0x0a]).toString("base64") }, "uart0");
	publish("sensors/temperature", { text: JSON.stringify({ celsius: Number((21 + wave).toFixed(2)), ok: true }) }, "sensors");
	if (Math.random() < 0.2)
		publish("log", { text: `${new Date().toISOString()} \x1b[33mwarning\x1b[0m lab: 192.168.1.${Math.floor(Math.random() * 250)} reads too slowly\n` });
	total.turns += 40;
	total.events += Math.round(30 + 90 * wave);
	for (const id of ["uart/uart0/recv", "sensors/temperature"])
		channels.get(id).rate = 20 * wave + 3.2;
	for (const job of jobs)
		if (job.status === "Running" && job.steps_done < job.steps_total)
			job.steps_done++;
}, 200);

http.listen(Number(process.argv[2] ?? 8099), "127.0.0.1", () => console.log(`listening on ${http.address().port}`));
