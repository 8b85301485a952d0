import { canonicalJson } from "../../../base/json.ts";
import { sha256 } from "../strategy.ts";
import type { BatchReleaseSpec } from "../types.ts";

/** `status.observedReleasePlanHash`: tells which plan a status speaks of (KRUISE-201). */
export function planHash({ releasePlan }: BatchReleaseSpec): string {
  return sha256(canonicalJson(releasePlan));
}
