/** Static types. A type parameter stands for a type that a call or an empty list leaves open. */
export type Type =
  | { readonly kind: SimpleKind }
  | { readonly kind: "list"; readonly item: Type }
  | { readonly kind: "map"; readonly key: Type; readonly value: Type }
  | { readonly kind: "optional"; readonly item: Type }
  | { readonly kind: "type"; readonly of: Type }
  | ObjectType
  /** A type of a library, such as a parsed URL. */
  | { readonly kind: "opaque"; readonly name: string }
  | { readonly kind: "parameter"; readonly name: string };

export type SimpleKind =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "null"
  | "dyn"
  | "duration"
  | "timestamp";

/** An object of a schema. Two are the same type only when they are the same value. */
export interface ObjectType {
  readonly kind: "object";
  fieldType(name: string): Type | undefined;
}

export const boolType: Type = { kind: "bool" };
export const intType: Type = { kind: "int" };
export const uintType: Type = { kind: "uint" };
export const doubleType: Type = { kind: "double" };
export const stringType: Type = { kind: "string" };
export const bytesType: Type = { kind: "bytes" };
export const nullType: Type = { kind: "null" };
export const dynType: Type = { kind: "dyn" };
export const durationType: Type = { kind: "duration" };
export const timestampType: Type = { kind: "timestamp" };

export function listOf(item: Type): Type {
  return { kind: "list", item };
}

export function mapOf(key: Type, value: Type): Type {
  return { kind: "map", key, value };
}

export function optionalOf(item: Type): Type {
  return { kind: "optional", item };
}

/** CEL's names, in `type(x) == …` and in problems. */
export const TYPE_NAMES: Readonly<Record<Exclude<Type["kind"], "opaque" | "parameter">, string>> = {
  bool: "bool",
  int: "int",
  uint: "uint",
  double: "double",
  string: "string",
  bytes: "bytes",
  null: "null_type",
  dyn: "dyn",
  duration: "google.protobuf.Duration",
  timestamp: "google.protobuf.Timestamp",
  list: "list",
  map: "map",
  optional: "optional_type",
  type: "type",
  object: "object",
};

/** What an expression calls the types of the libraries. */
export const OPAQUE_TYPES = {
  quantity: "kubernetes.Quantity",
  url: "kubernetes.URL",
  semver: "kubernetes.Semver",
  format: "kubernetes.NamedFormat",
  ip: "net.IP",
  cidr: "net.CIDR",
} as const;

export function typeText(type: Type): string {
  switch (type.kind) {
    case "list":
    case "optional":
      return `${TYPE_NAMES[type.kind]}(${typeText(type.item)})`;
    case "map":
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case "type":
      return `type(${typeText(type.of)})`;
    case "null":
      return "null";
    case "opaque":
    case "parameter":
      return type.name;
    default:
      return TYPE_NAMES[type.kind];
  }
}

/** Names that stand for a type as a value. */
export function typeNamed(name: string): Type | null {
  const kind = (Object.keys(TYPE_NAMES) as (keyof typeof TYPE_NAMES)[]).find(
    (candidate) => TYPE_NAMES[candidate] === name && candidate !== "object" && candidate !== "dyn",
  );
  if (kind === undefined) {
    return Object.values(OPAQUE_TYPES).some((opaque) => opaque === name) ? { kind: "opaque", name } : null;
  }
  if (kind === "list" || kind === "optional") return { kind, item: dynType };
  if (kind === "map") return mapOf(dynType, dynType);
  if (kind === "type") return { kind, of: dynType };
  return kind === "object" ? null : { kind };
}
