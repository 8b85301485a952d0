import { canonicalJson, isRecord } from "../../../base/json.ts";
import { parseDuration, parseTimestamp } from "../cel/functions/time-text.ts";
import {
  Duration,
  EvaluationError,
  type ListIdentity,
  ListValue,
  MapValue,
  type ObjectValue,
  type Value,
} from "../cel/values.ts";
import type { Schema } from "../resource.ts";
import { isEmbeddedResource } from "../schema/walk.ts";
import { fieldNamed, fieldsOf } from "./declarations.ts";

/**
 * JSON as values of expressions. The schema decides: 1 is an int or a double, a text may be a duration. Values of the
 * wrong type can be met, because old ones are tolerated; they fail the expression that reads them.
 */
export function toValue(json: unknown, schema: Schema, isResource: boolean): Value {
  if (json === null || json === undefined) {
    if (schema.nullable) return null;
    throw new EvaluationError("invalid data, got null for schema with nullable=false");
  }
  if (schema["x-kubernetes-int-or-string"]) return intOrString(json);
  switch (schema.type) {
    case "object":
    case undefined:
      return objectOrMap(json, schema, isResource);
    case "array":
      return listOf(json, schema);
    case "string":
      return textOf(json, schema.format);
    case "integer":
      if (typeof json === "number" && Number.isInteger(json)) return BigInt(json);
      throw wrongType("int", json);
    case "number":
      if (typeof json === "number") return json;
      throw wrongType("float", json);
    case "boolean":
      if (typeof json === "boolean") return json;
      throw wrongType("bool", json);
    default:
      throw new EvaluationError(`invalid type ${String(schema.type satisfies never)}`);
  }
}

function wrongType(expected: string, found: unknown): EvaluationError {
  return new EvaluationError(
    `invalid data, expected ${expected}, got ${Array.isArray(found) ? "array" : typeof found}`,
  );
}

function intOrString(json: unknown): Value {
  if (typeof json === "string") return json;
  if (typeof json === "number" && Number.isInteger(json)) return BigInt(json);
  throw new EvaluationError("invalid data, expected XIntOrString value to be either a string or integer");
}

function textOf(json: unknown, format: string | undefined): Value {
  if (typeof json !== "string") throw wrongType("string", json);
  switch (format) {
    case "byte":
      return new Uint8Array(Buffer.from(json, "base64"));
    case "duration":
      return new Duration(present(parseDuration(json) ?? parseLongDuration(json), "duration", json));
    case "date":
      return present(parseTimestamp(`${json}T00:00:00Z`), "date", json);
    case "date-time":
      return present(parseTimestamp(json.replace(" ", "T")), "date-time", json);
    default:
      return json;
  }
}

function present<T>(parsed: T | null, format: string, text: string): T {
  if (parsed === null) throw new EvaluationError(`Invalid ${format} formatted string ${text}`);
  return parsed;
}

/** Spelled-out durations, which the format takes beside Go's: `3 days`. By the first letters. */
const LONG_UNITS: readonly (readonly [start: RegExp, nanoseconds: bigint])[] = [
  [/^n/i, 1n],
  [/^(?:us|micro)/i, 1_000n],
  [/^(?:ms|milli)/i, 1_000_000n],
  [/^s/i, 1_000_000_000n],
  [/^m/i, 60_000_000_000n],
  [/^h/i, 3_600_000_000_000n],
  [/^d/i, 86_400_000_000_000n],
  [/^w/i, 604_800_000_000_000n],
];

function parseLongDuration(text: string): bigint | null {
  const [, count, unit = ""] = /^\s*(\d{1,18})\s*([a-z]+)\s*$/i.exec(text) ?? [];
  const scale = LONG_UNITS.find(([start]) => start.test(unit))?.[1];
  return count === undefined || scale === undefined ? null : BigInt(count) * scale;
}

function listOf(json: unknown, schema: Schema): Value {
  if (!Array.isArray(json)) {
    throw new EvaluationError("invalid data, expected an array for the provided schema with type=array");
  }
  const { items } = schema;
  if (!items) throw new EvaluationError("invalid array type, expected Items with a non-empty Schema");
  const isResource = isEmbeddedResource(items);
  return new ListValue(
    json.map((item) => toValue(item, items, isResource)),
    identityOf(schema),
  );
}

function identityOf(schema: Schema): ListIdentity {
  const listType = schema["x-kubernetes-list-type"];
  if (listType === "set") return "value";
  if (listType !== "map") return "place";
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  return (item) => (item instanceof JsonObject ? item.identity(keys) : "");
}

function objectOrMap(json: unknown, schema: Schema, isResource: boolean): Value {
  if (!isRecord(json)) {
    throw new EvaluationError("invalid data, expected a map for the provided schema with type=object");
  }
  const { additionalProperties } = schema;
  if (typeof additionalProperties !== "object" || isResource) return new JsonObject(json, schema, isResource);
  const isInnerResource = isEmbeddedResource(additionalProperties);
  return MapValue.ofTexts(
    Object.entries(json).map(([key, value]) => [key, toValue(value, additionalProperties, isInnerResource)]),
  );
}

/** Turns a field into a value when it is asked for: rules read few of many. */
class JsonObject implements ObjectValue {
  readonly isObject = true;
  readonly #json: Readonly<Record<string, unknown>>;
  readonly #schema: Schema;
  readonly #isResource: boolean;
  readonly #known = new Map<string, Value>();

  constructor(json: Readonly<Record<string, unknown>>, schema: Schema, isResource: boolean) {
    this.#json = json;
    this.#schema = schema;
    this.#isResource = isResource;
  }

  get fieldNames(): readonly string[] {
    const names: string[] = [];
    for (const [escaped, { name }] of fieldsOf(this.#schema, this.#isResource)) {
      if (this.#isPresent(name)) names.push(escaped);
    }
    return names;
  }

  field(escaped: string): Value | undefined {
    const known = this.#known.get(escaped);
    if (known !== undefined) return known;
    const field = fieldNamed(fieldsOf(this.#schema, this.#isResource), escaped);
    if (!field || !this.#isPresent(field.name)) return undefined;
    const value = toValue(this.#json[field.name], field.schema, isEmbeddedResource(field.schema));
    this.#known.set(escaped, value);
    return value;
  }

  /** A field that is null is as good as none. */
  #isPresent(name: string): boolean {
    return Object.hasOwn(this.#json, name) && this.#json[name] !== null;
  }

  get unknownText(): string {
    const names = new Set([...fieldsOf(this.#schema, this.#isResource).values()].map(({ name }) => name));
    return canonicalJson(Object.fromEntries(Object.entries(this.#json).filter(([name]) => !names.has(name))));
  }

  identity(keys: readonly string[]): string {
    return canonicalJson(keys.map((key) => this.#json[key] ?? null));
  }
}
