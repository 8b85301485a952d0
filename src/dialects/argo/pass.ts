import type { ReplicaSet } from "../../api/apps.ts";
import { deepCopy } from "../../base/json.ts";
import { formatTime, type Instant, parseTime } from "../../base/time.ts";
import { keyOf, resources } from "../../kube/resource.ts";
import type { Plan, PlannedEvent, Write } from "../../runtime/plan.ts";
import { weighed } from "./abort-order.ts";
import { maxWeightOf, stepIndex, stepsOf } from "./canary/steps.ts";
import { annotations } from "./keys.ts";
import { podTemplateHash, stepHash } from "./pod-template/hash.ts";
import { sameTemplate } from "./pod-template/template.ts";
import { ownTemplate } from "./replica-sets/ephemeral-metadata.ts";
import { availableOf, hashOf, revisionOf, scaleDownDeadline, wantedOf } from "./replica-sets/replica-sets.ts";
import type { BlueGreenStrategy, CanaryStrategy, PauseReason, Rollout, RolloutStatus, Step } from "./types.ts";
import type { RolloutView } from "./view.ts";

/** The mesh was told, and does not run it yet. */
export const WAITING_FOR_DATA_PLANE = "waiting for data plane";

/**
 * One pass over one Rollout: what is known, and what the parts of the pass decide, one after the other. Nothing here
 * does I/O; `plan` is the result.
 */
export class Pass {
  readonly view: RolloutView;
  readonly rollout: Rollout;
  readonly now: Instant;
  /** The status as it was when the pass began. */
  readonly status: RolloutStatus;
  /** The status that the pass ends with. */
  readonly next: RolloutStatus;

  readonly newRS: ReplicaSet | null;
  readonly stableRS: ReplicaSet | null;
  readonly otherRSs: readonly ReplicaSet[];
  /** The hash of the newest template: its ReplicaSet's, or the one that it will have. */
  readonly newHash: string;
  readonly stepHash: string;
  readonly replicas: number;
  readonly maxWeight: number;
  readonly steps: readonly Step[];

  readonly #writes: Write[] = [];
  readonly #events: PlannedEvent[] = [];
  #requeueAt: Instant | null = null;
  /** Why the controller itself aborts; null: it does not. */
  abortReason: string | null = null;
  /** The user's or the controller's abort holds in this pass. */
  isAborted: boolean;
  /** ReplicaSets were resized in this pass. */
  hasScaled = false;
  /** What traffic waits for, as the status tells it; null: nothing. */
  trafficWait: string | null = null;

  constructor(view: RolloutView) {
    const { rollout } = view;
    this.view = view;
    this.rollout = rollout;
    this.now = view.now;
    this.status = weighed(rollout.status ?? {});
    this.next = deepCopy(this.status);
    this.isAborted = this.status.abort === true;
    this.replicas = rollout.spec.replicas ?? 1;
    this.steps = stepsOf(rollout);
    this.maxWeight = maxWeightOf(rollout.spec.strategy?.canary);
    const template = rollout.spec.template;
    const computed = template ? podTemplateHash(template, this.status.collisionCount) : "";
    const live = view.replicaSets.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    this.newRS =
      live.find((one) => hashOf(one) === computed) ??
      live.find((one) => template !== undefined && sameTemplate(ownTemplate(one), template)) ??
      null;
    this.newHash = this.newRS ? hashOf(this.newRS) : computed;
    const stable = this.status.stableRS ?? "";
    this.stableRS = stable === "" ? null : (live.find((one) => hashOf(one) === stable) ?? null);
    this.otherRSs = view.replicaSets.filter((one) => one !== this.newRS && one !== this.stableRS);
    if (this.status.currentStepIndex !== undefined && this.stepIndex !== null) {
      this.next.currentStepIndex = this.stepIndex;
    }
    this.stepHash = rollout.spec.strategy?.canary ? stepHash(rollout.spec.strategy.canary.steps) : "";
  }

  get canary(): CanaryStrategy | undefined {
    return this.rollout.spec.strategy?.canary;
  }

  get blueGreen(): BlueGreenStrategy | undefined {
    return this.rollout.spec.strategy?.blueGreen;
  }

  /** A canary whose share is set by a router and not by the number of pods. */
  get isRouted(): boolean {
    return this.canary?.trafficRouting !== undefined;
  }

  get isFullyPromoted(): boolean {
    return this.newHash !== "" && this.status.stableRS === this.newHash;
  }

  /** Null without steps; the number of steps when all are done. */
  get stepIndex(): number | null {
    return stepIndex(this.rollout, this.status);
  }

  get hasAllStepsDone(): boolean {
    return this.stepIndex === null || this.stepIndex === this.steps.length;
  }

  get currentStep(): Step | null {
    const index = this.stepIndex;
    return index === null ? null : (this.steps[index] ?? null);
  }

  /** The template or the list of steps is not the one that the status speaks of (ARC-065, ARC-110). */
  get isChanged(): boolean {
    const hasNewSteps = this.canary !== undefined && this.status.currentStepHash !== this.stepHash;
    return this.status.currentPodHash !== this.newHash || hasNewSteps;
  }

  get revision(): number {
    return revisionOf(this.newRS) || Number(this.rollout.metadata.annotations?.[annotations.revision] ?? 0) || 0;
  }

  get allRSs(): readonly ReplicaSet[] {
    return this.view.replicaSets;
  }

  hasPause(reason: PauseReason): boolean {
    return (this.status.pauseConditions ?? []).some((condition) => condition.reason === reason);
  }

  /** Nothing of the release goes on: the user stopped it, or an analysis could not tell (ARC-070). */
  get isHalted(): boolean {
    return this.rollout.spec.paused === true || this.isUndecided;
  }

  /** An analysis could not tell, or failed and holds the release (EC-022); this pass may have found the latter. */
  get isUndecided(): boolean {
    const isHeld = (this.next.pauseConditions ?? []).some(
      ({ reason }) => reason === "FailedAnalysisRun" || reason === "FailedExperiment",
    );
    return isHeld || this.hasPause("InconclusiveAnalysisRun");
  }

  get isPaused(): boolean {
    return this.rollout.spec.paused === true || (this.status.pauseConditions ?? []).length > 0;
  }

  /** ARC-140: back to a version that stable replaced only a few revisions ago. */
  get isRollbackWithinWindow(): boolean {
    const revisions = this.rollout.spec.rollbackWindow?.revisions ?? 0;
    if (revisions <= 0 || !this.newRS || !this.stableRS || this.isFullyPromoted) return false;
    const [from, to] = [createdAt(this.newRS), createdAt(this.stableRS)];
    if (from >= to) return false;
    const between = this.otherRSs.filter((one) => createdAt(one) > from && createdAt(one) < to);
    return between.length < revisions;
  }

  /** ARC-141. */
  get isFastRollback(): boolean {
    if (this.isRollbackWithinWindow) return true;
    if (!this.newRS || !this.stableRS) return false;
    if (this.newRS === this.stableRS) return true;
    const deadline = scaleDownDeadline(this.newRS);
    const isOlder = createdAt(this.newRS) < createdAt(this.stableRS);
    return isOlder && this.blueGreen !== undefined && deadline !== null && deadline > this.now;
  }

  // Decisions ---------------------------------------------------------------------------------------------------------

  write(write: Write): void {
    this.#writes.push(write);
  }

  event(reason: string, message: string, type: "Normal" | "Warning" = "Normal"): void {
    this.#events.push({ regarding: this.rollout, type, reason, message });
  }

  /** Look again then, or earlier. */
  wakeAt(instant: Instant): void {
    this.#requeueAt = this.#requeueAt === null ? instant : Math.min(this.#requeueAt, instant);
  }

  /** Merge patch of the Rollout itself, besides its status. */
  patchRollout(body: Record<string, unknown>): void {
    const stored = this.rollout;
    this.#writes.push({
      op: "patch",
      type: resources.argoRollouts,
      key: keyOf(stored),
      patch: { kind: "merge", body },
      basedOn: stored,
    });
  }

  patchReplicaSet(replicaSet: ReplicaSet, body: Record<string, unknown>): void {
    this.#writes.push({
      op: "patch",
      type: resources.replicaSets,
      key: keyOf(replicaSet),
      patch: { kind: "merge", body },
      basedOn: replicaSet,
    });
  }

  /**
   * Brings a ReplicaSet to a size; true when it had another one. Each call refreshes the note of the Rollout's size
   * (ARC-063). A resize that goes to zero has no deadline any more, unless it is the one of an abort.
   */
  scale(replicaSet: ReplicaSet, to: number, { keepDeadline = false }: { keepDeadline?: boolean } = {}): boolean {
    const from = wantedOf(replicaSet);
    const noted = replicaSet.metadata.annotations?.[annotations.desiredReplicas];
    const isResized = from !== to;
    const hasDeadline = replicaSet.metadata.annotations?.[annotations.scaleDownDeadline] !== undefined;
    const dropsDeadline = to === 0 && hasDeadline && !keepDeadline;
    if (!isResized && noted === String(this.replicas) && !dropsDeadline) return false;
    this.patchReplicaSet(replicaSet, {
      ...(isResized ? { spec: { replicas: to } } : {}),
      metadata: {
        annotations: {
          [annotations.desiredReplicas]: String(this.replicas),
          ...(dropsDeadline ? { [annotations.scaleDownDeadline]: null } : {}),
        },
      },
    });
    if (!isResized) return false;
    const direction = to > from ? "up" : "down";
    this.event(
      "ScalingReplicaSet",
      `Scaled ${direction} ReplicaSet ${replicaSet.metadata.name} (revision ${revisionOf(replicaSet)}) from ${from} to ${to}`,
    );
    this.hasScaled = true;
    return true;
  }

  /**
   * The note of the Rollout's size on versions whose own size stays, as while one is kept after an abort. Without it the
   * change of `spec.replicas` would never count as done, and nothing else would move again (ARC-062, INV-20).
   */
  noteReplicas(): void {
    if (this.hasWrites) return;
    for (const one of new Set([this.newRS, this.stableRS])) {
      if (one && wantedOf(one) > 0) this.scale(one, wantedOf(one), { keepDeadline: true });
    }
  }

  /** ARC-150. */
  setDeadline(replicaSet: ReplicaSet, seconds: number): void {
    const deadline = formatTime(this.now + seconds * 1000);
    this.patchReplicaSet(replicaSet, { metadata: { annotations: { [annotations.scaleDownDeadline]: deadline } } });
  }

  clearDeadline(replicaSet: ReplicaSet | null): void {
    if (replicaSet?.metadata.annotations?.[annotations.scaleDownDeadline] === undefined) return;
    this.patchReplicaSet(replicaSet, { metadata: { annotations: { [annotations.scaleDownDeadline]: null } } });
  }

  addPause(reason: PauseReason): void {
    const present = this.next.pauseConditions ?? [];
    this.next.controllerPause = true;
    if (present.some((condition) => condition.reason === reason)) return;
    this.next.pauseConditions = [...present, { reason, startTime: formatTime(this.now) }];
  }

  removePause(reason: PauseReason): void {
    const left = (this.next.pauseConditions ?? []).filter((condition) => condition.reason !== reason);
    if (left.length > 0) this.next.pauseConditions = left;
    else {
      delete this.next.pauseConditions;
      delete this.next.controllerPause;
    }
  }

  clearPauses(): void {
    delete this.next.pauseConditions;
    delete this.next.controllerPause;
  }

  clearAbort(): void {
    delete this.next.abort;
    delete this.next.abortedAt;
    this.isAborted = false;
    this.abortReason = null;
  }

  /** ARC-130: the release ends; all traffic goes back to stable. */
  abort(reason: string): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.abortReason = reason;
  }

  get hasWrites(): boolean {
    return this.#writes.length > 0;
  }

  plan({ withStatus = true }: { withStatus?: boolean } = {}): Plan {
    return {
      writes: this.#writes,
      status: withStatus ? { type: resources.argoRollouts, object: this.rollout, status: this.next } : null,
      events: this.#events,
      requeueAt: this.#requeueAt,
    };
  }
}

export function createdAt({ metadata }: ReplicaSet): Instant {
  return parseTime(metadata.creationTimestamp) ?? 0;
}

export function isAvailable(replicaSet: ReplicaSet | null): boolean {
  return availableOf(replicaSet) > 0;
}
