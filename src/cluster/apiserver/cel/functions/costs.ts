import { CHARACTER_COST } from "../meter.ts";
import type { Cost } from "../signature.ts";
import { workSizeOf } from "../values.ts";

/** Prices of calls that look at every character or item, as Kubernetes counts them. */

/** Walks the target, or the first argument. */
export const walk: Cost = ([first = null]) => Math.ceil(workSizeOf(first) * CHARACTER_COST) + 1;

/** Walks it and builds as much. */
export const rebuild: Cost = ([first = null]) => Math.ceil(2 * workSizeOf(first) * CHARACTER_COST) + 1;

/** One per item. */
export const perItem: Cost = ([first = null]) => workSizeOf(first) + 1;

/** Walks all arguments. */
export const walkAll: Cost = (args) =>
  Math.ceil(args.reduce<number>((sum, value) => sum + workSizeOf(value), 0) * CHARACTER_COST) + 1;
