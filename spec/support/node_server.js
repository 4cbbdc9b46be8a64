// An echo server that uses the npm package `ws`.
//
//     node node_server.js --dir DIR --ports-file FILE
//
// DIR contains server.pem and server.key. FILE is written when ws and wss listen on free ports of 127.0.0.1. The path
// /close?code=&reason= closes at once, and every other path echoes. Ends when its stdin is closed.
"use strict";

const fs = require("fs");
const http = require("http");
const https = require("https");
const path = require("path");
const { parseArgs } = require("util");
const { WebSocketServer } = require("ws");

const { values } = parseArgs({ options: { dir: { type: "string" }, "ports-file": { type: "string" } } });

function listen(server) {
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
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return new Promise((listening) => {
    server.listen(0, "127.0.0.1", () => listening(server.address().port));
  });
}

async function main() {
  const file = (name) => fs.readFileSync(path.join(values.dir, name));
  const ws = await listen(http.createServer());
  const wss = await listen(https.createServer({ cert: file("server.pem"), key: file("server.key") }));
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
