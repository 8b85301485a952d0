import { functions, type Implementation } from "../signature.ts";
import { type Duration, EvaluationError, type Timestamp } from "../values.ts";
import { millisecondsOf } from "./time-text.ts";

const DAY_MILLISECONDS = 86_400_000;

/** What is read from a time; the date is in UTC, moved by the zone asked for. */
const fields: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: (date) => Math.floor((date.getTime() - startOfYear(date)) / DAY_MILLISECONDS),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

function startOfYear(date: Date): number {
  const start = new Date(0);
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1);
  return start.getTime();
}

/** Reading the time of a zone takes about as long as this many steps of an expression. */
const ZONE_COST = 300;

const ofTimestamps = Object.entries(fields).flatMap(([name, read]): [string, Implementation][] => [
  [`timestamp.${name}(): int`, ({ nanoseconds }: Timestamp) => BigInt(read(new Date(millisecondsOf(nanoseconds))))],
]);

const ofZones = Object.entries(fields).flatMap(([name, read]): [string, Implementation][] => [
  [
    `timestamp.${name}(string): int`,
    ({ nanoseconds }: Timestamp, zone: string) => {
      const milliseconds = millisecondsOf(nanoseconds);
      return BigInt(read(new Date(milliseconds + zoneOffset(zone, milliseconds))));
    },
  ],
]);

const UNITS = { getHours: 3_600_000_000_000n, getMinutes: 60_000_000_000n, getSeconds: 1_000_000_000n } as const;

const ofDurations = Object.entries(UNITS).map(([name, unit]): [string, Implementation] => [
  `duration.${name}(): int`,
  ({ nanoseconds }: Duration) => nanoseconds / unit,
]);

export const timeFunctions = [
  ...functions({
    ...Object.fromEntries([...ofTimestamps, ...ofDurations]),
    "duration.getMilliseconds(): int": ({ nanoseconds }: Duration) => nanoseconds / 1_000_000n,
  }),
  ...functions(Object.fromEntries(ofZones), () => ZONE_COST),
];

/** `+02:00`, or a name of the IANA's list. */
function zoneOffset(zone: string, milliseconds: number): number {
  const fixed = /^([+-]?)(\d{1,2}):(\d{2})$/.exec(zone);
  if (fixed) {
    const [, sign, hours, minutes] = fixed;
    return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  }
  try {
    const name =
      formatterOf(zone)
        .formatToParts(milliseconds)
        .find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours = "0", minutes = "0"] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name) ?? [];
    return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === "-" ? -1 : 1);
  } catch {
    throw new EvaluationError(`unknown time zone ${zone}`);
  }
}

/** Zones come from rules, but may also be made from data: the bound is for those. */
const FORMATTERS_MAX = 64;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    if (formatters.size >= FORMATTERS_MAX) formatters.clear();
    formatters.set(zone, formatter);
  }
  return formatter;
}
