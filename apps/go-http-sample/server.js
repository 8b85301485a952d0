// The chain service of the document: answers with its own name, version and address, followed by what its upstream
// answers, so that one response shows every hop that a request took.
//
//   -> mocka(version: v1, ip: 127.64.0.3)-> mockb(version: v1, ip: 127.64.0.4)-> mockc(version: v1, ip: 127.64.0.5)
//
// It forwards one header only, my-request-id: keeping a request in its lane is the mesh's work (LANE-250). Plain
// JavaScript with one import, because every pod is a process of its own and start-up time counts.

import http from "node:http";

const {
  app = "go-http-sample",
  version = "v1",
  upstream_url: upstreamUrl = "",
  POD_IP: ip = "127.0.0.1",
  PORT = "8000",
  http_proxy: proxy = "",
} = process.env;

const TRACE_HEADER = "my-request-id";

/** As a client of Envoy would see it: longer than any pool in front of us keeps a connection (MESH-260). */
const KEEP_ALIVE_MS = 3_700_000;

/** A chain must end some day even when an upstream never answers. */
const UPSTREAM_TIMEOUT_MS = 30_000;

const self = `-> ${app}(version: ${version}, ip: ${ip})`;
const requestUpstream = upstreamUrl === "" ? null : upstreamCaller(new URL(upstreamUrl), proxy);

const server = http.createServer((request, response) => {
  request.resume();
  if (requestUpstream === null) return answer(response, 200, self);
  requestUpstream(request.headers[TRACE_HEADER], (status, text) => answer(response, status, self + text));
});
server.keepAliveTimeout = KEEP_ALIVE_MS;
server.on("error", (error) => {
  console.error(`${app}: cannot listen on ${ip}:${PORT}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(PORT), ip, () => console.log(`${app} version ${version} listens on ${ip}:${PORT}`));

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, stop);

function answer(response, status, text) {
  // A stopping server says so, so that the mesh opens no further request on this connection.
  if (!server.listening) response.setHeader("connection", "close");
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** A function that asks the upstream once and reports (status, text). The path is the one of upstream_url. */
function upstreamCaller(url, proxyUrl) {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 256 });
  const next = proxyUrl === "" ? url : new URL(proxyUrl);
  const target = { agent, host: next.hostname, port: next.port || 80, path: proxyUrl === "" ? url.pathname : url.href };

  return (traceId, done) => {
    const headers = { host: url.host };
    if (traceId !== undefined) headers[TRACE_HEADER] = traceId;
    call({ ...target, headers }, true, done);
  };

  function call(options, mayRetry, done) {
    const request = http.request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => report(done, response.statusCode, text));
      response.on("error", (error) => done(502, failure(error.message)));
    });
    request.setTimeout(UPSTREAM_TIMEOUT_MS, () => request.destroy(new Error("timed out")));
    request.on("error", (error) => {
      // The other side may close an idle connection at the moment we use it; nothing was answered, and a GET may repeat.
      if (mayRetry && request.reusedSocket && error.code === "ECONNRESET") return call(options, false, done);
      done(502, failure(error.message));
    });
    request.end();
  }

  function report(done, status, text) {
    if (status < 400) return done(200, text);
    // A chain further down has already said where it broke; a bare error of the mesh is put into words here.
    done(status, text.startsWith("-> ") ? text : failure(`status ${status} ${text.trim()}`.trim()));
  }

  function failure(reason) {
    return `-> ${url.host} failed (${reason})`;
  }
}

/** Stops accepting, finishes the open requests, then exits. */
function stop() {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
