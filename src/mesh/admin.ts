import http from "node:http";
import type { AddressInfo } from "node:net";
import { formatEntry } from "./access-log.ts";
import type { Acknowledger } from "./acknowledge.ts";
import type { DataPlane } from "./data-plane.ts";

/**
 * The mesh's own HTTP port, for the control plane, Prometheus and people. Read-only; loopback only.
 *
 *   /stats/prometheus                              metrics (MESH-387)
 *   /accesslog?request_id=&trace=&limit=&format=   finished requests, newest last (MESH-410); format=text: MESH-411
 *   /revision                                      what configuration runs (see Acknowledgement)
 *   /clusters                                      clusters with their endpoints, objects without a part in routing
 *   /ready                                         200 once a table runs
 */
interface AdminContext {
  readonly plane: DataPlane;
  readonly acknowledger: Acknowledger;
}

interface Answer {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
}

const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

const pages: Readonly<Record<string, (context: AdminContext, query: URLSearchParams) => Answer>> = {
  "/stats/prometheus": ({ plane }) => ({ type: PROMETHEUS_TEXT, body: plane.metrics() }),
  "/accesslog": ({ plane }, query) => {
    const limit = Number(query.get("limit") ?? Number.NaN);
    const found = plane.accessLog.find({
      requestId: query.get("request_id"),
      trace: query.get("trace"),
      ...(Number.isInteger(limit) && limit > 0 ? { limit } : {}),
    });
    if (query.get("format") === "text")
      return { type: "text/plain", body: found.map((entry) => `${formatEntry(entry)}\n`).join("") };
    return json(found);
  },
  "/revision": ({ acknowledger }) => json(acknowledger.current),
  "/clusters": ({ plane }) => json({ clusters: [...plane.table.clusters.values()], problems: plane.table.problems }),
  "/ready": ({ acknowledger }) => {
    const isReady = Object.keys(acknowledger.current.kinds).length > 0;
    return { status: isReady ? 200 : 503, type: "text/plain", body: isReady ? "LIVE\n" : "no configuration yet\n" };
  },
};

function json(value: unknown): Answer {
  return { type: "application/json", body: `${JSON.stringify(value)}\n` };
}

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

export async function openAdmin(context: AdminContext, address: string, port: number): Promise<Admin> {
  const server = http.createServer((req, res) => {
    const url = new URL(req.url ?? "/", "http://admin");
    const page = Object.hasOwn(pages, url.pathname) ? pages[url.pathname] : undefined;
    const answer = page?.(context, url.searchParams) ?? { status: 404, type: "text/plain", body: "no such page\n" };
    res.writeHead(answer.status ?? 200, { "content-type": answer.type });
    res.end(answer.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
