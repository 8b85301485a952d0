import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import { reconcileRollout } from "./reconcile.ts";
import { deployment, rollout } from "./release.fixture.ts";
import { rolloutHash } from "./strategy.ts";
import type { Rollout, RolloutStatus, RolloutView, WorkloadView } from "./types.ts";

const FINALIZER = "rollouts.kruise.io/rollout";

/** A Rollout that has what the controller puts on it. */
function owned(status?: RolloutStatus): Rollout {
  const made = rollout("a") as Rollout;
  made.metadata.finalizers = [FINALIZER];
  made.metadata.annotations = { "rollouts.kruise.io/hash": rolloutHash(made) };
  return status ? { ...made, status } : made;
}

function workload(change: Partial<WorkloadView> = {}): WorkloadView {
  const stable = deployment("a") as unknown as Deployment;
  return {
    deployment: {
      ...stable,
      metadata: { ...stable.metadata, labels: { "rollouts.kruise.io/workload-type": "deployment" } },
    },
    isSettled: true,
    revision: "v1",
    stableRevision: "h1",
    isInProgressing: false,
    isInRollback: false,
    rolloutId: "",
    canaryTemplateHash: "",
    ...change,
  };
}

function view(change: Partial<RolloutView>): RolloutView {
  return {
    rollout: owned(),
    now: Date.UTC(2030, 0, 1),
    settleSeconds: 3,
    workload: workload(),
    workloadElsewhere: null,
    rival: null,
    batchRelease: null,
    ...change,
  };
}

function bodyOf(plan: Plan): Record<string, unknown> {
  const [write] = plan.writes;
  assert.ok(write?.op === "patch" && write.patch.kind === "merge");
  return write.patch.body;
}

test("KRUISE-130 the finalizer and the strategy's hash come first, alone", () => {
  const bare = rollout("a") as Rollout;
  const plan = reconcileRollout(view({ rollout: bare }));
  assert.deepEqual(bodyOf(plan), {
    metadata: { annotations: { "rollouts.kruise.io/hash": rolloutHash(bare) }, finalizers: [FINALIZER] },
  });
  assert.equal(plan.status, null);
});

test("KRUISE-109 the workload's label comes before Healthy is shown", () => {
  const bare = deployment("a") as unknown as Deployment;
  const plan = reconcileRollout(view({ workload: workload({ deployment: bare }) }));
  assert.deepEqual(bodyOf(plan), { metadata: { labels: { "rollouts.kruise.io/workload-type": "deployment" } } });
  assert.equal(plan.status, null);
});

test("KRUISE-135 a workload that is not settled decides nothing", () => {
  assert.deepEqual(reconcileRollout(view({ workload: workload({ isSettled: false }) })), emptyPlan);
});

test("KRUISE-132 a workload found: Healthy", () => {
  const { status } = reconcileRollout(view({})).status ?? {};
  assert.deepEqual(status, {
    phase: "Healthy",
    message: "rollout is healthy",
    observedGeneration: 0,
    currentStepIndex: 0,
    currentStepState: "",
  });
});

test("KRUISE-131 the status of a Rollout whose workload is gone is replaced as a whole", () => {
  const stored: RolloutStatus = {
    phase: "Healthy",
    currentStepIndex: 1,
    currentStepState: "Completed",
    conditions: [],
  };
  const { status } = reconcileRollout(view({ rollout: owned(stored), workload: null })).status ?? {};
  assert.deepEqual(status, {
    phase: "Initial",
    message: "Workload Not Found",
    observedGeneration: 0,
    currentStepIndex: 0,
    currentStepState: "",
  });
});

test("KRUISE-134 a marked workload: Progressing, the message stays, Succeeded goes", () => {
  const stored: RolloutStatus = {
    phase: "Healthy",
    message: "old text",
    currentStepIndex: 0,
    currentStepState: "",
    conditions: [{ type: "Succeeded", status: "True", reason: "", message: "" }],
  };
  const plan = reconcileRollout(view({ rollout: owned(stored), workload: workload({ isInProgressing: true }) }));
  const next = plan.status?.status as RolloutStatus;
  assert.deepEqual([next.phase, next.message], ["Progressing", "old text"]);
  assert.deepEqual(next.conditions, [
    {
      type: "Progressing",
      status: "True",
      reason: "Initializing",
      message: "Rollout is in Progressing",
      lastUpdateTime: "2030-01-01T00:00:00Z",
      lastTransitionTime: "2030-01-01T00:00:00Z",
    },
  ]);
});

test("INV-41 a deleted Rollout without workload ends, and writes nothing else", () => {
  const deleted = (status?: RolloutStatus) => {
    const made = owned(status);
    return { ...made, metadata: { ...made.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } } as Rollout;
  };
  let stored: RolloutStatus | undefined;
  const written: string[] = [];
  for (let pass = 0; pass < 3; pass++) {
    const plan: Plan = reconcileRollout(view({ rollout: deleted(stored), workload: null }));
    if (plan.status) stored = plan.status.status as RolloutStatus;
    for (const write of plan.writes) written.push(JSON.stringify(write.op === "patch" ? write.patch.body : write.op));
  }
  assert.deepEqual(written, ['{"metadata":{"finalizers":[]}}']);
  const condition = stored?.conditions?.find(({ type }) => type === "Terminating");
  assert.deepEqual([condition?.status, condition?.reason], ["False", "Completed"]);
});

test("a Rollout that has lost its finalizer while being deleted is left alone", () => {
  const gone: KubeObject = rollout("a");
  const metadata = { ...gone.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
  assert.deepEqual(reconcileRollout(view({ rollout: { ...gone, metadata } as Rollout })), emptyPlan);
});
