import { parseDurationMs } from "../../base/duration.ts";
import type { Value } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Config {
  readonly address?: string;
  readonly query?: string;
  readonly interval?: string;
}

interface Answer {
  readonly data?: Value;
  readonly errors?: readonly { readonly message: string }[];
}

/** SkyWalking's GraphQL query protocol (section 5.4). */
export const skywalking: Provider = {
  type: "skywalking",
  async measure({ metric }, context) {
    const { address = "", query = "", interval = "5m" } = (metric.provider.skywalking ?? {}) as Config;
    const span = parseDurationMs(interval);
    if (span === null) throw new MeasurementError(`time: invalid duration ${JSON.stringify(interval)}`);
    const end = context.clock.now();
    const duration = { start: minuteText(end - span), end: minuteText(end), step: "MINUTE" };
    const request = { method: "POST" as const, url: joinUrl(address, ""), body: { query, variables: { duration } } };
    const answer = await exchangeJson<Answer>(request, context);
    if (answer.errors?.length)
      throw new MeasurementError(answer.errors.map(({ message }) => `graphql: ${message}`).join("; "));
    const value = answer.data ?? null;
    return { kind: "result", result: { value, text: JSON.stringify(value) } };
  },
};

/** `2030-01-31 2359`. */
function minuteText(ms: number): string {
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 13)}${text.slice(14, 16)}`;
}
