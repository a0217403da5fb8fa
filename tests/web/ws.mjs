#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// ws.mjs - the client that most of Node's programs use, against a WebSocketServer with the handler echo: ws.mjs PORT.
// The scenario `websocket` runs it when `npm ci --prefix tests/web` was done.
import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

// Several messages may come in one turn, so one listener hears them all.
function hear(socket, wanted) {
	return new Promise((resolve) => {
		let got = "";
		socket.on("message", function add(data) {
			got += data.toString();
			if (got.endsWith(wanted)) {
				socket.off("message", add);
				resolve(got);
			}
		});
	});
}

async function talk(perMessageDeflate) {
	const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/ws?x=1`, { perMessageDeflate });
	const welcome = hear(socket, "> ");
	await once(socket, "open");
	assert.equal(socket.extensions, perMessageDeflate ? "permessage-deflate" : "");
	await welcome;
	const text = "compressible ".repeat(200);
	for (const [data, options] of [["short", {}], [text, { compress: true }], [Buffer.from("bytes\n"), { binary: true }]]) {
		const answer = hear(socket, "> ");
		socket.send(data, options);
		assert.equal(await answer, `Echo: ${data.toString().trim()}${data === text ? " " : ""}\r\n> `);
	}
	const fragments = hear(socket, "> ");
	socket.send("frag", { fin: false });
	socket.send("ments", { fin: true });
	assert.equal(await fragments, "Echo: fragments\r\n> ");
	socket.ping("are you there");
	assert.equal((await once(socket, "pong"))[0].toString(), "are you there");
	socket.close(1000, "goodbye");
	assert.equal((await once(socket, "close"))[0], 1000);
}

await talk(false);
await talk(true);
console.log("ok");
