import { includes } from "../equality.ts";
import type { Meter } from "../meter.ts";
import { functions } from "../signature.ts";
import type { ListValue } from "../values.ts";

/** Lists taken as sets: order and repetition do not count. */
export const setFunctions = functions({
  "sets.contains(list(A), list(A)): bool": contains,
  "sets.equivalent(list(A), list(A)): bool": (left: ListValue, right: ListValue, meter: Meter) =>
    contains(left, right, meter) && contains(right, left, meter),
  "sets.intersects(list(A), list(A)): bool": (left: ListValue, right: ListValue, meter: Meter) =>
    left.items.some((item) => includes(right, item, meter)),
});

function contains(list: ListValue, part: ListValue, meter: Meter): boolean {
  return part.items.every((item) => includes(list, item, meter));
}
