import { Timestamp } from "../values.ts";

/** Durations and times as Go writes and reads them, in nanoseconds. */

const UNIT_NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const SECOND = 1_000_000_000n;
const INT_MAX = 2n ** 63n - 1n;

/** `1h30m`, `-1.5s`; null: not a duration, or one that does not fit. */
export function parseDuration(text: string): bigint | null {
  const [, sign, body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0n;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return null;
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of body.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = UNIT_NANOSECONDS[unit]!;
    total += BigInt(whole || "0") * scale;
    if (fraction !== "") total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (total > INT_MAX) return null;
  return sign === "-" ? -total : total;
}

/** Seconds, as CEL's `string()` writes a duration: `5400s`, `1.5s`. */
export function durationText(nanoseconds: bigint): string {
  return `${decimalText(nanoseconds)}s`;
}

function decimalText(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${nanoseconds < 0n ? "-" : ""}${size / SECOND}${fraction === "" ? "" : `.${fraction}`}`;
}

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/** RFC 3339. */
export function parseTimestamp(text: string): Timestamp | null {
  const found = TIMESTAMP.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [fraction = "", sign, offsetHours = "0", offsetMinutesPart = "0"] = found.slice(7);
  const milliseconds = utcMilliseconds(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1000;
  const isReal = new Date(utcMilliseconds(year, month, day)).getUTCDate() === day && month >= 1 && month <= 12;
  if (!isReal || hour > 23 || minute > 59 || second > 59) return null;
  const offsetMinutes = (Number(offsetHours) * 60 + Number(offsetMinutesPart)) * (sign === "-" ? -1 : 1);
  const rest = BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return new Timestamp(BigInt(milliseconds - offsetMinutes * 60_000) * 1_000_000n + rest, offsetMinutes);
}

/** Years before 100 too, which `Date.UTC` takes for those of the last century. */
function utcMilliseconds(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime();
}

export function timestampText({ nanoseconds, offsetMinutes }: Timestamp): string {
  const fraction = String(((nanoseconds % SECOND) + SECOND) % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const local = new Date(millisecondsOf(nanoseconds) + offsetMinutes * 60_000).toISOString().slice(0, 19);
  return `${local}${fraction === "" ? "" : `.${fraction}`}${offsetText(offsetMinutes)}`;
}

function offsetText(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  const parts = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, "0"));
  return `${minutes < 0 ? "-" : "+"}${parts.join(":")}`;
}

/** Rounded down, also before 1970. */
export function millisecondsOf(nanoseconds: bigint): number {
  const rest = ((nanoseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return Number((nanoseconds - rest) / 1_000_000n);
}
