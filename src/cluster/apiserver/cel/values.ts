/**
 * Values at run time. Integers are bigints, so that 64 bits are exact and int and double differ; doubles are numbers.
 */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Duration
  | Timestamp
  | Optional
  | TypeValue
  | ListValue
  | MapValue
  | ObjectValue
  | OpaqueValue;

/** A failed evaluation. Unlike `CostExceeded`, `||` and `&&` may get over it. */
export class EvaluationError extends Error {
  override readonly name = "EvaluationError";
}

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

export class Duration {
  readonly nanoseconds: bigint;
  constructor(nanoseconds: bigint) {
    this.nanoseconds = nanoseconds;
  }
}

/** Nanoseconds since 1970. The offset from UTC only says how the time is written. */
export class Timestamp {
  readonly nanoseconds: bigint;
  readonly offsetMinutes: number;
  constructor(nanoseconds: bigint, offsetMinutes = 0) {
    this.nanoseconds = nanoseconds;
    this.offsetMinutes = offsetMinutes;
  }
}

export class Optional {
  static readonly none = new Optional(undefined);
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export class TypeValue {
  readonly typeName: string;
  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

/** What tells the items of a list apart: their places, themselves (a set), or what `keyOf` says (a map list). */
export type ListIdentity = "place" | "value" | ((item: Value) => string);

export class ListValue {
  readonly items: readonly Value[];
  readonly identity: ListIdentity;
  constructor(items: readonly Value[], identity: ListIdentity = "place") {
    this.items = items;
    this.identity = identity;
  }
}

export class MapValue {
  readonly #entries = new Map<string, readonly [key: Value, value: Value]>();

  static ofTexts(entries: Iterable<readonly [string, Value]>): MapValue {
    const map = new MapValue();
    for (const [key, value] of entries) map.set(key, value);
    return map;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(mapKey(key))?.[1];
  }

  set(key: Value, value: Value): void {
    this.#entries.set(mapKey(key), [key, value]);
  }

  entries(): Iterable<readonly [key: Value, value: Value]> {
    return this.#entries.values();
  }
}

/** Numbers that are equal are the same key, whatever their type. */
function mapKey(key: Value): string {
  if (typeof key === "string") return `s${key}`;
  if (typeof key === "boolean") return `b${key}`;
  if (typeof key === "bigint") return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === "number") return Number.isInteger(key) ? `n${BigInt(key)}` : `d${key}`;
  throw new EvaluationError("unsupported key type");
}

/** An object of a schema: its fields are turned into values when they are asked for. */
export interface ObjectValue {
  readonly isObject: true;
  readonly fieldNames: readonly string[];
  field(name: string): Value | undefined;
  /** Canonical text of what the schema does not know: equality looks at it, nothing else can. */
  readonly unknownText: string;
}

export function isObjectValue(value: Value): value is ObjectValue {
  return typeof value === "object" && value !== null && "isObject" in value;
}

/** A value of a library. */
export interface OpaqueValue {
  readonly typeName: string;
  readonly isOpaque: true;
  equals(other: OpaqueValue): boolean;
}

export function typeNameOf(value: Value): string {
  if (value === null) return "null_type";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "string";
  }
  if (value instanceof Uint) return "uint";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Duration) return "google.protobuf.Duration";
  if (value instanceof Timestamp) return "google.protobuf.Timestamp";
  if (value instanceof Optional) return "optional_type";
  if (value instanceof TypeValue) return "type";
  if (value instanceof ListValue) return "list";
  if (value instanceof MapValue) return "map";
  return isObjectValue(value) ? "object" : value.typeName;
}

/** Items, entries or characters; 1 of anything else: what Kubernetes takes for the size of a value when it counts. */
export function workSizeOf(value: Value): number {
  if (typeof value === "string" || value instanceof Uint8Array) return value.length;
  if (value instanceof ListValue) return value.items.length;
  return value instanceof MapValue ? value.size : 1;
}
