import type { PodTemplate, ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual, isRecord } from "../../../base/json.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import { annotations } from "../keys.ts";
import type { Pass } from "../pass.ts";
import type { TemplateMetadata } from "../types.ts";
import { withoutAntiAffinity } from "./anti-affinity.ts";

/** Labels and annotations that pods have only in one role (ARC-025, ARC-165). They take no part in the hash. */

export function wantedMetadata(pass: Pass, role: "new" | "stable"): TemplateMetadata {
  const { canary, blueGreen, status } = pass;
  const hasStable = (status.stableRS ?? "") !== "";
  const isCandidate = role === "new" && hasStable && !pass.isFullyPromoted;
  const wanted = isCandidate
    ? (canary?.canaryMetadata ?? blueGreen?.previewMetadata)
    : (canary?.stableMetadata ?? blueGreen?.activeMetadata);
  return wanted ?? {};
}

function remembered(replicaSet: ReplicaSet): TemplateMetadata {
  try {
    const noted: unknown = JSON.parse(replicaSet.metadata.annotations?.[annotations.ephemeralMetadata] ?? "{}");
    // Whatever else somebody wrote there remembers nothing.
    if (!isRecord(noted)) return {};
    const { labels, annotations: notes } = noted;
    return { ...(isTexts(labels) ? { labels } : {}), ...(isTexts(notes) ? { annotations: notes } : {}) };
  } catch {
    return {};
  }
}

function isTexts(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((one) => typeof one === "string");
}

function isEmpty({ labels = {}, annotations: notes = {} }: TemplateMetadata): boolean {
  return Object.keys(labels).length === 0 && Object.keys(notes).length === 0;
}

/** The map with `wanted` in it, and without what was injected before and is not wanted any more. */
function replaced(
  map: Record<string, string> | undefined,
  before: Record<string, string> = {},
  wanted: Record<string, string> = {},
): Record<string, string> {
  const kept = Object.entries(map ?? {}).filter(([key]) => !(key in before) || key in wanted);
  return { ...Object.fromEntries(kept), ...wanted };
}

export function withEphemeralMetadata(replicaSet: ReplicaSet, wanted: TemplateMetadata): ReplicaSet {
  const before = remembered(replicaSet);
  if (isEmpty(wanted) && isEmpty(before)) return replicaSet;
  const { [annotations.ephemeralMetadata]: _, ...notes } = replicaSet.metadata.annotations ?? {};
  const { metadata } = replicaSet.spec.template;
  return {
    ...replicaSet,
    metadata: {
      ...replicaSet.metadata,
      annotations: isEmpty(wanted) ? notes : { ...notes, [annotations.ephemeralMetadata]: JSON.stringify(wanted) },
    },
    spec: {
      ...replicaSet.spec,
      template: {
        ...replicaSet.spec.template,
        metadata: {
          ...metadata,
          labels: replaced(metadata?.labels, before.labels, wanted.labels),
          annotations: replaced(metadata?.annotations, before.annotations, wanted.annotations),
        },
      },
    },
  };
}

/** The pod template as its user wrote it: without all that is injected (ARC-035). */
export function ownTemplate(replicaSet: ReplicaSet): PodTemplate {
  const { template } = withEphemeralMetadata(replicaSet, {}).spec;
  return { ...template, spec: withoutAntiAffinity(template.spec) };
}

/** Template first, so that new pods are right; then each pod in place. */
export function reconcileEphemeralMetadata(pass: Pass): void {
  const { newRS, stableRS } = pass;
  for (const replicaSet of pass.allRSs) {
    const wanted =
      replicaSet === newRS
        ? wantedMetadata(pass, "new")
        : replicaSet === stableRS
          ? wantedMetadata(pass, "stable")
          : {};
    const before = remembered(replicaSet);
    if (deepEqual(before, wanted) || (isEmpty(before) && isEmpty(wanted))) continue;
    for (const pod of pass.view.pods.get(replicaSet.metadata.name) ?? []) updatePod(pass, pod, before, wanted);
    const changed = withEphemeralMetadata(replicaSet, wanted);
    const template = changed.spec.template.metadata ?? {};
    pass.patchReplicaSet(replicaSet, {
      metadata: {
        annotations: {
          [annotations.ephemeralMetadata]: changed.metadata.annotations?.[annotations.ephemeralMetadata] ?? null,
        },
      },
      spec: {
        template: {
          metadata: {
            labels: patchOf(before.labels, template.labels),
            annotations: patchOf(before.annotations, template.annotations),
          },
        },
      },
    });
  }
}

function patchOf(
  before: Record<string, string> = {},
  after: Record<string, string> = {},
): Record<string, string | null> {
  return { ...Object.fromEntries(Object.keys(before).map((key) => [key, null])), ...after };
}

function updatePod(pass: Pass, pod: KubeObject, before: TemplateMetadata, wanted: TemplateMetadata): void {
  pass.write({
    op: "patch",
    type: resources.pods,
    key: keyOf(pod),
    patch: {
      kind: "merge",
      body: {
        metadata: {
          labels: patchOf(before.labels, wanted.labels),
          annotations: patchOf(before.annotations, wanted.annotations),
        },
      },
    },
    basedOn: pod,
  });
}
