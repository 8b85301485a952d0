import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bench, Report } from "./bench.ts";

/**
 * Our gateway against nginx and HAProxy, all measured in one run against the same backend (nginx, 1 KB), over loopback
 * with keep-alive (MESH section 22). Ours counts metrics and writes the access log; the peers do neither.
 *
 * With more than one core and `taskset` the proxy gets a core of its own; figures are comparable within a run only.
 */
export const proxyBench: Bench = {
  name: "proxy",
  measures: "requests/s and latency of the mesh, nginx and HAProxy",
  run,
};

const CONNECTIONS = 64;
const WARM_UP_SECONDS = 1;
const LOAD_SECONDS = 5;
const SINGLE_SECONDS = 2;
const BODY = "x".repeat(1024);
const START_MS_MAX = 5_000;

interface Peer {
  readonly name: string;
  /** The command, given its port, the backend's and a folder of its own; null: not installed. */
  command(place: Place): readonly string[] | null;
}

interface Place {
  readonly port: number;
  readonly backendPort: number;
  readonly folder: string;
}

const HERE = path.dirname(fileURLToPath(import.meta.url));

const peers: readonly Peer[] = [
  {
    name: "fairway",
    command: ({ port, backendPort }) => [
      process.execPath,
      path.join(HERE, "proxy-server.ts"),
      `${port}`,
      `${backendPort}`,
    ],
  },
  {
    name: "nginx",
    command: (place) =>
      nginx(place, `proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";`),
  },
  { name: "haproxy", command: haproxy },
];

async function run(report: Report): Promise<void> {
  const wrk = findProgram("wrk");
  if (wrk === null) return report.skip("wrk is not installed (Debian package wrk)");
  if (findProgram("nginx") === null)
    return report.skip("nginx, which plays the backend, is not installed (Debian package nginx-light)");
  const folder = mkdtempSync(path.join(os.tmpdir(), "fairway-bench-"));
  const children: ChildProcess[] = [];
  try {
    const backendPort = await freePort();
    const backend = { port: backendPort, backendPort, folder: path.join(folder, "backend") };
    children.push(await start(nginx(backend, `return 200 "${BODY}";`)!, backendPort, "load"));
    const rows: Measured[] = [{ name: "none", ...(await measure(wrk, backendPort)), rssMiB: null }];
    for (const peer of peers) {
      const place = { port: await freePort(), backendPort, folder: path.join(folder, peer.name) };
      const command = peer.command(place);
      if (command === null) {
        report.skip(`${peer.name} is not installed (Debian package ${peer.name})`);
        continue;
      }
      const child = await start(command, place.port, "proxy");
      rows.push({ name: peer.name, ...(await measure(wrk, place.port)), rssMiB: rssMiB(child) });
      await end(child);
    }
    print(report, rows);
  } finally {
    await Promise.all(children.map(end));
    rmSync(folder, { recursive: true, force: true });
  }
}

// ── Peers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function nginx({ port, backendPort, folder }: Place, location: string): readonly string[] | null {
  const program = findProgram("nginx");
  if (program === null) return null;
  mkdirSync(folder);
  const file = path.join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log crit;
     events { worker_connections 2048; }
     http { access_log off; keepalive_requests 100000000; ${temporary.join(" ")}
       upstream backend { server 127.0.0.1:${backendPort}; keepalive 128; keepalive_requests 100000000; }
       server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
  );
  return [program, "-c", file, "-e", path.join(folder, "error.log")];
}

function haproxy({ port, backendPort, folder }: Place): readonly string[] | null {
  const program = findProgram("haproxy");
  if (program === null) return null;
  mkdirSync(folder);
  const file = path.join(folder, "haproxy.cfg");
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  http-reuse always
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${backendPort} maxconn 4096
`,
  );
  return [program, "-db", "-f", file];
}

function findProgram(name: string): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"]) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

// ── Processes ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The last core for the proxy, the others for load and backend; nothing is pinned where that is impossible. */
function pinned(command: readonly string[], role: "proxy" | "load"): readonly string[] {
  const taskset = findProgram("taskset");
  const cores = os.availableParallelism();
  if (taskset === null || cores < 2) return command;
  const list = role === "proxy" ? `${cores - 1}` : cores === 2 ? "0" : `0-${cores - 2}`;
  return [taskset, "-c", list, ...command];
}

async function start(command: readonly string[], port: number, role: "proxy" | "load"): Promise<ChildProcess> {
  const [program = "", ...args] = pinned(command, role);
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const startedAt = performance.now();
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended with ${child.exitCode} before it listened`);
    if (performance.now() - startedAt > START_MS_MAX) throw new Error(`${command[0]} does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function rssMiB({ pid }: ChildProcess): number | null {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return kib === null ? null : Number(kib[1]) / 1024;
  } catch {
    return null; // Not Linux.
  }
}

// ── Measuring ──────────────────────────────────────────────────────────────────────────────────────────────────────

interface Figures {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  /** One connection, one request at a time. */
  readonly singleP50Ms: number;
  readonly errors: number;
}

interface Measured extends Figures {
  readonly name: string;
  readonly rssMiB: number | null;
}

async function measure(wrk: string, port: number): Promise<Figures> {
  await load(wrk, port, { connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  const many = await load(wrk, port, { connections: CONNECTIONS, seconds: LOAD_SECONDS });
  const single = await load(wrk, port, { connections: 1, seconds: SINGLE_SECONDS });
  return {
    requestsPerSecond: many.requestsPerSecond,
    p99Ms: many.p99Ms,
    singleP50Ms: single.p50Ms,
    errors: many.errors + single.errors,
  };
}

async function load(
  wrk: string,
  port: number,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<{ requestsPerSecond: number; p50Ms: number; p99Ms: number; errors: number }> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", `http://127.0.0.1:${port}/bench`];
  const [program = "", ...rest] = pinned([wrk, ...args], "load");
  const { stdout } = await promisify(execFile)(program, rest);
  const badStatus = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const socketErrors = /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const errors = (socketErrors ?? []).slice(1).reduce((sum, count) => sum + Number(count), badStatus);
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: latencyMs(stdout, "50%"),
    p99Ms: latencyMs(stdout, "99%"),
    errors,
  };
}

function latencyMs(text: string, percentile: string): number {
  const found = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s)`).exec(text);
  if (found === null) return Number.NaN;
  const factor = { us: 0.001, ms: 1, s: 1000 }[found[2] as "us" | "ms" | "s"];
  return Number(found[1]) * factor;
}

function print(report: Report, rows: readonly Measured[]): void {
  const ours = rows.find(({ name }) => name === "fairway");
  const header = ["proxy", "req/s", "fairway/it", "p99 ms", "1 conn p50 ms", "RSS MiB", "errors"];
  report.line(`  ${CONNECTIONS} connections, 1 KB, ${LOAD_SECONDS} s; ${os.availableParallelism()} cores`);
  report.table(
    header,
    rows.map(({ name, requestsPerSecond, p99Ms, singleP50Ms, rssMiB: rss, errors }) => [
      name,
      requestsPerSecond.toFixed(0),
      ours === undefined ? "-" : (ours.requestsPerSecond / requestsPerSecond).toFixed(2),
      p99Ms.toFixed(2),
      singleP50Ms.toFixed(3),
      rss === null ? "-" : rss.toFixed(0),
      String(errors),
    ]),
  );
}
