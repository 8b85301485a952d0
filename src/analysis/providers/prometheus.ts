import type { Result } from "../condition.ts";
import {
  compileExpression,
  Duration,
  ExpressionError,
  formatFloat,
  goType,
  Time,
  type Value,
} from "../expression/index.ts";
import { failureText } from "../http.ts";
import {
  type HttpAnswer,
  MeasurementError,
  type Provider,
  type ProviderContext,
  type SeenRequests,
} from "../provider.ts";
import type { PrometheusMetric } from "../types.ts";
import { basic, bearerToken } from "./oauth2.ts";
import { emptyHint, type LabelValues } from "./prometheus-hint.ts";
import { countsRequests, type RequestCount, requestCount, windowsOf } from "./prometheus-requests.ts";
import { type SignRequest, signed } from "./sigv4.ts";

/** Prometheus' HTTP API, as the original uses it (section 5.1). */
export const prometheus: Provider = {
  type: "Prometheus",
  async measure({ metric }, context) {
    const config = metric.provider.prometheus ?? {};
    const metricMetadata = { ResolvedPrometheusQuery: config.query ?? "" };
    try {
      const { answer, address } = await query(config, context);
      const { result: found, warnings } = parseAnswer(answer);
      const result: Result = countsRequests(config.query ?? "") ? { ...found, absence: "requests" } : found;
      const metadata = {
        ...(warnings.length > 0 ? { warnings: warnings.map((text) => `"${text}"`).join(", ") } : {}),
        ...(result.text === "[]" ? await hint(config, address, context) : {}),
      };
      const count = config.rangeQuery ? null : requestCount(config.query ?? "");
      const [windowMs, ...otherWindows] = windowsOf(config.query ?? "");
      return {
        kind: "result",
        result,
        ...(windowMs === undefined || otherWindows.length > 0 ? {} : { windowMs }),
        ...(count ? { countRequests: () => countRequests(config, count, context) } : {}),
        ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
        // SE-008: whoever reads the status sees which address really answered.
        metricMetadata: address === config.address ? metricMetadata : { ...metricMetadata, PrometheusAddress: address },
      };
    } catch (error) {
      throw new MeasurementError(error instanceof Error ? error.message : String(error), metricMetadata);
    }
  },
};

const TIMEOUT_SECONDS = 30; // MP-001
const ADDRESS_VARIABLE = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"; // MP-002

async function query(
  config: PrometheusMetric,
  context: ProviderContext,
): Promise<{ readonly answer: HttpAnswer; readonly address: string }> {
  const written = addressOf(config, context);
  const address = (await context.addressOf?.(written)) ?? written;
  const timeoutSeconds = config.timeout ?? TIMEOUT_SECONDS;
  if (timeoutSeconds < 0) throw new MeasurementError("prometheus timeout should not be negative");
  const { path, form } = request(config, context.clock.now());
  const url = `${address.replace(/\/+$/, "")}/api/v1/${path}`;
  if (timeoutSeconds === 0)
    throw new MeasurementError(failureText({ method: "POST", url }, "context deadline exceeded"));
  const timeoutMs = timeoutSeconds * 1000;
  const insecure = config.insecure === true;
  const headers = await headersOf(config, context, { timeoutMs, insecure });
  const encoded = new URLSearchParams({ ...form, timeout: `${timeoutSeconds}s` }).toString();
  const common = { timeoutMs, insecure };
  const type = { "Content-Type": "application/x-www-form-urlencoded" };
  const post = { method: "POST", url, headers: { ...type, ...headers }, body: encoded };
  const answer = await context.http({
    ...post,
    headers: signedIfAmazon(config, { ...post, address }, context),
    ...common,
  });
  // MP-003: servers and proxies that know GET only.
  if (answer.status !== 405 && answer.status !== 501) return { answer, address };
  return { answer: await context.http({ method: "GET", url: `${url}?${encoded}`, headers, ...common }), address };
}

/** MP-009: only Amazon's own Prometheus takes such signatures. */
function signedIfAmazon(
  { authentication }: PrometheusMetric,
  { address, ...request }: Pick<SignRequest, "method" | "url" | "headers" | "body"> & { readonly address: string },
  context: ProviderContext,
): Readonly<Record<string, string>> {
  const region = authentication?.sigv4?.region || context.environment["AWS_REGION"];
  if (!address.includes("aps-workspaces") || !region) return request.headers;
  const { profile, roleArn } = authentication?.sigv4 ?? {};
  if (profile || roleArn) {
    throw new MeasurementError(
      "sigv4.profile and sigv4.roleArn are not available in this installation: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    );
  }
  const { Host: _, ...headers } = signed({ ...request, service: "aps", region }, context);
  return headers;
}

const HINT_TIMEOUT_MS = 2000;

/** SE-003: why nothing was found. Only a help: whatever fails on the way leaves it out. */
async function hint(config: PrometheusMetric, address: string, context: ProviderContext): Promise<{ hint?: string }> {
  const { headers = [], insecure = false, query: text = "" } = config;
  const ask: LabelValues = async (name, label) => {
    const form = new URLSearchParams({ "match[]": name });
    const answer = await context.http({
      method: "GET",
      url: `${address.replace(/\/+$/, "")}/api/v1/label/${label}/values?${form}`,
      headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])),
      timeoutMs: HINT_TIMEOUT_MS,
      insecure,
    });
    const { data } = JSON.parse(answer.text) as { data?: unknown };
    return answer.status === 200 && Array.isArray(data) ? data.map(String) : null;
  };
  try {
    const found = await emptyHint(text, ask);
    return found === null ? {} : { hint: found };
  } catch {
    return {};
  }
}

const COUNT_TIMEOUT_SECONDS = 5;

/** The requests behind a value (EC-020, EC-021). The same address is asked in the same way as for the value. */
async function countRequests(
  config: PrometheusMetric,
  { query: text, windowMs }: RequestCount,
  context: ProviderContext,
): Promise<SeenRequests | null> {
  try {
    const { answer } = await query({ ...config, query: text, timeout: COUNT_TIMEOUT_SECONDS }, context);
    const { status, data } = JSON.parse(answer.text) as ApiAnswer;
    if (status !== "success" || data?.resultType !== "vector") return null;
    const series = (data.result as readonly CountSeries[]).map(
      ({ metric, value }) => [metric?.["response_code"] ?? "", parseSample(value)] as const,
    );
    const total = Math.round(series.reduce((sum, [, count]) => sum + count, 0));
    const codes = series
      .map(([code, count]) => [code, Math.round(count)] as const)
      .filter(([code, count]) => code !== "" && count > 0)
      .sort(([, left], [, right]) => right - left);
    return { windowMs, total, codes };
  } catch {
    return null;
  }
}

interface CountSeries {
  readonly metric?: Readonly<Record<string, string>>;
  readonly value: Sample;
}

function addressOf({ address }: PrometheusMetric, { environment }: ProviderContext): string {
  const found = address || environment[ADDRESS_VARIABLE];
  if (!found) throw new MeasurementError("prometheus address is not configured");
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(found) || !URL.canParse(found)) {
    throw new MeasurementError("prometheus address is not is url format");
  }
  return found;
}

function request({ query: text = "", rangeQuery }: PrometheusMetric, now: number) {
  if (!rangeQuery) return { path: "query", form: { query: text, time: seconds(now) } };
  const form = {
    query: text,
    start: seconds(timeOf(rangeQuery.start, { name: "start", now })),
    end: seconds(timeOf(rangeQuery.end, { name: "end", now })),
    step: seconds(stepOf(rangeQuery.step, now)),
  };
  return { path: "query_range", form };
}

/** Milliseconds as Prometheus takes them. */
function seconds(ms: number): string {
  return String(ms / 1000);
}

/** MP-004: a time expression such as `now() - duration("5m")`. */
function timeOf(text: string | undefined, { name, now }: { readonly name: string; readonly now: number }): number {
  try {
    const value = compileExpression(text ?? "").evaluate({ now });
    if (value instanceof Time) return value.ms;
    throw new ExpressionError(`expected time.Time, but got ${goType(value)}`);
  } catch (error) {
    throw new MeasurementError(`failed to parse rangeQuery.${name} as time: ${(error as Error).message}`);
  }
}

function stepOf(text: string | undefined, now: number): number {
  try {
    const value = compileExpression(`duration(${JSON.stringify(text ?? "")})`).evaluate({ now });
    if (value instanceof Duration) return value.ms;
    throw new ExpressionError(`expected time.Duration, but got ${goType(value)}`);
  } catch (error) {
    throw new MeasurementError(`failed to parse rangeQuery.step as duration: ${(error as Error).message}`);
  }
}

async function headersOf(
  { headers = [], authentication }: PrometheusMetric,
  context: ProviderContext,
  options: { readonly timeoutMs: number; readonly insecure: boolean },
): Promise<Record<string, string>> {
  const all = Object.fromEntries(headers.map(({ key, value }) => [key, value]));
  const { username, password } = authentication?.basicAuth ?? {};
  if (authentication?.basicAuth && (username || password)) {
    const missing = (name: string) => `missing mandatory parameter in metric for basic auth setup: ${name}`;
    if (!username) throw new MeasurementError(missing("username"));
    if (!password) throw new MeasurementError(missing("password"));
    all["Authorization"] = basic(username, password);
  }
  const token = await bearerToken(authentication?.oauth2, context, options);
  if (token !== null) all["Authorization"] = `Bearer ${token}`;
  return all;
}

interface ApiAnswer {
  readonly status?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
  readonly errorType?: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
}

/** MP-008: refusals of the API become the message. */
export function parseAnswer({ status, text }: HttpAnswer): {
  readonly result: Result;
  readonly warnings: readonly string[];
} {
  const isApiError = status === 400 || status === 422;
  if (Math.floor(status / 100) !== 2 && !isApiError) throw new MeasurementError(transportError(status));
  let answer: ApiAnswer;
  try {
    answer = JSON.parse(text) as ApiAnswer;
  } catch (error) {
    throw new MeasurementError(`bad_response: ${(error as Error).message}`);
  }
  if (answer.status === "error") throw new MeasurementError(`${answer.errorType ?? ""}: ${answer.error ?? ""}`);
  if (isApiError) throw new MeasurementError("bad_response: inconsistent body for response code");
  return { result: resultOf(answer.data ?? {}), warnings: answer.warnings ?? [] };
}

function transportError(status: number): string {
  if (status >= 400 && status < 500) return `client_error: client error: ${status}`;
  if (status >= 500) return `server_error: server error: ${status}`;
  return `bad_response: bad response code ${status}`;
}

type Sample = readonly [number, string];

/** MP-005: one number, or one flat list of numbers. */
function resultOf({ resultType, result }: NonNullable<ApiAnswer["data"]>): Result {
  switch (resultType) {
    case "scalar": {
      const value = parseSample(result as Sample);
      return { value, type: "float64", text: formatFloat(value) };
    }
    case "vector":
      return list((result as readonly { readonly value: Sample }[]).map(({ value }) => parseSample(value)));
    case "matrix":
      return list(
        (result as readonly { readonly values: readonly Sample[] }[]).flatMap(({ values }) => values.map(parseSample)),
      );
    default:
      throw new MeasurementError("Prometheus metric type not supported");
  }
}

function list(values: readonly number[]): Result {
  return { value: values as Value, type: "[]float64", text: `[${values.map(formatFloat).join(",")}]` };
}

function parseSample([, text]: Sample): number {
  if (text === "+Inf" || text === "Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}
