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
import { findTarget } from "./target.ts";

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
  const world = { cache, definitions: definitions() };
  const target = findTarget(autoscaler.spec.scaleTargetRef, key.namespace, world);
  const podsOf = (selector: string) => selectedPods(selector, key.namespace, cache);
  const selected = typeof target === "string" || target.selector === "" ? [] : podsOf(target.selector);
  const pods = typeof selected === "string" ? [] : selected;
  const names = new Set(pods.map(({ metadata }) => metadata.name));
  const rivals = othersOf(autoscaler, cache).filter(({ spec }) => {
    const other = findTarget(spec.scaleTargetRef, key.namespace, world);
    const found = typeof other === "string" || other.selector === "" ? [] : podsOf(other.selector);
    return typeof found !== "string" && found.some(({ metadata }) => names.has(metadata.name));
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

/** A text: the selector says nothing. */
function selectedPods(selector: string, namespace: string, cache: CacheReader): readonly KubeObject[] | string {
  try {
    const matches = parseLabelSelector(selector);
    return cache.list(resources.pods, namespace).filter(({ metadata }) => matches(metadata.labels));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
