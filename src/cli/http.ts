import { type Agent, request as httpRequest } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Keeps connections; absent: a connection for this request alone. */
  readonly agent?: Agent;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

/** One plain HTTP request, as curl would send it. Rejects only when there is no answer at all. */
export function sendRequest(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, agent, timeoutMs = TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const settings = { method, headers: { ...headers, ...length }, agent: agent ?? false, timeout: timeoutMs };
    const request = httpRequest(url, settings, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on("error", reject);
    request.end(body);
  });
}
