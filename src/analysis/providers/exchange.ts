import { MeasurementError, type ProviderContext } from "../provider.ts";

/** A request of a provider that speaks JSON. */
export interface Exchange {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

/** The answer as text; throws for any status but 2xx. */
export async function exchangeText(request: Exchange, { http }: ProviderContext): Promise<string> {
  const { method, url, headers = {}, body, timeoutMs = TIMEOUT_MS } = request;
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await http({
    method,
    url,
    headers: { ...type, ...headers },
    timeoutMs,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  if (answer.status === 401 || answer.status === 403) {
    throw new MeasurementError(`received authentication error response code: ${answer.status} ${answer.text}`);
  }
  if (answer.status < 200 || answer.status >= 300) {
    throw new MeasurementError(`received non 2xx response code: ${answer.status} ${answer.text}`);
  }
  return answer.text;
}

export async function exchangeJson<T>(request: Exchange, context: ProviderContext): Promise<T> {
  const text = await exchangeText(request, context);
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new MeasurementError(`could not parse JSON body: ${(error as Error).message}`);
  }
}

/** `base` with its own path kept as prefix. */
export function joinUrl(base: string, path: string): string {
  if (!URL.canParse(base)) throw new MeasurementError(`invalid address ${JSON.stringify(base)}`);
  return base.replace(/\/+$/, "") + path;
}
