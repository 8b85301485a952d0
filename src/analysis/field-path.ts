import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { AnalysisSpecError } from "./spec-error.ts";

/** AN-013: the value of a field of a Rollout or Experiment, as the downward API gives it or by walking the object. */
export function fieldValue(object: KubeObject, path: string): string {
  return path.startsWith("metadata") ? metadataValue(object, path) : walkedValue(object, path);
}

const ENTRY = /^metadata\.(labels|annotations)\['([^']*)'\]$/;

function metadataValue({ metadata }: KubeObject, path: string): string {
  const entry = ENTRY.exec(path);
  // A missing entry is an empty text (AN-014).
  if (entry) return metadata[entry[1] as "labels" | "annotations"]?.[entry[2]!] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return mapText(metadata.labels);
    case "metadata.annotations":
      return mapText(metadata.annotations);
    default:
      throw new AnalysisSpecError(`unsupported fieldPath: ${path}`);
  }
}

function mapText(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

/** Whether a path into metadata is one that the downward API knows (AN-014, ARC-722). */
export function isDownwardPath(path: string): boolean {
  return ENTRY.test(path) || /^metadata\.(name|namespace|uid|labels|annotations)$/.test(path);
}

function walkedValue(object: KubeObject, path: string): string {
  const steps = path.split(".").flatMap((part) => stepsOf(part));
  const kind = object.kind.toLowerCase();
  let value: unknown = object;
  for (const step of steps) {
    if (typeof step === "number") {
      if (!Array.isArray(value)) throw new AnalysisSpecError(`invalid path ${path} in ${kind}`);
      if (step >= value.length) throw new AnalysisSpecError(`index ${step} out of range`);
      value = value[step];
    } else {
      if (!isRecord(value) || !Object.hasOwn(value, step))
        throw new AnalysisSpecError(`invalid path ${path} in ${kind}`);
      value = value[step];
    }
  }
  if (typeof value === "object" || value === undefined) {
    throw new AnalysisSpecError(`path ${path} in ${kind} must terminate in a primitive value`);
  }
  return String(value);
}

/** `steps[0][1]` → the member, then the indexes. */
function stepsOf(part: string): readonly (string | number)[] {
  const [name = "", ...indexes] = part.split("[");
  return [
    ...(name === "" ? [] : [name]),
    ...indexes.map((text) => {
      const index = text.replace(/\]$/, "");
      if (!/^\d+$/.test(index)) throw new AnalysisSpecError(`invalid index '${index}'`);
      return Number(index);
    }),
  ];
}
