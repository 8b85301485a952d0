import type { KubeObject } from "../api/meta.ts";
import { conditionsOf, findCondition } from "./pods.ts";

/**
 * A short notation for CustomResourceDefinitions: what a pack or dialect says about its kinds, as plain data. The
 * result is an ordinary apiextensions.k8s.io/v1 object that any API server accepts.
 */

/** A structural schema as it stands in a CRD. */
export type CrdSchema = Record<string, unknown>;

export const text: CrdSchema = { type: "string" };
export const integer: CrdSchema = { type: "integer" };
export const int32: CrdSchema = { type: "integer", format: "int32" };
export const uint32: CrdSchema = { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
export const number: CrdSchema = { type: "number" };
export const flag: CrdSchema = { type: "boolean" };
/** Anything at all, kept as it is. */
export const anything: CrdSchema = { "x-kubernetes-preserve-unknown-fields": true };
/** An object whose members are kept as they are. */
export const anyObject: CrdSchema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

export function object(properties: Record<string, CrdSchema>, required: readonly string[] = []): CrdSchema {
  return required.length === 0
    ? { type: "object", properties }
    : { type: "object", properties, required: [...required] };
}

export function list(items: CrdSchema): CrdSchema {
  return { type: "array", items };
}

export function mapOf(values: CrdSchema): CrdSchema {
  return { type: "object", additionalProperties: values };
}

export function oneOfTexts(...values: string[]): CrdSchema {
  return { type: "string", enum: values };
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description?: string;
  readonly priority?: number;
}

export const ageColumn: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

export interface CrdVersion {
  readonly name: string;
  readonly storage: boolean;
  /** Schemas of `spec` and `status`; what a kind has besides goes into `extra`. */
  readonly spec: CrdSchema;
  readonly status?: CrdSchema;
  readonly extra?: Record<string, CrdSchema>;
  readonly required?: readonly string[];
  readonly columns?: readonly PrinterColumn[];
  /** Where the scale subresource finds its numbers. */
  readonly scale?: ScalePaths;
  /** False: `status` is an ordinary member, written with the object itself. */
  readonly hasStatusSubresource?: boolean;
}

export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

export interface CrdDescription {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly versions: readonly CrdVersion[];
}

/** A version gets the status subresource when it has a status schema, unless it says otherwise. */
export function customResourceDefinition(description: CrdDescription): KubeObject {
  const { group, kind, plural, scope, shortNames, categories, versions } = description;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames ? { shortNames: [...shortNames] } : {}),
        ...(categories ? { categories: [...categories] } : {}),
      },
      versions: versions.map(renderVersion),
    },
  };
}

function renderVersion(version: CrdVersion): Record<string, unknown> {
  const { name, storage, spec, status, extra, required, columns, scale } = version;
  const hasStatus = status !== undefined && version.hasStatusSubresource !== false;
  const subresources = { ...(hasStatus ? { status: {} } : {}), ...(scale ? { scale: { ...scale } } : {}) };
  const properties: Record<string, CrdSchema> = {
    apiVersion: text,
    kind: text,
    metadata: { type: "object" },
    spec,
    ...(status ? { status } : {}),
    ...extra,
  };
  return {
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: object(properties, required) },
    ...(Object.keys(subresources).length > 0 ? { subresources } : {}),
    ...(columns ? { additionalPrinterColumns: columns.map((column) => ({ ...column })) } : {}),
  };
}

/** The server serves what this CustomResourceDefinition defines. */
export function isEstablished(definition: KubeObject): boolean {
  // `status` is there on every kind that has conditions; KubeObject does not name it.
  return findCondition(conditionsOf(definition as { status?: unknown }), "Established")?.status === "True";
}
