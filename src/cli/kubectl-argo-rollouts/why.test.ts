import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { explainWait } from "../../dialects/argo/summary/why.ts";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { AnalysisRun, Experiment, Rollout, RolloutStatus } from "../../dialects/argo/types.ts";
import {
  ago,
  analysisRun,
  argo,
  experiment,
  MINUTE,
  NOW,
  pod,
  replicaSet,
  rollout,
  withRollout,
} from "./program.fixture.ts";

/** EC-025: each phase and message of a Rollout (ARC-620…632) in words, with what to type. */

interface Case {
  readonly name: string;
  readonly spec?: Partial<Rollout["spec"]>;
  readonly status?: RolloutStatus;
  readonly generation?: number;
  readonly annotations?: Record<string, string>;
  readonly newPods?: readonly KubeObject[];
  /** Of the new and the stable version, beside the 2 that there shall be. */
  readonly available?: readonly [number, number];
  readonly deadline?: string;
  readonly runs?: readonly AnalysisRun[];
  readonly experiments?: readonly Experiment[];
  readonly waitsFor: string;
  readonly text: string;
  readonly commands: readonly string[];
}

const steps = [
  { setWeight: 20 },
  { pause: {} },
  { pause: { duration: "1m" } },
  { analysis: {} },
  { experiment: { templates: [] } },
];
const canary = { strategy: { canary: { steps } } };
const blueGreen = { strategy: { blueGreen: { activeService: "web", previewService: "next" } } };
const inRelease: RolloutStatus = {
  phase: "Progressing",
  currentPodHash: "b",
  stableRS: "a",
  updatedReplicas: 1,
  availableReplicas: 3,
  replicas: 3,
};
const times = { lastUpdateTime: ago(0), lastTransitionTime: ago(0) };
const condition = (type: string, status: "True" | "False", reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  ...times,
});
const argoOf = (verb: string, flags = "") => `kubectl argo rollouts ${verb} demo -n default${flags}`;
const [promote, full, skip] = [argoOf("promote"), argoOf("promote", " --full"), argoOf("promote", " --skip")];
const [abort, undo, retry] = [argoOf("abort"), argoOf("undo"), argoOf("retry rollout")];
const describe = "kubectl describe rollouts.argoproj.io demo -n default";
const paused = (reason: string, age = 0): RolloutStatus => ({
  ...inRelease,
  phase: "Paused",
  message: reason,
  controllerPause: true,
  pauseConditions: [{ reason, startTime: ago(age) }],
});
const lasts = "If that lasts, no controller runs, or it looks after another instance id.";

const measured = { phase: "Successful", value: "[0.98]", startedAt: ago(0), finishedAt: ago(0) } as const;
const bad = { phase: "Failed", value: "[0.5]", startedAt: ago(0), finishedAt: ago(0) } as const;
const run = (
  phase: "Running" | "Failed" | "Inconclusive",
  measurements: readonly object[],
  reason?: string,
): AnalysisRun =>
  analysisRun({
    name: "run",
    owner: "demo",
    revision: 2,
    status: {
      phase,
      metricResults: [
        { name: "success-rate", phase, measurements: [...measurements], ...(reason ? { metadata: { reason } } : {}) },
      ],
    } as NonNullable<AnalysisRun["status"]>,
  });
const runStatus = (status: "Running" | "Failed" | "Inconclusive") => ({ name: "run", status });

const waiting = (name: string, reason: string, message: string) =>
  pod({ name, owner: "demo-b", states: [{ state: { waiting: { reason, message } } }], status: { phase: "Pending" } });

const cases: readonly Case[] = [
  {
    name: "ARC-632 a spec that nobody has seen",
    generation: 4,
    status: { ...inRelease, observedGeneration: "3" },
    waitsFor: "controller",
    text: `The controller has not seen the newest spec yet (generation 4, seen 3). ${lasts}`,
    commands: [],
  },
  {
    name: "ARC-632 a template elsewhere that nobody has seen",
    spec: { ...canary, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
    annotations: { "rollout.argoproj.io/workload-generation": "3" },
    status: { ...inRelease, workloadObservedGeneration: "2" },
    waitsFor: "controller",
    text: `The controller has not seen the newest template of Deployment web yet. ${lasts}`,
    commands: [],
  },
  {
    name: "ARC-632 a pause that was ended",
    status: { ...inRelease, controllerPause: true },
    waitsFor: "controller",
    text: `The pause was ended, and the controller has not acted on it yet. ${lasts}`,
    commands: [],
  },
  {
    name: "an abort that nobody has acted on",
    status: { ...inRelease, abort: true },
    waitsFor: "controller",
    text: `An abort was asked for, and the controller has not acted on it yet. ${lasts}`,
    commands: [],
  },
  {
    name: "one that no controller has looked at",
    status: {},
    waitsFor: "controller",
    text: `No controller has looked at it yet. ${lasts}`,
    commands: [],
  },
  {
    name: "ARC-620 InvalidSpec",
    status: { phase: "Degraded", message: 'InvalidSpec: The Rollout "demo" is invalid' },
    waitsFor: "correction",
    text: 'The spec is invalid, and nothing is done until it is corrected: The Rollout "demo" is invalid.',
    commands: ["kubectl edit rollouts.argoproj.io demo -n default"],
  },
  {
    name: "ARC-621 RolloutAborted",
    status: {
      ...inRelease,
      phase: "Degraded",
      message: "RolloutAborted: …",
      abort: true,
      conditions: [
        condition("Progressing", "False", "RolloutAborted", "Rollout aborted update to revision 2: metric failed"),
      ],
    },
    waitsFor: "person",
    text: "Rollout aborted update to revision 2: metric failed. The stable version (a) serves.",
    commands: [undo, retry],
  },
  {
    name: "ARC-621 RolloutAborted while the traffic is on its way back",
    status: {
      ...inRelease,
      phase: "Degraded",
      message: "RolloutAborted: …",
      abort: true,
      conditions: [condition("Progressing", "False", "RolloutAborted", "Rollout aborted update to revision 2")],
      canary: { weights: { canary: { weight: 20 }, stable: { weight: 80 } } },
    },
    available: [1, 1],
    waitsFor: "person",
    text: "Rollout aborted update to revision 2. The stable version (a) serves; 20 % of the traffic still goes to the new one; 1 of 2 pods of revision 1 (a) are available; 0 exist so far.",
    commands: [undo, retry],
  },
  {
    name: "ARC-621 RolloutAborted, and a retry was asked for",
    status: {
      ...inRelease,
      phase: "Degraded",
      message: "RolloutAborted: …",
      abort: false,
      conditions: [condition("Progressing", "False", "RolloutAborted", "m")],
    },
    waitsFor: "controller",
    text: "A retry was asked for; the controller has not acted on it yet.",
    commands: [],
  },
  {
    name: "ARC-621 ProgressDeadlineExceeded",
    spec: { ...canary, progressDeadlineSeconds: 60 },
    status: { ...inRelease, phase: "Degraded", message: "ProgressDeadlineExceeded: …" },
    available: [0, 2],
    newPods: [waiting("p", "ImagePullBackOff", "no such image")],
    waitsFor: "correction",
    text: "Nothing has moved on for 60 s: 0 of 2 pods of revision 2 (b) are available; p is ImagePullBackOff (no such image). The release goes on by itself as soon as something does.",
    commands: ["kubectl describe pod p -n default", abort, undo],
  },
  {
    name: "ARC-622 manually paused",
    spec: { ...canary, paused: true },
    status: { ...inRelease, phase: "Paused", message: "manually paused", currentStepIndex: 0 },
    waitsFor: "person",
    text: "Somebody paused it (spec.paused is true), at step 1 of 5 (setWeight: 20).",
    commands: [`kubectl patch rollouts.argoproj.io demo --type merge -p '{"spec":{"paused":false}}' -n default`, abort],
  },
  {
    name: "ARC-623 CanaryPauseStep until promoted",
    status: { ...paused("CanaryPauseStep"), currentStepIndex: 1 },
    waitsFor: "person",
    text: "Step 2 of 5 (pause) is a pause that lasts until somebody promotes the Rollout.",
    commands: [promote, abort, full],
  },
  {
    name: "ARC-623 CanaryPauseStep with a duration",
    status: { ...paused("CanaryPauseStep", 20_000), currentStepIndex: 2 },
    waitsFor: "time",
    text: "Step 3 of 5 (pause: 1m) is a pause; it ends by itself in 40s.",
    commands: [promote, abort, full],
  },
  {
    name: "ARC-623 BlueGreenPause",
    spec: blueGreen,
    status: paused("BlueGreenPause"),
    waitsFor: "person",
    text: "The new version is ready, and Service web still leads to the one before, until somebody promotes the Rollout.",
    commands: [promote, abort, full],
  },
  {
    name: "ARC-623 BlueGreenPause with an end",
    spec: { strategy: { blueGreen: { activeService: "web", autoPromotionSeconds: 90 } } },
    status: paused("BlueGreenPause", 30_000),
    waitsFor: "time",
    text: "The new version is ready, and Service web still leads to the one before; it switches by itself in 60s.",
    commands: [promote, abort, full],
  },
  {
    name: "ARC-623 InconclusiveAnalysisRun",
    status: {
      ...paused("InconclusiveAnalysisRun"),
      currentStepIndex: 3,
      canary: { currentStepAnalysisRunStatus: runStatus("Inconclusive") },
    },
    runs: [run("Inconclusive", [bad], "too few requests")],
    waitsFor: "person",
    text: "Somebody has to judge, since the analysis could not: AnalysisRun run is Inconclusive: success-rate: 1 measurement, the last Failed with [0.5] (too few requests).",
    commands: [promote, abort, full],
  },
  {
    name: "ARC-623 InconclusiveExperiment",
    status: { ...paused("InconclusiveExperiment"), currentStepIndex: 4, canary: { currentExperiment: "e" } },
    waitsFor: "person",
    text: "Somebody has to judge, since experiment e was inconclusive.",
    commands: [promote, abort, full],
  },
  {
    name: "EC-022 FailedAnalysisRun",
    status: {
      ...paused("FailedAnalysisRun"),
      currentStepIndex: 1,
      canary: { currentBackgroundAnalysisRunStatus: runStatus("Failed") },
    },
    runs: [run("Failed", [measured, bad])],
    waitsFor: "person",
    text: "The analysis failed, and the Rollout's annotation asks for a pause instead of an abort: AnalysisRun run is Failed: success-rate: 2 measurements, the last Failed with [0.5].",
    commands: [promote, abort, full],
  },
  {
    name: "EC-022 FailedExperiment",
    status: { ...paused("FailedExperiment"), currentStepIndex: 4, canary: { currentExperiment: "e" } },
    waitsFor: "person",
    text: "Experiment e failed, and the Rollout's annotation asks for a pause instead of an abort.",
    commands: [promote, abort, full],
  },
  {
    name: "a pause with a reason that we do not know",
    status: { ...paused("SomethingNew"), currentStepIndex: 1 },
    waitsFor: "person",
    text: "It is paused: SomethingNew.",
    commands: [promote, abort, full],
  },
  {
    name: "TrafficRoutingError",
    status: {
      ...inRelease,
      message: "m",
      conditions: [condition("TrafficRoutingError", "True", "x", 'VirtualService "v" has no route "r"')],
    },
    waitsFor: "correction",
    text: 'The traffic cannot be set as it should be: VirtualService "v" has no route "r".',
    commands: [describe, abort],
  },
  {
    name: "ARC-606 a quota",
    status: {
      ...inRelease,
      message: "more replicas need to be updated",
      conditions: [condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods")],
    },
    available: [0, 2],
    waitsFor: "correction",
    text: "The API server refuses what the release needs: exceeded quota: pods. It is tried again and again.",
    commands: ["kubectl describe resourcequota -n default", abort],
  },
  {
    name: "a ReplicaSet that is refused",
    status: {
      ...inRelease,
      message: "m",
      conditions: [condition("Progressing", "False", "ReplicaSetCreateError", "Failed to create: denied")],
    },
    waitsFor: "correction",
    text: "The API server refuses what the release needs: Failed to create: denied. It is tried again and again.",
    commands: ["kubectl describe resourcequota -n default", abort],
  },
  {
    name: "ARC-624 a restart",
    spec: { ...canary, restartAt: ago(0) },
    status: { ...inRelease, stableRS: "b", message: "rollout is restarting" },
    newPods: [pod({ name: "old", owner: "demo-b", age: MINUTE }), pod({ name: "young", owner: "demo-b" })],
    waitsFor: "pods",
    text: "Pods from before 2030-01-01T00:00:00Z are being replaced, as many at once as may be missing (1 to go).",
    commands: ["kubectl get poddisruptionbudgets -n default"],
  },
  {
    name: "ARC-624 a restart to come",
    spec: { ...canary, restartAt: ago(-5 * MINUTE) },
    status: { ...inRelease, message: "rollout is restarting" },
    waitsFor: "time",
    text: "Its pods are to be replaced in 5m (2030-01-01T00:05:00Z).",
    commands: [],
  },
  {
    name: "ARC-625 pods to come",
    status: { ...inRelease, message: "more replicas need to be updated", currentStepIndex: 0 },
    available: [0, 2],
    waitsFor: "pods",
    text: "0 of 2 pods of revision 2 (b) are available; 0 exist so far.",
    commands: [abort, undo],
  },
  {
    name: "ARC-626 a pod that is not ready",
    status: { ...inRelease, message: "updated replicas are still becoming available" },
    available: [1, 2],
    newPods: [pod({ name: "p", owner: "demo-b", states: [{ state: { running: {} }, ready: false }] })],
    waitsFor: "pods",
    text: "1 of 2 pods of revision 2 (b) are available; p is running, and not ready (0 of 1 containers).",
    commands: ["kubectl logs p --all-containers -n default", abort, undo],
  },
  {
    name: "ARC-626 pods that crash, more than two",
    status: { ...inRelease, message: "updated replicas are still becoming available" },
    available: [0, 2],
    newPods: ["p", "q", "r"].map((name) =>
      pod({ name, owner: "demo-b", states: [{ state: { waiting: { reason: "CrashLoopBackOff" } }, restartCount: 3 }] }),
    ),
    waitsFor: "pods",
    text: "0 of 2 pods of revision 2 (b) are available; p is CrashLoopBackOff after 3 restarts, q is CrashLoopBackOff after 3 restarts, 1 more are not ready.",
    commands: ["kubectl logs p --all-containers -n default", abort, undo],
  },
  {
    name: "ARC-626 a pod that is on its way out is no reason",
    status: { ...inRelease, message: "updated replicas are still becoming available" },
    available: [0, 2],
    newPods: [pod({ name: "p", owner: "demo-b", deleted: true, states: [{ state: { running: {} }, ready: false }] })],
    waitsFor: "pods",
    text: "0 of 2 pods of revision 2 (b) are available; 0 exist so far.",
    commands: [abort, undo],
  },
  {
    name: "ARC-626 minReadySeconds",
    status: { ...inRelease, message: "updated replicas are still becoming available" },
    available: [1, 2],
    newPods: [pod({ name: "p", owner: "demo-b" }), pod({ name: "q", owner: "demo-b" })],
    waitsFor: "pods",
    text: "1 of 2 pods of revision 2 (b) are available; the others are ready, and not long enough.",
    commands: [abort, undo],
  },
  {
    name: "ARC-627 the switch",
    spec: blueGreen,
    status: { ...inRelease, message: "active service cutover pending" },
    waitsFor: "controller",
    text: "The new version is about to get Service web.",
    commands: [abort],
  },
  {
    name: "ARC-627 the analysis before the switch",
    spec: blueGreen,
    status: {
      ...inRelease,
      message: "active service cutover pending",
      blueGreen: { prePromotionAnalysisRunStatus: runStatus("Running") },
    },
    runs: [run("Running", [])],
    waitsFor: "analysis",
    text: "Before the switch it waits for a verdict. AnalysisRun run is Running: success-rate: nothing has been measured yet.",
    commands: [abort],
  },
  {
    name: "ARC-628 the analysis after the switch",
    spec: blueGreen,
    status: {
      ...inRelease,
      message: "waiting for analysis to complete",
      blueGreen: { postPromotionAnalysisRunStatus: runStatus("Running") },
    },
    runs: [run("Running", [measured])],
    waitsFor: "analysis",
    text: "After the switch it waits for a verdict. AnalysisRun run is Running: success-rate: 1 measurement, the last Successful with [0.98].",
    commands: [abort],
  },
  {
    name: "ARC-629 old pods",
    spec: { ...canary, replicas: 2 },
    status: { ...inRelease, message: "old replicas are pending termination", updatedReplicas: 2 },
    waitsFor: "pods",
    text: "The new version is complete; pods of older ones are still ending (1).",
    commands: [],
  },
  {
    name: "ARC-630 a step that is being carried out",
    spec: { ...canary, replicas: 2 },
    status: { ...inRelease, message: "waiting for all steps to complete", currentStepIndex: 0 },
    waitsFor: "pods",
    text: "Step 1 of 5 (setWeight: 20) is being carried out: 1 of 2 pods are of the new version, 3 are available.",
    commands: [abort],
  },
  {
    name: "ARC-630 an analysis step, which comes before pods that may be fewer",
    status: {
      ...inRelease,
      message: "more replicas need to be updated",
      currentStepIndex: 3,
      canary: { currentStepAnalysisRunStatus: runStatus("Running") },
    },
    available: [0, 2],
    runs: [run("Running", [measured, bad], "measured [0.5]")],
    waitsFor: "analysis",
    text: "Step 4 of 5 (analysis) waits for a verdict. AnalysisRun run is Running: success-rate: 2 measurements, the last Failed with [0.5] (measured [0.5]).",
    commands: [abort, skip],
  },
  {
    name: "ARC-630 an experiment step",
    status: {
      ...inRelease,
      message: "more replicas need to be updated",
      currentStepIndex: 4,
      canary: { currentExperiment: "e" },
    },
    experiments: [experiment({ name: "e", owner: "demo", revision: 2, phase: "Running", message: "m" })],
    waitsFor: "experiment",
    text: "Step 5 of 5 (experiment) waits for its end. Experiment e is Running: m.",
    commands: [abort, skip],
  },
  {
    name: "a full promotion",
    status: { ...inRelease, message: "more replicas need to be updated", promoteFull: true, currentStepIndex: 0 },
    waitsFor: "pods",
    text: "A full promotion is under way: the new version grows to its full size.",
    commands: [abort],
  },
  {
    name: "ARC-901 the data plane",
    status: {
      ...inRelease,
      message: "waiting for data plane",
      currentStepIndex: 0,
      canary: { weights: { canary: { weight: 10 }, stable: { weight: 90 } } },
    },
    waitsFor: "data-plane",
    text: "Routes and endpoints are written, and the data plane has not said yet that it runs them (weight 10 so far, 20 wanted).",
    commands: ["fairway status", describe],
  },
  {
    name: "ARC-901 nobody tells what the data plane runs",
    status: {
      ...inRelease,
      message: "waiting for data plane",
      conditions: [condition("TrafficSettling", "True", "x", "traffic was set; it is taken to be in force after 5s")],
    },
    waitsFor: "time",
    text: "Traffic was set; it is taken to be in force after 5s.",
    commands: [],
  },
  {
    name: "a Service that does not find the pods",
    status: { ...inRelease, message: "waiting for a ready pod of version b to become an endpoint of its Service" },
    waitsFor: "data-plane",
    text: "It is waiting for a ready pod of version b to become an endpoint of its Service. If that lasts, the Service's selector does not match the pods' labels.",
    commands: ["kubectl get endpointslices -n default"],
  },
  {
    name: "ARC-221 stable first",
    status: { ...inRelease, message: "waiting for the stable version to be available" },
    available: [0, 1],
    waitsFor: "pods",
    text: "1 of 2 pods of revision 1 (a) are available; 0 exist so far.",
    commands: [abort],
  },
  {
    name: "ARC-631 Healthy",
    spec: { ...canary, replicas: 2 },
    status: { ...inRelease, phase: "Healthy", stableRS: "b" },
    waitsFor: "nothing",
    text: "It waits for nothing: revision 2 has all of the traffic, and its 2 pods are available.",
    commands: [],
  },
  {
    name: "ARC-631 Healthy, with the version before kept",
    spec: { ...canary, replicas: 2 },
    status: { ...inRelease, phase: "Healthy", stableRS: "b" },
    deadline: ago(-25_000),
    waitsFor: "nothing",
    text: "It waits for nothing: revision 2 has all of the traffic, and its 2 pods are available. The pods of revision 1 are kept for another 25s.",
    commands: [],
  },
  {
    name: "a message that we do not know",
    status: { ...inRelease, message: "admission webhook denied it" },
    waitsFor: "controller",
    text: "It is Progressing: admission webhook denied it.",
    commands: [],
  },
];

for (const one of cases) {
  test(`EC-025 why: ${one.name}`, () => {
    const { spec = canary, status = {}, generation = 1, newPods = [], available: [fresh, stable] = [2, 2] } = one;
    const object = rollout({ spec, status, metadata: { generation, annotations: one.annotations ?? {} } });
    const sets = [
      replicaSet({ name: "demo-b", owner: "demo", hash: "b", revision: 2, replicas: 2, available: fresh }),
      replicaSet({
        ...{ name: "demo-a", owner: "demo", hash: "a", revision: 1, replicas: 2, available: stable },
        ...(one.deadline ? { annotations: { "scale-down-deadline": one.deadline } } : {}),
      }),
    ];
    const parts = {
      replicaSets: sets,
      pods: newPods,
      experiments: one.experiments ?? [],
      analysisRuns: one.runs ?? [],
    };
    const { waitsFor, text, actions } = explainWait(object, summariseRollout(object, parts), NOW);
    assert.deepEqual(
      { waitsFor, text, commands: actions.map(({ command }) => command) },
      { waitsFor: one.waitsFor, text: one.text, commands: one.commands },
    );
    assert.ok(actions.every(({ effect }) => /^[a-z].*[^.]$/.test(effect)));
  });
}

const atPause = { spec: canary, status: { ...paused("CanaryPauseStep"), currentStepIndex: 1 } };

test("EC-025 why prints the text and the commands", () =>
  withRollout(atPause, async (world) => {
    const { code, out, err } = await argo(world, "why demo");
    assert.deepEqual({ code, err }, { code: 0, err: "" });
    assert.deepEqual(out.split("\n"), [
      "demo (namespace default) is Paused. Step 2 of 5 (pause) is a pause that lasts until somebody promotes the Rollout.",
      "",
      "  kubectl argo rollouts promote demo -n default",
      "    goes on with step 3 of 5 (pause: 1m)",
      "",
      "  kubectl argo rollouts abort demo -n default",
      "    gives the stable version all of the traffic",
      "",
      "  kubectl argo rollouts promote demo -n default --full",
      "    skips all that is left of the release",
      "",
    ]);
  }));

test("EC-025 why for programs", () =>
  withRollout(atPause, async (world) => {
    const { actions, ...rest } = JSON.parse((await argo(world, "why demo -o json")).out);
    assert.deepEqual(rest, {
      ...{ apiVersion: "cli.argo.fairway.dev/v1", kind: "WaitView", namespace: "default", name: "demo" },
      ...{ phase: "Paused", message: "CanaryPauseStep", waitsFor: "person" },
      text: "Step 2 of 5 (pause) is a pause that lasts until somebody promotes the Rollout.",
    });
    assert.equal(actions.length, 3);
  }));
