import type { Instant } from "../base/time.ts";
import { QueryError } from "./errors.ts";
import type { Labels } from "./labels.ts";

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Consecutive samples, oldest first; both arrays are of one length. */
export interface Points {
  readonly times: readonly Instant[];
  readonly values: readonly number[];
}

export interface RangeSeries extends Points {
  readonly labels: Labels;
}

export interface Matrix {
  readonly type: "matrix";
  readonly series: readonly RangeSeries[];
  /** The window the samples were taken from; its start is not part of it (PQ-002). */
  readonly from: Instant;
  readonly to: Instant;
}

export type Value =
  | { readonly type: "scalar"; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "vector"; readonly samples: readonly Sample[] }
  | Matrix;

export function vector(samples: readonly Sample[]): Value {
  return { type: "vector", samples };
}

/** Dropping the metric name or a label may leave two series alike; such a result has no meaning. */
export function checkUnique(samples: readonly Sample[]): readonly Sample[] {
  const seen = new Set<string>();
  for (const { labels } of samples) {
    if (seen.has(labels.key)) {
      throw new QueryError("execution", "vector cannot contain metrics with the same labelset");
    }
    seen.add(labels.key);
  }
  return samples;
}
