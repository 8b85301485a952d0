/** Kubernetes' amounts of resources (`100m`, `64Mi`, `1e3`), exact to a billionth. */

export const NANOS_PER_UNIT = 1_000_000_000n;
const NANOS_PER_MILLI = 1_000_000n;

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

/** In billionths. Null: not a quantity. What is finer than a billionth is rounded away from zero. */
export function parseQuantity(text: string): bigint | null {
  const found = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
  if (!found || text.length > DIGITS_MAX) return null;
  const [, sign, whole = "0", fraction = "", bare, exponent, suffix = ""] = found;
  const decimals = bare ?? fraction;
  const power = Number(exponent ?? "0");
  if (Math.abs(power) > EXPONENT_MAX) return null;
  const [up, down] = power < 0 ? [1n, 10n ** BigInt(-power)] : [10n ** BigInt(power), 1n];
  const [numerator, denominator] = SUFFIXES[suffix]!;
  const top = BigInt(whole + decimals) * NANOS_PER_UNIT * numerator * up;
  const bottom = 10n ** BigInt(decimals.length) * denominator * down;
  const size = (top + bottom - 1n) / bottom;
  return sign === "-" ? -size : size;
}

/** In thousandths, rounded away from zero, as autoscaling counts every resource. Null: not a quantity. */
export function parseMilli(text: string | number): number | null {
  const nanos = parseQuantity(String(text));
  if (nanos === null) return null;
  const size = nanos < 0n ? -nanos : nanos;
  const milli = Number((size + NANOS_PER_MILLI - 1n) / NANOS_PER_MILLI);
  return nanos < 0n ? -milli : milli;
}

const DECIMAL_SUFFIXES = ["m", "", "k", "M", "G", "T", "P", "E"];

/** A whole number of thousandths in the original's canonical decimal form: the largest suffix without a fraction. */
export function formatMilli(milli: number): string {
  let value = milli;
  let index = 0;
  if (value === 0) return "0";
  while (value % 1000 === 0 && index < DECIMAL_SUFFIXES.length - 1) {
    value /= 1000;
    index++;
  }
  return `${value}${DECIMAL_SUFFIXES[index]}`;
}
