import assert from "node:assert/strict";
import { test } from "node:test";
import { aRollout } from "../rollout.fixture.ts";
import { phaseOf } from "../status.ts";
import type { Rollout, RolloutStatus } from "../types.ts";
import { putCondition, setCondition } from "./conditions.ts";

/** What a status and a spec come to in one word and one sentence (ARC-620…631), and how conditions are kept (ARC-610). */

const NOW = Date.UTC(2030, 0, 1);
/** Promoted, with all pods there. */
const well: RolloutStatus = {
  currentPodHash: "new",
  stableRS: "new",
  replicas: 2,
  updatedReplicas: 2,
  availableReplicas: 2,
  blueGreen: { activeSelector: "new" },
};

function condition(type: string, status: string, reason: string, message: string) {
  return { type, status, reason, message, lastUpdateTime: "", lastTransitionTime: "" };
}

const invalid = condition("InvalidSpec", "True", "InvalidSpec", "what is wrong");
const aborted = condition("Progressing", "False", "RolloutAborted", "why");
const exceeded = condition("Progressing", "False", "ProgressDeadlineExceeded", "too slow");

interface Case {
  readonly name: string;
  readonly status?: Record<string, unknown>;
  readonly spec?: Partial<Rollout["spec"]>;
  readonly strategy?: "routed" | "basic" | "blueGreen";
  readonly trafficWait?: string;
  readonly expected: string;
}

const pauses = [
  { reason: "BlueGreenPause", startTime: "x" },
  { reason: "InconclusiveAnalysisRun", startTime: "x" },
];

const cases: Case[] = [
  { name: "ARC-620 a mistake", status: { conditions: [invalid] }, expected: "Degraded InvalidSpec: what is wrong" },
  {
    name: "ARC-620 ARC-621 of two the first in the list",
    status: { conditions: [aborted, invalid] },
    expected: "Degraded RolloutAborted: why",
  },
  {
    name: "ARC-620 ARC-621 the other way round",
    status: { conditions: [invalid, aborted] },
    expected: "Degraded InvalidSpec: what is wrong",
  },
  {
    name: "ARC-621 a deadline",
    status: { conditions: [exceeded] },
    expected: "Degraded ProgressDeadlineExceeded: too slow",
  },
  {
    name: "ARC-621 before a pause",
    status: { conditions: [aborted] },
    spec: { paused: true },
    expected: "Degraded RolloutAborted: why",
  },
  {
    name: "ARC-622 a user's pause",
    spec: { paused: true },
    status: { pauseConditions: pauses },
    expected: "Paused manually paused",
  },
  {
    name: "ARC-623 the first pause of several",
    status: { pauseConditions: pauses },
    expected: "Paused BlueGreenPause",
  },
  {
    name: "ARC-624 a restart",
    spec: { restartAt: "b" },
    status: { restartedAt: "a" },
    expected: "Progressing rollout is restarting",
  },
  {
    name: "ARC-624 a restart that is done",
    spec: { restartAt: "b" },
    status: { restartedAt: "b" },
    expected: "Healthy",
  },
  {
    name: "ARC-625 pods to come",
    status: { updatedReplicas: 1 },
    expected: "Progressing more replicas need to be updated",
  },
  {
    name: "ARC-626 pods to get ready",
    status: { availableReplicas: 1 },
    expected: "Progressing updated replicas are still becoming available",
  },
  {
    name: "ARC-627 the switch",
    strategy: "blueGreen",
    status: { blueGreen: { activeSelector: "old" }, stableRS: "old" },
    expected: "Progressing active service cutover pending",
  },
  {
    name: "ARC-628 the verdict after the switch",
    strategy: "blueGreen",
    status: { stableRS: "old" },
    expected: "Progressing waiting for analysis to complete",
  },
  { name: "ARC-631 after a switch", strategy: "blueGreen", expected: "Healthy" },
  {
    name: "ARC-629 old pods without a router",
    strategy: "basic",
    status: { replicas: 3 },
    expected: "Progressing old replicas are pending termination",
  },
  { name: "ARC-629 old pods with a router are a delay", status: { replicas: 3 }, expected: "Healthy" },
  { name: "ARC-630 steps", status: { stableRS: "old" }, expected: "Progressing waiting for all steps to complete" },
  {
    name: "ARC-901 what traffic waits for comes before the steps",
    status: { stableRS: "old" },
    trafficWait: "waiting for data plane",
    expected: "Progressing waiting for data plane",
  },
  { name: "ARC-631 otherwise", expected: "Healthy" },
  {
    name: "ARC-620 a condition that is over says nothing",
    status: { conditions: [{ ...invalid, status: "False" }] },
    expected: "Healthy",
  },
];

for (const { name, status = {}, spec = {}, strategy = "routed", trafficWait = null, expected } of cases) {
  test(`${name}: ${expected}`, () => {
    const rollout = aRollout({}, { replicas: 2, ...spec });
    if (strategy === "blueGreen") rollout.spec.strategy = { blueGreen: { activeService: "active" } };
    if (strategy === "basic") delete rollout.spec.strategy?.canary?.trafficRouting;
    const [phase, message] = phaseOf({ rollout, status: { ...well, ...status } as RolloutStatus, trafficWait });
    assert.equal(message === "" ? phase : `${phase} ${message}`, expected);
  });
}

test("ARC-610 same status and reason change nothing; a new reason keeps the time of the transition and goes to the end", () => {
  const status: RolloutStatus = {};
  const set = (change: { status: "True" | "False"; reason: string; message: string }, atSeconds: number) =>
    setCondition(status, { type: "Progressing", ...change }, NOW + atSeconds * 1000);
  const put = (atSeconds: number) =>
    putCondition(status, { type: "Available", status: "True", reason: "r", message: "m" }, NOW + atSeconds * 1000);
  assert.equal(set({ status: "True", reason: "a", message: "first" }, 0), true);
  put(0);
  assert.equal(set({ status: "True", reason: "a", message: "second" }, 5), false);
  assert.equal(status.conditions?.[0]?.message, "first");
  assert.equal(set({ status: "True", reason: "b", message: "third" }, 10), true);
  const last = status.conditions?.at(-1);
  assert.deepEqual(last, {
    type: "Progressing",
    status: "True",
    reason: "b",
    message: "third",
    lastUpdateTime: "2030-01-01T00:00:10Z",
    lastTransitionTime: "2030-01-01T00:00:00Z",
  });
  assert.equal(set({ status: "False", reason: "b", message: "fourth" }, 20), true);
  assert.equal(status.conditions?.at(-1)?.lastTransitionTime, "2030-01-01T00:00:20Z");
  put(30);
  assert.equal(status.conditions?.at(-1)?.lastUpdateTime, "2030-01-01T00:00:30Z", "ARC-612 progress is written anew");
});
