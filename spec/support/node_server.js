// An echo server that uses the npm package `ws`.
//
//     node node_server.js --dir DIR --ports-file FILE
//
// DIR contains server.pem and server.key. FILE is written when ws and wss listen on free ports of 127.0.0.1, and ws also on
// the Unix socket DIR/node.sock. The path /close?code=&reason= closes at once, /request sends method, URL and Host of the
// request, /gone drops the connection at the first message, and every other path echoes. Ends when its stdin is closed.
"use strict";

const fs = require("fs");
const http = require("http");
const https = require("https");
const path = require("path");
const { parseArgs } = require("util");
const { WebSocketServer } = require("ws");

const { values } = parseArgs({ options: { dir: { type: "string" }, "ports-file": { type: "string" } } });

function listen(server, ...where) {
  const sockets = new WebSocketServer({
    server,
    maxPayload: 256 * 1024 * 1024,
    perMessageDeflate: { threshold: 0 },
    handleProtocols: (offered) => (offered.has("echo") ? "echo" : false),
  });
  sockets.on("connection", (socket, request) => {
    const target = new URL(request.url, "http://localhost");
    socket.on("error", () => socket.terminate());
    if (target.pathname === "/close") {
      const code = target.searchParams.get("code");
      socket.close(code === null ? 1000 : Number(code), target.searchParams.get("reason") ?? "");
      return;
    }
    if (target.pathname === "/request") {
      socket.send(`${request.method} ${request.url} ${request.headers.host}`);
      return;
    }
    if (target.pathname === "/gone") {
      socket.on("message", () => socket.terminate());
      return;
    }
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return new Promise((listening) => {
    server.listen(...where, () => listening(server.address().port));
  });
}

async function main() {
  const file = (name) => fs.readFileSync(path.join(values.dir, name));
  const ws = await listen(http.createServer(), 0, "127.0.0.1");
  const wss = await listen(https.createServer({ cert: file("server.pem"), key: file("server.key") }), 0, "127.0.0.1");
  await listen(http.createServer(), path.join(values.dir, "node.sock"));
  fs.writeFileSync(`${values["ports-file"]}~`, `return { ws = ${ws}, wss = ${wss} }\n`);
  fs.renameSync(`${values["ports-file"]}~`, values["ports-file"]);
  console.log("ready");
}

process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
