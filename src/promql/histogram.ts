import { type Labels, METRIC_NAME } from "./labels.ts";
import { parseNumber } from "./number.ts";
import type { Sample } from "./value.ts";

interface Bucket {
  readonly upperBound: number;
  /** Observations at or below the bound. */
  count: number;
}

export interface Histogram {
  readonly labels: Labels;
  /** Sorted by bound, counts never falling; the last bound is +Inf. Empty where that one is missing. */
  readonly buckets: readonly Bucket[];
}

const notGrouping: ReadonlySet<string> = new Set([METRIC_NAME, "le"]);

/** Samples of `…_bucket` series, put together by their labels without `le` (PQ-009). */
export function histograms(samples: readonly Sample[], onBadBound: (bound: string) => void): Histogram[] {
  const groups = new Map<string, { labels: Labels; buckets: Bucket[] }>();
  for (const { labels, value } of samples) {
    const bound = labels.get("le");
    const upperBound = parseNumber(bound);
    if (upperBound === null) {
      onBadBound(bound);
      continue;
    }
    const grouping = labels.without(notGrouping);
    const group = groups.get(grouping.key) ?? { labels: grouping, buckets: [] };
    groups.set(grouping.key, group);
    group.buckets.push({ upperBound, count: value });
  }
  return [...groups.values()].map(({ labels, buckets }) => ({ labels, buckets: normalise(buckets) }));
}

function normalise(buckets: Bucket[]): Bucket[] {
  buckets.sort((left, right) => left.upperBound - right.upperBound);
  if (buckets.at(-1)?.upperBound !== Number.POSITIVE_INFINITY) return [];
  const merged: Bucket[] = [];
  for (const bucket of buckets) {
    const previous = merged.at(-1);
    // `le="1"` and `le="1.0"` are one bucket.
    if (previous?.upperBound === bucket.upperBound) previous.count += bucket.count;
    else merged.push({ ...bucket });
  }
  for (let index = 1; index < merged.length; index++) {
    // Buckets are scraped one after the other; a later one may miss what an earlier one has seen.
    merged[index]!.count = Math.max(merged[index]!.count, merged[index - 1]!.count);
  }
  return merged;
}

/** PQ-009. Linear inside a bucket; a rank in the +Inf bucket gives the highest finite bound. */
export function histogramQuantile(q: number, { buckets }: Histogram): number {
  if (Number.isNaN(q)) return Number.NaN;
  if (q < 0) return Number.NEGATIVE_INFINITY;
  if (q > 1) return Number.POSITIVE_INFINITY;
  const total = buckets.at(-1)?.count ?? 0;
  if (buckets.length < 2 || total === 0 || Number.isNaN(total)) return Number.NaN;
  const rank = q * total;
  const last = buckets.length - 1;
  const found = buckets.findIndex((bucket, index) => index === last || bucket.count >= rank);
  const { upperBound, count } = buckets[found]!;
  if (found === last) return buckets[last - 1]!.upperBound;
  if (found === 0 && upperBound <= 0) return upperBound;
  const below = found === 0 ? { upperBound: 0, count: 0 } : buckets[found - 1]!;
  return below.upperBound + (upperBound - below.upperBound) * ((rank - below.count) / (count - below.count));
}

/** The share of observations between two values, linear inside a bucket as the quantile is. */
export function histogramFraction(lower: number, upper: number, { buckets }: Histogram): number {
  const total = buckets.at(-1)?.count ?? 0;
  if (buckets.length < 2 || total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN;
  return lower >= upper ? 0 : (observedBelow(upper, buckets) - observedBelow(lower, buckets)) / total;
}

function observedBelow(value: number, buckets: readonly Bucket[]): number {
  if (value === Number.POSITIVE_INFINITY) return buckets.at(-1)!.count;
  const index = buckets.findIndex(({ upperBound }) => upperBound >= value);
  const { upperBound, count } = buckets[index]!;
  const below = buckets[index - 1] ?? { upperBound: upperBound > 0 ? 0 : Number.NEGATIVE_INFINITY, count: 0 };
  if (value <= below.upperBound) return below.count;
  // Nothing is known about where observations lie in a bucket without an end.
  if (!Number.isFinite(upperBound) || !Number.isFinite(below.upperBound))
    return value === upperBound ? count : below.count;
  return below.count + (count - below.count) * ((value - below.upperBound) / (upperBound - below.upperBound));
}
