import type { Clock } from "../base/clock.ts";
import { type Instant, parseTime } from "../base/time.ts";
import { parseDuration } from "./duration.ts";
import { type ErrorType, ParseError, QueryError } from "./errors.ts";
import { type QueryOptions, type QueryResult, queryInstant, queryRange } from "./evaluate.ts";
import { formatValue, parseNumber } from "./number.ts";
import { parseSelector } from "./parser.ts";
import { SCRAPE_INTERVAL_MS } from "./scrape.ts";
import { RETENTION_MS, type SampleStore, type Series } from "./store.ts";
import type { Value } from "./value.ts";

/**
 * The Prometheus HTTP API over the sample store (6.3 of the analysis contract): a function from request to answer.
 * `server.ts` puts it behind a socket; tests and the embedded measurer may call it as it is.
 */
export interface ApiRequest {
  readonly method: string;
  /** With the query string. */
  readonly url: string;
  /** The form of a POST; empty otherwise. */
  readonly body?: string;
}

export interface ApiResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface ApiOptions {
  readonly store: SampleStore;
  readonly clock: Clock;
  /** What stands before `/api/v1/…`; null: whatever does, because addresses in templates differ (SE-008). */
  readonly pathPrefix?: string | null;
}

/** Prometheus allows 2 minutes; here a query holds up the process that it runs in. */
const TIMEOUT_MS = 10_000;

const httpStatus: Readonly<Record<ErrorType, number>> = {
  bad_data: 400,
  not_found: 404,
  execution: 422,
  internal: 500,
  timeout: 503,
  canceled: 503,
};

interface Answer {
  readonly data: unknown;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

interface Call {
  readonly form: URLSearchParams;
  readonly store: SampleStore;
  readonly clock: Clock;
}

type Endpoint = (call: Call) => Answer;

const endpoints: Readonly<Record<string, Endpoint>> = {
  "/query": instantQuery,
  "/query_range": rangeQuery,
  "/labels": labelNames,
  "/series": seriesList,
  "/metadata": metadata,
  "/query_exemplars": () => ({ data: [] }),
  "/rules": () => ({ data: { groups: [] } }),
  "/alerts": () => ({ data: { alerts: [] } }),
  "/status/buildinfo": () => ({ data: buildInfo }),
  "/status/runtimeinfo": ({ store }) => ({
    data: { storageRetention: `${RETENTION_MS / 3_600_000}h`, timeSeriesCount: store.statistics().series },
  }),
  "/status/flags": () => ({ data: { "storage.tsdb.retention.time": `${RETENTION_MS / 3_600_000}h` } }),
  "/status/config": () => ({ data: { yaml: `global:\n  scrape_interval: ${SCRAPE_INTERVAL_MS / 1000}s\n` } }),
};

/** Clients read the version to know which functions there are: the semantics kept here are those of Prometheus 3. */
const buildInfo = {
  version: "3.0.0",
  revision: "embedded",
  branch: "fairway",
  buildUser: "",
  buildDate: "",
  goVersion: "",
};

const texts: Readonly<Record<string, string>> = {
  "/-/healthy": "Prometheus Server is Healthy.\n",
  "/-/ready": "Prometheus Server is Ready.\n",
};

export function handleApi(request: ApiRequest, { store, clock, pathPrefix = null }: ApiOptions): ApiResponse {
  const question = request.url.indexOf("?");
  const fullPath = question < 0 ? request.url : request.url.slice(0, question);
  const path = withoutPrefix(fullPath, pathPrefix);
  const text = path === null ? undefined : texts[path];
  if (text !== undefined) return { status: 200, contentType: "text/plain; charset=utf-8", body: text };
  if (request.method !== "GET" && request.method !== "POST") {
    return { status: 405, contentType: "text/plain; charset=utf-8", body: "Method Not Allowed\n" };
  }
  const form = new URLSearchParams(request.method === "POST" ? request.body : "");
  for (const [name, value] of new URLSearchParams(question < 0 ? "" : request.url.slice(question)))
    form.append(name, value);
  try {
    const endpoint = path?.startsWith(API) ? endpointOf(path.slice(API.length)) : null;
    if (endpoint === null) throw new QueryError("not_found", `no endpoint ${fullPath}: found ${known()}`);
    return json(200, { status: "success", ...endpoint({ form, store, clock }) });
  } catch (error) {
    return failure(error);
  }
}

const API = "/api/v1";

/** The last `/api/v1` counts: the address of a template may itself contain one, as the seed's does. */
function withoutPrefix(path: string, prefix: string | null): string | null {
  if (prefix === null) {
    const start = Math.max(path.lastIndexOf(`${API}/`), path.lastIndexOf("/-/"));
    return start < 0 ? null : path.slice(start);
  }
  const stripped = `/${prefix}`.replace(/\/+/g, "/").replace(/\/$/, "");
  return path.startsWith(`${stripped}/`) ? path.slice(stripped.length) : null;
}

function endpointOf(path: string): Endpoint | null {
  const label = /^\/label\/([^/]+)\/values$/.exec(path)?.[1];
  if (label !== undefined) return (call) => labelValues(label, call);
  return Object.hasOwn(endpoints, path) ? endpoints[path]! : null;
}

function known(): string {
  return [...Object.keys(endpoints), "/label/<name>/values"].map((path) => API + path).join(", ");
}

function json(status: number, body: object): ApiResponse {
  return { status, contentType: "application/json", body: JSON.stringify(body) };
}

function failure(error: unknown): ApiResponse {
  if (error instanceof QueryError) {
    const prefix = error instanceof ParseError ? 'invalid parameter "query": ' : "";
    return json(httpStatus[error.type], { status: "error", errorType: error.type, error: prefix + error.message });
  }
  const message = error instanceof Error ? error.message : String(error);
  return json(500, { status: "error", errorType: "internal", error: message });
}

function instantQuery({ form, store, clock }: Call): Answer {
  const at = timeParameter(form, "time") ?? clock.now();
  const result = queryInstant(store, form.get("query") ?? "", at, queryOptions(form, clock));
  return answer(result, at, limitParameter(form));
}

function rangeQuery({ form, store, clock }: Call): Answer {
  const start = required(timeParameter(form, "start"), "start", "timestamp");
  const end = required(timeParameter(form, "end"), "end", "timestamp");
  if (end < start) throw invalid("end", "end timestamp must not be before start time");
  const stepMs = required(durationParameter(form, "step"), "step", "duration");
  if (stepMs <= 0) {
    throw invalid("step", "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  const options = queryOptions(form, clock);
  return answer(queryRange(store, form.get("query") ?? "", { start, end, stepMs }, options), end, limitParameter(form));
}

function queryOptions(form: URLSearchParams, clock: Clock): QueryOptions {
  const timeoutMs = Math.min(durationParameter(form, "timeout") ?? TIMEOUT_MS, TIMEOUT_MS);
  const lookbackMs = durationParameter(form, "lookback_delta");
  const endsAt = clock.now() + timeoutMs;
  const checkTime = () => {
    if (clock.now() > endsAt) throw new QueryError("timeout", "query timed out in expression evaluation");
  };
  return lookbackMs === null || lookbackMs === 0 ? { checkTime } : { checkTime, lookbackMs };
}

function answer({ value, warnings, infos }: QueryResult, at: Instant, limit: number): Answer {
  const { result, isCut } = rendered(value, at, limit);
  const all = isCut ? [...warnings, "results truncated due to limit"] : warnings;
  return {
    data: { resultType: value.type, result },
    ...(all.length > 0 && { warnings: all }),
    ...(infos.length > 0 && { infos }),
  };
}

function rendered(value: Value, at: Instant, limit: number): { result: unknown; isCut: boolean } {
  const point = (time: Instant, number: number) => [time / 1000, formatValue(number)];
  switch (value.type) {
    case "scalar":
      return { result: point(at, value.value), isCut: false };
    case "string":
      return { result: [at / 1000, value.value], isCut: false };
    case "vector":
      return cut(value.samples, limit, (sample) => ({
        metric: sample.labels.toRecord(),
        value: point(at, sample.value),
      }));
    case "matrix":
      return cut(value.series, limit, ({ labels, times, values }) => ({
        metric: labels.toRecord(),
        values: times.map((time, index) => point(time, values[index]!)),
      }));
  }
}

function cut<T>(
  items: readonly T[],
  limit: number,
  render: (item: T) => unknown,
): { result: unknown[]; isCut: boolean } {
  return { result: items.slice(0, limit).map(render), isCut: items.length > limit };
}

function labelNames(call: Call): Answer {
  const names = new Set<string>();
  for (const { labels } of selected(call)) for (const [name] of labels.pairs) names.add(name);
  return list([...names].sort(), call);
}

function labelValues(name: string, call: Call): Answer {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) throw new QueryError("bad_data", `invalid label name: "${name}"`);
  const values = new Set<string>();
  for (const { labels } of selected(call)) values.add(labels.get(name));
  values.delete("");
  return list([...values].sort(), call);
}

function seriesList(call: Call): Answer {
  if (!call.form.has("match[]")) throw new QueryError("bad_data", "no match[] parameter provided");
  const found = [...selected(call)].sort((left, right) => (left.labels.key < right.labels.key ? -1 : 1));
  return list(
    found.map(({ labels }) => labels.toRecord()),
    call,
  );
}

function list(items: readonly unknown[], { form }: Call): Answer {
  const { result, isCut } = cut(items, limitParameter(form), (item) => item);
  return { data: result, ...(isCut && { warnings: ["results truncated due to limit"] }) };
}

/** Series that any `match[]` selects (all, without one) and that have a sample between `start` and `end`. */
function* selected({ form, store }: Call): Iterable<Series> {
  const start = timeParameter(form, "start") ?? Number.NEGATIVE_INFINITY;
  const end = timeParameter(form, "end") ?? Number.POSITIVE_INFINITY;
  const selectors = form.getAll("match[]").map((text) => {
    try {
      return parseSelector(text);
    } catch (error) {
      throw invalid("match[]", (error as Error).message);
    }
  });
  const found = selectors.length === 0 ? store.series() : selectors.flatMap(({ matchers }) => store.select(matchers));
  for (const series of new Set(found)) {
    if (series.size > 0 && series.timeAt(0) <= end && series.lastTime >= start) yield series;
  }
}

function metadata({ form, store }: Call): Answer {
  const wanted = form.get("metric");
  const found = [...store.metadata()].filter(([metric]) => !wanted || metric === wanted);
  return { data: Object.fromEntries(found.slice(0, limitParameter(form)).map(([metric, value]) => [metric, [value]])) };
}

function invalid(parameter: string, problem: string): QueryError {
  return new QueryError("bad_data", `invalid parameter "${parameter}": ${problem}`);
}

function required(value: number | null, parameter: string, kind: string): number {
  if (value === null) throw invalid(parameter, `cannot parse "" to a valid ${kind}`);
  return value;
}

/** Unix seconds with a fraction, or RFC 3339; null when absent. */
function timeParameter(form: URLSearchParams, name: string): Instant | null {
  const text = form.get(name);
  if (text === null || text === "") return null;
  const seconds = parseNumber(text);
  if (seconds !== null && Number.isFinite(seconds)) return Math.round(seconds * 1000);
  const time = /^\d{4}-\d\d-\d\dT/.test(text) ? parseTime(text) : null;
  if (time === null) throw invalid(name, `cannot parse "${text}" to a valid timestamp`);
  return time;
}

/** Seconds, or a duration as in a query; null when absent. */
function durationParameter(form: URLSearchParams, name: string): number | null {
  const text = form.get(name);
  if (text === null || text === "") return null;
  const seconds = parseNumber(text);
  const milliseconds = seconds === null ? parseDuration(text) : Math.round(seconds * 1000);
  if (milliseconds === null || !Number.isFinite(milliseconds)) {
    throw invalid(name, `cannot parse "${text}" to a valid duration`);
  }
  return milliseconds;
}

/** 0 or absent: no limit. */
function limitParameter(form: URLSearchParams): number {
  const text = form.get("limit") ?? "";
  if (text === "") return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (!Number.isInteger(limit)) throw invalid("limit", `cannot parse "${text}" to a valid limit`);
  if (limit < 0) throw invalid("limit", "limit must be non-negative");
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}
