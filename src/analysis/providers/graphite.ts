import { formatFloat } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeJson, joinUrl } from "./exchange.ts";

interface Config {
  readonly address?: string;
  readonly query?: string;
}

type Series = { readonly datapoints?: readonly (readonly [number | null, number])[] };

/** Graphite's render API (section 5.4). */
export const graphite: Provider = {
  type: "Graphite",
  async measure({ metric }, context) {
    const { address = "", query = "" } = (metric.provider.graphite ?? {}) as Config;
    // Queries are written over several lines; the API takes no blanks.
    const form = new URLSearchParams(query.replace(/\s+/g, ""));
    form.set("format", "json");
    const url = `${joinUrl(address, "/render")}?${form}`;
    const series = await exchangeJson<readonly Series[]>({ method: "GET", url, timeoutMs: 5000 }, context);
    const values = (series[0]?.datapoints ?? []).map(([value]) => value).filter((value) => value !== null);
    if (values.length === 0) throw new MeasurementError("no values found", {}, { isNoData: true });
    return {
      kind: "result",
      result: { value: values, type: "[]float64", text: `[${values.map(formatFloat).join(",")}]` },
    };
  },
};
