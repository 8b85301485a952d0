import { compileExpression, Duration, ExpressionError, goType, Time } from "../expression/index.ts";
import { failureText } from "../http.ts";
import { type HttpAnswer, MeasurementError, type ProviderContext } from "../provider.ts";
import type { PrometheusMetric } from "../types.ts";
import { basic, bearerToken } from "./oauth2.ts";
import { type SignRequest, signed } from "./sigv4.ts";

/** One query to Prometheus' HTTP API, with all that a metric says about address, time and authentication. */

const TIMEOUT_SECONDS = 30; // MP-001
const ADDRESS_VARIABLE = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"; // MP-002

export async function query(
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
