import { annotations } from "../keys.ts";
import type { Rollout } from "../types.ts";

/** ARC-914: every http route that leads to both versions is meant, without being listed by name. */
export function takesEveryRoute({ metadata }: Rollout): boolean {
  return metadata.annotations?.[annotations.istioRoutes] === "all";
}
