import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../../test/support/world.ts";
import type { KubeObject } from "../api/meta.ts";
import type { Logger } from "../base/log.ts";
import { failure } from "../kube/errors.ts";
import { formatKey, keyOf, resources } from "../kube/resource.ts";
import type { Controller } from "./controller.ts";
import { emptyPlan, type Plan } from "./plan.ts";
import { verdictOf } from "./runner.ts";

type View = { readonly map: KubeObject; readonly now: number };

/** A controller of ConfigMaps that plans what the test says. */
function controllerOf(reconcile: (view: View) => Plan): Controller<View> {
  return {
    name: "test-controller",
    watches: [{ type: resources.configMaps, keysOf: (map) => [formatKey(keyOf(map))] }],
    gather: (key, cache, now) => {
      const map = cache.get(resources.configMaps, key);
      return map && { map, now };
    },
    reconcile,
  };
}

function configMap(name: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

function ownedBy({ metadata }: KubeObject, name: string): KubeObject {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: metadata.name, uid: metadata.uid ?? "", controller: true };
  const child = configMap(name);
  return { ...child, metadata: { ...child.metadata, ownerReferences: [owner] } };
}

const key = { namespace: "default", name: "a" };

function setData(map: KubeObject, data: Record<string, string>): Plan {
  return { ...emptyPlan, writes: [{ op: "update", type: resources.configMaps, object: { ...map, data } }] };
}

async function start(controller: Controller<View>, options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  return startWorld({ builtinControllers: false, controllers: [controller], ...options });
}

test("INV-29 a key waits until a lagging cache has seen its own write", async () => {
  const seen: string[] = [];
  const controller = controllerOf(({ map }) => {
    const { count = "0" } = map["data"] as { count?: string };
    seen.push(count);
    return Number(count) < 5 ? setData(map, { count: String(Number(count) + 1) }) : emptyPlan;
  });
  const world = await start(controller, { faults: { staleMs: 500 } });
  await world.apply(configMap("a"));
  await world.settle();
  assert.deepEqual(seen, ["0", "1", "2", "3", "4", "5"], "each state is seen once, none again");
  assert.equal(world.writeCount, 5);
});

test("INV-29 a delete too is waited for", async () => {
  let plans = 0;
  const controller = controllerOf(({ map }) => {
    if (map.metadata.name !== "a") return emptyPlan;
    plans++;
    return { ...emptyPlan, writes: [{ op: "delete", type: resources.configMaps, object: map }] };
  });
  const world = await start(controller, { faults: { staleMs: 500 } });
  await world.apply(configMap("a"));
  await world.settle();
  assert.equal(plans, 1);
  assert.equal(await world.get(resources.configMaps, key), null);
});

test("INV-33 a write that changes nothing is not sent", async () => {
  const world = await start(controllerOf(({ map }) => setData(map, { x: "1" })));
  await world.apply(configMap("a"));
  await world.settle();
  assert.equal(world.writeCount, 1);
});

test("INV-30 conflicts are retried on a fresh view until the write is in", async () => {
  const world = await start(
    controllerOf(({ map }) => setData(map, { x: "1" })),
    { faults: { conflict: 0.8 } },
  );
  await world.apply(configMap("a"));
  await world.settle();
  assert.deepEqual((await world.get(resources.configMaps, key))?.["data"], { x: "1" });
});

test("INV-30 an object whose creation was performed but not answered for is waited for, not made twice", async () => {
  const views: number[] = [];
  const controller: Controller<{ readonly map: KubeObject; readonly children: number }> = {
    name: "test-controller",
    watches: [{ type: resources.configMaps, keysOf: (map) => (map.metadata.name === "a" ? ["default/a"] : []) }],
    gather: (key, cache) => {
      const map = cache.get(resources.configMaps, key);
      return map && { map, children: cache.ownedBy(resources.configMaps, map.metadata.uid ?? "").length };
    },
    // Names follow from what is seen, as those of pods do.
    reconcile: ({ map, children }) => {
      views.push(children);
      const names = Array.from({ length: Math.max(0, 3 - children) }, (_, index) => `child-${children}-${index}`);
      const writes = names.map((name) => ({
        op: "create" as const,
        type: resources.configMaps,
        object: ownedBy(map, name),
      }));
      return { ...emptyPlan, writes };
    },
  };
  const faults = { staleMs: 500, lostAnswer: 0.5 };
  const world = await startWorld({ builtinControllers: false, controllers: [controller], faults });
  await world.apply(configMap("a"));
  await world.settle();
  const children = (await world.list(resources.configMaps, "default")).filter(
    ({ metadata }) => metadata.ownerReferences,
  );
  assert.equal(children.length, 3);
  assert.deepEqual([views[0], new Set(views).size], [0, 1], "no view shows only some of them");
  await world.stop();
});

test("the first failure stops the plan: no later write, no status, no event", async () => {
  const controller = controllerOf(({ map }) => ({
    ...emptyPlan,
    writes:
      map.metadata.name === "a"
        ? [
            { op: "create", type: resources.configMaps, object: configMap("first") },
            { op: "create", type: resources.configMaps, object: configMap("Not A Name") },
            { op: "create", type: resources.configMaps, object: configMap("third") },
          ]
        : [],
    events: map.metadata.name === "a" ? [{ regarding: map, type: "Normal", reason: "Done", message: "done" }] : [],
  }));
  const world = await start(controller);
  await world.apply(configMap("a"));
  await world.settle();
  const names = (await world.list(resources.configMaps, "default")).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["a", "first"]);
  const reasons = (await world.list(resources.events)).map((event) => event["reason"]);
  assert.deepEqual(reasons, ["WriteRefused"], "the refusal is told once, at the object");
});

test("an invalid write is parked until the object changes", async () => {
  let plans = 0;
  const controller = controllerOf(({ map }) => {
    plans++;
    const name = (map["data"] as { name?: string }).name ?? "Not A Name";
    return { ...emptyPlan, writes: [{ op: "create", type: resources.configMaps, object: configMap(name) }] };
  });
  const world = await start({ ...controller, watches: [{ ...controller.watches[0]!, keysOf: onlyA }] });
  await world.apply(configMap("a"));
  await world.advance(3_600_000);
  assert.equal(plans, 1);
  await world.patch(resources.configMaps, key, { data: { name: "good" } });
  await world.settle();
  assert.ok(await world.get(resources.configMaps, { ...key, name: "good" }));
});

function onlyA(map: KubeObject): readonly string[] {
  return map.metadata.name === "a" ? [formatKey(keyOf(map))] : [];
}

test("our own mistake is logged, backs off, and leaves other keys alone", async () => {
  const errors: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (_fields, message) => errors.push(message) };
  let failures = 0;
  const controller = controllerOf(({ map }) => {
    if (map.metadata.name === "bad" && failures++ < 3) throw new TypeError("x is not a function");
    return setData(map, { x: "1" });
  });
  const world = await start(controller, { logger });
  await world.apply([configMap("bad"), configMap("a")]);
  await world.settle();
  assert.deepEqual(errors, ["a reconciler failed", "a reconciler failed", "a reconciler failed"]);
  for (const name of ["a", "bad"]) {
    assert.deepEqual((await world.get(resources.configMaps, { ...key, name }))?.["data"], { x: "1" });
  }
});

test("requeueAt wakes the key although nothing changes", async () => {
  const looks: number[] = [];
  const controller = controllerOf(({ now }) => {
    looks.push(now);
    return { ...emptyPlan, requeueAt: looks.length < 3 ? now + 60_000 : null };
  });
  const world = await start(controller);
  await world.apply(configMap("a"));
  await world.advance(600_000);
  assert.deepEqual(
    looks.map((at) => at - looks[0]!),
    [0, 60_000, 120_000],
  );
});

test("a create that was performed although its answer was lost is found by its name, not repeated", async () => {
  const controller = controllerOf(({ map }) => {
    if (map.metadata.name !== "a" || map["data"]) return emptyPlan;
    return {
      ...emptyPlan,
      writes: [
        { op: "create", type: resources.configMaps, object: ownedBy(map, "a-child") },
        { op: "update", type: resources.configMaps, object: { ...map, data: { done: "yes" } } },
      ],
    };
  });
  const world = await start(controller, { faults: { lostAnswer: 0.7 }, seed: 3 });
  await world.apply({ ...configMap("a"), data: undefined });
  await world.settle();
  assert.deepEqual((await world.get(resources.configMaps, key))?.["data"], { done: "yes" });
});

test("a crash stops a plan right after that write, and the next life finishes it", async () => {
  const children = ["a-1", "a-2", "a-3", "a-4"];
  const controller = controllerOf(({ map }) => ({
    ...emptyPlan,
    writes: children.map((name) => ({ op: "create", type: resources.configMaps, object: ownedBy(map, name) })),
  }));
  const world = await start({ ...controller, watches: [{ ...controller.watches[0]!, keysOf: onlyA }] });
  const stored = async () => (await world.list(resources.configMaps, "default")).length;
  world.crashAfterWrites(2);
  await world.apply(configMap("a"));
  await world.settle();
  assert.equal(world.hasCrashed, true);
  assert.equal(await stored(), 3);
  await world.restartControllers();
  await world.settle();
  assert.equal(await stored(), 5);
});

test("INV-33 a key that never settles is slowed down and reported", async () => {
  const errors: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (_fields, message) => errors.push(message) };
  let count = 0;
  const world = await start(
    controllerOf(({ map }) => setData(map, { count: String(++count) })),
    { logger },
  );
  await world.apply(configMap("a"));
  await world.advance(2000);
  assert.ok(errors.includes("a key does not settle"));
  assert.ok(count < 1000, `${count} writes in two seconds`);
});

test("INV-33 a key that a thousand changes of one moment woke is looked at again a second later", async () => {
  let last = 0;
  const controller = controllerOf(({ now }) => {
    last = now;
    return emptyPlan;
  });
  const onlyA = () => [formatKey(key)];
  const world = await start({ ...controller, watches: [{ ...controller.watches[0]!, keysOf: onlyA }] });
  await world.apply(configMap("a"));
  const before = world.clock.now();
  for (let count = 0; count < 1000; count++) await world.apply(configMap(`b${count}`));
  await world.advance(2000);
  assert.ok(last > before && last <= before + 1000, `last looked at after ${last - before} ms`);
  await world.stop();
});

const verdicts: readonly { name: string; code: number; verdict: ReturnType<typeof verdictOf> }[] = [
  { name: "a missing object is looked at afresh", code: 404, verdict: "retry" },
  { name: "INV-30 a conflict is retried", code: 409, verdict: "retry" },
  { name: "an expired revision is retried", code: 410, verdict: "retry" },
  { name: "an undecodable write waits for a change", code: 400, verdict: "park" },
  { name: "an invalid write waits for a change", code: 422, verdict: "park" },
  { name: "K8S-202 a forbidden write backs off: a quota or service account may come", code: 403, verdict: "back-off" },
  { name: "too many requests back off", code: 429, verdict: "back-off" },
  { name: "a broken server backs off", code: 500, verdict: "back-off" },
  { name: "a timeout backs off", code: 504, verdict: "back-off" },
];
for (const { name, code, verdict } of verdicts) {
  test(name, () => assert.equal(verdictOf(failure(code, "", "")), verdict));
}

test("K8S-243 an eviction that a budget holds does not stop the rest of the plan, and one that is granted is a write", async () => {
  const labels = { app: "a" };
  const controller: Controller<View> = {
    ...controllerOf(({ map, now }) => {
      const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default" } };
      const isTold = (map["data"] as { told?: string })?.told !== undefined;
      return {
        ...emptyPlan,
        writes: [
          { op: "evict", type: resources.pods, object },
          ...(isTold ? [] : setData(map, { told: "yes" }).writes),
        ],
        requeueAt: now + 10_000,
      };
    }),
  };
  const world = await start(controller);
  const spec = { containers: [{ name: "c", image: "x" }] };
  await world.apply([
    { apiVersion: "v1", kind: "Pod", metadata: { name: "p", labels }, spec } as KubeObject,
    {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "b" },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    } as KubeObject,
  ]);
  const pod = { namespace: "default", name: "p" };
  await world.settle();
  await world.apply(configMap("a"));
  await world.advance(25_000);
  assert.deepEqual((await world.get(resources.configMaps, key))?.["data"], { told: "yes" });
  assert.equal(world.writeCount, 1);
  assert.equal((await world.get(resources.pods, pod))?.metadata.deletionTimestamp, undefined);
  const allowed = { status: { observedGeneration: 1, disruptionsAllowed: 1 } };
  const budget = { namespace: "default", name: "b" };
  const patch = { kind: "merge", body: allowed } as const;
  await world.client.patch(resources.podDisruptionBudgets, budget, patch, { subresource: "status" });
  await world.advance(10_000);
  const left = await world.get(resources.pods, pod);
  assert.ok(left === null || left.metadata.deletionTimestamp !== undefined);
  await world.stop();
});
