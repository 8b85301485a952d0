import { NANOS_PER_UNIT as NANO, parseQuantity } from "../../../../base/quantity.ts";
import { functions } from "../signature.ts";
import { OPAQUE_TYPES } from "../types.ts";
import { EvaluationError, type OpaqueValue } from "../values.ts";
import { walk } from "./costs.ts";

/** Kubernetes' amounts of resources, exact to a billionth. */
class Quantity implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.quantity;
  readonly isOpaque = true;
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Quantity && other.nanos === this.nanos;
  }
}

/** Exact amounts are computed with numbers of any size. */
const PARSE_COST = 10;

function signOf(value: bigint): bigint {
  return value > 0n ? 1n : value < 0n ? -1n : 0n;
}

/** Of 64 bits. */
const INTEGER_MAX = 2n ** 63n - 1n;

function isInteger({ nanos }: Quantity): boolean {
  const whole = nanos / NANO;
  return nanos % NANO === 0n && whole <= INTEGER_MAX && whole >= -INTEGER_MAX - 1n;
}

export const quantityFunctions = [
  ...functions(
    {
      "quantity(string): Quantity": (text: string) => {
        const nanos = parseQuantity(text);
        if (nanos !== null) return new Quantity(nanos);
        throw new EvaluationError(
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        );
      },
      "isQuantity(string): bool": (text: string) => parseQuantity(text) !== null,
    },
    (args) => walk(args) + PARSE_COST,
  ),
  ...functions({
    "Quantity.sign(): int": ({ nanos }: Quantity) => signOf(nanos),
    "Quantity.isInteger(): bool": isInteger,
    "Quantity.asInteger(): int": (quantity: Quantity) => {
      if (!isInteger(quantity)) throw new EvaluationError("cannot convert value to integer");
      return quantity.nanos / NANO;
    },
    "Quantity.asApproximateFloat(): double": ({ nanos }: Quantity) => Number(nanos) / Number(NANO),
    "Quantity.add(Quantity): Quantity": (left: Quantity, right: Quantity) => new Quantity(left.nanos + right.nanos),
    "Quantity.add(int): Quantity": ({ nanos }: Quantity, amount: bigint) => new Quantity(nanos + amount * NANO),
    "Quantity.sub(Quantity): Quantity": (left: Quantity, right: Quantity) => new Quantity(left.nanos - right.nanos),
    "Quantity.sub(int): Quantity": ({ nanos }: Quantity, amount: bigint) => new Quantity(nanos - amount * NANO),
    "Quantity.isLessThan(Quantity): bool": (left: Quantity, right: Quantity) => left.nanos < right.nanos,
    "Quantity.isGreaterThan(Quantity): bool": (left: Quantity, right: Quantity) => left.nanos > right.nanos,
    "Quantity.compareTo(Quantity): int": (left: Quantity, right: Quantity) => signOf(left.nanos - right.nanos),
  }),
];
