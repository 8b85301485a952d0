import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { shownPhase } from "./status/shown-phase.ts";
import { summarisePod } from "./summary/pod.ts";
import { summariseRollout } from "./summary.ts";
import type { Rollout } from "./types.ts";

const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const terminated = (state: Record<string, unknown>) => ({ state: { terminated: state } });
const running = { state: { running: {} }, ready: true };

interface PodCase {
  readonly name: string;
  readonly init?: readonly Record<string, unknown>[];
  readonly main?: readonly Record<string, unknown>[];
  readonly sidecar?: boolean;
  readonly status?: Record<string, unknown>;
  readonly deleted?: boolean;
  readonly shown: string;
}

function pod({ init = [], main = [], sidecar = false, status = {}, deleted }: PodCase): KubeObject {
  const named = (prefix: string, states: readonly Record<string, unknown>[]) =>
    states.map((state, index) => ({ name: `${prefix}${index}`, restartCount: 1, ...state }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", ...(deleted ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}) },
    spec: {
      initContainers: named("i", init).map(({ name }) => ({ name, ...(sidecar ? { restartPolicy: "Always" } : {}) })),
      containers: named("c", main).map(({ name }) => ({ name })),
    },
    status: {
      phase: "Running",
      initContainerStatuses: named("i", init),
      containerStatuses: named("c", main),
      ...status,
    },
  };
}

const pods: readonly PodCase[] = [
  { name: "all run", main: [running, running], shown: "Running 2/2 restarts 2" },
  { name: "the phase when nothing else is known", status: { phase: "Pending" }, shown: "Pending 0/0 restarts 0" },
  { name: "the pod's reason", status: { phase: "Failed", reason: "Evicted" }, shown: "Evicted 0/0 restarts 0" },
  { name: "the first container's reason wins", main: [waiting("A"), waiting("B")], shown: "A 0/2 restarts 2" },
  {
    name: "a reason of a later container",
    main: [running, waiting("ErrImagePull")],
    shown: "ErrImagePull 1/2 restarts 2",
  },
  { name: "an exit code", main: [terminated({ exitCode: 3 })], shown: "ExitCode:3 0/1 restarts 1" },
  { name: "a signal", main: [terminated({ exitCode: 137, signal: 9 })], shown: "Signal:9 0/1 restarts 1" },
  {
    name: "one is done and another runs",
    main: [terminated({ exitCode: 0, reason: "Completed" }), running],
    shown: "Running 1/2 restarts 2",
  },
  { name: "all are done", main: [terminated({ exitCode: 0, reason: "Completed" })], shown: "Completed 0/1 restarts 1" },
  {
    name: "the second init container is at work",
    init: [terminated({ exitCode: 0 }), { state: { running: {} } }],
    main: [waiting("PodInitializing")],
    shown: "Init:1/2 0/1 restarts 2",
  },
  {
    name: "an init container waits",
    init: [waiting("CrashLoopBackOff")],
    main: [{}],
    shown: "Init:CrashLoopBackOff 0/1 restarts 1",
  },
  {
    name: "an init container is to be started",
    init: [waiting("PodInitializing")],
    main: [{}],
    shown: "Init:0/1 0/1 restarts 1",
  },
  {
    name: "an init container failed",
    init: [terminated({ exitCode: 2 })],
    main: [{}],
    shown: "Init:ExitCode:2 0/1 restarts 1",
  },
  {
    name: "an init container was killed",
    init: [terminated({ exitCode: 137, signal: 9 })],
    main: [{}],
    shown: "Init:Signal:9 0/1 restarts 1",
  },
  {
    name: "an init container says why",
    init: [terminated({ exitCode: 1, reason: "Error" })],
    main: [{}],
    shown: "Init:Error 0/1 restarts 1",
  },
  {
    name: "CL-019 a native sidecar is not counted",
    sidecar: true,
    init: [{ started: true, ready: true, state: { running: {} } }],
    main: [running],
    shown: "Running 1/1 restarts 1",
  },
  {
    name: "a sidecar that runs but is not ready lets the main ones speak",
    sidecar: true,
    init: [{ started: true, ready: false, state: { running: {} } }],
    main: [running],
    shown: "Running 1/1 restarts 1",
  },
  { name: "it is being deleted", main: [running], deleted: true, shown: "Terminating 1/1 restarts 1" },
  {
    name: "its node was lost",
    main: [running],
    deleted: true,
    status: { reason: "NodeLost" },
    shown: "Unknown 1/1 restarts 1",
  },
];

for (const given of pods) {
  test(`CL-028 a pod's status: ${given.name}`, () => {
    const { status, ready, restarts } = summarisePod(pod(given));
    assert.equal(`${status} ${ready.count}/${ready.total} restarts ${restarts}`, given.shown);
  });
}

function rollout(spec: Partial<Rollout["spec"]>, status: NonNullable<Rollout["status"]>): Rollout {
  const metadata = { name: "demo", namespace: "default", uid: "demo", generation: 2 };
  return { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", metadata, spec, status };
}

interface SetShape {
  readonly hash: string;
  readonly replicas?: number;
  readonly available?: number;
  readonly status?: NonNullable<ReplicaSet["status"]>;
}

function replicaSet({ hash, replicas = 1, available = replicas, status }: SetShape): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: hash,
      generation: 2,
      labels: { "rollouts-pod-template-hash": hash },
      ownerReferences: [{ apiVersion: "v1", kind: "Rollout", name: "demo", uid: "demo" }],
    },
    spec: { replicas, selector: {}, template: { spec: {} } },
    status: { observedGeneration: 2, availableReplicas: available, ...status },
  };
}

const none = { replicaSets: [], pods: [], experiments: [], analysisRuns: [] };
const steps = [{ pause: {} }, { setWeight: 20 }, { pause: {} }, { setWeight: 60 }];
const trafficRouting = { istio: { virtualService: { name: "v" } } };
const inRelease = { stableRS: "old", currentPodHash: "new", availableReplicas: 6 };
const sets = [replicaSet({ hash: "old", replicas: 4 }), replicaSet({ hash: "new", replicas: 2 })];

const weights: readonly {
  name: string;
  canary: NonNullable<NonNullable<Rollout["spec"]["strategy"]>["canary"]>;
  status: NonNullable<Rollout["status"]>;
  shown: readonly [number, number];
}[] = [
  { name: "no steps", canary: {}, status: inRelease, shown: [100, 100] },
  { name: "before the first weight", canary: { steps }, status: { ...inRelease, currentStepIndex: 0 }, shown: [0, 33] },
  { name: "an index that is not there yet is 0", canary: { steps }, status: inRelease, shown: [0, 33] },
  {
    name: "the weight of an earlier step",
    canary: { steps },
    status: { ...inRelease, currentStepIndex: 2 },
    shown: [20, 33],
  },
  {
    name: "the weight of this step",
    canary: { steps },
    status: { ...inRelease, currentStepIndex: 3 },
    shown: [60, 33],
  },
  { name: "all steps done", canary: { steps }, status: { ...inRelease, currentStepIndex: 4 }, shown: [100, 100] },
  { name: "aborted", canary: { steps }, status: { ...inRelease, abort: true, currentStepIndex: 2 }, shown: [0, 33] },
  {
    name: "nothing is available",
    canary: { steps },
    status: { ...inRelease, availableReplicas: 0, currentStepIndex: 2 },
    shown: [20, 0],
  },
  {
    name: "the router's weight",
    canary: { steps, trafficRouting },
    status: {
      ...inRelease,
      currentStepIndex: 3,
      canary: { weights: { canary: { weight: 45 }, stable: { weight: 55 } } },
    },
    shown: [60, 45],
  },
  {
    name: "a router that has not said yet",
    canary: { steps, trafficRouting },
    status: { ...inRelease, currentStepIndex: 3 },
    shown: [60, 60],
  },
  {
    name: "another greatest weight",
    canary: { steps, trafficRouting: { ...trafficRouting, maxTrafficWeight: 1000 } },
    status: { ...inRelease, currentStepIndex: 4 },
    shown: [1000, 1000],
  },
];

for (const { name, canary, status, shown } of weights) {
  test(`CL-011 CL-012 weights: ${name}`, () => {
    const summary = summariseRollout(rollout({ strategy: { canary } }, status), { ...none, replicaSets: sets });
    assert.deepEqual([summary.setWeight, summary.actualWeight], shown);
  });
}

const failing = [{ type: "ReplicaFailure", status: "True" as const }];
const health: readonly (SetShape & { name: string; shown: string })[] = [
  { name: "all available", hash: "a", shown: "Healthy" },
  { name: "some missing", hash: "a", replicas: 2, available: 1, shown: "Progressing" },
  { name: "none wanted", hash: "a", replicas: 0, shown: "ScaledDown" },
  {
    name: "an older spec was seen",
    hash: "a",
    status: { observedGeneration: 1, conditions: failing },
    shown: "Progressing",
  },
  { name: "pods cannot be made", hash: "a", available: 0, status: { conditions: failing }, shown: "ReplicaFailure" },
];

for (const { name, shown, ...shape } of health) {
  test(`CL-027 a ReplicaSet's status: ${name}`, () => {
    const summary = summariseRollout(rollout({}, {}), { ...none, replicaSets: [replicaSet(shape)] });
    assert.equal(summary.revisions[0]?.replicaSets[0]?.status, shown);
  });
}

const blueGreen = { strategy: { blueGreen: { activeService: "a" } } };
const canary = { strategy: { canary: {} } };
const pingPong = { strategy: { canary: { pingPong: { pingService: "i", pongService: "o" } } } };
const tags: readonly { name: string; spec: Rollout["spec"]; status: NonNullable<Rollout["status"]>; shown: string }[] =
  [
    { name: "canary", spec: canary, status: { stableRS: "x", currentPodHash: "a" }, shown: "canary" },
    { name: "stable is not canary too", spec: canary, status: { stableRS: "a", currentPodHash: "a" }, shown: "stable" },
    { name: "an old one", spec: canary, status: { stableRS: "x", currentPodHash: "y" }, shown: "" },
    {
      name: "stable and active",
      spec: blueGreen,
      status: { stableRS: "a", blueGreen: { activeSelector: "a", previewSelector: "a" } },
      shown: "stable,active",
    },
    {
      name: "preview",
      spec: blueGreen,
      status: { stableRS: "x", blueGreen: { activeSelector: "x", previewSelector: "a" } },
      shown: "preview",
    },
    {
      name: "the stable one answers to ping",
      spec: pingPong,
      status: { stableRS: "a", currentPodHash: "a", canary: { stablePingPong: "ping" } },
      shown: "stable,ping",
    },
    {
      name: "the canary has the other of the two",
      spec: pingPong,
      status: { stableRS: "x", currentPodHash: "a", canary: { stablePingPong: "ping" } },
      shown: "canary,pong",
    },
    { name: "before the first promotion nothing is stable", spec: canary, status: {}, shown: "" },
  ];

for (const { name, spec, status, shown } of tags) {
  test(`CL-018 a ReplicaSet's part: ${name}`, () => {
    const summary = summariseRollout(rollout(spec, status), { ...none, replicaSets: [replicaSet({ hash: "a" })] });
    assert.equal(summary.revisions[0]?.replicaSets[0]?.tags.join(","), shown);
  });
}

const byReference = { workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } };
const healthy = { phase: "Healthy", observedGeneration: "2" };
const phases: readonly { name: string; rollout: Rollout; annotations?: Record<string, string>; shown: string }[] = [
  { name: "the controller's word", rollout: rollout({}, { ...healthy, message: "m" }), shown: "Healthy - m" },
  {
    name: "an older spec",
    rollout: rollout({}, { ...healthy, observedGeneration: "1" }),
    shown: "Progressing - waiting for rollout spec update to be observed",
  },
  {
    name: "a hash of old versions",
    rollout: rollout({}, { ...healthy, observedGeneration: "5f" }),
    shown: "Healthy - ",
  },
  {
    name: "a pause that was ended",
    rollout: rollout({}, { ...healthy, controllerPause: true, pauseConditions: [] }),
    shown: "Progressing - waiting for rollout to unpause",
  },
  {
    name: "an older workload",
    rollout: rollout(byReference, { ...healthy, workloadObservedGeneration: "3" }),
    annotations: { "rollout.argoproj.io/workload-generation": "4" },
    shown: "Progressing - waiting for rollout spec update to be observed for the reference workload",
  },
  {
    name: "this workload",
    rollout: rollout(byReference, { ...healthy, workloadObservedGeneration: "4" }),
    annotations: { "rollout.argoproj.io/workload-generation": "4" },
    shown: "Healthy - ",
  },
  { name: "no word yet", rollout: rollout({}, {}), shown: "Progressing - more replicas need to be updated" },
  {
    name: "conditions of a controller that wrote no phase",
    rollout: rollout({}, { conditions: [condition("RolloutAborted", "metric failed")] }),
    shown: "Degraded - RolloutAborted: metric failed",
  },
  {
    name: "a pause of a controller that wrote no phase",
    rollout: rollout({}, { pauseConditions: [{ reason: "BlueGreenPause", startTime: "2030-01-01T00:00:00Z" }] }),
    shown: "Paused - BlueGreenPause",
  },
];

function condition(reason: string, message: string) {
  const time = "2030-01-01T00:00:00Z";
  const times = { lastUpdateTime: time, lastTransitionTime: time };
  return { type: "Progressing", status: "False" as const, reason, message, ...times };
}

for (const { name, rollout: object, annotations = {}, shown } of phases) {
  test(`ARC-632 the phase that a client shows: ${name}`, () => {
    const { phase, message } = shownPhase({ ...object, metadata: { ...object.metadata, annotations } });
    assert.equal(`${phase} - ${message}`, shown);
  });
}
