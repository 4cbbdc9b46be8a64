// The echo server of the benchmarks, which uses the npm package `ws`. All clients use the same server.
//
//     node echo_server.js
//
// Listens on a free port of 127.0.0.1 and prints its number. Compresses all messages if compression was agreed. GET
// returns the counts of the last connection: messages, bytes of payload, and bytes on the socket without the opening
// handshake. Ends when its stdin is closed.
"use strict";

const http = require("http");
const { WebSocketServer } = require("ws");

let account = () => ({});

const server = http.createServer((_, response) => response.end(JSON.stringify(account())));
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });

sockets.on("connection", (socket, request) => {
  const stream = request.socket;
  const handshake = { read: stream.bytesRead, written: stream.bytesWritten };
  let messages = 0;
  let payload = 0;
  account = () => ({
    messages,
    payload,
    read: stream.bytesRead - handshake.read,
    written: stream.bytesWritten - handshake.written,
  });
  socket.on("error", () => socket.terminate());
  socket.on("message", (data, isBinary) => {
    messages += 1;
    payload += data.length;
    socket.send(data, { binary: isBinary });
  });
});

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
