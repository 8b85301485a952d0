import type { HorizontalPodAutoscaler } from "../../../api/autoscaling.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../../kube/resource.ts";
import { parseLabelSelector } from "../../../kube/selector.ts";
import type { Controller } from "../../../runtime/controller.ts";
import type { ResourceDefinition } from "../../apiserver/resource.ts";
import type { UsageSource } from "../../usage.ts";
import { type AutoscalerView, reconcile } from "./reconcile.ts";
import { findTarget, scalablesOf } from "./target.ts";

export interface AutoscaleOptions {
  readonly usage: UsageSource;
  /** The kinds served now: which of them can be scaled, and how. */
  definitions(): readonly ResourceDefinition[];
  /** From one look at an autoscaler to the next. */
  readonly syncMs?: number;
}

/** `--horizontal-pod-autoscaler-sync-period` of the original. */
export const AUTOSCALER_SYNC_MS = 15_000;

/**
 * Scales what HorizontalPodAutoscalers name by what its pods use (K8S-242). Neither pods nor targets wake it: it looks at
 * each autoscaler every `syncMs`, and where there is none it neither looks nor asks for measurements.
 */
export function autoscaleController(options: AutoscaleOptions): Controller<AutoscalerView> {
  return {
    name: "horizontal-pod-autoscaler",
    watches: [{ type: resources.horizontalPodAutoscalers, keysOf: (autoscaler) => [formatKey(keyOf(autoscaler))] }],
    reads: [resources.pods],
    // What can be scaled is of any kind, so the objects of all must be at hand; none of them wakes anything.
    everyKind: () => [],
    gather: (key, cache, now) => gather(key, cache, now, options),
    reconcile,
  };
}

function gather(
  key: ObjectKey,
  cache: CacheReader,
  now: Instant,
  { usage, definitions, syncMs = AUTOSCALER_SYNC_MS }: AutoscaleOptions,
): AutoscalerView | null {
  const autoscaler = cache.get<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers, key);
  if (!autoscaler || autoscaler.metadata.deletionTimestamp) return null;
  const world = { cache, scalables: scalablesOf(definitions()) };
  const target = findTarget(autoscaler.spec.scaleTargetRef, key.namespace, world);
  const selected = typeof target === "string" ? [] : selectedPods(target.selector, key.namespace, cache);
  const pods = typeof selected === "string" ? [] : selected;
  // Another one's selector against our pods, not the other way round: there may be many of both in a namespace.
  const rivals = othersOf(autoscaler, cache).filter(({ spec }) => {
    if (pods.length === 0) return false;
    const other = findTarget(spec.scaleTargetRef, key.namespace, world);
    const matches = typeof other === "string" ? null : matcherOf(other.selector);
    return typeof matches === "function" && pods.some(({ metadata }) => matches(metadata.labels));
  });
  return {
    autoscaler,
    target,
    pods,
    selectorProblem: typeof selected === "string" ? selected : null,
    rivals: rivals.map(({ metadata }) => metadata.name),
    usage: usage.snapshot(),
    now,
    syncMs,
  };
}

function othersOf({ metadata }: HorizontalPodAutoscaler, cache: CacheReader): readonly HorizontalPodAutoscaler[] {
  return cache
    .list<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers, metadata.namespace ?? "")
    .filter((other) => other.metadata.name !== metadata.name);
}

/** A text: the selector cannot be read. */
function selectedPods(selector: string, namespace: string, cache: CacheReader): readonly KubeObject[] | string {
  const matches = matcherOf(selector);
  if (typeof matches === "string") return matches;
  return matches === null
    ? []
    : cache.list(resources.pods, namespace).filter(({ metadata }) => matches(metadata.labels));
}

type Matcher = ReturnType<typeof parseLabelSelector>;

/** Null: a target that tells no selector has no pods, not all of them. */
function matcherOf(selector: string): Matcher | string | null {
  if (selector === "") return null;
  try {
    return parseLabelSelector(selector);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
