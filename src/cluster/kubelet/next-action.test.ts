import assert from "node:assert/strict";
import { test } from "node:test";
import { type ContainerFacts, type ContainerPhase, waiting } from "./container-facts.ts";
import { backoffMs, defaultBackoff, formatGoDuration, nextAction, type RestartPolicy } from "./next-action.ts";
import type { Pod } from "./pod.ts";

const now = 1_000_000;
const fresh = waiting("ContainerCreating");
const running: ContainerPhase = { kind: "running", containerId: "c", startedAt: 0 };

function exited(exitCode: number): ContainerPhase {
  return { kind: "terminated", containerId: "c", startedAt: 0, finishedAt: 0, exitCode, reason: "", message: null };
}

interface Case {
  name: string;
  policy?: RestartPolicy;
  init?: ContainerPhase[];
  main: ContainerPhase[];
  /** Of every container, relative to now. */
  retryIn?: number;
  isDeleting?: boolean;
  isPastDeadline?: boolean;
  start: string[];
  wakeIn?: number;
}

const cases: Case[] = [
  { name: "K8S-252 all containers start together", main: [fresh, fresh], start: ["m0", "m1"] },
  { name: "K8S-252 a running container is left alone", main: [running, fresh], start: ["m1"] },
  { name: "K8S-256 init containers start one after another", init: [fresh, fresh], main: [fresh], start: ["i0"] },
  { name: "K8S-256 while an init container runs nothing starts", init: [running, fresh], main: [fresh], start: [] },
  { name: "K8S-256 the next init container follows a success", init: [exited(0), fresh], main: [fresh], start: ["i1"] },
  { name: "K8S-256 the containers follow the last init container", init: [exited(0)], main: [fresh], start: ["m0"] },
  { name: "K8S-256 a failed init container is repeated", init: [exited(1)], main: [fresh], start: ["i0"] },
  { name: "K8S-256 … but not with Never", policy: "Never", init: [exited(1)], main: [fresh], start: [] },
  { name: "K8S-256 Always restarts after success", main: [exited(0)], start: ["m0"] },
  { name: "K8S-256 OnFailure leaves a success", policy: "OnFailure", main: [exited(0)], start: [] },
  { name: "K8S-256 OnFailure restarts a failure", policy: "OnFailure", main: [exited(1)], start: ["m0"] },
  { name: "K8S-256 Never restarts nothing", policy: "Never", main: [exited(1)], start: [] },
  { name: "K8S-256 back-off is waited out", main: [waiting("CrashLoopBackOff")], retryIn: 1, start: [], wakeIn: 1 },
  { name: "K8S-256 back-off that is over", main: [waiting("CrashLoopBackOff")], retryIn: 0, start: ["m0"] },
  { name: "K8S-259 a pod that is deleted starts nothing", main: [fresh], isDeleting: true, start: [] },
  { name: "K8S-252 a pod past its deadline starts nothing", main: [exited(1)], isPastDeadline: true, start: [] },
];

for (const { name, policy = "Always", init = [], main, retryIn = 0, start, wakeIn, ...flags } of cases) {
  test(name, () => {
    const facts =
      (prefix: string) =>
      (state: ContainerPhase, index: number): ContainerFacts => ({
        name: `${prefix}${index}`,
        image: "busybox",
        state,
        last: null,
        restartCount: 0,
        isStarted: false,
        isReady: false,
        retryAt: now + retryIn,
      });
    const pod = { spec: { restartPolicy: policy, containers: [] } } as unknown as Pod;
    const action = nextAction(
      pod,
      {
        podIp: "127.64.0.3",
        hostIp: "127.0.0.1",
        startedAt: 0,
        isDeleting: flags.isDeleting ?? false,
        isPastDeadline: flags.isPastDeadline ?? false,
        initContainers: init.map(facts("i")),
        containers: main.map(facts("m")),
      },
      now,
    );
    assert.deepEqual(action, { start, wakeAt: wakeIn === undefined ? null : now + wakeIn });
  });
}

test("K8S-256 the first restart is immediate, then the delay doubles up to the maximum", () => {
  const delays = [0, 1, 2, 3, 6, 7, 8, 100].map((failures) => backoffMs(failures, defaultBackoff));
  assert.deepEqual(delays, [0, 1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
});

test("K8S-255 durations in messages read as Go prints them", () => {
  const texts = [500, 1_000, 10_000, 60_000, 80_000, 300_000].map(formatGoDuration);
  assert.deepEqual(texts, ["500ms", "1s", "10s", "1m0s", "1m20s", "5m0s"]);
});
