import type { Condition, KubeObject } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import type { CacheReader, Located } from "../../kube/cache.ts";
import { conditionsOf, isTerminating, setCondition } from "../../kube/pods.ts";
import { qualifiedPlural, type ResourceType, resources } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan, type StatusWrite, type Write } from "../../runtime/plan.ts";

const FINALIZER = "kubernetes";
/** Deletes in one pass; the next pass goes on with the rest. */
const BURST_MAX = 500;

export interface NamespaceView {
  readonly namespace: KubeObject;
  /** Everything in it, of every kind. */
  readonly contents: readonly Located[];
  readonly namespacedTypes: readonly ResourceType[];
  readonly now: Instant;
}

/** Empties a terminating namespace, then lets it go (K8S-201). */
export const namespaceController: Controller<NamespaceView> = {
  name: "namespace-controller",
  watches: [{ type: resources.namespaces, keysOf: ({ metadata }) => [metadata.name] }],
  everyKind({ metadata }, _type, cache) {
    const { namespace: name = "" } = metadata;
    const namespace = name === "" ? null : cache.get(resources.namespaces, { namespace: "", name });
    return namespace && isTerminating(namespace) ? [name] : [];
  },
  gather({ name }, cache, now) {
    const namespace = cache.get(resources.namespaces, { namespace: "", name });
    if (!namespace || !isTerminating(namespace)) return null;
    const namespacedTypes = typesOnce(cache).filter((type) => type.namespaced);
    const contents = namespacedTypes.flatMap((type) => cache.list(type, name).map((object) => ({ type, object })));
    return { namespace, contents, namespacedTypes, now };
  },
  reconcile,
};

/** One version of each kind. */
function typesOnce(cache: CacheReader): readonly ResourceType[] {
  return [...new Map(cache.types().map((type) => [qualifiedPlural(type), type])).values()];
}

export function reconcile(view: NamespaceView): Plan {
  const { namespace, contents, namespacedTypes } = view;
  const name = namespace.metadata.name;
  const { finalizers = [] } = (namespace["spec"] ?? {}) as { finalizers?: string[] };
  if (!finalizers.includes(FINALIZER)) return emptyPlan;
  const living = contents.filter(({ object }) => !isTerminating(object));
  if (living.length > 0) return { ...emptyPlan, writes: podsLast(living).slice(0, BURST_MAX).map(remove) };
  if (contents.length > 0) return { ...emptyPlan, status: blockedStatus(view) };
  const spec = { ...(namespace["spec"] as object), finalizers: finalizers.filter((each) => each !== FINALIZER) };
  return {
    ...emptyPlan,
    writes: [
      {
        op: "update",
        subresource: "finalize",
        type: resources.namespaces,
        object: { ...namespace, spec },
        // A cache that lags must not make objects without a namespace.
        absent: namespacedTypes.map((type) => ({ type, namespace: name })),
      },
    ],
  };
}

/** Pods have their grace; what else there is goes first, so that nothing makes new ones meanwhile. */
function podsLast(contents: readonly Located[]): readonly Located[] {
  const isPod = ({ type }: Located) => type.group === "" && type.plural === "pods";
  return [...contents.filter((each) => !isPod(each)), ...contents.filter(isPod)];
}

function remove({ type, object }: Located): Write {
  return { op: "delete", type, object, propagationPolicy: "Background" };
}

function blockedStatus({ namespace, contents, now }: NamespaceView): StatusWrite {
  const remaining = countBy(contents, ({ type }) => [`${type.plural}.${type.group}`]);
  const finalizers = countBy(contents, ({ object }) => object.metadata.finalizers ?? []);
  const list = (counts: ReadonlyMap<string, number>, verb: string) =>
    [...counts].map(([subject, count]) => `${subject} ${verb} ${count} resource instances`).join(", ");
  const found: Condition[] = [
    state("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered"),
    state(
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ),
    state(
      "NamespaceDeletionContentFailure",
      false,
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ),
    state(
      "NamespaceContentRemaining",
      true,
      "SomeResourcesRemain",
      `Some resources are remaining: ${list(remaining, "has")}`,
    ),
    finalizers.size > 0
      ? state(
          "NamespaceFinalizersRemaining",
          true,
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${list(finalizers, "in")}`,
        )
      : state(
          "NamespaceFinalizersRemaining",
          false,
          "ContentHasNoFinalizers",
          "All content-preserving finalizers finished",
        ),
  ];
  const conditions = found.reduce<readonly Condition[]>(
    (list, condition) => setCondition(list, condition, now),
    conditionsOf({ status: namespace["status"] }),
  );
  const status = { ...(namespace["status"] as object), conditions };
  return { type: resources.namespaces, object: namespace, status };
}

function state(type: string, isTrue: boolean, reason: string, message: string): Condition {
  return { type, status: isTrue ? "True" : "False", reason, message };
}

/** Sorted by name. */
function countBy(contents: readonly Located[], namesOf: (each: Located) => readonly string[]) {
  const counts = new Map<string, number>();
  for (const each of contents) for (const name of namesOf(each)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...counts].sort(([left], [right]) => (left < right ? -1 : 1)));
}
