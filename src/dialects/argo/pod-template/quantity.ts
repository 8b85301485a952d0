/**
 * Kubernetes quantities in their canonical spelling (ARC-032): `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`.
 * Anything that is no quantity stays as it is.
 */

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"] as const;
/** Position of "" among the decimal suffixes. */
const UNIT = 3;

export function canonicalQuantity(text: string): string {
  const parsed = /^([+-]?)(\d*)(?:\.(\d*))?(?:([numkMGTPE]?|[KMGTPE]i)|[eE]([+-]?\d+))$/.exec(text.trim());
  if (!parsed) return text;
  const [, sign = "", whole = "", fraction = "", suffix = "", exponent] = parsed;
  if (whole === "" && fraction === "") return text;
  const minus = sign === "-" ? "-" : "";
  const binary = BINARY.indexOf(suffix as (typeof BINARY)[number]);
  if (suffix.endsWith("i")) return minus + canonicalBinary(whole, fraction, binary);
  const power =
    exponent === undefined ? (DECIMAL.indexOf(suffix as (typeof DECIMAL)[number]) - UNIT) * 3 : Number(exponent);
  return minus + canonicalDecimal(BigInt(`${whole}${fraction}` || "0"), power - fraction.length);
}

function canonicalBinary(whole: string, fraction: string, power: number): string {
  // Fractions of a byte do not exist: a fractional binary quantity is a whole number of the next smaller unit or bytes.
  const scale = 10n ** BigInt(fraction.length);
  let value = BigInt(`${whole}${fraction}` || "0") * 1024n ** BigInt(power);
  if (value % scale !== 0n) return canonicalDecimal(value, -fraction.length);
  value /= scale;
  let unit = 0;
  while (value !== 0n && value % 1024n === 0n && unit < BINARY.length - 1) {
    value /= 1024n;
    unit++;
  }
  return `${value}${BINARY[unit]}`;
}

function canonicalDecimal(digits: bigint, power: number): string {
  if (digits === 0n) return "0";
  let value = digits;
  let exponent = power;
  while (value % 10n === 0n) {
    value /= 10n;
    exponent++;
  }
  // The largest suffix whose power of ten is not above the number's own, so that no fraction is left.
  let step = Math.floor(exponent / 3);
  step = Math.max(-UNIT, Math.min(DECIMAL.length - 1 - UNIT, step));
  const rest = exponent - step * 3;
  if (rest < 0) {
    // Finer than nano: rounded up, as Kubernetes does.
    const divisor = 10n ** BigInt(-rest);
    return `${(value + divisor - 1n) / divisor}${DECIMAL[step + UNIT]}`;
  }
  return `${value * 10n ** BigInt(rest)}${DECIMAL[step + UNIT]}`;
}
