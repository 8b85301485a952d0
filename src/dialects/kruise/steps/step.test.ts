import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../../../api/apps.ts";
import { addSeconds, formatTime } from "../../../base/time.ts";
import { planHash } from "../batch-release/plan-hash.ts";
import { wantedBatchReleaseSpec } from "../own-writes.ts";
import { deployment, rollout } from "../release.fixture.ts";
import type { BatchRelease, CanaryStatus, Rollout, RolloutStatus, RolloutView, Step, WorkloadView } from "../types.ts";
import { runStep } from "./step.ts";

const start = Date.UTC(2030, 0, 1);

interface Case {
  readonly name: string;
  readonly steps?: readonly Step[];
  readonly at: Partial<CanaryStatus>;
  /** What the top of the status says: the state that the controller wrote last. */
  readonly top?: string;
  /** Seconds after lastUpdateTime. */
  readonly now?: number;
  /** How the BatchRelease differs from one that is ready for the step; null: there is none. */
  readonly release?: ((release: BatchRelease) => void) | null;
  readonly state: string;
  readonly index?: number;
  readonly next?: number;
  readonly message?: string;
  readonly wakes?: number;
  readonly writes?: readonly string[];
}

const one: readonly Step[] = [{ replicas: 1 }];
const three: readonly Step[] = [{ replicas: 1 }, { replicas: 2 }, { replicas: 3 }];
const timed = (duration: number, replicas: number | string = 1): readonly Step[] => [{ replicas, pause: { duration } }];
const approval = "Rollout is in step(1/1), and you need manually confirm to enter the next step";
const waits = "Rollout is in step(1/1), and wait duration(60 seconds) to enter the next step";
const upgrading = "Rollout is in step(1/1), and upgrade workload to new version";
const state = (currentStepState: string, more: Partial<CanaryStatus> = {}) => ({ currentStepState, ...more });

const cases: readonly Case[] = [
  { name: "KRUISE-151 without traffic the step begins at once", at: state("BeforeStepUpgrade"), state: "StepUpgrade" },
  {
    name: "KRUISE-152 without BatchRelease one is made",
    at: state("StepUpgrade"),
    release: null,
    state: "StepUpgrade",
    message: upgrading,
    writes: ["create"],
  },
  { name: "KRUISE-152 ready for this plan: on to traffic", at: state("StepUpgrade"), state: "StepTrafficRouting" },
  {
    name: "KRUISE-152 not ready: wait",
    at: state("StepUpgrade"),
    release: ({ status }) => {
      status!.canaryStatus!.batchState = "Verifying";
    },
    state: "StepUpgrade",
  },
  {
    name: "KRUISE-152 ready for an earlier batch: wait",
    at: state("StepUpgrade", { currentStepIndex: 2, nextStepIndex: 3 }),
    steps: three,
    release: ({ status }) => {
      status!.canaryStatus!.currentBatch = 0;
    },
    state: "StepUpgrade",
    index: 2,
    next: 3,
  },
  {
    name: "INV-29 ready, but of an older plan: wait",
    at: state("StepUpgrade"),
    release: ({ status }) => {
      status!.observedReleasePlanHash = "older";
    },
    state: "StepUpgrade",
  },
  {
    name: "INV-29 ready, but of an older generation: wait",
    at: state("StepUpgrade"),
    release: ({ status }) => {
      status!.observedGeneration = 1;
    },
    state: "StepUpgrade",
  },
  {
    name: "KRUISE-152 a spec that differs is brought up to date",
    at: state("StepUpgrade"),
    release: ({ spec }) => {
      spec.releasePlan.batches = [{ canaryReplicas: 7 }];
    },
    state: "StepUpgrade",
    writes: ["update"],
  },
  {
    name: "KRUISE-183 a BatchRelease that is going is waited for",
    at: state("StepUpgrade"),
    release: ({ metadata }) => {
      metadata.deletionTimestamp = formatTime(start);
    },
    state: "StepUpgrade",
    writes: [],
  },
  {
    name: "BUG-10 what keeps the pods from coming is told",
    at: state("StepUpgrade"),
    release: ({ status }) => {
      status!.canaryStatus!.batchState = "Verifying";
      status!.message = "Deployment a-x: quota";
    },
    state: "StepUpgrade",
    message: `${upgrading}: Deployment a-x: quota`,
  },
  { name: "KRUISE-153 no traffic to route", at: state("StepTrafficRouting"), state: "StepMetricsAnalysis" },
  { name: "KRUISE-154 no metrics to judge", at: state("StepMetricsAnalysis"), state: "StepPaused" },
  {
    name: "KRUISE-155 no duration waits for approval",
    at: state("StepPaused"),
    state: "StepPaused",
    now: 9e6,
    message: approval,
  },
  {
    name: "KRUISE-155 one second short waits",
    steps: timed(60),
    at: state("StepPaused"),
    now: 59,
    state: "StepPaused",
    wakes: 60,
    message: waits,
  },
  { name: "KRUISE-155 the last second counts", steps: timed(60), at: state("StepPaused"), now: 60, state: "StepReady" },
  { name: "KRUISE-161 a duration of 0 goes on at once", steps: timed(0), at: state("StepPaused"), state: "StepReady" },
  {
    name: 'KRUISE-155 a last step of "100%" goes on',
    steps: [{ replicas: "100%" }],
    at: state("StepPaused"),
    state: "StepReady",
  },
  {
    name: "KRUISE-155 a last step of all pods in numbers waits",
    steps: [{ replicas: 4 }],
    at: state("StepPaused"),
    state: "StepPaused",
  },
  {
    name: 'KRUISE-155 a first step of "100%" waits',
    steps: [{ replicas: "100%" }, { replicas: "100%" }],
    at: state("StepPaused", { nextStepIndex: 2 }),
    state: "StepPaused",
    next: 2,
  },
  { name: "KRUISE-156 after the last step: Completed", at: state("StepReady"), state: "Completed" },
  {
    name: "KRUISE-156 else the next step",
    steps: three,
    at: state("StepReady", { nextStepIndex: 2 }),
    state: "BeforeStepUpgrade",
    index: 2,
    next: 3,
  },
  {
    name: "KRUISE-017 the last step has no next",
    steps: three,
    at: state("StepReady", { currentStepIndex: 2, nextStepIndex: 3 }),
    state: "BeforeStepUpgrade",
    index: 3,
    next: -1,
  },
  { name: "KRUISE-160 approval of a paused step", at: state("StepReady"), top: "StepPaused", state: "Completed" },
  {
    name: "KRUISE-162 approval of an upgrade is put back",
    at: state("StepReady"),
    top: "StepUpgrade",
    state: "StepUpgrade",
  },
  {
    name: "KRUISE-162 a second approval does not skip the next step",
    steps: three,
    at: state("StepReady", { currentStepIndex: 2, nextStepIndex: 3 }),
    top: "BeforeStepUpgrade",
    state: "BeforeStepUpgrade",
    index: 2,
    next: 3,
  },
  { name: "KRUISE-021 approval through v1alpha1 leaves no top", at: state("StepReady"), top: "", state: "Completed" },
  {
    name: "KRUISE-170 a jump to a step with as many pods goes to its traffic",
    steps: three,
    at: state("StepPaused", { nextStepIndex: 1 }),
    state: "StepTrafficRouting",
    next: 2,
  },
  {
    name: "KRUISE-170 a jump to a step with other pods upgrades",
    steps: three,
    at: state("StepPaused", { nextStepIndex: 3 }),
    state: "BeforeStepUpgrade",
    index: 3,
    next: -1,
  },
  {
    name: "KRUISE-170 0 is no jump",
    steps: three,
    at: state("StepPaused", { nextStepIndex: 0 }),
    state: "StepPaused",
    next: 0,
  },
  {
    name: "KRUISE-170 beyond the end is no jump",
    steps: three,
    at: state("StepPaused", { nextStepIndex: 4 }),
    state: "StepPaused",
    next: 4,
  },
  {
    name: "KRUISE-170 a current step that is gone goes to the last",
    at: state("StepPaused", { currentStepIndex: 3 }),
    state: "StepTrafficRouting",
  },
  {
    name: "INV-39 a pause over a canary that is gone makes it anew",
    at: state("StepPaused"),
    release: null,
    state: "StepUpgrade",
  },
];

function viewAt({ steps = one, at, top, now = 0, release }: Case): {
  view: RolloutView;
  workload: WorkloadView;
  status: RolloutStatus;
} {
  const owner = rollout("a", { canary: { steps: [...steps] } }) as Rollout;
  owner.metadata.generation = 1;
  const canaryStatus: CanaryStatus = {
    canaryRevision: "new",
    currentStepIndex: 1,
    nextStepIndex: -1,
    currentStepState: "",
    canaryReplicas: 1,
    canaryReadyReplicas: 1,
    lastUpdateTime: formatTime(start),
    ...at,
  };
  const status: RolloutStatus = {
    phase: "Progressing",
    currentStepIndex: canaryStatus.currentStepIndex,
    currentStepState: top ?? canaryStatus.currentStepState,
    canaryStatus,
  };
  const workload: WorkloadView = {
    deployment: deployment("a", { replicas: 4 }) as unknown as Deployment,
    isSettled: true,
    revision: "new",
    stableRevision: "old",
    isInProgressing: true,
    isInRollback: false,
    rolloutId: "",
    canaryTemplateHash: "hash",
  };
  const view: RolloutView = {
    rollout: { ...owner, status },
    now: addSeconds(start, now),
    settleSeconds: 3,
    workload,
    workloadElsewhere: null,
    rival: null,
    batchRelease: null,
  };
  return {
    view: { ...view, batchRelease: release === null ? null : readyRelease(view, status, release) },
    workload,
    status,
  };
}

function readyRelease(
  view: RolloutView,
  status: RolloutStatus,
  change?: (release: BatchRelease) => void,
): BatchRelease {
  const spec = wantedBatchReleaseSpec(view, status);
  const release: BatchRelease = {
    apiVersion: "rollouts.kruise.io/v1beta1",
    kind: "BatchRelease",
    metadata: { name: "a", namespace: "default", generation: 2 },
    spec,
    status: {
      phase: "Progressing",
      observedGeneration: 2,
      observedReleasePlanHash: planHash(spec),
      canaryStatus: {
        batchState: "Ready",
        currentBatch: spec.releasePlan.batchPartition ?? 0,
        updatedReplicas: 1,
        updatedReadyReplicas: 1,
      },
    },
  };
  change?.(release);
  return release;
}

for (const row of cases) {
  test(row.name, () => {
    const { view, workload, status } = viewAt(row);
    const outcome = runStep(view, workload, status);
    const sub = outcome.status.canaryStatus;
    assert.equal(sub?.currentStepState, row.state);
    assert.equal(sub?.currentStepIndex, row.index ?? 1);
    assert.equal(sub?.nextStepIndex, row.next ?? -1);
    if (row.message !== undefined) assert.equal(outcome.status.message, row.message);
    const wakesAt = row.wakes === undefined ? null : addSeconds(start, row.wakes);
    assert.equal(outcome.requeueAt ?? null, wakesAt);
    assert.deepEqual(
      (outcome.writes ?? []).map(({ op }) => op),
      row.writes ?? [],
    );
  });
}
