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

const NANO = 1_000_000_000n;

/** Numerator and denominator of what a suffix multiplies with. */
const SUFFIXES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  "": [1n, 1n],
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  k: [1000n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
};

const EXPONENT_MAX = 100;
const DIGITS_MAX = 1000;

/** Null: not a quantity. What is finer than a billionth is rounded away from zero. */
function parseQuantity(text: string): bigint | null {
  const found = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (!found || text.length > DIGITS_MAX) return null;
  const [, sign, whole = "0", fraction = "", bare, exponent, suffix = ""] = found;
  const decimals = bare ?? fraction;
  const power = Number(exponent ?? "0");
  if (Math.abs(power) > EXPONENT_MAX) return null;
  const [up, down] = power < 0 ? [1n, 10n ** BigInt(-power)] : [10n ** BigInt(power), 1n];
  const [numerator, denominator] = SUFFIXES[suffix]!;
  const top = BigInt(whole + decimals) * NANO * numerator * up;
  const bottom = 10n ** BigInt(decimals.length) * denominator * down;
  const size = (top + bottom - 1n) / bottom;
  return sign === "-" ? -size : size;
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
