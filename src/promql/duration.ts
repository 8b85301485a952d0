/** Milliseconds of each unit, largest first, as Prometheus counts them: a year is 365 days. */
const units: readonly (readonly [unit: string, milliseconds: number])[] = [
  ["y", 365 * 24 * 3_600_000],
  ["w", 7 * 24 * 3_600_000],
  ["d", 24 * 3_600_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

const form = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** `1h30m` to milliseconds; null when the text is none: units go from large to small, each at most once (PQ-010). */
export function parseDuration(text: string): number | null {
  if (text === "0") return 0;
  const match = text === "" ? null : form.exec(text);
  if (match === null) return null;
  return units.reduce((total, [, milliseconds], index) => total + Number(match[index + 1] ?? 0) * milliseconds, 0);
}

/** `90000` to `1m30s`. */
export function formatDuration(milliseconds: number): string {
  let left = milliseconds;
  const parts = units.map(([unit, length]) => {
    const count = Math.floor(left / length);
    left -= count * length;
    return count === 0 ? "" : `${count}${unit}`;
  });
  return parts.join("") || "0s";
}
