import type { ReplicaSet } from "../../../api/apps.ts";
import { deepCopy, deepEqual } from "../../../base/json.ts";
import { apiVersionOf, resources } from "../../../kube/resource.ts";
import type { Plan } from "../../../runtime/plan.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";
import { putCondition, setCondition } from "../status/conditions.ts";
import { setPhase } from "../status.ts";
import type { Rollout } from "../types.ts";
import { withAntiAffinity, withoutAntiAffinity } from "./anti-affinity.ts";
import { wantedMetadata, withEphemeralMetadata } from "./ephemeral-metadata.ts";
import { revisionOf } from "./replica-sets.ts";

const NOT_COPIED: ReadonlySet<string> = new Set([
  annotations.lastApplied,
  annotations.revision,
  annotations.revisionHistory,
  annotations.desiredReplicas,
  annotations.notified,
  annotations.abortEndedAt,
]);

export function ownerReference(rollout: Rollout) {
  return {
    apiVersion: apiVersionOf(resources.argoRollouts),
    kind: resources.argoRollouts.kind,
    name: rollout.metadata.name,
    uid: rollout.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

function newestRevision(others: readonly ReplicaSet[]): number {
  return Math.max(0, ...others.map(revisionOf)) + 1;
}

/** Without a ReplicaSet for the template there is nothing to reconcile: make it, and look again (ARC-020…024). */
export function createReplicaSet(pass: Pass): Plan {
  const { rollout, next, newHash, now, status } = pass;
  const name = `${rollout.metadata.name}-${newHash}`;
  const leaving = pass.allRSs.find(({ metadata }) => metadata.name === name);
  // One of this name that is being deleted: its going wakes us.
  if (leaving) return pass.plan({ withStatus: false });
  if (pass.view.takenNames.has(name)) {
    next.collisionCount = (status.collisionCount ?? 0) + 1;
    return pass.plan();
  }
  const revision = newestRevision(pass.allRSs);
  pass.write({ op: "create", type: resources.replicaSets, object: build(pass, name, revision) });
  pass.patchRollout({ metadata: { annotations: { [annotations.revision]: String(revision) } } });
  pass.event("RolloutUpdated", `Rollout updated to revision ${revision}`);
  pass.event("NewReplicaSetCreated", `Created ReplicaSet ${name} (revision ${revision})`);
  const message = `Created new replica set "${name}"`;
  setCondition(next, { type: "Progressing", status: "True", reason: "NewReplicaSetCreated", message }, now);
  next.canary ??= {};
  next.blueGreen ??= {};
  setPhase(pass);
  const plan = pass.plan();
  return {
    ...plan,
    onRefusal: (write, error) => {
      if (write.op !== "create") return { status: null, events: [] };
      const text = `Failed to create new replica set "${name}": ${error.message}`;
      const failed = deepCopy(status);
      putCondition(
        failed,
        { type: "Progressing", status: "False", reason: "ReplicaSetCreateError", message: text },
        now,
      );
      // The time of an unchanged failure stays, so that telling of it changes nothing.
      const before = status.conditions?.find(({ type }) => type === "Progressing");
      const isSame = before?.reason === "ReplicaSetCreateError" && before.message === text;
      return {
        status: isSame ? null : { type: resources.argoRollouts, object: rollout, status: failed },
        events: isSame ? [] : [{ regarding: rollout, type: "Warning", reason: "ReplicaSetCreateError", message: text }],
      };
    },
  };
}

function build(pass: Pass, name: string, revision: number): ReplicaSet {
  const { rollout, newHash, replicas } = pass;
  const { spec, metadata } = rollout;
  const template = deepCopy(spec.template ?? { spec: {} });
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: newHash };
  const replicaSet: ReplicaSet = {
    apiVersion: apiVersionOf(resources.replicaSets),
    kind: resources.replicaSets.kind,
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: {
        ...copiedAnnotations(pass),
        [annotations.revision]: String(revision),
        [annotations.desiredReplicas]: String(replicas),
      },
      ownerReferences: [ownerReference(rollout)],
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: {
        ...deepCopy(spec.selector ?? {}),
        matchLabels: { ...spec.selector?.matchLabels, [POD_TEMPLATE_HASH]: newHash },
      },
      template: {
        metadata: { ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}), labels },
        spec: withAntiAffinity(pass, template.spec),
      },
    },
  };
  return withEphemeralMetadata(replicaSet, wantedMetadata(pass, "new"));
}

/** ARC-022. */
function copiedAnnotations({ rollout }: Pass): Record<string, string> {
  const entries = Object.entries(rollout.metadata.annotations ?? {});
  return Object.fromEntries(entries.filter(([key]) => !NOT_COPIED.has(key)));
}

/**
 * ARC-050, ARC-051: a version that was there before gets the newest number, and the newest version what the Rollout says
 * beside its template. True when something was written.
 */
export function syncRevision(pass: Pass): boolean {
  const { newRS, rollout } = pass;
  if (!newRS) return false;
  const revision = Math.max(revisionOf(newRS), newestRevision(pass.allRSs.filter((one) => one !== newRS)));
  const object = synced(pass, newRS, revision);
  if (!deepEqual(object, newRS)) pass.write({ op: "update", type: resources.replicaSets, object });
  if (rollout.metadata.annotations?.[annotations.revision] !== String(revision)) {
    pass.patchRollout({ metadata: { annotations: { [annotations.revision]: String(revision) } } });
    pass.event("RolloutUpdated", `Rollout updated to revision ${revision}`);
  }
  return pass.hasWrites;
}

function synced(pass: Pass, newRS: ReplicaSet, revision: number): ReplicaSet {
  const { metadata, spec } = newRS;
  const current = revisionOf(newRS);
  const history = metadata.annotations?.[annotations.revisionHistory];
  // Each number once, however often the rest changes (ARC-924).
  const past = new Set([...(history ? history.split(",") : []), String(current)]);
  const renumbered = { [annotations.revision]: String(revision), [annotations.revisionHistory]: [...past].join(",") };
  const { minReadySeconds = 0 } = pass.rollout.spec;
  return {
    ...newRS,
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        ...copiedAnnotations(pass),
        ...(revision === current ? {} : renumbered),
      },
    },
    spec: {
      ...spec,
      ...((spec.minReadySeconds ?? 0) === minReadySeconds ? {} : { minReadySeconds }),
      template: { ...spec.template, spec: withAntiAffinity(pass, withoutAntiAffinity(spec.template.spec)) },
    },
  };
}
