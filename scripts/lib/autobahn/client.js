// The client for the Autobahn test suite that uses the npm package `ws` with its defaults; it works like client.lua.
//
//     NODE_PATH=spec/support/node_modules node client.js URL AGENT
"use strict";

const WebSocket = require("ws");

const [base, agent] = process.argv.slice(2);

// Runs one connection to its end. An end that the case provokes is not an error.
function converse(path, onMessage) {
  return new Promise((ended, failed) => {
    const ws = new WebSocket(base + path);
    let opened = false;
    ws.on("open", () => (opened = true));
    ws.on("message", (data, isBinary) => onMessage(ws, data, isBinary));
    ws.on("error", (error) => opened || failed(error));
    ws.on("close", ended);
  });
}

const echo = (ws, data, isBinary) => ws.send(data, { binary: isBinary });

async function main() {
  let count = NaN;
  await converse("/getCaseCount", (_, data) => (count = Number(data)));
  if (!(count > 0)) throw new Error("the suite did not say how many cases it has");
  for (let number = 1; number <= count; number++) {
    const path = `/runCase?case=${number}&agent=${agent}`;
    await converse(path, echo).catch((error) => console.log(`case ${number}: ${error}`));
    if (number % 50 === 0 || number === count) console.log(`${number} of ${count} cases`);
  }
  await converse(`/updateReports?agent=${agent}`, () => {});
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
