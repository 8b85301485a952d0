import type { Edit, Finding } from "./finding.ts";
import { type ParsedFile, parseManifests } from "./manifest.ts";
import type { Rule } from "./rule.ts";
import { analysisQuery } from "./rules/analysis-query.ts";
import { analysisOfUnknownService } from "./rules/analysis-service.ts";
import { analysisRefused } from "./rules/analysis-spec.ts";
import { analysisNeverStarts } from "./rules/analysis-start.ts";
import { analysisSurprises } from "./rules/analysis-surprises.ts";
import { analysisUnreadable } from "./rules/analysis-text.ts";
import { analysisOfTraffic } from "./rules/analysis-traffic.ts";
import { argoNameSlip } from "./rules/argo-names.ts";
import { argoRolloutRefused } from "./rules/argo-rollout.ts";
import { canaryVersionLabel } from "./rules/canary-version-label.ts";
import { demoImage } from "./rules/demo-image.ts";
import { emptyLabel } from "./rules/empty-label.ts";
import { extraWorkloadLeftOpen, extraWorkloadRefused } from "./rules/extra-workload.ts";
import {
  canaryOutsideSelector,
  laneWithoutGroup,
  noCatchAll,
  overlappingLanes,
  podsInNoLane,
  portNotHttp,
  propagationUnknown,
  selectorHoldsLaneLabel,
  withoutEffect,
} from "./rules/lane-group.ts";
import { schemaRefused } from "./rules/schema.ts";
import { twoRollouts } from "./rules/two-rollouts.ts";
import { unknownHost } from "./rules/unknown-host.ts";
import { workloadElsewhere } from "./rules/workload-elsewhere.ts";

const rules: readonly Rule[] = [
  schemaRefused,
  emptyLabel,
  canaryVersionLabel,
  unknownHost,
  workloadElsewhere,
  extraWorkloadLeftOpen,
  extraWorkloadRefused,
  twoRollouts,
  laneWithoutGroup,
  selectorHoldsLaneLabel,
  overlappingLanes,
  podsInNoLane,
  portNotHttp,
  propagationUnknown,
  noCatchAll,
  withoutEffect,
  canaryOutsideSelector,
  argoRolloutRefused,
  argoNameSlip,
  analysisOfUnknownService,
  analysisUnreadable,
  analysisRefused,
  analysisNeverStarts,
  analysisQuery,
  analysisOfTraffic,
  analysisSurprises,
  demoImage,
];

export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

/** All findings over files that are applied together, in file and line order. Pure. */
export function lint(sources: readonly SourceFile[]): readonly Finding[] {
  const parsed: ParsedFile[] = sources.map(({ file, text }) => parseManifests(file, text));
  const manifests = parsed.flatMap((file) => file.manifests);
  const findings = [...parsed.flatMap((file) => file.findings), ...rules.flatMap((rule) => rule(manifests))];
  const order = new Map(sources.map(({ file }, index) => [file, index]));
  return findings.sort(
    (left, right) =>
      (order.get(left.file) ?? 0) - (order.get(right.file) ?? 0) ||
      left.line - right.line ||
      left.code.localeCompare(right.code),
  );
}

/** The file's text with every edit of its findings applied. */
export function fix(source: SourceFile, findings: readonly Finding[]): string {
  const edits = findings.flatMap((finding) => (finding.file === source.file && finding.edit ? [finding.edit] : []));
  let { text } = source;
  for (const edit of edits.sort((left, right) => right.start - left.start)) text = applyEdit(text, edit);
  return text;
}

function applyEdit(text: string, edit: Edit): string {
  return text.slice(0, edit.start) + edit.text + text.slice(edit.end);
}

/** The lines that an edit takes away and puts in their place, as `-` and `+` lines under a heading. */
export function renderEdit(source: SourceFile, finding: Finding): string {
  const { edit } = finding;
  if (!edit) return "";
  const { text } = source;
  const start = text.lastIndexOf("\n", edit.start - 1) + 1;
  const isWholeLines = edit.start === start && (edit.text === "" || edit.text.endsWith("\n"));
  const newline = text.indexOf("\n", edit.end);
  const end = isWholeLines ? edit.end : newline < 0 ? text.length : newline;
  const before = text.slice(start, end);
  const after = applyEdit(text, edit).slice(start, end + edit.text.length - (edit.end - edit.start));
  const [removed, added] = withoutCommonEnd(linesOf(before), linesOf(after));
  const rows = [...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)];
  return [`@@ ${finding.file}:${finding.line} ${finding.code}`, ...rows].join("\n");
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** A line that is only pushed down is no change. */
function withoutCommonEnd(left: readonly string[], right: readonly string[]): [readonly string[], readonly string[]] {
  let count = 0;
  while (count < left.length && left.at(-1 - count) === right.at(-1 - count)) count++;
  return [left.slice(0, left.length - count), right.slice(0, right.length - count)];
}
