import type { Schema } from "../resource.ts";
import { objectMetaSchema } from "./object-meta.ts";

/** Steps from a schema to the schemas of its parts, and the field paths that go with them. */

const typeMetaField: Schema = { type: "string" };

/**
 * The schema of a member; undefined when the schema does not speak of it. `isResource` holds for the root and for
 * embedded resources, whose apiVersion, kind and metadata are known whatever the schema says.
 */
export function memberSchema(schema: Schema, key: string, isResource: boolean): Schema | undefined {
  if (isResource) {
    if (key === "metadata") return objectMetaSchema;
    if (key === "apiVersion" || key === "kind") return typeMetaField;
  }
  const { properties, additionalProperties } = schema;
  if (properties && Object.hasOwn(properties, key)) return properties[key];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

export function isEmbeddedResource(schema: Schema): boolean {
  return schema["x-kubernetes-embedded-resource"] === true;
}

export function memberPathOf(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** Members of a map are named with brackets in problems (`metadata.labels[a]`), those of a struct with a dot. */
export function mapMemberPathOf(path: string, key: string): string {
  return `${path}[${key}]`;
}

/** Every schema inside, itself included, each once. */
export function* schemasIn(schema: Schema): Generator<Schema> {
  yield schema;
  for (const part of partsOf(schema)) yield* schemasIn(part);
}

function partsOf(schema: Schema): readonly Schema[] {
  const { properties, additionalProperties, items, allOf, anyOf, oneOf, not } = schema;
  return [
    ...Object.values(properties ?? {}),
    ...(typeof additionalProperties === "object" ? [additionalProperties] : []),
    ...(items ? [items] : []),
    ...(allOf ?? []),
    ...(anyOf ?? []),
    ...(oneOf ?? []),
    ...(not ? [not] : []),
  ];
}
