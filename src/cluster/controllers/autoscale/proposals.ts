import type { MetricStatus } from "../../../api/autoscaling.ts";
import type { Behavior } from "./behavior.ts";
import { toleranceOf } from "./behavior.ts";
import { isFailure, type MetricFailure, type Proposal, proposalOf } from "./metrics.ts";
import type { AutoscalerView } from "./reconcile.ts";
import type { Target } from "./target.ts";

/** What all metrics of an autoscaler ask for together. */
export interface Proposed {
  readonly proposal: Proposal;
  readonly statuses: readonly MetricStatus[];
  /** Metrics that fail beside the one that decides, and did not fail before. */
  readonly warnings: readonly Warning[];
}

/** Nothing can be decided: condition ScalingActive False, and what is told when it becomes so. */
export interface Undecided {
  readonly reason: string;
  readonly message: string;
  readonly statuses: readonly MetricStatus[];
  readonly warnings: readonly Warning[];
}

export interface Warning {
  readonly reason: string;
  readonly message: string;
}

/** The largest answer wins; where some metrics fail, they could have asked for more, so nothing gets smaller. */
export function propose(view: AutoscalerView, target: Target, behavior: Behavior): Proposed | Undecided {
  const { autoscaler, pods, usage, now } = view;
  const unclear = unclearPods(view, target);
  if (unclear) return unclear;
  const { metrics = [] } = autoscaler.spec;
  const { namespace = "" } = autoscaler.metadata;
  const tolerance = toleranceOf(behavior);
  const answers = metrics.map((metric) =>
    proposalOf(metric, { namespace, pods, usage, currentReplicas: target.replicas, tolerance, now }),
  );
  const statuses = answers.map((answer, index) => (isFailure(answer) ? { type: metrics[index]!.type } : answer.status));
  const failures = answers.filter((answer) => isFailure(answer)) as readonly MetricFailure[];
  const proposals = answers.filter((answer) => !isFailure(answer)) as readonly Proposal[];
  const proposal = proposals.reduce<Proposal | null>(
    (best, each) => (best === null || each.replicas > best.replicas ? each : best),
    null,
  );
  const [first = NO_METRICS] = failures;
  if (proposal === null || (failures.length > 0 && proposal.replicas < target.replicas)) {
    const summary = `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${first.context}`;
    return {
      reason: first.reason,
      message: `the HPA was unable to compute the replica count: ${first.message}`,
      statuses,
      warnings: [first, { reason: "FailedComputeMetricsReplicas", message: summary }],
    };
  }
  const known = autoscaler.status?.currentMetrics ?? [];
  const isNew = (index: number) => known[index] === undefined || Object.keys(known[index]).length > 1;
  const warnings = answers.flatMap((answer, index) => (isFailure(answer) && isNew(index) ? [answer] : []));
  return { proposal, statuses, warnings };
}

const NO_METRICS: MetricFailure = {
  reason: "InvalidMetricSourceType",
  message: "no metrics are given",
  context: "no metrics are given",
};

function unclearPods({ autoscaler, rivals, selectorProblem }: AutoscalerView, target: Target): Undecided | null {
  const undecided = (reason: string, message: string, warning: Warning): Undecided => ({
    reason,
    message,
    statuses: [],
    warnings: [warning],
  });
  if (target.selector === "") {
    const warning = { reason: "SelectorRequired", message: "selector is required" };
    return undecided("InvalidSelector", "the HPA target's scale is missing a selector", warning);
  }
  if (selectorProblem !== null) {
    const message = `couldn't convert selector into a corresponding internal selector object: ${selectorProblem}`;
    return undecided("InvalidSelector", message, { reason: "InvalidSelector", message });
  }
  if (rivals.length === 0) return null;
  const { name, namespace = "" } = autoscaler.metadata;
  const all = [name, ...rivals].sort().map((each) => `${namespace}/${each}`);
  const message = `pods by selector ${target.selector} are controlled by multiple HPAs: [${all.join(" ")}]`;
  return undecided("AmbiguousSelector", message, { reason: "AmbiguousSelector", message });
}
