// The client of the benchmarks that uses the npm package `ws`. client.lua describes it. Run it with --expose-gc.
"use strict";

const fs = require("fs");
const WebSocket = require("ws");

const [mode, url, path, first, second, ...rest] = process.argv.slice(2);
const settings = Object.fromEntries(rest.map((setting) => setting.split("=")));
const messages = fs.readFileSync(path, "ascii").trimEnd().split("\n");

function options() {
  if (settings.compression === "none") {
    return { perMessageDeflate: false };
  }
  if (rest.length === 0) {
    return {};
  }
  const bits = Number(settings.window_bits);
  const alone = settings.takeover === "0";
  return {
    perMessageDeflate: {
      threshold: 0,
      serverNoContextTakeover: alone,
      clientNoContextTakeover: alone,
      serverMaxWindowBits: bits === 15 ? undefined : bits,
      clientMaxWindowBits: bits === 15 ? true : bits,
      zlibDeflateOptions: { level: Number(settings.level), memLevel: 8 },
    },
  };
}

function report(ws, numbers) {
  const { params } = ws._extensions["permessage-deflate"] ?? {};
  console.log(JSON.stringify({ ...numbers, extensions: params ? `permessage-deflate ${JSON.stringify(params)}` : "" }));
}

function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function echo(inFlight, warmUp) {
  const ws = new WebSocket(url, options());
  let sent = 0;
  let received = 0;
  let bytes = 0;
  let started;
  ws.on("open", () => {
    while (sent < Math.min(inFlight, messages.length)) {
      ws.send(messages[sent++]);
    }
  });
  ws.on("message", (data) => {
    bytes += data.toString().length; // as the other two get text
    received += 1;
    if (sent < messages.length) {
      ws.send(messages[sent++]);
    }
    if (received === warmUp) {
      started = cpu();
    } else if (received === messages.length) {
      report(ws, { cpu: (cpu() - started) / (messages.length - warmUp), bytes });
      ws.close();
    }
  });
}

function memory() {
  global.gc();
  return Number(/RssAnon:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status", "ascii"))[1]);
}

function talk() {
  return new Promise((resolve) => {
    const ws = new WebSocket(url, options());
    let received = 0;
    ws.on("open", () => ws.send(messages[0]));
    ws.on("message", () => {
      received += 1;
      if (received < messages.length) {
        ws.send(messages[received]);
      } else {
        resolve(ws);
      }
    });
  });
}

async function hold(count, more) {
  const open = (number) => Promise.all(Array.from({ length: number }, talk));
  const sockets = await open(count);
  const before = memory();
  sockets.push(...(await open(more)));
  report(sockets[0], { kib: Math.round(((memory() - before) / more) * 10) / 10 });
  sockets.forEach((ws) => ws.terminate());
}

({ echo, hold })[mode](Number(first), Number(second));
