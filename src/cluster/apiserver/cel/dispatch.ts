import type { Meter } from "./meter.ts";
import type { Overload } from "./signature.ts";
import type { Type } from "./types.ts";
import {
  Duration,
  EvaluationError,
  isObjectValue,
  ListValue,
  MapValue,
  Optional,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

/** Calls the first overload that takes the arguments; dyn let values through to here that none takes. */
export function dispatch(overloads: readonly Overload[], args: readonly Value[], meter: Meter): Value {
  for (const overload of overloads) {
    if (!overload.params.every((param, index) => fits(param, args[index]!))) continue;
    meter.spend(overload.cost(args));
    return overload.apply(args, meter);
  }
  throw new EvaluationError("no such overload");
}

/** Lists and maps are not looked into, but for the first item, which tells the lists of numbers apart. */
function fits(type: Type, value: Value): boolean {
  switch (type.kind) {
    case "dyn":
    case "parameter":
      return true;
    case "null":
      return value === null;
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "bigint";
    case "uint":
      return value instanceof Uint;
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "bytes":
      return value instanceof Uint8Array;
    case "duration":
      return value instanceof Duration;
    case "timestamp":
      return value instanceof Timestamp;
    case "list":
      return value instanceof ListValue && (value.items.length === 0 || fits(type.item, value.items[0]!));
    case "map":
      return value instanceof MapValue;
    case "optional":
      return value instanceof Optional && (value.value === undefined || fits(type.item, value.value));
    case "type":
      return value instanceof TypeValue;
    case "object":
      return value !== null && isObjectValue(value);
    case "opaque":
      return typeof value === "object" && value !== null && "isOpaque" in value && value.typeName === type.name;
  }
}
