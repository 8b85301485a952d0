import assert from "node:assert/strict";
import { test } from "node:test";
import { type ContainerFacts, type ContainerPhase, type PodFacts, waiting } from "./container-facts.ts";
import type { Pod, PodPhase } from "./pod.ts";
import { podStatus } from "./pod-status.ts";

const now = Date.UTC(2030, 0, 1, 0, 1);
const then = Date.UTC(2030, 0, 1);
const fresh = waiting("ContainerCreating");
const crashing = waiting("CrashLoopBackOff", "back-off 1s restarting failed container=c pod=web_t(u1)");
const running: ContainerPhase = { kind: "running", containerId: "fairway://1", startedAt: then };

function exited(exitCode: number) {
  const reason = exitCode === 0 ? "Completed" : "Error";
  const times = { startedAt: then, finishedAt: now };
  return { kind: "terminated", containerId: "fairway://0", ...times, exitCode, reason, message: null } as const;
}

function container(state: ContainerPhase, more: Partial<ContainerFacts> = {}): ContainerFacts {
  const flags = { isStarted: true, isReady: true, retryAt: 0 };
  return { name: "c", image: "busybox", state, last: null, restartCount: 0, ...flags, ...more };
}

function facts(containers: readonly ContainerFacts[], more: Partial<PodFacts> = {}): PodFacts {
  const flags = { isDeleting: false, isPastDeadline: false };
  return {
    podIp: "127.64.0.3",
    hostIp: "127.0.0.1",
    startedAt: then,
    ...flags,
    initContainers: [],
    containers,
    ...more,
  };
}

function pod(spec: Partial<Pod["spec"]> = {}, status: Pod["status"] = {}): Pod {
  const metadata = { name: "web", namespace: "t", uid: "u1" };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [], ...spec }, status };
}

function conditionsOf(status: ReturnType<typeof podStatus>): string[] {
  return status.conditions!.map(({ type, status, reason }) => `${type}=${status}${reason ? ` ${reason}` : ""}`);
}

interface PhaseCase {
  name: string;
  spec?: Partial<Pod["spec"]>;
  facts: PodFacts;
  phase: PodPhase;
  ready: string;
}

const restarted = container(running, { last: exited(1), restartCount: 1 });
const never = { restartPolicy: "Never" } as const;

const phases: PhaseCase[] = [
  {
    name: "K8S-252 a container that never ran: Pending",
    facts: facts([container(fresh)]),
    phase: "Pending",
    ready: "False ContainersNotReady",
  },
  {
    name: "K8S-252 one of two not started: Pending",
    facts: facts([container(running), container(fresh)]),
    phase: "Pending",
    ready: "False ContainersNotReady",
  },
  { name: "K8S-252 all started: Running", facts: facts([container(running)]), phase: "Running", ready: "True" },
  {
    name: "K8S-252 a restart due: Running",
    facts: facts([container(crashing, { last: exited(1) })]),
    phase: "Running",
    ready: "False ContainersNotReady",
  },
  { name: "K8S-252 after a restart: Running", facts: facts([restarted]), phase: "Running", ready: "True" },
  {
    name: "K8S-252 all exited 0 and no restart: Succeeded",
    spec: never,
    facts: facts([container(exited(0))]),
    phase: "Succeeded",
    ready: "False PodCompleted",
  },
  {
    name: "K8S-252 one exited non-zero and no restart: Failed",
    spec: never,
    facts: facts([container(exited(0)), container(exited(3))]),
    phase: "Failed",
    ready: "False PodFailed",
  },
  {
    name: "K8S-252 one still runs: Running",
    spec: never,
    facts: facts([container(running), container(exited(3))]),
    phase: "Running",
    ready: "False ContainersNotReady",
  },
  {
    name: "K8S-252 init containers not done: Pending",
    facts: facts([container(fresh)], { initContainers: [container(running, { name: "i" })] }),
    phase: "Pending",
    ready: "False ContainersNotReady",
  },
  {
    name: "K8S-252 an init container failed for good: Failed",
    spec: never,
    facts: facts([container(fresh)], { initContainers: [container(exited(1), { name: "i" })] }),
    phase: "Failed",
    ready: "False PodFailed",
  },
  {
    name: "K8S-252 past the deadline: Failed",
    facts: facts([container(running)], { isPastDeadline: true }),
    phase: "Failed",
    ready: "False PodFailed",
  },
  {
    name: "K8S-258 a startup probe or port hint holds readiness back",
    facts: facts([container(running, { isStarted: false })]),
    phase: "Running",
    ready: "False ContainersNotReady",
  },
  {
    name: "K8S-258 a failing readiness probe",
    facts: facts([container(running, { isReady: false })]),
    phase: "Running",
    ready: "False ContainersNotReady",
  },
  {
    name: "MESH-211 a pod that is deleted is not ready from the first moment",
    facts: facts([container(running)], { isDeleting: true }),
    phase: "Running",
    ready: "False ContainersNotReady",
  },
  {
    name: "K8S-259 a deleted pod whose process ended is not restarted: Failed",
    facts: facts([container(exited(143))], { isDeleting: true }),
    phase: "Failed",
    ready: "False PodFailed",
  },
  {
    name: "K8S-259 a pod deleted before it ran: Failed",
    facts: facts([container(fresh)], { isDeleting: true }),
    phase: "Failed",
    ready: "False PodFailed",
  },
];

for (const each of phases) {
  test(each.name, () => {
    const status = podStatus(pod(each.spec), each.facts, { now, before: undefined });
    const ready = status.conditions!.find(({ type }) => type === "Ready")!;
    assert.deepEqual([status.phase, [ready.status, ready.reason].join(" ").trim()], [each.phase, each.ready]);
  });
}

test("K8S-253 conditions come in the original's order, each with its time", () => {
  const status = podStatus(pod(), facts([container(running)]), { now, before: undefined });
  assert.deepEqual(conditionsOf(status), [
    "PodReadyToStartContainers=True",
    "Initialized=True",
    "Ready=True",
    "ContainersReady=True",
    "PodScheduled=True",
  ]);
  assert.ok(status.conditions!.every(({ lastTransitionTime }) => lastTransitionTime === "2030-01-01T00:01:00Z"));
});

test("K8S-253 the time of a condition changes only with its status", () => {
  const first = podStatus(pod(), facts([container(running, { isReady: false })]), { now: then, before: undefined });
  const second = podStatus(pod(), facts([container(running)]), { now, before: first });
  const times = Object.fromEntries(
    second.conditions!.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
  );
  assert.equal(times["Ready"], "2030-01-01T00:01:00Z");
  assert.equal(times["Initialized"], "2030-01-01T00:00:00Z");
});

test("K8S-253 unready containers are named", () => {
  const status = podStatus(pod(), facts([container(fresh), container(running)]), { now, before: undefined });
  const ready = status.conditions!.find(({ type }) => type === "Ready")!;
  assert.equal(ready.message, "containers with unready status: [c]");
});

test("K8S-253 a readiness gate must be True", () => {
  const spec = { readinessGates: [{ conditionType: "ex.io/lb" }] };
  const ready = (gate: "True" | "False" | null) => {
    const stored = gate === null ? [] : [{ type: "ex.io/lb", status: gate }];
    const status = podStatus(pod(spec, { conditions: stored }), facts([container(running)]), {
      now,
      before: undefined,
    });
    assert.ok(!status.conditions!.some(({ type }) => type === "ex.io/lb"), "the gate belongs to its writer");
    return conditionsOf(status)[2];
  };
  assert.equal(ready(null), "Ready=False ReadinessGatesNotReady");
  assert.equal(ready("False"), "Ready=False ReadinessGatesNotReady");
  assert.equal(ready("True"), "Ready=True");
});

test("K8S-254 a crash loop shows why it waits and how the last run ended", () => {
  const status = podStatus(pod(), facts([container(crashing, { last: exited(1), restartCount: 2 })]), {
    now,
    before: undefined,
  });
  assert.deepEqual(status.containerStatuses, [
    {
      name: "c",
      image: "busybox",
      imageID: "busybox",
      containerID: "fairway://0",
      ready: false,
      started: false,
      restartCount: 2,
      state: { waiting: { reason: "CrashLoopBackOff", message: crashing.message } },
      lastState: {
        terminated: {
          exitCode: 1,
          reason: "Error",
          startedAt: "2030-01-01T00:00:00Z",
          finishedAt: "2030-01-01T00:01:00Z",
          containerID: "fairway://0",
        },
      },
    },
  ]);
});

test("K8S-254 a pod without an address yet reports none", () => {
  const status = podStatus(pod(), facts([container(fresh)], { podIp: "" }), { now, before: undefined });
  assert.equal("podIP" in status, false);
  assert.equal(status.hostIP, "127.0.0.1");
});
