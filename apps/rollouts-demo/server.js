// The colour service of the Argo demo: every answer of POST /color is the colour of this version, so that the share of
// colours on the page is the share of traffic. Plain JavaScript with few imports: every pod is a process of its own.
//
// COLOR        red, orange, yellow, green, blue, purple; none: a random one per request (DM-002)
// ERROR_RATE   percent of failing requests, unless the page asks for another rate
// LATENCY      seconds before each answer, unless the page asks for another delay

import { readFileSync } from "node:fs";
import http from "node:http";

const { COLOR = "", ERROR_RATE = "", LATENCY = "", POD_IP: ip = "127.0.0.1", PORT = "8080" } = process.env;
const COLORS = ["red", "orange", "yellow", "green", "blue", "purple"];
const page = readFileSync(new URL("./page.html", import.meta.url));

/** As a client of Envoy would see it: longer than any pool in front of us keeps a connection. */
const KEEP_ALIVE_MS = 3_700_000;
/** The longest body that is read: six colours with two numbers each. */
const BODY_BYTES_MAX = 64 * 1024;
/** DM-007: after SIGTERM open requests may take this long. */
const DRAIN_MS = 30_000;

const server = http.createServer((request, response) => {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/color") return readBody(request, (text) => answerColor(response, text));
  request.resume();
  if (path !== "/" && path !== "/index.html")
    return send(response, 404, "text/plain; charset=utf-8", "404 page not found\n");
  send(response, 200, "text/html; charset=utf-8", page);
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.on("error", (error) => {
  console.error(`rollouts-demo: cannot listen on ${ip}:${PORT}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(PORT), ip, () =>
  console.log(`rollouts-demo ${COLOR || "of random colours"} listens on ${ip}:${PORT}`),
);

function readBody(request, done) {
  const parts = [];
  let bytes = 0;
  request.on("data", (part) => {
    bytes += part.length;
    if (bytes <= BODY_BYTES_MAX) parts.push(part);
  });
  request.on("end", () => done(Buffer.concat(parts).toString("utf8")));
}

function answerColor(response, text) {
  const color = COLOR || COLORS[Math.floor(Math.random() * COLORS.length)];
  let wishes;
  try {
    wishes = text.trim() === "" ? [] : JSON.parse(text);
    if (!Array.isArray(wishes)) throw new Error("expected a JSON array of colors");
  } catch (error) {
    return send(response, 500, "text/plain; charset=utf-8", `${error.message}\n`);
  }
  const wish = wishes.find((candidate) => candidate?.color === color) ?? {};
  const delaySeconds = secondsOf(wish);
  const status = fails(wish) ? 500 : 200;
  setTimeout(() => {
    response.setHeader("x-content-type-options", "nosniff");
    send(response, status, "text/plain; charset=utf-8", JSON.stringify(color));
    console.log(`${status} - ${color}${delaySeconds > 0 ? ` (${delaySeconds.toFixed(6)}s)` : ""}`);
  }, delaySeconds * 1000);
}

/** The page's wish is cut to whole seconds, as in the original (DM-005); the version's own latency is not. */
function secondsOf({ delayLength }) {
  return typeof delayLength === "number" && delayLength > 0 ? Math.trunc(delayLength) : Number(LATENCY) || 0;
}

/** A wish of p fails p + 1 draws of 100, except 0 and 100, which are exact (DM-005). */
function fails({ return500 }) {
  if (typeof return500 === "number") {
    if (return500 <= 0) return false;
    return return500 >= 100 || Math.floor(Math.random() * 100) <= return500;
  }
  // DM-006: the original compares the other way round, and its users' bad-* images fail quickly because of it.
  return ERROR_RATE !== "" && Math.floor(Math.random() * 100) >= Number(ERROR_RATE);
}

function send(response, status, type, body) {
  if (!server.listening) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

let isStopping = false;
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), DRAIN_MS).unref();
  });
}
