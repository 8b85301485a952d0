import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { METRICS_CONTENT_TYPE } from "../base/metrics.ts";

/** What the controllers tell of themselves over HTTP: `/metrics` (ARC-800), and `/healthz` (ARC-803). */
export interface ControllerServerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Prometheus' text format; made anew for each answer. */
  readonly metrics: () => string;
}

export interface ControllerServer {
  /** Without a path, e.g. `http://127.0.0.1:18090`. */
  readonly url: string;
  stop(): Promise<void>;
}

const TEXT = "text/plain; charset=utf-8";

/** On loopback alone: nothing here asks who is there. Rejects when the port is taken. */
export async function startControllerServer({ port, metrics }: ControllerServerOptions): Promise<ControllerServer> {
  const answer = (path: string): readonly [status: number, type: string, body: string] => {
    // Leaders and those that wait answer alike: a controller that waits is well (ARC-803).
    if (path === "/healthz") return [200, TEXT, "ok"];
    if (path === "/metrics") return [200, METRICS_CONTENT_TYPE, metrics()];
    return [404, TEXT, "not found: the controllers answer at /metrics and /healthz\n"];
  };
  const server = createServer(({ method = "GET", url = "/" }, response) => {
    if (method !== "GET" && method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD", "content-type": TEXT }).end("method not allowed\n");
      return;
    }
    const [status, type, body] = answer(url.split("?", 1)[0] as string);
    response.writeHead(status, { "content-type": type }).end(method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
