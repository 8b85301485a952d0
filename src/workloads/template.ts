import type { PodTemplate } from "../api/apps.ts";
import { fnv1a32, safeEncode } from "../base/hash.ts";
import { canonicalJson, deepEqual } from "../base/json.ts";

/** Written by the Deployment controller into ReplicaSets and their pods only, so never part of what a user asked for. */
export const POD_TEMPLATE_HASH = "pod-template-hash";

/** The template as its author wrote it. */
export function withoutHash(template: PodTemplate): PodTemplate {
  if (template.metadata?.labels?.[POD_TEMPLATE_HASH] === undefined) return template;
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

export function sameTemplate(left: PodTemplate, right: PodTemplate): boolean {
  return deepEqual(comparable(left), comparable(right));
}

/** A short name of a template: equal for equal templates, and it changes when the template does (KRUISE-015). */
export function templateRevision(template: PodTemplate): string {
  return safeEncode(String(fnv1a32(canonicalJson(comparable(template)))));
}

/** The template with labels and annotations put over its own. */
export function patchTemplate(
  template: PodTemplate,
  patch: { labels?: Record<string, string>; annotations?: Record<string, string> } | undefined,
): PodTemplate {
  if (!patch) return template;
  const metadata = { ...template.metadata };
  if (patch.labels) metadata.labels = { ...metadata.labels, ...patch.labels };
  if (patch.annotations) metadata.annotations = { ...metadata.annotations, ...patch.annotations };
  return { ...template, metadata };
}

/** API servers differ on whether an empty map or a null creationTimestamp is stored; neither means a change. */
function comparable(template: PodTemplate): PodTemplate {
  const { metadata, ...rest } = withoutHash(template);
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (value === null || key === "creationTimestamp") continue;
    if (typeof value === "object" && Object.keys(value).length === 0) continue;
    kept[key] = value;
  }
  return { ...rest, metadata: kept };
}
