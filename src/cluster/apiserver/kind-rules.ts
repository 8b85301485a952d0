import type { KubeObject } from "../../api/meta.ts";
import type { WriteContext } from "./context.ts";
import { prepareCrd } from "./crd-rules.ts";
import type { FieldProblem } from "./resource.ts";
import { allocateService } from "./service-allocation.ts";

/**
 * What the server itself writes into objects of a few kinds: values that depend on other objects or on the server's
 * state. Runs on a private copy, after defaults and mutating admission and before validation.
 */
type Prepare = (context: WriteContext, object: KubeObject, old: KubeObject | null) => readonly FieldProblem[];

const rules: Readonly<Record<string, Prepare>> = {
  services: ({ transaction, serviceRange, random }, object, old) => {
    const { name, namespace } = object.metadata;
    const others = transaction
      .list("services", null)
      .filter(({ metadata }) => metadata.name !== name || metadata.namespace !== namespace);
    return allocateService(object, old, { range: serviceRange, random, others });
  },
  "customresourcedefinitions.apiextensions.k8s.io": prepareCrd,
};

export function prepareByKind(
  context: WriteContext,
  object: KubeObject,
  old: KubeObject | null,
): readonly FieldProblem[] {
  return rules[context.kind.table]?.(context, object, old) ?? [];
}

/** Kinds whose reporter creates the object together with its status. Everywhere else a create drops it (K8S-154). */
const keepsStatusOnCreate = new Set(["nodes", "persistentvolumes"]);

export function dropsStatusOnCreate({ kind }: WriteContext): boolean {
  return kind.definition.hasStatus && !keepsStatusOnCreate.has(kind.table);
}

/** Deleted for good once nothing holds the object: no finalizer, no grace period, no namespace content. */
export function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0 || finalizers.length > 0) return false;
  return namespaceFinalizers(object).length === 0;
}

/** `spec.finalizers` of a Namespace; empty for every other kind. */
export function namespaceFinalizers(object: KubeObject): readonly string[] {
  if (object.kind !== "Namespace" || object.apiVersion !== "v1") return [];
  return ((object["spec"] ?? {}) as { finalizers?: string[] }).finalizers ?? [];
}
