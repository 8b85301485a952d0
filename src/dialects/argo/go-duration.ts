const UNITS_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A Go duration such as `1h30m` or `1.5s` in milliseconds; null when the text is none. */
export function parseGoDuration(text: string): number | null {
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (text === "0" || text === "+0" || text === "-0") return 0;
  if (!match) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNITS_MS[unit ?? ""] ?? 0);
  }
  return match[1] === "-" ? -total : total;
}

/** Of a pause step (ARC-102): a number or a text of one is seconds, else a Go duration. Null: not a duration. */
export function pauseMilliseconds(duration: number | string): number | null {
  if (typeof duration === "number") return duration * 1000;
  return /^[+-]?\d+$/.test(duration) ? Number(duration) * 1000 : parseGoDuration(duration);
}
