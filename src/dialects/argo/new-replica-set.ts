import type { ReplicaSet } from "../../api/apps.ts";
import { deepCopy } from "../../base/json.ts";
import { apiVersionOf, resources } from "../../kube/resource.ts";
import type { Plan } from "../../runtime/plan.ts";
import { putCondition, setCondition } from "./conditions.ts";
import { wantedMetadata, withEphemeralMetadata } from "./ephemeral-metadata.ts";
import { annotations, POD_TEMPLATE_HASH } from "./keys.ts";
import type { Pass } from "./pass.ts";
import { revisionOf } from "./replica-sets.ts";
import { setPhase } from "./status.ts";
import type { Rollout } from "./types.ts";

const NOT_COPIED: ReadonlySet<string> = new Set([
  annotations.lastApplied,
  annotations.revision,
  annotations.revisionHistory,
  annotations.desiredReplicas,
  annotations.notified,
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
  const copied = Object.entries(metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
  const replicaSet: ReplicaSet = {
    apiVersion: apiVersionOf(resources.replicaSets),
    kind: resources.replicaSets.kind,
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: {
        ...Object.fromEntries(copied),
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

/** ARC-170. */
function withAntiAffinity(pass: Pass, spec: Record<string, unknown>): Record<string, unknown> {
  const { canary, blueGreen, rollout, status, newHash } = pass;
  const wanted = canary?.antiAffinity ?? blueGreen?.antiAffinity;
  const stable = status.stableRS ?? "";
  if (!wanted || stable === "" || stable === newHash) return spec;
  const term = {
    labelSelector: { matchExpressions: [{ key: POD_TEMPLATE_HASH, operator: "In", values: [stable] }] },
    namespaces: [rollout.metadata.namespace ?? ""],
    topologyKey: "kubernetes.io/hostname",
  };
  const affinity = (spec["affinity"] ?? {}) as Record<string, Record<string, unknown[]> | undefined>;
  const anti = { ...affinity["podAntiAffinity"] };
  const preferred = wanted.preferredDuringSchedulingIgnoredDuringExecution;
  if (preferred) {
    const list = "preferredDuringSchedulingIgnoredDuringExecution";
    anti[list] = [...(anti[list] ?? []), { weight: preferred.weight, podAffinityTerm: term }];
  } else {
    const list = "requiredDuringSchedulingIgnoredDuringExecution";
    anti[list] = [...(anti[list] ?? []), term];
  }
  return { ...spec, affinity: { ...affinity, podAntiAffinity: anti } };
}

/** ARC-050, ARC-051: a version that was there before gets the newest number. True when something was written. */
export function syncRevision(pass: Pass): boolean {
  const { newRS, rollout } = pass;
  if (!newRS) return false;
  const others = pass.allRSs.filter((one) => one !== newRS);
  const newest = newestRevision(others);
  const current = revisionOf(newRS);
  const revision = Math.max(current, newest);
  const minReadySeconds = rollout.spec.minReadySeconds ?? 0;
  const isSameReadiness = (newRS.spec.minReadySeconds ?? 0) === minReadySeconds;
  if (revision !== current || !isSameReadiness) {
    const history = newRS.metadata.annotations?.[annotations.revisionHistory];
    const past = [...(history ? history.split(",") : []), String(current)];
    pass.patchReplicaSet(newRS, {
      ...(isSameReadiness ? {} : { spec: { minReadySeconds } }),
      ...(revision === current
        ? {}
        : {
            metadata: {
              annotations: {
                [annotations.revision]: String(revision),
                [annotations.revisionHistory]: [...new Set(past)].join(","),
              },
            },
          }),
    });
  }
  if (rollout.metadata.annotations?.[annotations.revision] !== String(revision)) {
    pass.patchRollout({ metadata: { annotations: { [annotations.revision]: String(revision) } } });
    pass.event("RolloutUpdated", `Rollout updated to revision ${revision}`);
  }
  return pass.hasWrites;
}
