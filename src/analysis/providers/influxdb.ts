import type { Value } from "../expression/index.ts";
import { formatFloat } from "../expression/index.ts";
import { MeasurementError, type Provider } from "../provider.ts";
import { exchangeText, joinUrl } from "./exchange.ts";

interface Config {
  readonly profile?: string;
  readonly query?: string;
}

const PROFILE = "influxdb";
const TIMEOUT_MS = 30_000;

/** InfluxDB 2's Flux queries, answered as annotated CSV (section 5.4). */
export const influxdb: Provider = {
  type: "Influxdb",
  async measure({ metric }, context) {
    const { profile = PROFILE, query = "" } = (metric.provider.influxdb ?? {}) as Config;
    const secret = await context.secrets({ namespace: context.controllerNamespace, name: profile });
    const { address, authToken, org } = secret;
    if (!address || !authToken || !org) {
      throw new MeasurementError("address, authToken or org not found in the influxdb secret");
    }
    const dialect = { annotations: ["datatype", "group", "default"], delimiter: ",", header: true };
    const url = `${joinUrl(address, "/api/v2/query")}?${new URLSearchParams({ org })}`;
    const headers = { Authorization: `Token ${authToken}`, Accept: "application/csv" };
    const body = { query, type: "flux", dialect };
    const text = await exchangeText({ method: "POST", url, headers, body, timeoutMs: TIMEOUT_MS }, context);
    const values = fluxValues(text);
    if (values.length === 0) throw new MeasurementError("no results returned from flux query", {}, { isNoData: true });
    const texts = values.map((value) => (typeof value === "number" ? formatFloat(value) : String(value)));
    return { kind: "result", result: { value: values, text: `[${texts.join(",")}]` } };
  },
};

/** The `_value` column of every table. A table begins with its annotations, of which the data types are read. */
export function fluxValues(csv: string): readonly Value[] {
  const values: Value[] = [];
  let types: readonly string[] = [];
  let header: readonly string[] | null = null;
  for (const line of csv.split(/\r?\n/)) {
    const cells = cellsOf(line);
    if (line === "") header = null;
    else if (cells[0]?.startsWith("#")) {
      header = null;
      if (cells[0] === "#datatype") types = cells;
    } else if (header === null) header = cells;
    else {
      const column = header.indexOf("_value");
      const text = cells[column];
      if (column >= 0 && text !== undefined) values.push(cellValue(text, types[column]));
    }
  }
  return values;
}

/** Cells of one line; quotes protect commas and are doubled inside. */
function cellsOf(line: string): readonly string[] {
  const cells = [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return cells.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}

function cellValue(text: string, type: string | undefined): Value {
  if (text === "") return null;
  if (type === "boolean") return text === "true";
  if (type === "long" || type === "unsignedLong") return BigInt(text);
  return type === "double" ? Number(text.replace("Inf", "Infinity")) : text;
}
