import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ApiOptions, handleApi } from "./api.ts";

/** A form with a longer query than this is none that a person wrote. */
const BODY_BYTES_MAX = 1024 * 1024;

export interface PrometheusServerOptions extends ApiOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Loopback unless told otherwise: the API has no authentication, as Prometheus' own has none. */
  readonly host?: string;
}

export interface PrometheusServer {
  /** Where it listens, without a path: `http://127.0.0.1:9090`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The Prometheus HTTP API on a socket. Rejects when the port is taken. */
export async function createPrometheusServer(options: PrometheusServerOptions): Promise<PrometheusServer> {
  const { port, host = "127.0.0.1" } = options;
  const server = createServer((request, response) => void answer(request, response, options));
  await listen(server, port, host);
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ApiOptions): Promise<void> {
  let body: string | null;
  try {
    body = await readBody(request);
  } catch {
    // The client is gone; nobody is left to answer.
    response.destroy();
    return;
  }
  const { method = "GET", url = "/" } = request;
  if (body === null) {
    response.writeHead(413, { connection: "close" }).end("request body too large\n");
    return;
  }
  const result = handleApi({ method: method === "HEAD" ? "GET" : method, url, body }, options);
  response.writeHead(result.status, { "content-type": result.contentType }).end(result.body);
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
