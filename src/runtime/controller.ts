import type { KubeObject } from "../api/meta.ts";
import type { Instant } from "../base/time.ts";
import type { CacheReader, Change } from "../kube/cache.ts";
import type { ObjectKey, ResourceType } from "../kube/resource.ts";
import type { Plan, PlannedEvent } from "./plan.ts";

export type { CacheReader } from "../kube/cache.ts";

/** A kind that wakes the controller, and which of its keys an object of that kind concerns. */
export interface Watch {
  readonly type: ResourceType;
  /** The kind need not exist: it is watched for as long as a CustomResourceDefinition serves it in this version. */
  readonly isOptional?: boolean;
  /**
   * Keys (`namespace/name`, see `formatKey`) to reconcile when `object` was added, changed or deleted. On a change it is
   * called with the old and with the new object, so that a label that went away still wakes its former owner.
   */
  keysOf(object: KubeObject, cache: CacheReader): readonly string[];
}

/**
 * A reconciler: `gather` reads the cache into a view, `reconcile` turns the view into a plan. Both are pure; no state
 * outside API objects counts. The runner keeps each key at most once in its queue, never runs a key twice at a time,
 * and does not run it before the cache has seen the key's own last write (read-your-writes).
 */
export interface Controller<View> {
  readonly name: string;
  /** The `source.component` of its events; the name where the original says nothing else. */
  readonly component?: string;
  readonly watches: readonly Watch[];
  /** Also watched, but waking nothing: kinds that only `gather` reads. */
  readonly reads?: readonly ResourceType[];
  /**
   * For controllers that concern objects of every served kind, custom ones included (garbage collection, namespaces):
   * the runner watches whatever kinds there are and calls this like `Watch.keysOf`.
   */
  everyKind?(object: KubeObject, type: ResourceType, cache: CacheReader): readonly string[];
  /** Events that tell of an object's coming and going, which no plan could: pure, and told at every start anew. */
  eventsOf?(change: Change): readonly PlannedEvent[];
  /** Null: nothing to do for this key (the object is gone). */
  gather(key: ObjectKey, cache: CacheReader, now: Instant): View | null;
  reconcile(view: View): Plan;
}

/** For lists of controllers of different views. */
// biome-ignore lint/suspicious/noExplicitAny: View is both read and written through, so no other type fits all.
export type AnyController = Controller<any>;
