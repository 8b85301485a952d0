import { parseDurationMs } from "../../base/duration.ts";
import type { Result } from "../condition.ts";
import { formatFloat } from "../expression/index.ts";
import { MeasurementError, type MeasureRequest, type Provider, type ProviderContext } from "../provider.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Config {
  readonly apiVersion?: string;
  readonly interval?: string;
  readonly query?: string;
  readonly queries?: Readonly<Record<string, string>>;
  readonly formula?: string;
  readonly aggregator?: string;
  readonly requestTimeout?: string;
  readonly secretRef?: { readonly name?: string; readonly namespaced?: boolean };
}

interface Credentials {
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Datadog's metrics API in both versions (section 5.4). */
export const datadog: Provider = {
  type: "Datadog",
  async measure(request, context) {
    const config = (request.metric.provider.datadog ?? {}) as Config;
    check(config);
    const credentials = await credentialsOf(config, request, context);
    const to = context.clock.now();
    const from = to - (parseDurationMs(config.interval ?? "5m") ?? 300_000);
    const timeoutMs = parseDurationMs(config.requestTimeout ?? "10s") ?? 10_000;
    const ask = config.apiVersion === "v2" ? askV2 : askV1;
    const value = await ask(config, { ...credentials, from, to, timeoutMs }, context);
    return { kind: "result", result: resultOf(value) };
  },
};

function check({ query, queries, formula, apiVersion }: Config): void {
  const count = Object.keys(queries ?? {}).length;
  if (query && count > 0)
    throw new MeasurementError("Cannot have both a query and queries. Please review the Analysis Template.");
  if (!query && count === 0)
    throw new MeasurementError("Must have either a query or queries. Please review the Analysis Template.");
  if (formula && count === 0)
    throw new MeasurementError("Formula are only valid when queries are set. Please review the Analysis Template.");
  if (count > 1 && !formula)
    throw new MeasurementError("When multiple queries are provided you must include a formula.");
  if (apiVersion !== "v2" && count > 0)
    throw new MeasurementError(
      "Query is empty. API Version v1 only supports using the query parameter in your Analysis Template.",
    );
}

const SECRET = "datadog";
const ADDRESS = "https://api.datadoghq.com";

async function credentialsOf(
  { secretRef }: Config,
  { namespace }: MeasureRequest,
  context: ProviderContext,
): Promise<Credentials> {
  const { environment, controllerNamespace } = context;
  const { DD_API_KEY, DD_APP_KEY, DD_ADDRESS } = environment;
  if (!secretRef?.name && DD_API_KEY && DD_APP_KEY) return credentials(DD_ADDRESS, DD_API_KEY, DD_APP_KEY);
  const where = secretRef?.namespaced ? namespace : controllerNamespace;
  const data = await context.secrets({ namespace: where, name: secretRef?.name ?? SECRET });
  if (!data["api-key"] || !data["app-key"]) {
    throw new MeasurementError("failed to find the required keys (api-key, app-key) in the Datadog secret");
  }
  return credentials(data["address"], data["api-key"], data["app-key"]);
}

function credentials(address: string | undefined, apiKey: string, appKey: string): Credentials {
  return { address: address || ADDRESS, headers: { "DD-API-KEY": apiKey, "DD-APPLICATION-KEY": appKey } };
}

interface Window extends Credentials {
  readonly from: number;
  readonly to: number;
  readonly timeoutMs: number;
}

interface AnswerV1 {
  readonly series?: readonly { readonly pointlist?: readonly (readonly [number, number | null])[] }[];
  readonly error?: string;
}

async function askV1({ query = "" }: Config, window: Window, context: ProviderContext): Promise<number | null> {
  const { address, headers, from, to, timeoutMs } = window;
  const seconds = (ms: number) => String(Math.floor(ms / 1000));
  const form = new URLSearchParams({ query, from: seconds(from), to: seconds(to) });
  const url = `${joinUrl(address, "/api/v1/query")}?${form}`;
  const answer = await exchangeJson<AnswerV1>({ method: "GET", url, headers, timeoutMs }, context);
  if (answer.error) throw new MeasurementError(answer.error);
  const points = answer.series?.[0]?.pointlist;
  if (points && points.length === 0)
    throw new MeasurementError("Datadog's series has no points", {}, { isNoData: true });
  return points?.at(-1)?.[1] ?? null;
}

interface AnswerV2 {
  readonly data?: { readonly attributes?: { readonly columns?: readonly Column[] } };
  readonly errors?: string | readonly unknown[];
}

interface Column {
  readonly type?: string;
  readonly values?: readonly (number | null)[];
}

async function askV2(config: Config, window: Window, context: ProviderContext): Promise<number | null> {
  const { address, headers, from, to, timeoutMs } = window;
  const queries = config.queries ?? { query: config.query ?? "" };
  const names = Object.keys(queries).sort();
  const attributes = {
    from,
    to,
    formulas: [{ formula: config.formula || names[0] }],
    queries: names.map((name) => ({
      aggregator: config.aggregator || "last",
      data_source: "metrics",
      name,
      query: queries[name],
    })),
  };
  const body = { data: { type: "scalar_request", attributes } };
  const url = joinUrl(address, "/api/v2/query/scalar");
  const answer = await exchangeJson<AnswerV2>({ method: "POST", url, headers, body, timeoutMs }, context);
  if (answer.errors?.length) throw new MeasurementError(String(answer.errors));
  const column = answer.data?.attributes?.columns?.find(({ type }) => type === undefined || type === "number");
  return column?.values?.[0] ?? null;
}

/** No data is nil, so that `default(result, 0)` works. */
function resultOf(value: number | null): Result {
  return value === null ? { value, text: "[]" } : { value, type: "float64", text: formatFloat(value) };
}
