import type { KubeObject, StatusCause } from "../../api/meta.ts";
import type { Instant } from "../../base/time.ts";
import type { ResourceType } from "../../kube/resource.ts";

/**
 * What the API server knows of one served kind. Built-ins (`builtin/`) are written by hand as values of this type; a
 * CustomResourceDefinition is turned into one per served version (`crd.ts`). Everything generic reads only this.
 */
export interface ResourceDefinition {
  readonly type: ResourceType;
  readonly listKind: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Of create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs: readonly string[];
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | null;
  /** Further subresources that discovery lists and a handler serves, e.g. "log", "binding", "eviction", "finalize". */
  readonly subresources: readonly string[];
  readonly nameRule: "dns-subdomain" | "dns-label" | "dns1035-label" | "path-segment";
  /** Whether metadata.generation is kept (K8S-111), and whether annotations count as a change (Deployment). */
  readonly generation: "none" | "spec" | "spec-and-annotations";
  /** Custom resources answer strategic merge patches with 415 and need a resourceVersion on PUT (K8S-164, K8S-85). */
  readonly isCustom: boolean;
  /** PUT of a missing object creates it (K8S-114: Lease, Endpoints, Event, RBAC kinds). */
  readonly createOnUpdate: boolean;
  /** Structural schema of the whole object: unknown fields, types, defaults (custom kinds) follow from it. */
  readonly schema: Schema;
  /** Fills built-in defaults in a private copy (K8S-185…189). Custom kinds default by schema. */
  applyDefaults(object: KubeObject): void;
  /** Problems of a new (`old` null) or changed object, immutability included. Metadata is checked generically. */
  validate(object: KubeObject, old: KubeObject | null): readonly FieldProblem[];
  /** `fieldSelector` paths besides metadata.name and metadata.namespace; the value is compared as text. */
  readonly selectableFields: readonly string[];
  readonly columns: readonly TableColumn[];
}

export interface ScalePaths {
  /** JSON paths such as `.spec.replicas`. */
  readonly specReplicas: string;
  readonly statusReplicas: string;
  readonly labelSelector: string | null;
}

export interface FieldProblem {
  /** `spec.template.spec.containers[0].name` */
  readonly field: string;
  /** FieldValueInvalid, FieldValueRequired, FieldValueNotSupported, FieldValueForbidden, … (K8S-77). */
  readonly reason: NonNullable<StatusCause["reason"]>;
  /** The text after the path: `Required value`, `Invalid value: "x": must …`. */
  readonly message: string;
}

export interface TableColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** "name" on the first column, else "". */
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, more only in `-o wide`. */
  readonly priority: number;
  cell(object: KubeObject, now: Instant): string | number | boolean | null;
}

/** OpenAPI v3 as CRDs use it (K8S-155, K8S-156). */
export interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly unknown[];
}
