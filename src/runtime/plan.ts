import type { KubeObject } from "../api/meta.ts";
import type { Instant } from "../base/time.ts";
import type { Patch } from "../kube/client.ts";
import type { ApiError } from "../kube/errors.ts";
import type { ObjectKey, ResourceType } from "../kube/resource.ts";

/**
 * One change that a reconciler wants. Writes are performed in order, the first failure stops the plan, so every
 * prefix of a plan must be a safe place to crash. A write that would change nothing is dropped by the executor.
 */
export type Write =
  /** Names of created objects are derived from the owner, so that a repeat finds the first (AlreadyExists is fine). */
  | { readonly op: "create"; readonly type: ResourceType; readonly object: KubeObject }
  /** PUT of a changed copy of an object from the view: carries its resourceVersion, so a stale view is refused. */
  | {
      readonly op: "update";
      readonly type: ResourceType;
      readonly object: KubeObject;
      readonly subresource?: "binding" | "finalize";
      /** See "delete". */
      readonly absent?: readonly Absent[];
    }
  | {
      readonly op: "patch";
      readonly type: ResourceType;
      readonly key: ObjectKey;
      readonly patch: Patch;
      readonly subresource?: "status" | "scale" | "binding" | "finalize";
      /** The object in the view that the patch was decided on; its revision is the precondition. */
      readonly basedOn: KubeObject;
    }
  | {
      readonly op: "delete";
      readonly type: ResourceType;
      /** The object in the view; its uid is the precondition. A missing object is fine. */
      readonly object: KubeObject;
      readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
      readonly gracePeriodSeconds?: number;
      /**
       * What must be absent for this delete to be right. A cache that lags behind shows a new object as absent, so the executor
       * asks the server for each; the plan stops, to be made again, when one is there.
       */
      readonly absent?: readonly Absent[];
    }
  /**
   * A pod from the view is to go as far as its disruption budget lets it (K8S-243). One that is held stays, and the plan
   * goes on: the reconciler looks again later, at a time that it says.
   */
  | { readonly op: "evict"; readonly type: ResourceType; readonly object: KubeObject };

/** One object (of this uid: a namesake does not count), or every object of a kind in a namespace. */
export type Absent =
  | { readonly type: ResourceType; readonly key: ObjectKey; readonly uid: string }
  | { readonly type: ResourceType; readonly namespace: string };

/** A Kubernetes Event to record about an object (K8S-244). Events are not state: losing one changes nothing. */
export interface PlannedEvent {
  readonly regarding: KubeObject;
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** The whole desired status of one object. The executor drops it when the object in the view already has it. */
export interface StatusWrite {
  readonly type: ResourceType;
  /** The object from the view: its revision is the precondition, so that a user's concurrent status write survives. */
  readonly object: KubeObject;
  readonly status: unknown;
  /** The kind has no status subresource: status is a part of the object like any other (AN-001). */
  readonly isPlainField?: boolean;
}

export interface Plan {
  readonly writes: readonly Write[];
  /** Written after all `writes`. */
  readonly status: StatusWrite | null;
  /** Recorded after the status was written. */
  readonly events: readonly PlannedEvent[];
  /** Look again at this time even if nothing changes; null: only a change wakes the key. */
  readonly requeueAt: Instant | null;
  /**
   * What to record when the server refuses one of `writes` for what it says (4xx other than a conflict), e.g. a quota
   * (K8S-221). Pure, like the reconciler that made it.
   */
  readonly onRefusal?: (write: Write, error: ApiError) => Refusal;
}

export interface Refusal {
  readonly status: StatusWrite | null;
  readonly events: readonly PlannedEvent[];
}

export const emptyPlan: Plan = { writes: [], status: null, events: [], requeueAt: null };
