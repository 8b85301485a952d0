import type { LabelSelector } from "../../../api/meta.ts";
import { deepEqual } from "../../../base/json.ts";
import { isEmptySelector, matchesLabelSelector } from "../../../kube/selector.ts";
import type { FieldProblem } from "../resource.ts";
import { forbidden, invalid, notSupported, required } from "../schema/problems.ts";
import { type Fields, fieldsOf } from "./define.ts";
import { validatePodSpec } from "./pod-validation.ts";

/** Rules that the kinds with a pod template share (K8S-190). */

/** The selector is there and selects the template's pods. `kind` as it stands in the text, e.g. `deployment`. */
export function validateSelector(spec: Fields, kind: string): readonly FieldProblem[] {
  const selector = fieldsOf(spec, "selector");
  const problems: FieldProblem[] = [];
  if (!selector) problems.push(required("spec.selector"));
  else if (isEmptySelector(selector)) {
    problems.push(invalid("spec.selector", selector, `empty selector is invalid for ${kind}`));
  }
  const labels = fieldsOf(fieldsOf(fieldsOf(spec, "template"), "metadata"), "labels") ?? {};
  if (!matchesLabelSelector(selector as LabelSelector | undefined, labels as Record<string, string>)) {
    problems.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return problems;
}

/** The template's pods; controllers that replace pods want ones that never finish. */
export function validateTemplate(spec: Fields, restartPolicies: readonly string[]): readonly FieldProblem[] {
  const podSpec = fieldsOf(fieldsOf(spec, "template"), "spec");
  const problems = [...validatePodSpec(podSpec, "spec.template.spec")];
  const policy = podSpec?.["restartPolicy"];
  if (podSpec && !restartPolicies.includes(String(policy))) {
    problems.push(notSupported("spec.template.spec.restartPolicy", policy, restartPolicies));
  }
  if (podSpec?.["activeDeadlineSeconds"] !== undefined && restartPolicies.includes("Always")) {
    problems.push(
      forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported"),
    );
  }
  return problems;
}

/** K8S-100. Nothing is said of an object that is being created. */
export function immutable(spec: Fields, old: Fields | undefined, keys: readonly string[]): readonly FieldProblem[] {
  if (!old) return [];
  return keys
    .filter((key) => !deepEqual(spec[key], old[key]))
    .map((key) => invalid(`spec.${key}`, spec[key], "field is immutable"));
}

const PERCENT_TEXT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/** A count of pods or a percentage of them. */
export function intOrPercent(owner: Fields | undefined, key: string, path: string): readonly FieldProblem[] {
  const value = owner?.[key];
  if (value === undefined) return [];
  if (typeof value === "string") {
    return /^[0-9]+%$/.test(value) ? [] : [invalid(`${path}.${key}`, value, PERCENT_TEXT)];
  }
  if (typeof value === "number" && value < 0) {
    return [invalid(`${path}.${key}`, value, "must be greater than or equal to 0")];
  }
  return [];
}

export function isNone(value: unknown): boolean {
  return value === 0 || (typeof value === "string" && /^0+%$/.test(value));
}
