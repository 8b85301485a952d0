import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Container, HttpGetAction, Probe, ProbeAction } from "./pod.ts";

/** One try of a probe. A failure's message is the one of the event (K8S-258). */
export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** How often in a row a probe has succeeded or failed. */
export interface ProbeRun {
  readonly successes: number;
  readonly failures: number;
}

export const noProbeRun: ProbeRun = { successes: 0, failures: 0 };

/** `passed` and `failed` are verdicts: a threshold was reached. `open`: as before. */
export function countProbe(
  run: ProbeRun,
  ok: boolean,
  probe: Probe,
): { run: ProbeRun; verdict: "passed" | "failed" | "open" } {
  const next = ok ? { successes: run.successes + 1, failures: 0 } : { successes: 0, failures: run.failures + 1 };
  if (next.successes >= (probe.successThreshold ?? 1)) return { run: next, verdict: "passed" };
  if (next.failures >= (probe.failureThreshold ?? 3)) return { run: next, verdict: "failed" };
  return { run: next, verdict: "open" };
}

export interface ProbeTarget {
  readonly podIp: string;
  readonly container: Container;
  /** Runs a command in the container's environment; the exit code, null when the time was up. */
  execute(command: readonly string[], timeoutMs: number): Promise<number | null>;
}

/** Tries once. Never throws: what goes wrong is the result. */
export function tryProbe(probe: Probe, target: ProbeTarget): Promise<ProbeResult> {
  return tryAction(probe, (probe.timeoutSeconds ?? 1) * 1000, target);
}

export async function tryAction(action: ProbeAction, timeoutMs: number, target: ProbeTarget): Promise<ProbeResult> {
  if (action.httpGet) return httpProbe(action.httpGet, timeoutMs, target);
  if (action.tcpSocket) {
    const port = portNumber(action.tcpSocket.port, target.container);
    if (port === null) return { ok: false, message: `couldn't find port: ${action.tcpSocket.port}` };
    return tcpProbe(action.tcpSocket.host ?? target.podIp, port, timeoutMs);
  }
  if (action.exec) return execProbe(action.exec.command, timeoutMs, target);
  if (action.grpc)
    return { ok: false, message: "grpc probes are not supported by this node; use httpGet, tcpSocket or exec" };
  return { ok: false, message: "missing probe handler" };
}

async function execProbe(command: readonly string[], timeoutMs: number, target: ProbeTarget): Promise<ProbeResult> {
  const code = await target.execute(command, timeoutMs);
  if (code === 0) return { ok: true };
  if (code === null)
    return { ok: false, message: `command timed out: "${command.join(" ")}" timed out after ${timeoutMs / 1000}s` };
  return { ok: false, message: `command "${command.join(" ")}" exited with status ${code}` };
}

function httpProbe(action: HttpGetAction, timeoutMs: number, { podIp, container }: ProbeTarget): Promise<ProbeResult> {
  const port = portNumber(action.port, container);
  if (port === null) return Promise.resolve({ ok: false, message: `couldn't find port: ${action.port}` });
  const isHttps = action.scheme === "HTTPS";
  const host = action.host ?? podIp;
  const path = action.path?.startsWith("/") ? action.path : `/${action.path ?? ""}`;
  const headers: Record<string, string> = { "user-agent": "kube-probe/1.34", accept: "*/*", connection: "close" };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;

  return new Promise((resolve) => {
    const what = `Get "${isHttps ? "https" : "http"}://${host}:${port}${path}"`;
    const timedOut = `${what}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    // An own connection each time, never through a proxy: a kept one would hide that nobody accepts new ones.
    // A probe asks for life, not for identity: certificates are not checked, as in the original.
    const options = { host, port, path, headers, agent: false, timeout: timeoutMs, rejectUnauthorized: false };
    const request = (isHttps ? https : http).get(options, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      const isOk = status >= 200 && status < 400;
      resolve(isOk ? { ok: true } : { ok: false, message: `HTTP probe failed with statuscode: ${status}` });
    });
    request.on("timeout", () => {
      resolve({ ok: false, message: timedOut });
      request.destroy();
    });
    request.on("error", (error) => resolve({ ok: false, message: `${what}: ${dialError(error, host, port)}` }));
  });
}

/** Also the listening hint of bundled images: does the port accept connections? */
export function tcpProbe(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: timeoutMs });
    const finish = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => finish({ ok: true }));
    socket.on("timeout", () => finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.on("error", (error) => finish({ ok: false, message: dialError(error, host, port) }));
  });
}

/** As Go's net package puts it, which is what users know from the original. */
function dialError(error: Error, host: string, port: number): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ECONNREFUSED") return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === "ECONNRESET") return "read: connection reset by peer";
  return error.message;
}

/** A port is a number or the name of one of the container's ports. */
export function portNumber(port: number | string, container: Container): number | null {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port) ? Number(port) : null);
}
