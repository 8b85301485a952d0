import type { AutoscalerStatus, HorizontalPodAutoscaler, MetricStatus } from "../../../api/autoscaling.ts";
import type { Condition, KubeObject } from "../../../api/meta.ts";
import { formatTime, type Instant, parseTime } from "../../../base/time.ts";
import type { ApiError } from "../../../kube/errors.ts";
import { findCondition, setCondition } from "../../../kube/pods.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import { emptyPlan, type Plan, type PlannedEvent, type Refusal, type Write } from "../../../runtime/plan.ts";
import type { UsageSnapshot } from "../../usage.ts";
import { type Behavior, behaviorOf, windowsOf } from "./behavior.ts";
import { HISTORY_ANNOTATION, type History, pruned, readHistory, recommended, renderHistory } from "./history.ts";
import { limit } from "./limits.ts";
import { propose, type Warning } from "./proposals.ts";
import type { Target } from "./target.ts";

export interface AutoscalerView {
  readonly autoscaler: HorizontalPodAutoscaler;
  /** A text: why there is none. */
  readonly target: Target | string;
  /** Those that the target's selector selects. */
  readonly pods: readonly KubeObject[];
  readonly selectorProblem: string | null;
  /** Other autoscalers of the same pods. */
  readonly rivals: readonly string[];
  readonly usage: UsageSnapshot;
  readonly now: Instant;
  readonly syncMs: number;
}

/**
 * One look at an autoscaler (K8S-242). What it remembers is written before the scaling that follows from it: after a crash
 * between the two the next look finds the size unchanged and decides again; it never scales twice for one measurement.
 */
export function reconcile(view: AutoscalerView): Plan {
  const { autoscaler, target, usage, now, syncMs } = view;
  const look = new Look(view);
  if (typeof target === "string") return look.withoutTarget(target);
  const held = look.held(target);
  if (held) return held;
  const { maxReplicas, minReplicas = 1 } = autoscaler.spec;
  if (target.replicas === 0 && minReplicas !== 0) return look.disabled(target);
  if (target.replicas > maxReplicas) return look.scale(target, maxReplicas, `${CURRENT} above Spec.MaxReplicas`, []);
  if (target.replicas < minReplicas) return look.scale(target, minReplicas, `${CURRENT} below Spec.MinReplicas`, []);
  if (usage.problem === null && usage.pendingUntil !== null && usage.pendingUntil > now) {
    return { ...emptyPlan, requeueAt: Math.min(usage.pendingUntil, now + syncMs) };
  }
  return look.byMetrics(target, { minReplicas, maxReplicas });
}

const CURRENT = "Current number of replicas";

/** Collects what one look changes: conditions, events, history. */
class Look {
  readonly #view: AutoscalerView;
  readonly #behavior: Behavior;
  readonly #before: AutoscalerStatus;
  #history: History;
  #conditions: readonly Condition[];
  readonly #events: PlannedEvent[] = [];

  constructor(view: AutoscalerView) {
    const { autoscaler, now, syncMs } = view;
    this.#view = view;
    this.#behavior = behaviorOf(autoscaler);
    this.#before = { desiredReplicas: 0, ...autoscaler.status };
    this.#history = pruned(readHistory(autoscaler), windowsOf(this.#behavior, syncMs), now);
    this.#conditions = this.#before.conditions ?? [];
  }

  withoutTarget(problem: string): Plan {
    const message = `the HPA controller was unable to get the target's current scale: ${problem}`;
    this.#fail("AbleToScale", "FailedGetScale", message, [{ reason: "FailedGetScale", message: problem }]);
    return this.#plan([], this.#before);
  }

  /**
   * Until the measurements after a scaling can tell, the same ones must not ask for it again. A scaling that was begun and
   * not done (the target had changed meanwhile) is no scaling; one that was refused is tried again when its time has passed.
   */
  held(target: Target): Plan | null {
    const { now, syncMs } = this.#view;
    const latest = this.#history.scalings.at(-1);
    if (latest === undefined) return null;
    const until = { ...emptyPlan, requeueAt: latest.at + syncMs };
    const isOver = until.requeueAt <= now;
    const isRefused = findCondition(this.#before.conditions, "AbleToScale")?.reason === "FailedUpdateScale";
    if (latest.from === target.replicas && isRefused === isOver) {
      this.#history = { ...this.#history, scalings: this.#history.scalings.slice(0, -1) };
      return null;
    }
    if (isOver) return null;
    const isTold = (parseTime(this.#before.lastScaleTime) ?? 0) >= latest.at;
    if (isTold || latest.to !== target.replicas) return until;
    this.#set("AbleToScale", "True", "SucceededRescale", rescaled(latest.to));
    const lastScaleTime = formatTime(latest.at);
    const status = { ...this.#before, lastScaleTime, currentReplicas: latest.from, desiredReplicas: latest.to };
    return { ...this.#plan([], status), ...until, status: this.#status(status) };
  }

  disabled({ replicas }: Target): Plan {
    this.#gotScale();
    const message = "scaling is disabled since the replica count of the target is zero";
    this.#set("ScalingActive", "False", "ScalingDisabled", message);
    return this.#stay(replicas, []);
  }

  byMetrics(target: Target, { minReplicas, maxReplicas }: { minReplicas: number; maxReplicas: number }): Plan {
    const { now, syncMs } = this.#view;
    const currentReplicas = target.replicas;
    this.#gotScale();
    const outcome = propose(this.#view, target, this.#behavior);
    if (!("proposal" in outcome)) {
      this.#fail("ScalingActive", outcome.reason, outcome.message, outcome.warnings);
      return this.#plan([], { ...withMetrics(this.#before, outcome.statuses), currentReplicas });
    }
    const { proposal, statuses, warnings } = outcome;
    this.#warn(warnings);
    const valid = `the HPA was able to successfully calculate a replica count from ${proposal.name}`;
    this.#set("ScalingActive", "True", "ValidMetricFound", valid);

    // What is out of bounds today is no reason for anything tomorrow.
    const bounded = Math.min(Math.max(proposal.replicas, minReplicas), maxReplicas);
    const windows = windowsOf(this.#behavior, syncMs);
    this.#history = recommended(this.#history, { replicas: bounded, currentReplicas, windows, now });
    const { replicas, able, limited } = limit({
      recommendation: proposal.replicas,
      currentReplicas,
      minReplicas,
      maxReplicas,
      behavior: this.#behavior,
      history: this.#history,
      now,
    });
    this.#set("AbleToScale", "True", able.reason, able.message);
    this.#set("ScalingLimited", limited.isLimited ? "True" : "False", limited.reason, limited.message);
    if (replicas === currentReplicas) return this.#stay(replicas, statuses);
    const down = proposal.replicas < currentReplicas ? "All metrics below target" : able.message;
    return this.scale(
      target,
      replicas,
      proposal.replicas > currentReplicas ? `${proposal.name} above target` : down,
      statuses,
    );
  }

  scale(target: Target, to: number, reason: string, statuses: readonly MetricStatus[]): Plan {
    const { now } = this.#view;
    const from = target.replicas;
    const conditions = this.#conditions;
    this.#history = { ...this.#history, scalings: [...this.#history.scalings, { at: now, from, to }] };
    this.#set("AbleToScale", "True", "SucceededRescale", rescaled(to));
    this.#tell("Normal", "SuccessfulRescale", `New size: ${to}; reason: ${reason}`);
    const write: Write = {
      op: "patch",
      type: target.type,
      key: keyOf(target.object),
      patch: { kind: "merge", body: { spec: { replicas: to } } },
      subresource: "scale",
      basedOn: target.object,
    };
    const status = { ...this.#before, lastScaleTime: formatTime(now), currentReplicas: from, desiredReplicas: to };
    return {
      ...this.#plan([write], withMetrics(status, statuses)),
      onRefusal: (refused, error) => {
        if (refused !== write) return { status: null, events: [] };
        this.#conditions = conditions;
        return this.#refused(error, `New size: ${to}; reason: ${reason}`);
      },
    };
  }

  #refused({ message }: ApiError, what: string): Refusal {
    const problem = `the HPA controller was unable to update the target scale: ${message}`;
    this.#set("AbleToScale", "False", "FailedUpdateScale", problem);
    const regarding = this.#view.autoscaler;
    const event = {
      regarding,
      type: "Warning",
      reason: "FailedRescale",
      message: `${what}; error: ${message}`,
    } as const;
    return { status: this.#status(this.#before), events: [event] };
  }

  #stay(replicas: number, statuses: readonly MetricStatus[]): Plan {
    return this.#plan([], {
      ...withMetrics(this.#before, statuses),
      currentReplicas: replicas,
      desiredReplicas: replicas,
    });
  }

  #gotScale(): void {
    const message = "the HPA controller was able to get the target's current scale";
    this.#set("AbleToScale", "True", "SucceededGetScale", message);
  }

  #set(type: string, status: "True" | "False", reason: string, message: string): void {
    this.#conditions = setCondition(this.#conditions, { type, status, reason, message }, this.#view.now);
  }

  /** Told once: what stays wrong is in the condition. */
  #fail(type: string, reason: string, message: string, warnings: readonly Warning[]): void {
    const before = findCondition(this.#before.conditions, type);
    this.#set(type, "False", reason, message);
    if (before?.reason !== reason || before.message !== message) this.#warn(warnings);
  }

  #warn(warnings: readonly Warning[]): void {
    for (const { reason, message } of warnings) this.#tell("Warning", reason, message);
  }

  #tell(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#events.push({ regarding: this.#view.autoscaler, type, reason, message });
  }

  #plan(writes: readonly Write[], status: AutoscalerStatus): Plan {
    const { now, syncMs } = this.#view;
    return {
      writes: [...this.#remember(), ...writes],
      status: this.#status(status),
      events: this.#events,
      requeueAt: now + syncMs,
    };
  }

  #status(status: AutoscalerStatus) {
    const whole = { ...status, conditions: this.#conditions };
    return { type: resources.horizontalPodAutoscalers, object: this.#view.autoscaler, status: whole };
  }

  #remember(): readonly Write[] {
    const { autoscaler } = this.#view;
    const text = renderHistory(this.#history);
    if ((autoscaler.metadata.annotations?.[HISTORY_ANNOTATION] ?? null) === text) return [];
    return [
      {
        op: "patch",
        type: resources.horizontalPodAutoscalers,
        key: keyOf(autoscaler),
        patch: { kind: "merge", body: { metadata: { annotations: { [HISTORY_ANNOTATION]: text } } } },
        basedOn: autoscaler,
      },
    ];
  }
}

function rescaled(replicas: number): string {
  return `the HPA controller was able to update the target scale to ${replicas}`;
}

/** The status with these values and no others: an old value beside a new size would mislead. */
function withMetrics(status: AutoscalerStatus, statuses: readonly MetricStatus[]): AutoscalerStatus {
  const { currentMetrics: _old, ...rest } = status;
  return statuses.length === 0 ? rest : { ...rest, currentMetrics: [...statuses] };
}
