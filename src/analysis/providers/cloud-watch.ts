import { parseDurationMs } from "../../base/duration.ts";
import { isRecord } from "../../base/json.ts";
import type { Value } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeJson } from "./exchange.ts";
import { signed } from "./sigv4.ts";

interface Config {
  readonly interval?: string;
  readonly metricDataQueries?: readonly Record<string, unknown>[];
}

interface Answer {
  readonly MetricDataResults?: readonly { readonly [field: string]: Value }[];
}

const TARGET = "GraniteServiceVersion20100801.GetMetricData";

/** Amazon CloudWatch's GetMetricData in its JSON protocol (section 5.4). */
export const cloudWatch: Provider = {
  type: "CloudWatch",
  async measure({ metric }, context) {
    const { interval = "5m", metricDataQueries = [] } = (metric.provider.cloudWatch ?? {}) as Config;
    const span = parseDurationMs(interval);
    if (span === null) throw new MeasurementError(`time: invalid duration ${JSON.stringify(interval)}`);
    const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_CLOUDWATCH, AWS_ENDPOINT_URL } = context.environment;
    const region = AWS_REGION || AWS_DEFAULT_REGION;
    if (!region) throw new MeasurementError("operation error CloudWatch: GetMetricData, an AWS region is required");
    const url = AWS_ENDPOINT_URL_CLOUDWATCH || AWS_ENDPOINT_URL || `https://monitoring.${region}.amazonaws.com/`;
    const now = Math.floor(context.clock.now() / 1000);
    const body = JSON.stringify({
      StartTime: now - span / 1000,
      EndTime: now,
      MetricDataQueries: metricDataQueries.map(capitalised),
    });
    const type = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": TARGET };
    const { Host: _, ...headers } = signed(
      { method: "POST", url, headers: type, body, service: "monitoring", region },
      context,
    );
    const answer = await exchangeJson<Answer>({ method: "POST", url, headers, body }, context);
    const value = answer.MetricDataResults ?? [];
    return { kind: "result", result: { value, text: JSON.stringify(value) } };
  },
};

/** Manifests write `metricStat`, the API `MetricStat`; a number may be a text in a manifest. */
function capitalised(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capitalised);
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).map(([key, member]) => {
    const isNumber = key === "period" && typeof member === "string";
    return [key.slice(0, 1).toUpperCase() + key.slice(1), isNumber ? Number(member) : capitalised(member)];
  });
  return Object.fromEntries(entries);
}
