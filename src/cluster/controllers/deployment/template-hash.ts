import type { Deployment, PodTemplate, ReplicaSet } from "../../../api/apps.ts";
import { fnv1a32, safeEncode } from "../../../base/hash.ts";
import { canonicalJson, deepEqual } from "../../../base/json.ts";

export const HASH_LABEL = "pod-template-hash";

/** K8S-210: consumers compare templates, never hashes, so any deterministic function of the template will do. */
export function templateHash(deployment: Deployment): string {
  const collisions = deployment.status?.collisionCount;
  const salt = collisions === undefined ? "" : String(collisions);
  return safeEncode(String(fnv1a32(canonicalTemplate(deployment.spec.template) + salt)));
}

/** Objects from a cache never change, so each template is rendered once. */
const canonicalTemplates = new WeakMap<PodTemplate, string>();

function canonicalTemplate(template: PodTemplate): string {
  let text = canonicalTemplates.get(template);
  if (text === undefined) {
    text = canonicalJson(template);
    canonicalTemplates.set(template, text);
  }
  return text;
}

export function replicaSetName(deployment: Deployment): string {
  return `${deployment.metadata.name}-${templateHash(deployment)}`;
}

/** K8S-211: equal but for the label that the controller itself adds. */
export function hasTemplate(replicaSet: ReplicaSet, template: PodTemplate): boolean {
  return deepEqual(withoutHash(replicaSet.spec.template), withoutHash(template));
}

function withoutHash(template: PodTemplate): PodTemplate {
  const { [HASH_LABEL]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
