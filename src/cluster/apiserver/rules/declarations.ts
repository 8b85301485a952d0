import {
  boolType,
  bytesType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  type ObjectType,
  stringType,
  type Type,
  timestampType,
} from "../cel/types.ts";
import type { Schema } from "../resource.ts";
import { isEmbeddedResource } from "../schema/walk.ts";
import { escapeName, isReserved } from "./names.ts";

/** A field of an object as expressions see it. */
export interface Field {
  readonly name: string;
  readonly schema: Schema;
  readonly type: Type;
}

const text: Schema = { type: "string" };

/** What rules may read of the metadata of a resource, whatever its schema says. */
const metadataSchema: Schema = { type: "object", properties: { name: text, generateName: text } };
const resourceFields: Readonly<Record<string, Schema>> = { apiVersion: text, kind: text, metadata: metadataSchema };

/** Whether the schema itself says as much of a resource; then it may say more. */
function knowsResource({ properties = {} }: Schema): boolean {
  const { kind, apiVersion, metadata } = properties;
  const { name, generateName } = metadata?.properties ?? {};
  return [kind, apiVersion, name, generateName].every((field) => field?.type === "string");
}

const ofObjects = new WeakMap<Schema, ReadonlyMap<string, Field>>();
const ofResources = new WeakMap<Schema, ReadonlyMap<string, Field>>();

/** The fields by their names in expressions. What has no type there cannot be named. */
export function fieldsOf(schema: Schema, isResource: boolean): ReadonlyMap<string, Field> {
  const cache = isResource ? ofResources : ofObjects;
  let fields = cache.get(schema);
  if (!fields) {
    const properties =
      isResource && !knowsResource(schema) ? { ...schema.properties, ...resourceFields } : (schema.properties ?? {});
    fields = new Map(
      Object.entries(properties).flatMap(([name, property]) => {
        const [escaped, type] = [escapeName(name), typeOfSchema(property, isEmbeddedResource(property))];
        return escaped !== null && type ? [[escaped, { name, schema: property, type }] as const] : [];
      }),
    );
    cache.set(schema, fields);
  }
  return fields;
}

/** By the escaped name; a reserved word may also stand as it is, where the grammar lets it. */
export function fieldNamed(fields: ReadonlyMap<string, Field>, name: string): Field | undefined {
  return fields.get(name) ?? (isReserved(name) ? fields.get(`__${name}__`) : undefined);
}

const formatTypes: Readonly<Record<string, Type>> = {
  byte: bytesType,
  duration: durationType,
  date: timestampType,
  "date-time": timestampType,
};

const scalarTypes = { boolean: boolType, number: doubleType, integer: intType } as const;

const objectTypes = new WeakMap<Schema, ObjectType>();
const resourceTypes = new WeakMap<Schema, ObjectType>();

/** The type of the values of a schema; null: expressions do not see them, as the schema says too little (K8S-157). */
export function typeOfSchema(schema: Schema, isResource: boolean): Type | null {
  if (schema["x-kubernetes-int-or-string"]) return dynType;
  switch (schema.type) {
    case "array": {
      const item = schema.items && typeOfSchema(schema.items, isEmbeddedResource(schema.items));
      return item ? listOf(item) : null;
    }
    case "object":
      return typeOfObject(schema, isResource);
    case "string":
      return formatTypes[schema.format ?? ""] ?? stringType;
    case undefined:
      return isResource ? objectType(schema, true) : null;
    default:
      return scalarTypes[schema.type];
  }
}

function typeOfObject(schema: Schema, isResource: boolean): Type | null {
  const { additionalProperties } = schema;
  if (typeof additionalProperties !== "object" || isResource) return objectType(schema, isResource);
  const value = typeOfSchema(additionalProperties, isEmbeddedResource(additionalProperties));
  return value && mapOf(stringType, value);
}

/** One value per schema, so that the same field has the same type wherever it is met. */
function objectType(schema: Schema, isResource: boolean): ObjectType {
  const cache = isResource ? resourceTypes : objectTypes;
  let type = cache.get(schema);
  if (!type) {
    type = { kind: "object", fieldType: (name) => fieldNamed(fieldsOf(schema, isResource), name)?.type };
    cache.set(schema, type);
  }
  return type;
}
