// The echo server of the benchmarks, by the npm package `ws`: one for all clients, and none of theirs.
//
//     node echo_server.js
//
// Prints its port, which is free and of 127.0.0.1. Compresses all that it sends where that was agreed; echoes by the
// next turn of its loop at the earliest, as `ws` does. GET answers with the account of the last connection: messages,
// bytes of payload, and bytes of the socket without the opening handshake. Ends when stdin does.
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
