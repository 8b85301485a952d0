import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../../src/api/meta.ts";
import { canonicalJson } from "../../src/base/json.ts";
import { qualifiedPlural } from "../../src/kube/resource.ts";
import type { World } from "./world.ts";

/**
 * The two checks that every reconciler must pass (design: every prefix of a plan is a safe place to crash; at a fixed
 * point nothing is written):
 *
 *   test("KRUISE-… settles", async () => {
 *     const world = await startWorld({ packs: [kruisePack], controllers: kruiseControllers() });
 *     await world.apply(manifests);
 *     await checkFixpoint(world);
 *   });
 *
 *   test("KRUISE-… survives a crash after each write", () =>
 *     checkCrashAtEachWrite({
 *       start: () => startWorld({ packs: [kruisePack], controllers: kruiseControllers() }),
 *       play: async (world) => {
 *         await world.apply(manifests);
 *         await world.settle();
 *         await world.patch(resources.deployments, key, newImage);
 *         await world.settle();
 *       },
 *     }));
 *
 * `play` is what people do; it must wait with `world.settle()` (or `advance`) only, since the controllers may be dead
 * when it goes on: the check restarts them then and plays on to the end. Use `restartingSettle` for scripts of several
 * steps that need the controllers between the steps.
 */

/** Settles, looks at every key of every controller anew, and demands that nobody writes anything (INV-33). */
export async function checkFixpoint(world: World): Promise<void> {
  await world.settle();
  const writes = world.writeCount;
  world.runner.resync();
  await world.settle();
  const plans = world.runner
    .plans()
    .filter(({ isEmpty }) => !isEmpty)
    .map(({ controller, key, plan }) => `${controller} ${key}: ${canonicalJson(plan)}`);
  assert.deepEqual(plans, [], "a plan is not empty at the fixed point");
  assert.equal(world.writeCount, writes, "something was written although nothing had changed");
}

export interface CrashCheck {
  start(): Promise<World>;
  /** What people do, from the empty world on. Called once for each crash, each time in a new world. */
  play(world: World): Promise<void>;
  /** What must be equal in the end; default `snapshot`. */
  project?(world: World): Promise<unknown>;
  /** Crash only after these writes: for long scripts. Default: every one. */
  readonly every?: number;
}

/** Plays the script once undisturbed, then once for each n with a crash after the n-th write: the ends must be equal. */
export async function checkCrashAtEachWrite({ start, play, project = snapshot, every = 1 }: CrashCheck): Promise<void> {
  const undisturbed = await start();
  const before = undisturbed.writeCount;
  await play(undisturbed);
  await undisturbed.settle();
  const total = undisturbed.writeCount - before;
  const expected = await project(undisturbed);
  await undisturbed.stop();
  assert.ok(total > 0, "the script made no controller write anything");

  for (let count = 1; count <= total; count += every) {
    const world = await start();
    world.crashAfterWrites(count);
    const settle = world.settle.bind(world);
    // Whoever waits in the script waits until the controllers are back.
    world.settle = async (options) => {
      await settle(options);
      if (!world.hasCrashed) return;
      await world.restartControllers();
      await settle(options);
    };
    await play(world);
    await world.settle();
    const difference = differences(expected, await project(world));
    assert.deepEqual(
      difference,
      { missing: [], extra: [] },
      `the end differs after a crash after write ${count} of ${total}`,
    );
    await world.stop();
  }
}

/** Lists are compared item by item, so that a failure shows only what differs. */
function differences(expected: unknown, actual: unknown): { missing: unknown[]; extra: unknown[] } {
  if (!Array.isArray(expected) || !Array.isArray(actual)) {
    return isDeepStrictEqual(expected, actual) ? { missing: [], extra: [] } : { missing: [expected], extra: [actual] };
  }
  const extra = [...(actual as unknown[])];
  const missing = (expected as unknown[]).filter((item) => {
    const index = extra.findIndex((other) => isDeepStrictEqual(other, item));
    if (index >= 0) extra.splice(index, 1);
    return index < 0;
  });
  return { missing, extra };
}

/** Kinds that tell of the past, not of a state. */
const HISTORY: ReadonlySet<string> = new Set(["events", "leases.coordination.k8s.io"]);

/**
 * All objects, without what no two histories share: uids, revisions, generations, times, addresses, and generated
 * names, which become a count. Sorted.
 */
export async function snapshot(world: World): Promise<readonly string[]> {
  const names = new Map<string, string>();
  const objects: { resource: string; object: KubeObject }[] = [];
  for (const type of world.types()) {
    if (HISTORY.has(qualifiedPlural(type))) continue;
    for (const object of await world.list(type)) {
      objects.push({ resource: qualifiedPlural(type), object });
      const { generateName, name } = object.metadata;
      if (generateName) names.set(name, `${generateName}*`);
    }
  }
  return objects.map(({ resource, object }) => `${resource} ${canonicalJson(stripped(object, names))}`).sort();
}

/** The API server draws a name for each pod's token volume. */
const TOKEN_VOLUME = /^kube-api-access-\w{5}$/;

const VOLATILE: ReadonlySet<string> = new Set([
  "uid",
  "resourceVersion",
  "generation",
  "observedGeneration",
  "managedFields",
  "creationTimestamp",
  "deletionTimestamp",
  "lastTransitionTime",
  "lastUpdateTime",
  "startTime",
  "startedAt",
  "finishedAt",
  "rolloutStartedAt",
  "podIP",
  "podIPs",
  "clusterIP",
  "clusterIPs",
  "addresses",
  "containerID",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);

function stripped(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => stripped(item, names)).sort(byText);
  if (typeof value === "string") return names.get(value) ?? value.replace(TOKEN_VOLUME, "kube-api-access-*");
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).filter(([key]) => !VOLATILE.has(key));
  return Object.fromEntries(members.map(([key, member]) => [key, stripped(member, names)]));
}

/** Endpoints and the like are sorted by names that differ between histories. */
function byText(left: unknown, right: unknown): number {
  const leftText = canonicalJson(left);
  const rightText = canonicalJson(right);
  return leftText < rightText ? -1 : leftText > rightText ? 1 : 0;
}
