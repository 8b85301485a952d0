import type { Condition, KubeObject } from "../../../api/meta.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../../api/policy.ts";
import { type IntOrPercent, resolveIntOrPercent } from "../../../base/int-or-percent.ts";
import { addSeconds, type Instant, parseTime } from "../../../base/time.ts";
import { controllerOf } from "../../../kube/owners.ts";
import { isPodReady, isTerminating, setCondition } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import { emptyPlan, type Plan } from "../../../runtime/plan.ts";

/** The wanted size of a workload; pods of one workload share its uid. */
export interface Scale {
  readonly uid: string;
  readonly replicas: number;
}

export interface BudgetView {
  readonly budget: PodDisruptionBudget;
  /** Pods that the budget selects, any state. */
  readonly pods: readonly KubeObject[];
  /** By pod name; null: its owner tells no size. */
  readonly scales: ReadonlyMap<string, Scale | null>;
  readonly now: Instant;
}

/** How long a granted eviction counts before its pod is seen to go (upstream pkg/controller/disruption). */
const GRANT_SECONDS = 120;

/** K8S-243: what the budget has to give now. */
export function reconcile(view: BudgetView): Plan {
  const { budget, pods, now } = view;
  const { disruptedPods, requeueAt } = openGrants(view);
  const expected = expectation(view);
  const isHealthy = (pod: KubeObject) =>
    isPodReady(pod) && !isTerminating(pod) && !(pod.metadata.name in disruptedPods);
  const currentHealthy = pods.filter(isHealthy).length;
  const { generation } = budget.metadata;
  if ("problem" in expected) {
    const condition = conditionOf("False", "SyncFailed", expected.problem, generation);
    return told(
      view,
      { ...budget.status, disruptionsAllowed: 0, conditions: noted(budget, condition, now) },
      requeueAt,
    );
  }
  const spare = expected.pods > 0 ? Math.max(0, currentHealthy - expected.healthy) : 0;
  const condition =
    spare > 0
      ? conditionOf("True", "SufficientPods", "", generation)
      : conditionOf("False", "InsufficientPods", "", generation);
  return told(
    view,
    {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
      disruptionsAllowed: spare,
      currentHealthy,
      desiredHealthy: expected.healthy,
      expectedPods: expected.pods,
      conditions: noted(budget, condition, now),
    },
    requeueAt,
  );
}

function told({ budget }: BudgetView, status: PodDisruptionBudgetStatus, requeueAt: Instant | null): Plan {
  return { ...emptyPlan, status: { type: resources.podDisruptionBudgets, object: budget, status }, requeueAt };
}

/** Evictions that were granted and whose pods are still there. */
function openGrants({ budget, pods, now }: BudgetView): {
  disruptedPods: Record<string, string>;
  requeueAt: Instant | null;
} {
  const staying = new Set(pods.filter((pod) => !isTerminating(pod)).map(({ metadata }) => metadata.name));
  const open = Object.entries(budget.status?.disruptedPods ?? {}).filter(
    ([name, at]) => staying.has(name) && endOf(at) > now,
  );
  return {
    disruptedPods: Object.fromEntries(open),
    requeueAt: open.length === 0 ? null : Math.min(...open.map(([, at]) => endOf(at))),
  };
}

function endOf(grantedAt: string): Instant {
  return addSeconds(parseTime(grantedAt) ?? 0, GRANT_SECONDS);
}

type Expectation = { readonly pods: number; readonly healthy: number } | { readonly problem: string };

/** A count of minAvailable needs only the pods; all else is measured against the wanted sizes of their workloads. */
function expectation(view: BudgetView): Expectation {
  const { minAvailable, maxUnavailable } = view.budget.spec;
  if (maxUnavailable === undefined && minAvailable === undefined) return { pods: 0, healthy: 0 };
  if (maxUnavailable === undefined && typeof minAvailable === "number") {
    return { pods: view.pods.length, healthy: minAvailable };
  }
  const wanted = wantedPods(view);
  if (typeof wanted !== "number") return wanted;
  const bound = (maxUnavailable ?? minAvailable) as IntOrPercent;
  const count = resolveIntOrPercent(bound, wanted, "up");
  if (count === null) return { problem: `invalid value for IntOrString: ${JSON.stringify(bound)}` };
  return { pods: wanted, healthy: maxUnavailable === undefined ? count : Math.max(0, wanted - count) };
}

/** Pods of nobody do not count; pods of an owner whose size cannot be told spoil the whole sum. */
function wantedPods({ pods, scales }: BudgetView): number | { readonly problem: string } {
  const sizes = new Map<string, number>();
  for (const pod of pods) {
    const scale = scales.get(pod.metadata.name) ?? null;
    if (scale) sizes.set(scale.uid, scale.replicas);
    else if (controllerOf(pod)) return { problem: `found no controllers for pod "${pod.metadata.name}"` };
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function conditionOf(
  status: "True" | "False",
  reason: string,
  message: string,
  observedGeneration: number | undefined,
): Condition {
  const base = { type: "DisruptionAllowed", status, reason, message } as const;
  return observedGeneration === undefined ? base : { ...base, observedGeneration };
}

function noted({ status }: PodDisruptionBudget, condition: Condition, now: Instant): Condition[] {
  return [...setCondition(status?.conditions, condition, now)];
}
