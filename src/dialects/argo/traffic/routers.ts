import type { Router } from "../../../traffic/router.ts";
import type { Pass } from "../pass.ts";
import type { TrafficRouting } from "../types.ts";
import { istioRouter } from "./istio-router.ts";

/** By the field that configures them, in the order in which the original runs them. */
const ROUTERS: readonly [field: keyof TrafficRouting, make: (pass: Pass) => Router][] = [["istio", istioRouter]];

/** All routers that the Rollout names: each gets the same split. */
export function routersOf(pass: Pass): readonly Router[] {
  const routing = pass.canary?.trafficRouting;
  return ROUTERS.flatMap(([field, make]) => (routing?.[field] === undefined ? [] : [make(pass)]));
}
