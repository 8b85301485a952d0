import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import { allVerbs, type BuiltinOptions, builtin, replicaScale, typeOf } from "./builtin/define.ts";
import type { ResourceDefinition, Schema } from "./resource.ts";
import { str } from "./schema/dsl.ts";

/**
 * A handful of kinds for the tests of the generic server, each with one trait that matters there. What real built-ins
 * default and validate is tested beside them.
 */

const anyObject: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function fill(object: KubeObject, field: string, value: Record<string, unknown>): void {
  object[field] = { ...value, ...(object[field] as object | undefined) };
}

const workload: BuiltinOptions = {
  hasStatus: true,
  scale: replicaScale,
  applyDefaults: (object) => fill(object, "spec", { replicas: 1 }),
};

const specAndStatus = { spec: anyObject, status: anyObject };

export const testKinds: readonly ResourceDefinition[] = [
  builtin(resources.namespaces, {
    fields: specAndStatus,
    nameRule: "dns-label",
    hasStatus: true,
    subresources: ["finalize"],
    verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
    applyDefaults(object) {
      if (object.metadata.resourceVersion === undefined) fill(object, "spec", { finalizers: ["kubernetes"] });
      fill(object, "status", { phase: "Active" });
    },
  }),
  builtin(resources.configMaps, {
    fields: { data: { type: "object", additionalProperties: str }, immutable: { type: "boolean" } },
  }),
  builtin(resources.pods, {
    fields: specAndStatus,
    hasStatus: true,
    generation: "spec",
    subresources: ["binding", "eviction"],
    selectableFields: ["spec.nodeName", "status.phase"],
    applyDefaults(object) {
      fill(object, "spec", { terminationGracePeriodSeconds: 30 });
      fill(object, "status", { phase: "Pending" });
    },
    validate: (object, old) =>
      old === null || deepEqual(object["spec"], old["spec"])
        ? []
        : [{ field: "spec", reason: "FieldValueForbidden", message: "Forbidden: pod updates may not change fields" }],
  }),
  builtin(resources.services, {
    fields: specAndStatus,
    nameRule: "dns1035-label",
    hasStatus: true,
    applyDefaults: (object) => fill(object, "spec", { type: "ClusterIP" }),
  }),
  builtin(resources.leases, { fields: { spec: anyObject }, createOnUpdate: true }),
  builtin(resources.deployments, { fields: specAndStatus, ...workload, generation: "spec-and-annotations" }),
  builtin(resources.replicaSets, { fields: specAndStatus, ...workload, generation: "spec" }),
  builtin(typeOf("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"), {
    fields: specAndStatus,
    hasStatus: true,
    generation: "spec",
  }),
  builtin(resources.customResourceDefinitions, {
    fields: specAndStatus,
    hasStatus: true,
    generation: "spec",
    shortNames: ["crd", "crds"],
  }),
];
