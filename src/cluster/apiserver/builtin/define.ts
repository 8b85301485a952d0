import type { ResourceType } from "../../../kube/resource.ts";
import { ageColumn, nameColumn } from "../columns/cells.ts";
import type { ResourceDefinition, Schema } from "../resource.ts";
import { str, struct } from "../schema/dsl.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";

/** How built-in kinds are written down: what most of them share is left out. */

type Optional = Partial<
  Pick<
    ResourceDefinition,
    | "shortNames"
    | "categories"
    | "verbs"
    | "hasStatus"
    | "scale"
    | "subresources"
    | "nameRule"
    | "generation"
    | "createOnUpdate"
    | "selectableFields"
    | "columns"
    | "applyDefaults"
    | "validate"
  >
>;

export interface BuiltinOptions extends Optional {
  /** Fields beside apiVersion, kind and metadata. */
  readonly fields?: Readonly<Record<string, Schema>>;
}

export const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"] as const;

export function builtin(type: ResourceType, options: BuiltinOptions): ResourceDefinition {
  const { fields = {}, ...rest } = options;
  return {
    type,
    listKind: `${type.kind}List`,
    singular: type.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: allVerbs,
    hasStatus: false,
    scale: null,
    subresources: [],
    nameRule: "dns-subdomain",
    generation: "none",
    isCustom: false,
    createOnUpdate: false,
    schema: struct(type.kind, { apiVersion: str, kind: str, metadata: objectMetaSchema, ...fields }),
    selectableFields: [],
    columns: [nameColumn, ageColumn],
    applyDefaults: () => {},
    validate: () => [],
    ...rest,
  };
}

export function typeOf(group: string, version: string, kind: string, plural: string, namespaced = true): ResourceType {
  return { group, version, kind, plural, namespaced };
}

/** Scale of the built-in workloads; the selector is a structured one, unlike that of custom kinds. */
export const replicaScale = {
  specReplicas: ".spec.replicas",
  statusReplicas: ".status.replicas",
  labelSelector: ".spec.selector",
} as const;

/** A part of an object that defaults or validation look into. */
export type Fields = Record<string, unknown>;

/** `owner[key]` as an object, made when it is missing. */
export function ensure(owner: Fields, key: string): Fields {
  owner[key] ??= {};
  return owner[key] as Fields;
}

/** Sets what is missing. Values are copied by the caller where they are not plain. */
export function setDefaults(owner: Fields, defaults: Fields): void {
  for (const [key, value] of Object.entries(defaults)) owner[key] ??= value;
}

export function listOf(owner: Fields | undefined, key: string): readonly Fields[] {
  const value = owner?.[key];
  return Array.isArray(value) ? (value as Fields[]) : [];
}

export function fieldsOf(owner: Fields | undefined, key: string): Fields | undefined {
  const value = owner?.[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
