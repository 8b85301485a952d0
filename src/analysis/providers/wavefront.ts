import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Config {
  readonly address?: string;
  readonly query?: string;
}

interface Answer {
  readonly timeseries?: readonly { readonly data?: readonly (readonly [number, number])[] }[];
  readonly errorMessage?: string;
}

const TOKENS_SECRET = "wavefront-api-tokens";
const WINDOW_MS = 60_000;

/** Wavefront's chart API (section 5.4): the newest point of each series. */
export const wavefront: Provider = {
  type: "Wavefront",
  async measure({ metric }, context) {
    const { address = "", query = "" } = (metric.provider.wavefront ?? {}) as Config;
    const tokens = await context.secrets({ namespace: context.controllerNamespace, name: TOKENS_SECRET });
    const token = tokens[address];
    if (!token) throw new MeasurementError(`API token not found for wavefront address ${address}`);
    const now = context.clock.now();
    const form = new URLSearchParams({ q: query, s: String(now - WINDOW_MS), e: String(now), g: "s", strict: "true" });
    const base = /^https?:/.test(address) ? address : `https://${address}`;
    const url = `${joinUrl(base, "/api/v2/chart/api")}?${form}`;
    const answer = await exchangeJson<Answer>(
      { method: "GET", url, headers: { Authorization: `Bearer ${token}` } },
      context,
    );
    if (answer.errorMessage) throw new MeasurementError(answer.errorMessage);
    const values = (answer.timeseries ?? [])
      .map(({ data }) => data?.at(-1)?.[1])
      .filter((value) => value !== undefined);
    const [only] = values;
    if (only === undefined)
      throw new MeasurementError("No TimeSeries found in response from Wavefront", {}, { isNoData: true });
    const texts = values.map((value) => value.toFixed(2));
    return values.length === 1
      ? { kind: "result", result: { value: only, type: "float64", text: texts[0]! } }
      : { kind: "result", result: { value: values, type: "[]float64", text: `[${texts.join(",")}]` } };
  },
};
