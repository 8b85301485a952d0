import { functions } from "../signature.ts";
import {
  Duration,
  EvaluationError,
  isObjectValue,
  ListValue,
  MapValue,
  Optional,
  Timestamp,
  Uint,
  type Value,
} from "../values.ts";
import { TIMESTAMP_MIN } from "./arithmetic.ts";
import { perItem } from "./costs.ts";

export const optionalFunctions = functions(
  {
    "optional.of(A): optional(A)": (value: Value) => new Optional(value),
    "optional.ofNonZeroValue(A): optional(A)": (value: Value) => (isZero(value) ? Optional.none : new Optional(value)),
    "optional.none(): optional(A)": () => Optional.none,
    "optional.unwrap(list(optional(A))): list(A)": unwrap,
    "list(optional(A)).unwrapOpt(): list(A)": unwrap,
    "optional(A).hasValue(): bool": ({ value }: Optional) => value !== undefined,
    "optional(A).value(): A": ({ value }: Optional) => {
      if (value === undefined) throw new EvaluationError("optional.none() dereference");
      return value;
    },
    "optional(A).or(optional(A)): optional(A)": (first: Optional, second: Optional) =>
      first.value === undefined ? second : first,
    "optional(A).orValue(A): A": ({ value }: Optional, otherwise: Value) =>
      value ?? (value === null ? null : otherwise),
    "list(A).first(): optional(A)": ({ items }: ListValue) => optionally(items[0]),
    "list(A).last(): optional(A)": ({ items }: ListValue) => optionally(items.at(-1)),
  },
  perItem,
);

function optionally(value: Value | undefined): Optional {
  return value === undefined ? Optional.none : new Optional(value);
}

function unwrap({ items }: ListValue): ListValue {
  return new ListValue(
    items.flatMap((item) => (item instanceof Optional && item.value !== undefined ? [item.value] : [])),
  );
}

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === "") return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Timestamp) return value.nanoseconds === TIMESTAMP_MIN;
  if (value instanceof Duration) return value.nanoseconds === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof ListValue) return value.items.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  return isObjectValue(value) && value.fieldNames.length === 0;
}
