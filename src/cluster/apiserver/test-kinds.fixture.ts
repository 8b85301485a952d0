import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import type { ResourceDefinition, Schema } from "./resource.ts";
import { objectMetaSchema } from "./schema/index.ts";

/**
 * A handful of kinds for the tests of the generic server, each with one trait that matters there. What real built-ins
 * default and validate is tested beside them.
 */

const text: Schema = { type: "string" };
const anyObject: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

function kind(
  type: ResourceDefinition["type"],
  fields: Record<string, Schema>,
  rest: Partial<ResourceDefinition> = {},
): ResourceDefinition {
  return {
    type,
    listKind: `${type.kind}List`,
    singular: type.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: VERBS,
    hasStatus: false,
    scale: null,
    subresources: [],
    nameRule: "dns-subdomain",
    generation: "none",
    isCustom: false,
    createOnUpdate: false,
    schema: {
      type: "object",
      properties: { apiVersion: text, kind: text, metadata: objectMetaSchema, ...fields },
    },
    selectableFields: [],
    columns: [],
    applyDefaults() {},
    validate: () => [],
    ...rest,
  };
}

function fill(object: KubeObject, field: string, value: Record<string, unknown>): void {
  object[field] = { ...value, ...(object[field] as object | undefined) };
}

const workload: Partial<ResourceDefinition> = {
  hasStatus: true,
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", labelSelector: ".spec.selector" },
  applyDefaults: (object) => fill(object, "spec", { replicas: 1 }),
};

export const testKinds: readonly ResourceDefinition[] = [
  kind(
    resources.namespaces,
    { spec: anyObject, status: anyObject },
    {
      nameRule: "dns-label",
      hasStatus: true,
      subresources: ["finalize"],
      verbs: VERBS.filter((verb) => verb !== "deletecollection"),
      applyDefaults(object) {
        if (object.metadata.resourceVersion === undefined) fill(object, "spec", { finalizers: ["kubernetes"] });
        fill(object, "status", { phase: "Active" });
      },
    },
  ),
  kind(resources.configMaps, { data: { type: "object", additionalProperties: text }, immutable: { type: "boolean" } }),
  kind(
    resources.pods,
    { spec: anyObject, status: anyObject },
    {
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
    },
  ),
  kind(
    resources.services,
    { spec: anyObject, status: anyObject },
    {
      nameRule: "dns1035-label",
      hasStatus: true,
      applyDefaults: (object) => fill(object, "spec", { type: "ClusterIP" }),
    },
  ),
  kind(resources.leases, { spec: anyObject }, { createOnUpdate: true }),
  kind(
    resources.deployments,
    { spec: anyObject, status: anyObject },
    { ...workload, generation: "spec-and-annotations" },
  ),
  kind(resources.replicaSets, { spec: anyObject, status: anyObject }, { ...workload, generation: "spec" }),
  kind(
    { group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets", namespaced: true },
    { spec: anyObject, status: anyObject },
    { hasStatus: true },
  ),
  kind(
    resources.customResourceDefinitions,
    { spec: anyObject, status: anyObject },
    { hasStatus: true, generation: "spec", shortNames: ["crd", "crds"] },
  ),
];
