import type { Instant } from "../base/time.ts";
import { Labels, METRIC_NAME } from "./labels.ts";
import { parseNumber } from "./number.ts";
import type { MetricMetadata } from "./store.ts";

export interface ExposedSample {
  readonly labels: Labels;
  readonly value: number;
  /** As exposed; null: the time of the scrape. */
  readonly time: Instant | null;
}

export interface Exposition {
  readonly samples: readonly ExposedSample[];
  readonly metadata: ReadonlyMap<string, MetricMetadata>;
}

/** A target that answers with something else than the text format; the whole answer is refused, as Prometheus does. */
export class ExpositionError extends Error {
  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.name = "ExpositionError";
  }
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))/y;

/** Labels by the text before the value, as the last answer of a target spelled them. */
export type LabelCache = Map<string, Labels>;

/**
 * Reads the Prometheus text format 0.0.4 (MESH-387). A target exposes the same series each time: with a cache only new
 * ones are parsed, and the cache then holds what this text exposes.
 */
export function parseExposition(text: string, cache: LabelCache = new Map()): Exposition {
  const samples: ExposedSample[] = [];
  const before = new Map(cache);
  cache.clear();
  const metadata = new Map<string, MetricMetadata>();
  text.split("\n").forEach((raw, index) => {
    const line = raw.trim();
    if (line === "") return;
    if (line.startsWith("#")) readComment(line, metadata);
    else samples.push(knownSample(line, before, cache) ?? readSample(line, index + 1, cache));
  });
  return { samples, metadata };
}

const empty: MetricMetadata = { type: "unknown", help: "", unit: "" };

function readComment(line: string, metadata: Map<string, MetricMetadata>): void {
  const match = /^#\s*(HELP|TYPE|UNIT)\s+(\S+)\s*(.*)$/.exec(line);
  if (match === null) return;
  const [, kind, metric, rest] = match as unknown as [string, "HELP" | "TYPE" | "UNIT", string, string];
  const value = kind === "HELP" ? rest.replace(/\\([\\n])/g, (_, escaped) => (escaped === "n" ? "\n" : "\\")) : rest;
  metadata.set(metric, { ...(metadata.get(metric) ?? empty), [kind.toLowerCase()]: value });
}

/** A line `series value` whose series the last text had too. */
function knownSample(line: string, before: LabelCache, cache: LabelCache): ExposedSample | null {
  const end = line.lastIndexOf(" ");
  const series = line.slice(0, end);
  const labels = before.get(series);
  const value = labels === undefined ? null : parseNumber(line.slice(end + 1));
  if (labels === undefined || value === null) return null;
  cache.set(series, labels);
  return { labels, value, time: null };
}

function readSample(line: string, number: number, cache: LabelCache): ExposedSample {
  NAME.lastIndex = 0;
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new ExpositionError(number, `expected a metric name, found ${JSON.stringify(line)}`);
  const pairs: [string, string][] = [[METRIC_NAME, name]];
  let at = name.length;
  while (line[at] === " " || line[at] === "\t") at++;
  if (line[at] === "{") at = readLabels(line, at + 1, number, pairs);
  const [valueText, timeText, ...rest] = line.slice(at).trim().split(/\s+/);
  const value = parseNumber(valueText ?? "");
  if (value === null) throw new ExpositionError(number, `expected a value, found ${JSON.stringify(valueText)}`);
  // What follows a "#" is an exemplar of OpenMetrics.
  const time = timeText === undefined || timeText === "#" ? null : Number(timeText);
  const isWrong = time !== null && (!Number.isInteger(time) || (rest.length > 0 && rest[0] !== "#"));
  if (isWrong) throw new ExpositionError(number, `expected a timestamp, found ${JSON.stringify(timeText)}`);
  const labels = Labels.of(pairs);
  // Only where nothing but the value follows is the text before the last space the series.
  if (time === null && timeText === undefined) cache.set(line.slice(0, line.lastIndexOf(" ")), labels);
  return { labels, value, time };
}

function readLabels(line: string, from: number, number: number, pairs: [string, string][]): number {
  let at = from;
  for (;;) {
    while (line[at] === " ") at++;
    if (line[at] === "}") return at + 1;
    LABEL.lastIndex = at;
    const match = LABEL.exec(line);
    if (match === null) throw new ExpositionError(number, `expected a label, found ${JSON.stringify(line.slice(at))}`);
    pairs.push([match[1]!, unescaped(match[2]!)]);
    at += match[0].length;
  }
}

function unescaped(value: string): string {
  if (!value.includes("\\")) return value;
  return value.replace(/\\(.)/g, (whole, character) => escapes[character as string] ?? whole);
}

const escapes: Readonly<Record<string, string>> = { n: "\n", "\\": "\\", '"': '"' };
