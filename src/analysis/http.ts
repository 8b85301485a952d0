import { Agent, type Dispatcher, interceptors, request as send } from "undici";
import type { Clock } from "../base/clock.ts";
import type { Http, HttpAnswer, HttpRequest } from "./provider.ts";

/** A metric source that answers more than this is no metric source. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

const REDIRECTIONS_MAX = 10; // as Go's client

/** HTTP for providers, with error texts in the form that Go's client gives them (MP-008, MP-022). */
export function createHttp({ clock }: { readonly clock: Clock }): { readonly http: Http; close(): Promise<void> } {
  const strict = new Agent();
  const trusting = new Agent({ connect: { rejectUnauthorized: false } });
  const following = interceptors.redirect({ maxRedirections: REDIRECTIONS_MAX });
  const http: Http = async (request) => {
    const abort = new AbortController();
    const cancel = clock.schedule(request.timeoutMs, () => abort.abort());
    try {
      return await exchange(request, {
        signal: abort.signal,
        dispatcher: (request.insecure ? trusting : strict).compose(following),
      });
    } catch (error) {
      throw new Error(failureText(request, abort.signal.aborted ? "context deadline exceeded" : causeOf(error)));
    } finally {
      cancel();
    }
  };
  return {
    http,
    async close() {
      await Promise.all([strict.close(), trusting.close()]);
    },
  };
}

async function exchange(
  { method, url, headers, body }: HttpRequest,
  options: { readonly signal: AbortSignal; readonly dispatcher: Dispatcher },
): Promise<HttpAnswer> {
  // Not `fetch`: browsers' rules, such as ports that must not be asked, are no rules for a metric source.
  const response = await send(url, {
    ...options,
    method: method as Dispatcher.HttpMethod,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body) {
    size += part.length;
    if (size > ANSWER_BYTES_MAX) throw new Error(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return { status: response.statusCode, text: Buffer.concat(parts).toString("utf8") };
}

export function failureText({ method, url }: Pick<HttpRequest, "method" | "url">, cause: string): string {
  return `${method[0]}${method.slice(1).toLowerCase()} "${url}": ${cause}`;
}

interface SystemError {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly message?: string;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
}

/** The innermost error, which names what the system said. */
function causeOf(error: unknown): string {
  const { code, address, port, hostname, message, cause, errors } = (error ?? {}) as SystemError;
  if (code === "ECONNREFUSED") return `dial tcp ${address ?? ""}:${port ?? ""}: connect: connection refused`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${hostname ?? ""}: no such host`;
  if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") return "EOF";
  const inner = cause ?? errors?.[0];
  return inner === undefined ? (message ?? String(error)) : causeOf(inner);
}
