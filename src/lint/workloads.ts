import { isRecord } from "../base/json.ts";
import { type Manifest, ofKind } from "./manifest.ts";

/** What the rules read of the objects in the files. Files may hold anything, so nothing here trusts a shape. */

export interface EnvVariable {
  readonly name: string;
  readonly value: string;
  readonly path: readonly (string | number)[];
}

export function deployments(manifests: readonly Manifest[]): readonly Manifest[] {
  return ofKind(manifests, "apps", "Deployment");
}

export function services(manifests: readonly Manifest[]): readonly Manifest[] {
  return ofKind(manifests, "", "Service");
}

export function kruiseRollouts(manifests: readonly Manifest[]): readonly Manifest[] {
  return ofKind(manifests, "rollouts.kruise.io", "Rollout");
}

export function argoRollouts(manifests: readonly Manifest[]): readonly Manifest[] {
  return ofKind(manifests, "argoproj.io", "Rollout");
}

export function nameOf({ object }: Manifest): string {
  return object.metadata.name;
}

/** `Deployment default/mocka-v1`, as the messages name objects. */
export function title(manifest: Manifest): string {
  return `${manifest.object.kind} ${manifest.namespace}/${nameOf(manifest)}`;
}

export function member(value: unknown, ...path: (string | number)[]): unknown {
  let current = value;
  for (const key of path) {
    if (Array.isArray(current) && typeof key === "number") current = current[key];
    else if (isRecord(current)) current = current[key];
    else return undefined;
  }
  return current;
}

export function texts(value: unknown): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [key, text] of Object.entries(isRecord(value) ? value : {}))
    if (typeof text === "string") found[key] = text;
  return found;
}

export function podLabels({ object }: Manifest): Readonly<Record<string, string>> {
  return texts(member(object, "spec", "template", "metadata", "labels"));
}

export function serviceSelector({ object }: Manifest): Readonly<Record<string, string>> {
  return texts(member(object, "spec", "selector"));
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function envVariables({ object }: Manifest): readonly EnvVariable[] {
  const variables: EnvVariable[] = [];
  const containersPath = ["spec", "template", "spec", "containers"];
  items(member(object, ...containersPath)).forEach((container, containerIndex) => {
    items(member(container, "env")).forEach((variable, index) => {
      const name = member(variable, "name");
      const value = member(variable, "value");
      if (typeof name !== "string" || typeof value !== "string") return;
      variables.push({ name, value, path: [...containersPath, containerIndex, "env", index, "value"] });
    });
  });
  return variables;
}

/** True when every pair of `selector` stands in `labels`; an empty selector selects nothing, as for a Service. */
export function selects(selector: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(selector);
  return pairs.length > 0 && pairs.every(([key, value]) => labels[key] === value);
}

/** Whether a Kruise Rollout wants a canary Deployment; null where a v1beta1 one does not say. */
export function asksForExtraWorkload({ object }: Manifest): boolean | null {
  if (object.apiVersion.endsWith("/v1alpha1")) {
    const style = object.metadata.annotations?.["rollouts.kruise.io/rolling-style"] ?? "";
    return style.toLowerCase() !== "partition";
  }
  const asked = member(object, "spec", "strategy", "canary", "enableExtraWorkloadForCanary");
  return typeof asked === "boolean" ? asked : null;
}

/** Labels and annotations that a Kruise Rollout lays over the canary's pods. */
export function patchedMetadata(rollout: Manifest): Readonly<Record<string, string>> {
  const patch = ["spec", "strategy", "canary", "patchPodTemplateMetadata"];
  return { ...texts(member(rollout.object, ...patch, "annotations")), ...patchedLabels(rollout) };
}

/** Labels that a Kruise Rollout lays over the canary's pods. */
export function patchedLabels({ object }: Manifest): Readonly<Record<string, string>> {
  return texts(member(object, "spec", "strategy", "canary", "patchPodTemplateMetadata", "labels"));
}

/** The workload that a Kruise Rollout names; null when it names none. */
export function workloadName({ object }: Manifest): string | null {
  const reference = member(object, "spec", "workloadRef") ?? member(object, "spec", "objectRef", "workloadRef");
  if (member(reference, "kind") !== "Deployment") return null;
  const name = member(reference, "name");
  return typeof name === "string" ? name : null;
}
