import type { HorizontalPodAutoscaler, ScalingPolicy, ScalingRules } from "../../../api/autoscaling.ts";
import { parseQuantity } from "../../../base/quantity.ts";
import type { Windows } from "./history.ts";
import type { Tolerance } from "./replicas.ts";

/** The rules of how fast an autoscaler may act, with the original's defaults where it says nothing (K8S-242). */

export interface Rules {
  readonly windowMs: number;
  readonly select: "Max" | "Min" | "Disabled";
  readonly policies: readonly ScalingPolicy[];
  /** The least deviation from the target that counts, as a share of it. */
  readonly tolerance: number;
}

export interface Behavior {
  readonly up: Rules;
  readonly down: Rules;
  /** Without a `behavior` the older limit holds: at most twice the size, but up to 4, in one go. */
  readonly isGiven: boolean;
}

/** `--horizontal-pod-autoscaler-tolerance` of the original. */
const TOLERANCE = 0.1;
/** `--horizontal-pod-autoscaler-downscale-stabilization` of the original. */
const DOWN_WINDOW_SECONDS = 300;
const PERIOD_SECONDS = 15;

const UP_POLICIES: readonly ScalingPolicy[] = [
  { type: "Pods", value: 4, periodSeconds: PERIOD_SECONDS },
  { type: "Percent", value: 100, periodSeconds: PERIOD_SECONDS },
];
const DOWN_POLICIES: readonly ScalingPolicy[] = [{ type: "Percent", value: 100, periodSeconds: PERIOD_SECONDS }];

export function behaviorOf({ spec }: HorizontalPodAutoscaler): Behavior {
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  return {
    up: rulesOf(scaleUp, UP_POLICIES, 0),
    down: rulesOf(scaleDown, DOWN_POLICIES, DOWN_WINDOW_SECONDS),
    isGiven: spec.behavior !== undefined,
  };
}

function rulesOf(given: ScalingRules | undefined, policies: readonly ScalingPolicy[], windowSeconds: number): Rules {
  const tolerance = parseQuantity(given?.tolerance ?? "");
  return {
    windowMs: (given?.stabilizationWindowSeconds ?? windowSeconds) * 1000,
    select: given?.selectPolicy ?? "Max",
    policies: given?.policies && given.policies.length > 0 ? given.policies : policies,
    tolerance: tolerance === null ? TOLERANCE : Number(tolerance) / 1e9,
  };
}

export function toleranceOf({ up, down }: Behavior): Tolerance {
  return { up: up.tolerance, down: down.tolerance };
}

/** Scalings matter for the longest period, and for the time between two looks. */
export function windowsOf({ up, down }: Behavior, syncMs: number): Windows {
  const periods = [...up.policies, ...down.policies].map(({ periodSeconds }) => periodSeconds * 1000);
  return { upMs: up.windowMs, downMs: down.windowMs, scalingsMs: Math.max(syncMs, ...periods) };
}
