/** A moment: milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

export function addSeconds(instant: Instant, seconds: number): Instant {
  return instant + seconds * 1000;
}

/** Kubernetes' form of a time: UTC, whole seconds (`metav1.Time`). */
export function formatTime(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

/** Kubernetes' form with microseconds (`metav1.MicroTime`); ours are always whole milliseconds. */
export function formatMicroTime(instant: Instant): string {
  return `${new Date(instant).toISOString().slice(0, 23)}000Z`;
}

/** RFC 3339 to an instant; null when the text is absent or not a time. */
export function parseTime(text: string | null | undefined): Instant | null {
  if (!text) return null;
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed;
}

/** An age as `kubectl get` prints it (K8S-192 ff): `5s`, `3m12s`, `2h5m`, `4d3h`, `2y15d`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return join(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return join(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return join(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  if (days < 2920) return join(years, "y", days % 365, "d");
  return `${years}y`;
}

function join(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}
