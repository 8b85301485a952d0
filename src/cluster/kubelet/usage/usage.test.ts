import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { VirtualClock } from "../../../base/clock.ts";
import type { Pod } from "../pod.ts";
import { type GroupUsage, groupUsage, type Process, parseStat, readGroups } from "./processes.ts";
import { type RunningContainer, UsageSampler, usageProblem } from "./sampler.ts";

test("K8S-262 a line of /proc/PID/stat, whatever the program is called", () => {
  const rest = "S 7 42 42 0 -1 4194304 98 0 0 0 11 22 33 44 20 0 1 0 1707625 3133440 414";
  const expected = { pid: 43, parent: 7, group: 42, cpuMs: 1100 };
  assert.deepEqual(parseStat(`43 (node) ${rest}`), expected);
  assert.deepEqual(parseStat(`43 (a b) 1 (c) ${rest}`), expected);
  assert.equal(parseStat("43 (gone"), null);
  assert.equal(parseStat(""), null);
});

test("K8S-262 a process belongs to its group, or to that of the nearest parent", () => {
  const process = (pid: number, parent: number, group: number, cpuMs: number): Process => ({
    pid,
    parent,
    group,
    cpuMs,
  });
  const processes = [
    process(10, 1, 10, 100),
    process(11, 10, 10, 20),
    process(12, 11, 12, 3),
    process(20, 1, 20, 7),
    process(30, 1, 30, 1000),
    process(40, 41, 40, 9),
    process(41, 40, 41, 9),
  ];
  const groups = groupUsage(processes, new Set([10, 20, 50]), (pid) => pid);
  assert.deepEqual(
    [...groups],
    [
      [10, { cpuMs: 123, memoryBytes: 33 }],
      [20, { cpuMs: 7, memoryBytes: 20 }],
    ],
  );
});

test("K8S-262 a real process's time and memory", { skip: usageProblem(process.platform) ?? false }, async () => {
  const script = "const end = Date.now() + 150; while (Date.now() < end); console.log(1); setTimeout(() => {}, 20000)";
  const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  try {
    await once(child.stdout, "data");
    const { cpuMs, memoryBytes } = readGroups(new Set([child.pid!])).get(child.pid!)!;
    assert.ok(cpuMs >= 20, `${cpuMs} ms`);
    assert.ok(memoryBytes > 10 * 2 ** 20, `${memoryBytes} bytes`);
  } finally {
    child.kill("SIGKILL");
  }
});

test("K8S-262 on other systems the reason is told", () => {
  assert.equal(usageProblem("linux"), null);
  assert.equal(usageProblem("darwin"), "CPU and memory of pods are measured on Linux only, and this is darwin");
});

interface Bench {
  readonly clock: VirtualClock;
  readonly sampler: UsageSampler;
  readonly groups: Map<number, GroupUsage>;
  readonly containers: RunningContainer[];
  readonly reads: () => number;
}

const IDLE_MS = 5 * 60_000;

function bench(problem: string | null = null): Bench {
  const clock = new VirtualClock();
  const groups = new Map<number, GroupUsage>();
  const containers: RunningContainer[] = [];
  let reads = 0;
  const sampler = new UsageSampler({
    clock,
    nodeName: "n1",
    intervalMs: 15_000,
    containers: () => containers,
    readGroups: () => {
      reads++;
      return new Map(groups);
    },
    readNode: () => ({ cpuMs: 0, memoryBytes: 5 }),
    problem,
  });
  return { clock, sampler, groups, containers, reads: () => reads };
}

function container(pid: number, startedAt: number, name = "c"): RunningContainer {
  const metadata = { name: "p", namespace: "default", uid: "u" };
  const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [] } } as Pod;
  return { pod, name, pid, startedAt };
}

test("K8S-262 nobody asks, nothing is measured; who asks gets averages of the last window", () => {
  const { clock, sampler, groups, containers, reads } = bench();
  containers.push(container(1, clock.now() - 60_000));
  groups.set(1, { cpuMs: 500, memoryBytes: 10 });
  clock.advanceTo(clock.now() + 60_000);
  assert.equal(reads(), 0);

  const first = sampler.snapshot();
  assert.deepEqual([first.pods, first.pendingUntil], [[], clock.now() + 16_000]);
  groups.set(1, { cpuMs: 600, memoryBytes: 20 });
  clock.advanceTo(clock.now() + 1000);
  assert.deepEqual(sampler.snapshot().pods[0]?.containers, [{ name: "c", cpuNanos: 1e8, memoryBytes: 20 }]);
  groups.set(1, { cpuMs: 600 + 7500, memoryBytes: 30 });
  clock.advanceTo(clock.now() + 15_000);
  const whole = sampler.snapshot();
  assert.equal(whole.pendingUntil, null);
  assert.deepEqual(whole.pods[0]?.containers, [{ name: "c", cpuNanos: 5e8, memoryBytes: 30 }]);
  assert.equal(whole.pods[0]?.windowMs, 15_000);

  clock.advanceTo(clock.now() + 2 * IDLE_MS);
  const before = reads();
  assert.equal(clock.nextWakeAt(), null);
  clock.advanceTo(clock.now() + IDLE_MS);
  assert.equal(reads(), before);
  sampler.stop();
});

test("K8S-262 a container that began within the window counts from its start, and a pod only as a whole", () => {
  const { clock, sampler, groups, containers } = bench();
  sampler.snapshot();
  clock.advanceTo(clock.now() + 6000);
  containers.push(container(1, clock.now()));
  groups.set(1, { cpuMs: 2000, memoryBytes: 10 });
  clock.advanceTo(clock.now() + 10_000);
  const [pod] = sampler.snapshot().pods;
  assert.deepEqual([pod?.windowMs, pod?.containers[0]?.cpuNanos], [10_000, 2e8]);

  clock.advanceTo(clock.now() + 14_500);
  containers.push(container(2, clock.now(), "d"));
  groups.set(2, { cpuMs: 1, memoryBytes: 1 });
  clock.advanceTo(clock.now() + 500);
  assert.deepEqual(sampler.snapshot().pods, [], "half a second tells nothing");
  clock.advanceTo(clock.now() + 15_000);
  assert.equal(sampler.snapshot().pods[0]?.containers.length, 2);

  groups.set(1, { cpuMs: 0, memoryBytes: 1 });
  clock.advanceTo(clock.now() + 15_000);
  assert.equal(sampler.snapshot().pods[0]?.containers[0]?.cpuNanos, 0, "no less than nothing");
  groups.delete(1);
  clock.advanceTo(clock.now() + 15_000);
  assert.deepEqual(sampler.snapshot().pods, []);
  sampler.stop();
});

test("K8S-29 somebody at a terminal waits a second for the first values", async () => {
  const { clock, sampler, groups, containers } = bench();
  containers.push(container(1, clock.now() - 60_000));
  groups.set(1, { cpuMs: 500, memoryBytes: 10 });
  const answer = sampler.whenMeasured();
  clock.advanceTo(clock.now() + 1000);
  const { pods, node } = await answer;
  assert.equal(pods.length, 1);
  assert.deepEqual([node?.name, node?.memoryBytes], ["n1", 5]);
  sampler.stop();
});

test("K8S-262 where nothing can be measured nothing is tried", async () => {
  const { sampler, reads, clock } = bench("not here");
  assert.equal((await sampler.whenMeasured()).problem, "not here");
  assert.deepEqual([reads(), clock.nextWakeAt()], [0, null]);
});
