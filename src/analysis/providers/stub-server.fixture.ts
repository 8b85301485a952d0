import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { VirtualClock } from "../../base/clock.ts";
import { createHttp } from "../http.ts";
import { measureOnce } from "../measure.ts";
import type { ProviderContext, Providers } from "../provider.ts";
import type { MeasurementOutcome } from "../status.ts";
import type { AnalysisRun, Measurement, Metric } from "../types.ts";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A stub of a metric source on a port of its own: what it is asked stands in `received`. */
export async function startStub(reply: (request: Received) => Reply | null) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const one = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    received.push(one);
    const answer = reply(one);
    // Null: never answered.
    if (answer === null) return;
    response.writeHead(answer.status ?? 200, answer.headers);
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url, received, stop };
}

export const testClock = new VirtualClock(Date.UTC(2030, 0, 1));

/** Measures once over real sockets, on virtual time. */
export async function measureWith(
  providers: Providers,
  metric: Omit<Metric, "name">,
  options: {
    readonly context?: Partial<ProviderContext>;
    readonly measurement?: Measurement;
    /** Of the run. */
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): Promise<MeasurementOutcome> {
  const { http, close } = createHttp({ clock: testClock });
  const context: ProviderContext = {
    http,
    clock: testClock,
    secrets: () => Promise.reject(new Error("no secrets in this test")),
    environment: {},
    controllerNamespace: "argo-rollouts",
    ...options.context,
  };
  const named = { name: "m", ...metric };
  const run = {
    apiVersion: "",
    kind: "",
    metadata: { name: "r", namespace: "ns", annotations: options.annotations ?? {} },
    spec: { metrics: [named] },
  } as AnalysisRun;
  const measurement = options.measurement ?? { phase: "Running" };
  try {
    return await measureOnce({ run, metric: named, measurement }, { providers, context });
  } finally {
    await close();
  }
}
