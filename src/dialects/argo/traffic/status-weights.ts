import { deepEqual } from "../../../base/json.ts";
import type { Pass } from "../pass.ts";
import { hashOf } from "../replica-sets/replica-sets.ts";
import type { TrafficWeights } from "../types.ts";
import { experimentShares } from "./experiment-shares.ts";
import { shownRoles } from "./roles.ts";

/** `status.canary.weights` (ARC-224). */

export function weightsOf(pass: Pass, weight: number, verified?: boolean): TrafficWeights {
  const { maxWeight, newHash, stableRS, status } = pass;
  const roles = shownRoles(pass);
  const additional = experimentShares(pass);
  const sum = additional.reduce((total, one) => total + one.weight, 0);
  const named = (service: string, hash: string) => ({
    ...(service !== "" ? { serviceName: service } : {}),
    podTemplateHash: hash,
  });
  return {
    canary: { weight, ...named(roles.canary, newHash) },
    stable: {
      weight: maxWeight - weight - sum,
      ...named(roles.stable, stableRS ? hashOf(stableRS) : (status.stableRS ?? "")),
    },
    ...(additional.length > 0 ? { additional: [...additional] } : {}),
    ...(verified === undefined ? {} : { verified }),
  };
}

export function recordWeights(pass: Pass, weights: TrafficWeights): void {
  const { next, status } = pass;
  const before = status.canary?.weights;
  next.canary = { ...next.canary, weights };
  if (deepEqual(before, weights)) return;
  const from = before ? `from ${describe(before)} ` : "";
  if (before && describe(before) === describe(weights)) return;
  pass.event("TrafficWeightUpdated", `Traffic weight updated ${from}to ${describe(weights)}`);
}

function describe({ canary, additional = [] }: TrafficWeights): string {
  const others = additional.map(({ serviceName, weight }) => `${serviceName}=${weight}`);
  return others.length === 0 ? String(canary.weight) : `${canary.weight}, additional: ${others.join(", ")}`;
}
