import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../../test/support/world.ts";
import type { KubeObject } from "../api/meta.ts";
import { silentLogger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
import { failure } from "../kube/errors.ts";
import { resources } from "../kube/resource.ts";
import { decideElection, LeaderElector } from "./leader.ts";

const KEY = { namespace: "default", name: "lock" };
const START = Date.UTC(2030, 0, 1);

function aLease(spec: Record<string, unknown>, resourceVersion = "7"): KubeObject {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { ...KEY, resourceVersion }, spec };
}

const theirs = { holderIdentity: "b", leaseDurationSeconds: 15, leaseTransitions: 3 };
/** `seenMs`: when this state of the Lease was first seen, before now; absent: just now. */
const cases: readonly {
  name: string;
  lease: KubeObject | null;
  seenMs?: number;
  does: string;
  transitions?: number;
}[] = [
  { name: "ARC-804 no Lease is made ours", lease: null, does: "create", transitions: 0 },
  {
    name: "ARC-804 ours is renewed",
    lease: aLease({ ...theirs, holderIdentity: "a" }),
    does: "update",
    transitions: 3,
  },
  { name: "ARC-804 another's is waited for from the moment it is seen", lease: aLease(theirs), does: "wait" },
  { name: "ARC-804 another's counts up to its duration", lease: aLease(theirs), seenMs: 14_999, does: "wait" },
  {
    name: "ARC-804 another's is taken at its end",
    lease: aLease(theirs),
    seenMs: 15_000,
    does: "update",
    transitions: 4,
  },
  {
    name: "ARC-804 its own duration counts, not ours",
    lease: aLease({ ...theirs, leaseDurationSeconds: 60 }),
    seenMs: 59_000,
    does: "wait",
  },
  {
    name: "ARC-804 a Lease that was given back is free",
    lease: aLease({ holderIdentity: "" }),
    does: "update",
    transitions: 1,
  },
];
for (const { name, lease, seenMs, does, transitions } of cases) {
  test(name, () => {
    const observed = seenMs === undefined ? null : { revision: "7", at: START - seenMs };
    const { step } = decideElection(lease, { identity: "a", now: START, leaseDurationMs: 15_000, observed });
    assert.equal(step.kind, does);
    if (step.kind === "wait") return;
    assert.equal(step.spec.holderIdentity, "a");
    assert.equal(step.spec.leaseTransitions, transitions);
    assert.equal(step.spec.renewTime, "2030-01-01T00:00:00.000000Z");
  });
}

test("ARC-804 a renewal that is seen starts the wait anew", () => {
  const observed = { revision: "6", at: START - 60_000 };
  const { step, observed: seen } = decideElection(aLease(theirs), {
    identity: "a",
    now: START,
    leaseDurationMs: 15_000,
    observed,
  });
  assert.equal(step.kind, "wait");
  assert.deepEqual(seen, { revision: "7", at: START });
});

function candidate(world: World, identity: string, client: KubeClient = world.client) {
  const turns: string[] = [];
  const elector = new LeaderElector({
    client,
    clock: world.clock,
    random: world.random,
    logger: silentLogger,
    lease: KEY,
    identity,
    onStarted: () => turns.push("started"),
    onStopped: () => turns.push("stopped"),
  });
  return { elector, turns };
}

test("ARC-804 K8S check 194 INV-34 two candidates, one leader; the other takes over after the lease has expired", async () => {
  const world = await startWorld({ builtinControllers: false });
  const [a, b] = [candidate(world, "a"), candidate(world, "b")];
  a.elector.start();
  await world.advance(1000);
  b.elector.start();
  await world.advance(120_000);
  assert.deepEqual([a.turns, b.turns], [["started"], []]);
  await a.elector.stop();
  assert.deepEqual(a.turns, ["started", "stopped"]);
  await world.advance(12_000);
  assert.deepEqual(b.turns, [], "not given back: the lease still counts");
  await world.advance(10_000);
  assert.deepEqual(b.turns, ["started"]);
  const lease = await world.get(resources.leases, KEY);
  const { holderIdentity, leaseTransitions } = (lease?.["spec"] ?? {}) as Record<string, unknown>;
  assert.deepEqual([holderIdentity, leaseTransitions], ["b", 1]);
  await b.elector.stop();
  await world.stop();
});

test("ARC-804 INV-34 a leader that cannot renew ends before another begins, and comes back as a candidate", async () => {
  const world = await startWorld({ builtinControllers: false });
  let isCut = false;
  const cut = new Proxy(world.client, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) =>
        isCut ? Promise.reject(failure(503, "ServiceUnavailable", "cut off")) : method.apply(target, args);
    },
  });
  const [a, b] = [candidate(world, "a", cut), candidate(world, "b")];
  a.elector.start();
  await world.advance(1000);
  b.elector.start();
  await world.advance(10_000);
  isCut = true;
  let sawBoth = false;
  for (let seconds = 0; seconds < 30; seconds++) {
    await world.advance(1000);
    sawBoth ||= a.elector.isLeader && b.elector.isLeader;
  }
  assert.equal(sawBoth, false);
  assert.deepEqual([a.turns, b.turns], [["started", "stopped"], ["started"]]);
  isCut = false;
  await b.elector.stop();
  await world.advance(30_000);
  assert.deepEqual(a.turns, ["started", "stopped", "started"]);
  await a.elector.stop();
  await world.stop();
});

test("ARC-804 candidates that ask at the same moment get one leader", async () => {
  const world = await startWorld({ builtinControllers: false });
  const all = ["a", "b", "c", "d"].map((identity) => candidate(world, identity));
  for (const { elector } of all) elector.start();
  await world.advance(30_000);
  assert.equal(all.filter(({ elector }) => elector.isLeader).length, 1);
  for (const { elector } of all) await elector.stop();
  await world.stop();
});
