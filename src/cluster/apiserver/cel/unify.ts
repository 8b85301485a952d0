import { dynType, type Type } from "./types.ts";

/** What type parameters stand for, by name. */
export type Bindings = ReadonlyMap<string, Type>;

/** The bindings under which a value of type `from` can stand where `to` is asked for; null when there are none. */
export function assign(to: Type, from: Type, bindings: Bindings): Bindings | null {
  const attempt = new Map(bindings);
  return isAssignable(to, from, attempt) ? attempt : null;
}

function isAssignable(to: Type, from: Type, bindings: Map<string, Type>): boolean {
  if (to.kind === "parameter") return bind(to, from, bindings);
  if (from.kind === "parameter") return bind(from, to, bindings);
  if (to.kind === "dyn" || from.kind === "dyn") return true;
  if (to.kind === "null" || from.kind === "null") return isNullable(to) && isNullable(from);
  switch (to.kind) {
    case "list":
    case "optional":
      return from.kind === to.kind && isAssignable(to.item, from.item, bindings);
    case "map":
      return (
        from.kind === "map" && isAssignable(to.key, from.key, bindings) && isAssignable(to.value, from.value, bindings)
      );
    case "opaque":
      return from.kind === "opaque" && from.name === to.name;
    case "object":
      return from === to;
    default:
      return from.kind === to.kind;
  }
}

const NULLABLE: ReadonlySet<Type["kind"]> = new Set(["null", "object", "opaque", "optional", "duration", "timestamp"]);

function isNullable({ kind }: Type): boolean {
  return NULLABLE.has(kind);
}

function bind(parameter: Extract<Type, { kind: "parameter" }>, type: Type, bindings: Map<string, Type>): boolean {
  if (type.kind === "parameter" && type.name === parameter.name) return true;
  const known = bindings.get(parameter.name);
  if (known === undefined) {
    if (mentions(type, parameter.name, bindings)) return false;
    bindings.set(parameter.name, type);
    return true;
  }
  if (!isAssignable(known, type, bindings)) return false;
  const general = moreGeneral(type, known);
  if (!mentions(general, parameter.name, bindings)) bindings.set(parameter.name, general);
  return true;
}

/** A list of itself would have no end. */
function mentions(type: Type, name: string, bindings: Bindings): boolean {
  if (type.kind === "parameter") {
    if (type.name === name) return true;
    const known = bindings.get(type.name);
    return known !== undefined && mentions(known, name, bindings);
  }
  return partsOf(type).some((part) => mentions(part, name, bindings));
}

function partsOf(type: Type): readonly Type[] {
  if (type.kind === "list" || type.kind === "optional") return [type.item];
  if (type.kind === "map") return [type.key, type.value];
  return type.kind === "type" ? [type.of] : [];
}

function moreGeneral(left: Type, right: Type): Type {
  return isAsGeneral(left, right) ? left : right;
}

function isAsGeneral(left: Type, right: Type): boolean {
  if (left.kind === "dyn" || left.kind === "parameter") return true;
  if (left.kind !== right.kind) return false;
  const parts = partsOf(right);
  return partsOf(left).every((part, index) => isAsGeneral(part, parts[index]!));
}

/** The type with what its parameters stand for. Parameters that stand for nothing stay, or become dyn. */
export function substitute(type: Type, bindings: Bindings, { openIsDyn = false } = {}): Type {
  const inner = (part: Type) => substitute(part, bindings, { openIsDyn });
  switch (type.kind) {
    case "parameter": {
      const known = bindings.get(type.name);
      if (known !== undefined) return inner(known);
      return openIsDyn ? dynType : type;
    }
    case "list":
    case "optional":
      return { kind: type.kind, item: inner(type.item) };
    case "map":
      return { kind: "map", key: inner(type.key), value: inner(type.value) };
    case "type":
      return { kind: "type", of: inner(type.of) };
    default:
      return type;
  }
}

/** The same type with parameters of its own, so that two uses of one signature do not share theirs. */
export function rename(type: Type, suffix: string): Type {
  switch (type.kind) {
    case "parameter":
      return { kind: "parameter", name: type.name + suffix };
    case "list":
    case "optional":
      return { kind: type.kind, item: rename(type.item, suffix) };
    case "map":
      return { kind: "map", key: rename(type.key, suffix), value: rename(type.value, suffix) };
    case "type":
      return { kind: "type", of: rename(type.of, suffix) };
    default:
      return type;
  }
}

export function sameType(left: Type, right: Type): boolean {
  if (left.kind !== right.kind) return false;
  if (left.kind === "object") return left === right;
  if ("name" in left) return "name" in right && left.name === right.name;
  const parts = partsOf(right);
  return partsOf(left).every((part, index) => sameType(part, parts[index]!));
}
