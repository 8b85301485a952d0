import type { KubeObject } from "../../api/meta.ts";
import { type FieldRequirement, parseFieldSelector, parseLabelSelector } from "../../kube/selector.ts";
import type { ResourceDefinition } from "./resource.ts";
import { badRequest } from "./statuses.ts";

export interface Selection {
  matches(object: KubeObject): boolean;
  /** No selector was given: counts such as remainingItemCount are exact. */
  readonly isEverything: boolean;
}

/** `labelSelector` and `fieldSelector` of a list, watch or collection delete. */
export function parseSelection(definition: ResourceDefinition, query: URLSearchParams): Selection {
  const labelText = query.get("labelSelector") ?? "";
  const fieldText = query.get("fieldSelector") ?? "";
  const matchesLabels = labelText === "" ? null : parseLabelSelector(labelText);
  const requirements = fieldText === "" ? [] : parseFieldSelector(fieldText);
  for (const { path } of requirements) requireSelectable(definition, path);
  return {
    isEverything: matchesLabels === null && requirements.length === 0,
    matches: (object) =>
      (matchesLabels === null || matchesLabels(object.metadata.labels)) &&
      requirements.every((requirement) => meets(definition, object, requirement)),
  };
}

/** K8S-93, K8S-163: two texts, since the original has two for kinds with and without own fields. */
function requireSelectable(definition: ResourceDefinition, path: string): void {
  if (path === "metadata.name" || path === "metadata.namespace") return;
  if (definition.selectableFields.includes(path)) return;
  if (definition.isCustom || definition.selectableFields.length > 0)
    throw badRequest(`field label not supported: ${path}`);
  throw badRequest(`"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
}

function meets(definition: ResourceDefinition, object: KubeObject, { path, op, value }: FieldRequirement): boolean {
  const paths = definition.isCustom ? undefined : fieldsBehind[path];
  const text = paths
    ? paths.map((each) => fieldText(object, each)).find((each) => each !== "")
    : fieldText(object, path);
  return ((text ?? "") === value) === (op === "=");
}

/** Selectable names of built-ins that are no path: the first of these fields that has a value counts. */
const fieldsBehind: Readonly<Record<string, readonly string[]>> = {
  // Events name their sender in either of two ways.
  source: ["source.component", "reportingComponent"],
};

/** The field as text; an absent one is empty. */
function fieldText(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Record<string, unknown>)[part];
  }
  if (value === undefined || value === null) return defaultTexts[path] ?? "";
  return String(value);
}

/** Booleans that Go writes out even when the field is absent. */
const defaultTexts: Readonly<Record<string, string>> = {
  "spec.hostNetwork": "false",
  "spec.unschedulable": "false",
};
