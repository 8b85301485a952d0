import type { Edit, Finding } from "./finding.ts";
import { type ParsedFile, parseManifests } from "./manifest.ts";
import type { Rule } from "./rule.ts";
import { canaryVersionLabel } from "./rules/canary-version-label.ts";
import { emptyLabel } from "./rules/empty-label.ts";
import {
  canaryNeverInLane,
  laneWithoutGroup,
  noCatchAll,
  overlappingLanes,
  podsInNoLane,
  portNotHttp,
  propagationUnknown,
  selectorHoldsLaneLabel,
  withoutEffect,
} from "./rules/lane-group.ts";
import { twoRollouts } from "./rules/two-rollouts.ts";
import { unknownHost } from "./rules/unknown-host.ts";
import { workloadElsewhere } from "./rules/workload-elsewhere.ts";

const rules: readonly Rule[] = [
  emptyLabel,
  canaryVersionLabel,
  unknownHost,
  workloadElsewhere,
  twoRollouts,
  laneWithoutGroup,
  selectorHoldsLaneLabel,
  overlappingLanes,
  podsInNoLane,
  portNotHttp,
  propagationUnknown,
  noCatchAll,
  withoutEffect,
  canaryNeverInLane,
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
  const rows = (mark: string, lines: string) =>
    lines === ""
      ? []
      : lines
          .replace(/\n$/, "")
          .split("\n")
          .map((line) => `${mark}${line}`);
  return [`@@ ${finding.file}:${finding.line} ${finding.code}`, ...rows("-", before), ...rows("+", after)].join("\n");
}
