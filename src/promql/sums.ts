/** Adds with a running correction, so that long windows of small numbers do not drift (Kahan, Neumaier). */
export function preciseSum(values: Iterable<number>): number {
  let sum = 0;
  let correction = 0;
  for (const value of values) {
    const next = sum + value;
    if (!Number.isFinite(next)) correction = 0;
    else if (Math.abs(sum) >= Math.abs(value)) correction += sum - next + value;
    else correction += value - next + sum;
    sum = next;
  }
  return sum + correction;
}

/** The mean; values whose sum would overflow are divided first. */
export function mean(values: readonly number[]): number {
  const sum = preciseSum(values);
  if (Number.isFinite(sum) || values.some((value) => !Number.isFinite(value))) return sum / values.length;
  return preciseSum(values.map((value) => value / values.length));
}

/** The variance of a whole population. */
export function variance(values: readonly number[]): number {
  const middle = mean(values);
  return preciseSum(values.map((value) => (value - middle) ** 2)) / values.length;
}

/** `q` from 0 to 1, interpolated between neighbours (PQ-011); NaN counts as the smallest value. */
export function quantile(q: number, values: readonly number[]): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const sorted = [...values].sort(nanFirst);
  const rank = q * (sorted.length - 1);
  const low = Math.max(0, Math.floor(rank));
  const high = Math.min(sorted.length - 1, low + 1);
  const weight = rank - Math.floor(rank);
  return sorted[low]! * (1 - weight) + sorted[high]! * weight;
}

export function nanFirst(left: number, right: number): number {
  if (Number.isNaN(left)) return Number.isNaN(right) ? 0 : -1;
  if (Number.isNaN(right)) return 1;
  return left < right ? -1 : left > right ? 1 : 0;
}
