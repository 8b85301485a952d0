import type { SelectorExplanation } from "../analysis/providers/prometheus-explain.ts";
import { seenText } from "../analysis/reason.ts";
import type { TriedMetric } from "../analysis/try-out.ts";
import type { Paint } from "./terminal.ts";

/** What `fairway analyze` prints: a block for each metric, the verdict first. */
export function renderTrial(metrics: readonly TriedMetric[], colours: Paint): string {
  return metrics.map((metric) => renderMetric(metric, colours)).join("\n\n");
}

const COLUMN = 10;

function renderMetric(metric: TriedMetric, { bold, green, red }: Paint): string {
  const { name, phase, value, message, reason, hint, requests, selectors } = metric;
  const lines: (readonly [label: string, text: string])[] = [
    ["value", value ?? ""],
    ["success", metric.successCondition],
    ["failure", metric.failureCondition],
    ["message", message],
    ["why", reason === message ? "" : reason],
    ["hint", hint],
    ["requests", requests ? seenText(requests) : ""],
    ["query", metric.query.replace(/\s+/g, " ")],
    ["address", metric.address],
    ...selectors.flatMap(renderSelector),
  ];
  const shown = lines.filter(([, text]) => text !== "");
  return [
    `${bold(name)}  ${phase === "Successful" ? green(phase) : red(phase)}`,
    ...shown.map(([label, text]) => `  ${label.padEnd(COLUMN)}${text}`),
  ].join("\n");
}

const SERIES_MAX = 5;

function renderSelector({ selector, seriesCount, series, hint }: SelectorExplanation): [label: string, text: string][] {
  const found = seriesCount === null ? "unknown" : `${seriesCount} series`;
  const lines: [string, string][] = [["selects", `${found}: ${selector}`]];
  if (seriesCount !== 0 && series.some(({ labels }) => Object.keys(labels).length > 0)) {
    for (const { labels, count } of series.slice(0, SERIES_MAX)) {
      const text = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      lines.push(["", `  ${count} × ${text.join(" ")}`]);
    }
    if (series.length > SERIES_MAX) lines.push(["", `  and ${series.length - SERIES_MAX} more`]);
  }
  if (hint !== "") lines.push(["", `  ${hint}`]);
  return lines;
}
