// The client of the benchmarks that uses the npm package `ws`, or Node's own WebSocket. README.md, in the folder above,
// describes the workloads.
//
//     node.js ws|native WORKLOAD URL COUNT SIZE
"use strict";

const before = process.cpuUsage();
const fs = require("fs");

const [library, workload, url, countText, sizeText] = process.argv.slice(2);
const count = Number(countText);
const size = Number(sizeText);

// The same as in benches/src/workloads.rs.
const BATCH = 1000;
const AT_ONCE = 50;
const FIRST = 10;
const FANS = [["single", 40000, 1], ["burst", 160000, 16]];

const isSecure = url.startsWith("wss:");
const secureContext = isSecure
  ? require("tls").createSecureContext({ ca: fs.readFileSync(process.env.BENCH_CA) })
  : undefined;

// Opens a connection: calls `onOpen(socket)` and `onMessage(text, socket)`.
const open = {
  ws() {
    const WebSocket = require("ws");
    return (path, onOpen, onMessage) => {
      const socket = new WebSocket(url + path, { perMessageDeflate: false, secureContext });
      socket.on("open", () => onOpen(socket));
      socket.on("message", (data) => onMessage(data.toString(), socket));
      socket.on("error", fail);
    };
  },
  native() {
    return (path, onOpen, onMessage) => {
      const socket = new WebSocket(url + path);
      socket.onopen = () => onOpen(socket);
      socket.onmessage = (event) => onMessage(event.data, socket);
      socket.onerror = fail;
    };
  },
}[library]();

function fail(error) {
  console.error(error);
  process.exit(1);
}

function cpuSince(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function start() {
  const cpu = process.cpuUsage();
  const wall = process.hrtime.bigint();
  return (prefix = "") => ({
    [`${prefix}wall`]: Number(process.hrtime.bigint() - wall) / 1e9,
    [`${prefix}cpu`]: cpuSince(cpu),
  });
}

function report(members) {
  fs.writeSync(1, `${JSON.stringify({ ...members, operations: count })}\n`);
  process.exit(0);
}

// Returns a text of a size, which differs from those of other numbers.
const text = (bytes, number) => `${number} ${String.fromCharCode(97 + (number % 26)).repeat(bytes)}`.slice(0, bytes);

// Returns the messages that a client sends in turn: fewer if they are large, because they only have to differ.
function texts() {
  const length = Math.max(2, Math.floor(64000 / Math.max(size, 64)));
  return Array.from({ length }, (_, number) => text(size, number));
}

function check(found, wanted) {
  if (found !== wanted) {
    fail(`${found} instead of ${wanted}`);
  }
}

function memory() {
  global.gc();
  return Number(/RssAnon:\s*(\d+)/.exec(fs.readFileSync("/proc/self/status", "ascii"))[1]);
}

function echo() {
  const messages = texts();
  const warmUp = Math.floor(count / 10);
  let received = 0;
  let read;
  open("/echo", (socket) => socket.send(messages[0]), (message, socket) => {
    check(message.length, size);
    if (received === warmUp) {
      read = start();
    } else if (received === count + warmUp) {
      report(read());
    }
    received += 1;
    socket.send(messages[received % messages.length]);
  });
}

function receive() {
  const rounds = [Math.floor(count / 10), count];
  let left;
  let read;
  const nextRound = (socket) => {
    left = rounds.shift();
    if (left === undefined) {
      report(read());
    }
    read = start();
    socket.send(String(left));
  };
  open(`/flood/${size}`, nextRound, (message, socket) => {
    check(message.length, size);
    left -= 1;
    if (left === 0) {
      nextRound(socket);
    }
  });
}

function send() {
  const messages = texts();
  const rounds = [Math.floor(count / 10), count];
  let read;
  const nextRound = (socket) => {
    const number = rounds.shift();
    if (number === undefined) {
      report(read());
    }
    read = start();
    sendBatches(socket, number);
  };
  const sendBatches = (socket, left) => {
    for (let index = 0; left > 0 && index < BATCH; index += 1) {
      socket.send(messages[left % messages.length]);
      left -= 1;
    }
    if (left > 0) {
      setImmediate(sendWhenDrained, socket, left);
    } else {
      socket.send(".");
    }
  };
  const sendWhenDrained = (socket, left) => {
    if (socket.bufferedAmount > 1 << 20) {
      setImmediate(sendWhenDrained, socket, left);
    } else {
      sendBatches(socket, left);
    }
  };
  open("/sink", nextRound, (_, socket) => nextRound(socket));
}

// Opens connections, a few at a time; each sends a message and waits for its echo. Later messages go to `onMessage`.
function openMany(path, number, onMessage) {
  return new Promise((resolve) => {
    let begun = 0;
    let opened = 0;
    const begin = () => {
      begun += 1;
      const first = text(64, begun);
      let isFirst = true;
      open(path, (socket) => socket.send(first), (message) => {
        if (!isFirst) {
          onMessage();
          return;
        }
        check(message, first);
        isFirst = false;
        opened += 1;
        if (begun < number) {
          begin();
        }
        if (opened === number) {
          resolve();
        }
      });
    };
    for (let index = 0; index < Math.min(number, AT_ONCE); index += 1) {
      begin();
    }
    if (number === 0) {
      resolve();
    }
  });
}

async function connections() {
  let left = 0;
  let done;
  const onMessage = () => {
    left -= 1;
    if (left === 0) {
      done();
    }
  };
  const trigger = await new Promise((resolve) => open(`/trigger/${process.pid}`, resolve, () => {}));
  let read = start();
  await openMany(`/fan/${process.pid}`, Math.min(count, FIRST), onMessage);
  const first = memory();
  const more = Math.max(count - FIRST, 0);
  await openMany(`/fan/${process.pid}`, more, onMessage);
  const members = read();
  members.memory = (memory() - first) / Math.max(more, 1);
  if (isSecure) {
    report(members);
  }
  for (const [name, messages, burst] of FANS) {
    left = messages;
    read = start();
    trigger.send(`fan ${messages} ${burst}`);
    await new Promise((resolve) => { done = resolve; });
    Object.assign(members, read(`${name}_`), { [`${name}_operations`]: messages });
  }
  report(members);
}

async function idle() {
  await openMany("/echo", count, () => {});
  const read = start();
  setTimeout(() => report(read()), size * 1000);
}

function startup() {
  open("/echo", () => report({ wall: cpuSince(before), cpu: cpuSince(before) }), () => {});
}

({ callback: echo, loop: echo, receive, send, connections, idle, startup })[workload]();
