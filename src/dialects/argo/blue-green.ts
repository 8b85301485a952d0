import type { Plan } from "../../runtime/plan.ts";
import { emptyPlan } from "../../runtime/plan.ts";
import type { Pass } from "./pass.ts";
export function reconcileBlueGreen(_pass: Pass): Plan {
  return emptyPlan;
}
export function rescaleBlueGreen(_pass: Pass): Plan {
  return emptyPlan;
}
