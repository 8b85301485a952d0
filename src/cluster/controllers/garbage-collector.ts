import type { KubeObject, OwnerReference } from "../../api/meta.ts";
import type { CacheReader, Located } from "../../kube/cache.ts";
import { isTerminating } from "../../kube/pods.ts";
import { keyOf, type ObjectKey, type ResourceType } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { type Absent, emptyPlan, type Plan, type PlannedEvent, type Write } from "../../runtime/plan.ts";
import { setOwners } from "./ownership.ts";

/**
 * Deletes what its owners left behind, over all kinds, custom ones included (K8S-203, K8S-204). Every object is looked
 * at by itself:
 *
 *   terminating with finalizer "orphan"              → its dependents forget it, then the finalizer goes
 *   terminating with finalizer "foregroundDeletion"  → the finalizer goes once no dependent blocks it
 *   some owners gone or waiting, others there        → the references to the former go
 *   all owners gone, or waiting for their dependents → it is deleted
 */
const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";

export interface GarbageView {
  readonly self: Located;
  readonly dependents: readonly Located[];
  readonly owners: readonly Owner[];
}

interface Owner {
  readonly reference: OwnerReference;
  /**
   * solid: there, or of a kind that is not served, so nobody can say that it is gone. waiting: in foreground deletion.
   * absent: no object of that uid where the reference points to.
   */
  readonly state: "solid" | "waiting" | "absent";
  readonly absent: Absent | null;
  /** Where an object of that uid is instead: references across namespaces are not allowed. */
  readonly elsewhere: string | null;
}

export const garbageCollector: Controller<GarbageView> = {
  name: "generic-garbage-collector",
  component: "garbage-collector-controller",
  watches: [],
  everyKind: keysOf,
  gather,
  reconcile,
};

/** Itself when it has owners or is going; its dependents once they may have to follow; an owner that waits for it. */
function keysOf(object: KubeObject, type: ResourceType, cache: CacheReader): readonly string[] {
  const keys: string[] = [];
  const { uid = "", ownerReferences = [], finalizers = [] } = object.metadata;
  if (ownerReferences.length > 0 || isTerminating(object)) keys.push(garbageKey({ type, object }));
  const isGone = cache.get(type, keyOf(object))?.metadata.uid !== uid;
  if (isGone || (isTerminating(object) && (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN)))) {
    keys.push(...cache.dependentsOf(uid).map(garbageKey));
  }
  for (const reference of ownerReferences) {
    const owner = findOwner(reference, object, cache);
    if (owner && isTerminating(owner.object)) keys.push(garbageKey(owner));
  }
  return keys;
}

/** Keys of many kinds in one queue: `group:version:plural:namespace/name`. */
function garbageKey({ type, object }: Located): string {
  const { namespace, name } = keyOf(object);
  return `${type.group}:${type.version}:${type.plural}:${namespace}/${name}`;
}

function gather(key: ObjectKey, cache: CacheReader): GarbageView | null {
  const [group, version, plural, namespace = ""] = key.namespace.split(":");
  const type = cache.types().find((each) => each.group === group && each.version === version && each.plural === plural);
  const object = type && cache.get(type, { namespace, name: key.name });
  if (!type || !object) return null;
  return {
    self: { type, object },
    dependents: unique(cache.dependentsOf(object.metadata.uid ?? "")),
    owners: (object.metadata.ownerReferences ?? []).map((reference) => ownerOf(reference, object, cache)),
  };
}

/** A kind that is watched in two versions shows each object twice. */
function unique(located: readonly Located[]): readonly Located[] {
  return [...new Map(located.map((each) => [each.object.metadata.uid, each])).values()];
}

function ownerOf(reference: OwnerReference, dependent: KubeObject, cache: CacheReader): Owner {
  const solid: Owner = { reference, state: "solid", absent: null, elsewhere: null };
  const type = ownerType(reference, cache);
  const namespace = dependent.metadata.namespace ?? "";
  // A cluster-scoped object cannot be owned by a namespaced one: the owner cannot be looked up, so nothing is deleted.
  if (!type || (type.namespaced && namespace === "")) return solid;
  const owner = findOwner(reference, dependent, cache);
  if (owner) {
    const isWaiting = isTerminating(owner.object) && (owner.object.metadata.finalizers ?? []).includes(FOREGROUND);
    return isWaiting ? { ...solid, state: "waiting" } : solid;
  }
  const key = { namespace: type.namespaced ? namespace : "", name: reference.name };
  const stray = cache.list(type).find((object) => object.metadata.uid === reference.uid);
  const elsewhere = stray ? (stray.metadata.namespace ?? "") : null;
  return { reference, state: "absent", absent: { type, key, uid: reference.uid }, elsewhere };
}

function findOwner(reference: OwnerReference, dependent: KubeObject, cache: CacheReader): Located | null {
  const type = ownerType(reference, cache);
  if (!type) return null;
  const namespace = type.namespaced ? (dependent.metadata.namespace ?? "") : "";
  const object = cache.get(type, { namespace, name: reference.name });
  return object?.metadata.uid === reference.uid ? { type, object } : null;
}

/** References name a kind in any of its versions. */
function ownerType({ apiVersion, kind }: OwnerReference, cache: CacheReader): ResourceType | null {
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  return cache.types().find((type) => type.group === group && type.kind === kind) ?? null;
}

export function reconcile(view: GarbageView): Plan {
  const { self } = view;
  const { finalizers = [] } = self.object.metadata;
  if (isTerminating(self.object)) {
    if (finalizers.includes(ORPHAN)) return orphan(view);
    return finalizers.includes(FOREGROUND) ? finishForeground(view) : emptyPlan;
  }
  const gone = view.owners.filter(({ state }) => state !== "solid");
  if (gone.length === 0) return emptyPlan;
  return gone.length < view.owners.length ? forget(view, gone) : collect(view);
}

function orphan({ self, dependents }: GarbageView): Plan {
  const { uid } = self.object.metadata;
  const releases = dependents.map(({ type, object }) => {
    return setOwners(
      type,
      object,
      (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== uid),
    );
  });
  return { ...emptyPlan, writes: [...releases, withoutFinalizer(self, ORPHAN)] };
}

function finishForeground({ self, dependents }: GarbageView): Plan {
  const { uid } = self.object.metadata;
  const isBlocked = dependents.some(({ object }) =>
    (object.metadata.ownerReferences ?? []).some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
  );
  return isBlocked ? emptyPlan : { ...emptyPlan, writes: [withoutFinalizer(self, FOREGROUND)] };
}

function withoutFinalizer({ type, object }: Located, finalizer: string): Write {
  const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
  const body = { metadata: { finalizers: finalizers.length > 0 ? finalizers : null } };
  return { op: "patch", type, key: keyOf(object), basedOn: object, patch: { kind: "merge", body } };
}

/** Some owners remain: only the references to the others go. */
function forget({ self, owners }: GarbageView, gone: readonly Owner[]): Plan {
  const { type, object } = self;
  const ownerReferences = owners.filter((owner) => !gone.includes(owner)).map(({ reference }) => reference);
  const changed = { ...object, metadata: { ...object.metadata, ownerReferences } };
  return {
    ...emptyPlan,
    writes: [{ op: "update", type, object: changed, absent: absentOf(gone) }],
    events: gone.flatMap((owner) => strayEvents(object, owner)),
  };
}

function collect({ self, owners, dependents }: GarbageView): Plan {
  const { type, object } = self;
  const isWaitedFor = owners.some(({ state }) => state === "waiting");
  // The owner waits for all that is below it, so the deletion goes on in the foreground.
  const propagationPolicy = isWaitedFor && dependents.length > 0 ? "Foreground" : policyOf(object);
  return {
    ...emptyPlan,
    writes: [{ op: "delete", type, object, propagationPolicy, absent: absentOf(owners) }],
    events: owners.flatMap((owner) => strayEvents(object, owner)),
  };
}

/** The way that somebody asked for earlier, shown by a finalizer. */
function policyOf({ metadata: { finalizers = [] } }: KubeObject): "Background" | "Foreground" | "Orphan" {
  if (finalizers.includes(ORPHAN)) return "Orphan";
  return finalizers.includes(FOREGROUND) ? "Foreground" : "Background";
}

function absentOf(owners: readonly Owner[]): readonly Absent[] {
  return owners.flatMap(({ absent }) => (absent ? [absent] : []));
}

function strayEvents(regarding: KubeObject, { reference, elsewhere }: Owner): readonly PlannedEvent[] {
  if (elsewhere === null) return [];
  const { apiVersion, kind, name, uid } = reference;
  const { namespace = "" } = regarding.metadata;
  const message = `ownerRef [${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}] does not exist in namespace "${namespace}"`;
  return [{ regarding, type: "Warning", reason: "OwnerRefInvalidNamespace", message }];
}
