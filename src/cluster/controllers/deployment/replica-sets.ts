import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import { deepCopy } from "../../../base/json.ts";
import { resources } from "../../../kube/resource.ts";
import { controllerReference } from "../ownership.ts";
import { maxSurge } from "./limits.ts";
import { HASH_LABEL, hasTemplate, templateHash } from "./template-hash.ts";

/** Which ReplicaSet is which, and the annotations that tie them to their Deployment (K8S-211, K8S-212). */

export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS = "deployment.kubernetes.io/max-replicas";

/** K8S-212: the Deployment's annotations that its ReplicaSets do not get. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  "deprecated.deployment.rollback.to",
]);

/** The original bounds the history annotation to 2000 characters, dropping the oldest first. */
const REVISION_HISTORY_MAX_CHARACTERS = 2000;

export function byAge(left: ReplicaSet, right: ReplicaSet): number {
  const leftTime = left.metadata.creationTimestamp ?? "";
  const rightTime = right.metadata.creationTimestamp ?? "";
  if (leftTime !== rightTime) return leftTime < rightTime ? -1 : 1;
  return left.metadata.name < right.metadata.name ? -1 : 1;
}

/** The oldest ReplicaSet with the Deployment's template. */
export function findNew(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | null {
  const matching = replicaSets.filter((replicaSet) => hasTemplate(replicaSet, deployment.spec.template));
  return matching.sort(byAge)[0] ?? null;
}

export function revisionNumber(replicaSet: ReplicaSet): number {
  return annotatedNumber(replicaSet, REVISION) ?? 0;
}

export function desiredReplicas(replicaSet: ReplicaSet): number | null {
  return annotatedNumber(replicaSet, DESIRED_REPLICAS);
}

export function maxReplicas(replicaSet: ReplicaSet): number | null {
  return annotatedNumber(replicaSet, MAX_REPLICAS);
}

function annotatedNumber(replicaSet: ReplicaSet, annotation: string): number | null {
  const text = replicaSet.metadata.annotations?.[annotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = deployment.spec.replicas ?? 1;
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge(deployment)) };
}

/** A first ReplicaSet for the Deployment's template. */
export function makeReplicaSet(deployment: Deployment, revision: number, replicas: number): ReplicaSet {
  const { metadata, spec } = deployment;
  const hash = templateHash(deployment);
  const template = deepCopy(spec.template);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  template.metadata = { ...template.metadata, labels };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...labels },
      annotations: { ...copiedAnnotations(deployment), ...sizeAnnotations(deployment), [REVISION]: String(revision) },
      ownerReferences: [controllerReference(resources.deployments, deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
      selector: {
        ...deepCopy(spec.selector),
        matchLabels: { ...spec.selector.matchLabels, [HASH_LABEL]: hash },
      },
      template,
    },
  };
}

/** The new ReplicaSet as it should be: newest revision, the Deployment's annotations and minReadySeconds. */
export function refreshed(deployment: Deployment, replicaSet: ReplicaSet, revision: number): ReplicaSet {
  const annotations = { ...replicaSet.metadata.annotations, ...copiedAnnotations(deployment) };
  const before = revisionNumber(replicaSet);
  if (before < revision) {
    annotations[REVISION] = String(revision);
    if (before > 0) annotations[REVISION_HISTORY] = appendHistory(annotations[REVISION_HISTORY], before);
  }
  const spec = { ...replicaSet.spec };
  const { minReadySeconds = 0 } = deployment.spec;
  if ((spec.minReadySeconds ?? 0) !== minReadySeconds) spec.minReadySeconds = minReadySeconds;
  return { ...replicaSet, metadata: { ...replicaSet.metadata, annotations }, spec };
}

/** The ReplicaSet at another size; the annotations say for which size of the Deployment that was right. */
export function resized(deployment: Deployment, replicaSet: ReplicaSet, replicas: number): ReplicaSet {
  const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(deployment) };
  return {
    ...replicaSet,
    metadata: { ...replicaSet.metadata, annotations },
    spec: { ...replicaSet.spec, replicas },
  };
}

function copiedAnnotations(deployment: Deployment): Record<string, string> {
  const annotations = Object.entries(deployment.metadata.annotations ?? {});
  return Object.fromEntries(annotations.filter(([key]) => !NOT_COPIED.has(key)));
}

function appendHistory(history: string | undefined, revision: number): string {
  const revisions = [...(history ? history.split(",") : []), String(revision)];
  while (revisions.length > 1 && revisions.join(",").length > REVISION_HISTORY_MAX_CHARACTERS) revisions.shift();
  return revisions.join(",");
}
