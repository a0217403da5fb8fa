#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// page.mjs - drives the page in Debian's chromium, at two sizes, light and dark, against the mock and against the real program.
//
//	node tests/web/page.mjs [mock|real ...]
//
// BUILD names the build folder (build/ if it is not set); the screenshots go into page-shots/ there, or where SHOTS says. It ends
// with "page: N passed, M failed", and with status 0 if nothing failed. Without chromium or npm's packages it says so and passes.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createProxy, request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const BROWSER = [process.env.CHROMIUM, "/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((path) => path && existsSync(path));
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const VIEWS = {
	home: "Home", devices: "Devices", terminals: "Terminals", channels: "Channels", services: "Services", sessions: "Sessions", console: "Console", automations: "Automations", settings: "Settings",
	plugins: "Plugins", host: "Host", help: "Help",
};
const build = resolve(process.env.BUILD ?? join(here, "../../build"));
let passed = 0, failed = 0;

function skip(why) {
	console.log(`    (page: skipped, ${why})\npage: 0 passed, 0 failed`);
	process.exit(0);
}

if (!BROWSER)
	skip("there is no chromium; apt-get install chromium-headless-shell");
const { chromium } = await import("playwright-core").catch(() => skip("playwright-core is missing; npm ci --prefix tests/web"));
if (!existsSync(join(here, "node_modules/axe-core/axe.min.js")))
	skip("axe-core is missing; npm ci --prefix tests/web");
const axe = readFileSync(join(here, "node_modules/axe-core/axe.min.js"), "utf8");

async function check(name, work) {
	try {
		await work();
		passed++;
	} catch (error) {
		failed++;
		console.log(`FAILED ${name}: ${error.message.split("\n").slice(0, 12).join("\n  ")}`);
	}
}

function must(condition, text) {
	if (!condition)
		throw new Error(text);
}

async function eventually(work, text, patience = 30000) {
	const until = Date.now() + patience;
	for (;;) {
		if (await work())
			return;
		if (Date.now() > until)
			throw new Error(text);
		await new Promise((done) => setImmediate(done));
	}
}

/* --- servers --- */

// Not one of those that the system gives to whoever connects, nor one that Chromium refuses.
function freePort() {
	return new Promise((done) => {
		const port = 12000 + Math.floor(Math.random() * 20000);
		createServer().on("error", () => done(freePort())).listen(port, "127.0.0.1", function () {
			this.close(() => done(port));
		});
	});
}

class Host {
	constructor(kind, port) {
		this.kind = kind;
		this.port = port;
		this.url = `http://127.0.0.1:${port}`;
		this.state = mkdtempSync(join(tmpdir(), "backplane-page-"));
	}

	async start() {
		const environment = { ...process.env, XDG_STATE_HOME: this.state, XDG_RUNTIME_DIR: this.state, XDG_CONFIG_HOME: this.state, HOME: this.state };
		this.child = this.kind === "mock"
			? spawn(process.execPath, [join(here, "mock.mjs"), String(this.port), "10000"], { stdio: ["ignore", "ignore", "inherit"] })
			// Its terminal is a pipe that stays open, so that it stays too.
			: spawn(join(build, "backplane"), ["-e", `webserver -p ${this.port}`, "-d"], { stdio: ["pipe", "ignore", "inherit"], env: environment });
		this.gone = new Promise((done) => this.child.on("exit", done));
		await eventually(async () => fetch(`${this.url}/`).then((answer) => answer.ok, () => false), `${this.kind}: no server on ${this.url}`);
	}

	async kill() {
		this.child.kill("SIGKILL");
		await this.gone;
	}
}

/* --- what is looked at everywhere --- */

async function axeOn(page, name) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
	must(!violations.length, violations.map((each) => `${name}: ${each.id}: ${each.help}: ${each.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary.split("\n")[1] ?? ""}`).join(" | ")}`).join("\n"));
}

async function open(page, view) {
	await page.evaluate((id) => (location.hash = `#/${id}`), view);
	await page.locator("#view h1").first().waitFor();
}

async function noOverflow(page, name) {
	const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	must(over <= 0, `${name} is ${over} pixels wider than the window`);
}

async function looks(page, host, label, shots) {
	const views = host.kind === "mock" ? { ...VIEWS, jobs: "Jobs" } : VIEWS;
	for (const [id, title] of Object.entries(views)) {
		await check(`${label} ${id} opens`, async () => {
			await open(page, id);
			must(await page.locator("#view h1").textContent() === title, `the heading is not ${title}`);
			must(await page.locator(`:is(#nav, #tabs) a[data-view="${id}"]`).first().getAttribute("aria-current") === "page", "it is not marked in the navigation");
			await page.waitForFunction(() => !document.body.textContent.includes("Asking the host…"));
			await noOverflow(page, id);
			must(!await page.locator(".notice.error:visible").count(), `it says: ${await page.locator(".notice.error:visible").allTextContents()}`);
		});
		await page.screenshot({ path: join(shots, `${label}-${id}.png`) });
		await check(`${label} ${id} is accessible`, () => axeOn(page, id));
	}
	await check(`${label} charts have a past at once, and go on`, async () => {
		const points = () => page.locator(".chart .line").evaluateAll((lines) => lines.map((line) => line.getAttribute("points").split(" ").length));
		await page.reload();
		await open(page, "host");
		await page.getByText(/^Backplane 0/).waitFor();
		const first = await points();
		// Without the host's notes it had none until it asked a second time.
		must(first.length === 4 && first.every((count) => count >= (host.kind === "mock" ? 55 : 1)), `points: ${first}`);
		await eventually(async () => (await points()).every((count, at) => count > first[at] || count >= 60), "the charts stand still");
	});
	await check(`${label} no column of the tables of the host is cut off`, async () => {
		await open(page, "host");
		await page.getByRole("rowheader").first().waitFor();
		const over = await page.locator(".table-scroll").evaluateAll((boxes) => boxes.map((box) => box.scrollWidth - box.clientWidth));
		must(over.every((count) => count <= 0), `pixels cut off: ${over}`);
	});
	await check(`${label} fits 360 pixels`, async () => {
		const before = page.viewportSize();
		await page.setViewportSize({ width: 360, height: 740 });
		for (const id of Object.keys(views)) {
			await open(page, id);
			await noOverflow(page, id);
		}
		await page.setViewportSize(before);
	});
}

/* --- what users do --- */

async function commands(page, label) {
	await open(page, "console");
	const input = page.getByRole("textbox", { name: "Command", exact: true });
	await check(`${label} a command runs`, async () => {
		await input.fill("version");
		await input.press("Enter");
		await page.locator(".block", { hasText: "Backplane" }).last().waitFor();
	});
	await check(`${label} a wrong command is marked`, async () => {
		await input.fill("nosuch <b>x</b>");
		await input.press("Enter");
		const block = page.locator(".block.failed", { hasText: "nosuch is not a registered command" });
		await block.waitFor();
		must((await block.locator(".typed").textContent()).includes("<b>x</b>"), "what was typed is not shown as typed");
	});
	await check(`${label} Tab completes`, async () => {
		await input.fill("versi");
		await input.press("Tab");
		await eventually(async () => (await input.inputValue()).trim() === "version", `it became ${await input.inputValue()}`);
		await input.fill("channel ");
		await input.press("Tab");
		await page.getByRole("option", { name: "list", exact: true }).waitFor();
		await input.press("Tab");
		must(await page.locator('.words [aria-selected="true"]').count() === 1, "no completion is chosen by a second Tab");
		await input.press("Enter");
		must(/^channel \w+ $/.test(await input.inputValue()), `Enter took ${await input.inputValue()}`);
	});
	await check(`${label} arrows recall, and a new page remembers`, async () => {
		await input.fill("");
		await input.press("ArrowUp");
		must(await input.inputValue() === "nosuch <b>x</b>", `it recalled ${await input.inputValue()}`);
		await input.press("ArrowUp");
		must(await input.inputValue() === "version", `it recalled ${await input.inputValue()}`);
		await page.reload();
		await input.press("ArrowUp");
		must(await input.inputValue() === "nosuch <b>x</b>", "the history was lost");
		await input.fill("");
	});
	await check(`${label} several lines run in order`, async () => {
		await input.fill("echo first\necho second");
		await input.press("Enter");
		await page.locator(".block", { hasText: "second" }).locator("pre").waitFor();
		const typed = await page.locator(".typed code").allTextContents();
		must(typed.slice(-2).join() === "echo first,echo second", `they ran as ${typed.slice(-2)}`);
	});
}

async function send(page, text, kind = "Text") {
	await page.getByLabel("Channel to send on").fill("page/test");
	await page.getByLabel("Kind of message").selectOption(kind);
	await page.getByRole("textbox", { name: "Message", exact: true }).fill(text);
	await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function channels(page, label) {
	await open(page, "channels");
	const stream = page.getByRole("log", { name: "Messages of the watched channels" });
	await check(`${label} a channel is watched while messages flow`, async () => {
		await page.getByLabel("Name or pattern to watch").fill("page/test");
		await page.getByRole("button", { name: "Watch", exact: true }).click();
		await page.getByRole("button", { name: "Stop watching page/test" }).waitFor();
		await page.getByLabel("Name or pattern to watch").fill("page/*");
		await page.getByRole("button", { name: "Watch", exact: true }).click();
		for (let count = 1; count <= 3; count++) {
			await send(page, `{"count":${count},"name":"<i>"}`);
			await stream.getByText(`{"count":${count},"name":"<i>"}`).waitFor();
		}
		must(await stream.locator(".message").count() === 3, "what matches twice is shown twice");
	});
	await check(`${label} text, hex and JSON`, async () => {
		await page.getByLabel("Show as").selectOption("json");
		await stream.getByText('"count": 3').waitFor();
		await page.getByLabel("Show as").selectOption("hex");
		await send(page, "7e 00 ff 41", "Hex");
		await stream.getByText("7e 00 ff 41").waitFor();
		await send(page, "7e 0", "Hex");
		await page.getByText("That is not hex").waitFor();
		await page.getByLabel("Show as").selectOption("text");
	});
	await check(`${label} filter, pause, save and clear`, async () => {
		await page.getByLabel("Filter messages").fill('count":2');
		must(await stream.locator(".message").count() === 1, "the filter does not filter");
		const waiting = page.waitForEvent("download");
		await page.getByRole("button", { name: "Save" }).click();
		const file = readFileSync(await (await waiting).path(), "utf8");
		must(/^\S+Z page\/test \{"count":2,"name":"<i>"\}\n$/.test(file), `saved: ${file}`);
		await page.getByLabel("Filter messages").fill("");
		await page.getByRole("button", { name: "Pause" }).click();
		await send(page, "while paused");
		await page.getByText("Paused; 1 new").waitFor();
		must(!await stream.getByText("while paused").count(), "it is shown while paused");
		await page.getByRole("button", { name: "Go on" }).click();
		await stream.getByText("while paused").waitFor();
		await page.getByRole("button", { name: "Clear" }).click();
		must(await stream.locator(".message").count() === 0, "it is not cleared");
	});
}

async function modules(page, label) {
	await open(page, "services");
	await check(`${label} a module is opened by its form, and closed`, async () => {
		const name = `page-${label.replace(/\W/g, "-")}`;
		for (const [text, good] of [["bad/name/../ *", false], [name, true]]) {
			await page.getByRole("button", { name: "Open TCPServer" }).click();
			const dialog = page.getByRole("dialog");
			await dialog.getByLabel("Name").fill(text);
			await dialog.getByLabel(/^port( required)?$/).fill("99999");
			await dialog.getByRole("button", { name: "Open" }).click();
			await dialog.locator(".field-error:visible").waitFor();
			await axeOn(page, "dialog");
			await dialog.getByLabel(/^port( required)?$/).fill("0");
			if (good)
				await dialog.getByRole("button", { name: "Open" }).click();
			else
				await page.keyboard.press("Escape");
			await dialog.waitFor({ state: "detached" });
		}
		await page.getByRole("rowheader", { name, exact: true }).waitFor();
		await page.getByRole("button", { name: "Open TCPServer" }).click();
		await page.getByRole("dialog").getByLabel("Name").fill(name);
		await page.getByRole("dialog").getByLabel(/^port( required)?$/).fill("0");
		await page.getByRole("dialog").getByRole("button", { name: "Open" }).click();
		await page.locator("dialog :is(.field-error, .notice.error):visible", { hasText: name }).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: `Close ${name}` }).click();
		await page.getByRole("button", { name: "Close", exact: true }).click();
		await page.getByRole("rowheader", { name, exact: true }).waitFor({ state: "detached" });
	});
}

async function settings(page, label) {
	await open(page, "settings");
	await check(`${label} a setting is kept, refused where it is wrong, and given back`, async () => {
		const row = page.locator(".setting", { hasText: "default_webserver_port" });
		const field = row.getByRole("spinbutton");
		await field.fill("4711");
		await row.getByRole("button", { name: "Save" }).click();
		await row.locator(".badge", { hasText: /^set$/ }).waitFor();
		await field.fill("70000");
		await row.getByRole("button", { name: "Save" }).click();
		await row.getByRole("alert").locator("visible=true").first().waitFor();
		await row.getByRole("button", { name: "Revert" }).click();
		await row.getByRole("button", { name: "Use default" }).click();
		await row.locator(".badge", { hasText: "default" }).waitFor();
	});
}

async function colours(page, label) {
	await check(`${label} colours are switched and remembered`, async () => {
		const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const button = page.locator("#theme");
		await button.click();
		const light = await back();
		await button.click();
		const dark = await back();
		must(light !== dark, "light and dark are the same");
		await page.reload();
		must(await back() === dark, "the choice was forgotten");
		await button.click();
	});
}

async function restart(page, host, label) {
	await open(page, "channels");
	await page.getByLabel("Name or pattern to watch").fill("page/test");
	await page.getByRole("button", { name: "Watch", exact: true }).click();
	await check(`${label} the page says that the host is gone, and recovers`, async () => {
		await page.evaluate(() => (window.samePage = true));
		await host.kill();
		await page.getByText("The connection to the host was lost").waitFor();
		await page.screenshot({ path: join(host.shots, `${label}-lost.png`) });
		await host.start();
		await page.locator("#lost").waitFor({ state: "hidden", timeout: 30000 });
		await page.locator("#link.good").waitFor();
		await page.getByText("The host was started anew").waitFor();
		await page.getByRole("button", { name: "Stop watching page/test" }).waitFor();
		await send(page, "after the restart");
		await page.getByRole("log", { name: "Messages of the watched channels" }).getByText("after the restart").waitFor();
		must(await page.evaluate(() => window.samePage), "the page was loaded anew");
	});
}

// Hands requests on as a proxy does that knows nothing of WebSocket; gives what makes it know.
async function proxy(host) {
	const to = { host: "127.0.0.1", port: host.port };
	const within = (url) => url.startsWith("/a/box/") ? url.slice("/a/box".length) : "/nosuch"; // the page stands below a path
	const server = createProxy(({ method, url, headers: { connection, upgrade, ...headers } }, answer) => {
		const failed = () => answer.writeHead(502).end();
		request({ ...to, method, path: within(url), headers }, (got) => got.pipe(answer.writeHead(got.statusCode, got.headers))).on("error", failed).end();
	});
	await new Promise((done) => server.listen(0, "127.0.0.1", done));
	const pass = () => server.on("upgrade", ({ url, headers }, socket) => {
		const line = connect(to, () => line.write([`GET ${within(url)} HTTP/1.1`, ...Object.entries(headers).map((pair) => pair.join(": ")), "", ""].join("\r\n")));
		socket.pipe(line).pipe(socket).on("error", () => {});
	});
	return { server, pass, url: `http://127.0.0.1:${server.address().port}/a/box/` };
}

async function behindProxy(browser, host) {
	const { server, pass, url } = await proxy(host);
	const context = await browser.newContext({ viewport: SIZES.wide });
	const page = await context.newPage();
	page.setDefaultTimeout(30000);
	await check(`${host.kind} a proxy that drops WebSocket is named, and the page works as far as it can`, async () => {
		await page.goto(url);
		await page.getByText("The host answers, but the live connection to it is refused").waitFor();
		await page.screenshot({ path: join(host.shots, `${host.kind}-proxy.png`) });
		await axeOn(page, "behind a proxy");
		await page.getByRole("link", { name: "Details of the host" }).click();
		await page.locator(".chart .line[points]").first().waitFor();
		if (host.kind === "mock")
			await page.getByRole("link", { name: "Nodes" }).click();
	});
	await check(`${host.kind} behind a proxy that passes WebSocket it is live`, async () => {
		pass();
		await page.getByRole("button", { name: "Try now" }).click();
		await page.locator("#link.good").waitFor();
		await page.locator("#lost").waitFor({ state: "hidden" });
	});
	await context.close();
	server.closeAllConnections();
	server.close();
}

/* --- what only the real one has: a plugin's jobs, kept by it --- */

async function jobs(page) {
	await check("real a plugin's jobs are shown and steered", async () => {
		await page.evaluate((command) => fetch("/api/v1/commands/run", {
			method: "POST", headers: { "Content-Type": "application/json", "X-Backplane": "1" }, body: JSON.stringify({ command }),
		}), `plugin load ${join(build, "tests/plugins/jobs.so")}`);
		await page.reload();
		await page.getByRole("link", { name: "Jobs" }).click();
		const row = page.locator("tr.row", { hasText: "bracket <b>left</b>" });
		for (const [verb, status] of [["Pause", "Paused"], ["Resume", "Running"], ["Stop", "Stopped"]]) {
			await row.getByRole("button", { name: verb }).click();
			await row.locator(".badge", { hasText: status }).waitFor();
		}
		await axeOn(page, "jobs");
		await row.getByRole("button", { name: "Remove" }).click();
		await page.getByRole("button", { name: "Remove", exact: true }).click();
		await row.waitFor({ state: "detached" });
		await page.getByRole("rowheader", { name: "2" }).waitFor();
	});
}

/* --- what only the real one has: devices that fail, a console in a terminal, rules --- */

async function devices(page, label) {
	const name = `gone-${label.replace(/\W/g, "-")}`;
	await check(`${label} a device that cannot be reached is a problem on Home, and closing it mends that`, async () => {
		await open(page, "devices");
		await page.getByRole("button", { name: "TCP connection" }).click();
		await page.getByRole("dialog").getByLabel(/^Name/).fill(name);
		await page.getByRole("dialog").getByLabel(/^host( required)?$/).fill("127.0.0.1");
		await page.getByRole("dialog").getByLabel(/^port( required)?$/).fill("1");
		await page.getByRole("dialog").getByRole("button", { name: "Open" }).click();
		await page.getByRole("rowheader", { name, exact: true }).waitFor();
		await open(page, "home");
		await page.locator(".problems li", { hasText: name }).waitFor();
		await page.locator(".device-card.bad", { hasText: name }).waitFor();
		await axeOn(page, "home with a problem");
		await open(page, "devices");
		await page.getByRole("button", { name: `Close ${name}` }).click();
		await page.getByRole("button", { name: "Close", exact: true }).click();
		await open(page, "home");
		await page.getByText("Everything is all right").waitFor();
	});
	await check(`${label} a console in a terminal`, async () => {
		await open(page, "terminals");
		await page.getByLabel("Open a terminal on").selectOption("console");
		const terminal = page.getByRole("region", { name: "Console 1" });
		await terminal.waitFor();
		const field = terminal.locator("textarea.xterm-helper-textarea, .line-input input").locator("visible=true").first();
		await terminal.locator(".xterm, .line-screen").first().waitFor();
		await field.focus();
		await page.keyboard.type("echo from-the-terminal\r");
		await eventually(async () => (await terminal.textContent()).split("from-the-terminal").length > 2, "nothing was echoed");
		await page.getByRole("button", { name: "Close terminal Console 1" }).click();
		await terminal.waitFor({ state: "detached" });
	});
	await check(`${label} a rule is added and removed`, async () => {
		await open(page, "automations");
		await page.getByRole("button", { name: "New rule" }).click();
		const dialog = page.getByRole("dialog");
		await dialog.getByLabel(/^Name/).fill(name);
		await dialog.getByLabel(/^channel/).fill("page/rule");
		await dialog.getByLabel(/^above/).fill("30");
		await dialog.getByLabel(/^problem/).fill("too much");
		await dialog.getByRole("button", { name: "Add" }).click();
		await page.getByRole("rowheader", { name, exact: true }).waitFor();
		await page.getByRole("button", { name: `Remove ${name}` }).click();
		await page.getByRole("button", { name: "Remove", exact: true }).click();
		await page.getByRole("rowheader", { name, exact: true }).waitFor({ state: "detached" });
	});
	await check(`${label} a view that is not there says so`, async () => {
		await open(page, "nosuch");
		await page.getByText("There is no view nosuch").waitFor();
	});
	await check(`${label} a command is stopped`, async () => {
		await open(page, "console");
		await page.getByRole("textbox", { name: "Command", exact: true }).fill("wait 3600");
		await page.keyboard.press("Enter");
		await page.getByRole("button", { name: "Stop wait 3600" }).click();
		await page.locator(".block.failed", { hasText: "wait 3600" }).waitFor();
	});
}

/* --- what only the mock has --- */

async function mockOnly(page, label) {
	await check(`${label} 10,000 channels do not freeze it`, async () => {
		await open(page, "channels");
		await page.getByText(/10,\d+ channels/).waitFor();
		must(await page.locator("tr.row").count() < 200, "all rows are in the document");
		await page.getByLabel("Find a channel").fill("node/09999");
		await page.getByRole("checkbox", { name: "Watch node/09999/telemetry" }).waitFor();
		await page.getByLabel("Find a channel").fill("");
		await page.locator(".table-scroll").evaluate((element) => (element.scrollTop = 1e7));
		await page.getByRole("checkbox", { name: "Watch node/09999/telemetry" }).waitFor();
	});
	await check(`${label} jobs have the columns that users know`, async () => {
		await open(page, "jobs");
		await page.getByRole("rowheader").first().waitFor();
		const titles = await page.locator("thead th").allTextContents();
		must(titles.join(" ") === "# Device Name Items Status Type Steps Passes Priority Runtime Estimate Actions", titles.join(" "));
		await page.getByRole("button", { name: "Pause bracket-left.gcode" }).click();
		await page.getByRole("button", { name: "Resume bracket-left.gcode" }).click();
		await page.getByRole("button", { name: "Pause bracket-left.gcode" }).waitFor();
		await page.getByRole("button", { name: "Remove logo" }).click();
		await page.getByRole("button", { name: "Keep" }).click();
	});
	await check(`${label} a failed action says why where it was clicked`, async () => {
		await open(page, "plugins");
		await page.getByRole("button", { name: "Reload tcp" }).click();
		await page.locator("tr.row:has-text('tcp') + tr.note", { hasText: "built for ABI 2" }).waitFor();
		await axeOn(page, "plugins with a failure");
	});
	await check(`${label} a plugin's view is shown`, async () => {
		await page.getByRole("link", { name: "Nodes" }).click();
		await page.getByText("heard sensors/temperature").waitFor();
	});
}

// Only the session's own talk: what a browser without scripts does.
async function plain(browser, host) {
	await check(`${host.kind} a browser without scripts runs commands`, async () => {
		const context = await browser.newContext({ javaScriptEnabled: false });
		const page = await context.newPage();
		await page.goto(host.url);
		await page.locator("textarea[name=cmd]").fill("version\nnosuch <b>");
		await page.getByRole("button", { name: "Run" }).click();
		await page.locator("#output", { hasText: "Backplane" }).waitFor();
		must(!await page.locator("#output b").count(), "the output is not escaped");
		await context.close();
	});
}

async function drive(browser, host) {
	for (const [size, viewport] of Object.entries(SIZES)) {
		for (const colorScheme of ["light", "dark"]) {
			const label = `${host.kind} ${size} ${colorScheme}`;
			const context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
			const page = await context.newPage();
			const complaints = [];
			page.setDefaultTimeout(30000);
			page.on("pageerror", (error) => complaints.push(error.message));
			// What was refused, and a host that is gone, the browser reports too.
			page.on("console", (message) => message.type() === "error" && !/Failed to load resource|WebSocket connection|net::ERR/.test(message.text()) && complaints.push(message.text()));
			await page.goto(host.url);
			await page.locator("#link.good").waitFor().catch(() => {});
			await looks(page, host, label, host.shots);
			if (colorScheme === "light") {
				await commands(page, label);
				await channels(page, label);
				await modules(page, label);
				await settings(page, label);
				await colours(page, label);
				if (host.kind === "real")
					await devices(page, label);
				if (host.kind === "mock")
					await mockOnly(page, label);
				else if (size === "wide")
					await jobs(page);
				await restart(page, host, label);
			}
			await check(`${label} nothing is complained about`, () => must(!complaints.length, complaints.join("\n")));
			await context.close();
		}
	}
	await behindProxy(browser, host);
	await plain(browser, host);
}

const shots = process.env.SHOTS ?? join(build, "page-shots");
mkdirSync(shots, { recursive: true });
const wanted = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
for (const kind of wanted.length ? wanted : ["mock", "real"]) {
	if (kind === "real" && !existsSync(join(build, "plugins/web.so"))) {
		console.log(`page: real: skipped: there is no ${join(build, "plugins/web.so")}`);
		continue;
	}
	const host = new Host(kind, await freePort());
	host.shots = shots;
	try {
		await host.start();
		await drive(browser, host);
	} catch (error) {
		failed++;
		console.log(`FAILED ${kind}: ${error.message}`);
	} finally {
		await host.kill();
		rmSync(host.state, { recursive: true, force: true });
	}
}
await browser.close();
console.log(`screenshots are in ${shots}`);
console.log(`page: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
