import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import { aRollout, deployed, startArgo } from "../../dialects/argo/rollout.fixture.ts";
import { argo, ok } from "./program.fixture.ts";

/** The seed's walk with the plugin alone, against the real controller on virtual time. */

const NAME = "istio-rollout";

/** What people read first: status, step, weights, images, and each revision's ReplicaSets. */
async function seen(world: World): Promise<string[]> {
  const { out } = await argo(world, `get rollout ${NAME}`);
  const field = (label: string) => new RegExp(`^ *${label}: +(.*)$`, "m").exec(out)?.[1] ?? "";
  const sets = [...out.matchAll(/⧉ \S+-(\w+) +ReplicaSet {2}(.*?) {2,}\S+ +(.*)$/gm)];
  return [
    `${field("Status")} ${field("Message")}`.trim(),
    `${field("Step")} ${field("SetWeight")} ${field("ActualWeight")}`,
    ...sets.map(([, hash, state, info]) => `${hash} ${state} ${info}`.trim()),
  ];
}

async function walk(act: (world: World) => Promise<void>): Promise<void> {
  const world = await deployed(await startArgo(), aRollout());
  try {
    await act(world);
  } finally {
    await world.stop();
  }
}

test("SE-009 SE-010 SE-012 the seed's release with the plugin: set image, promote, status", () =>
  walk(async (world) => {
    assert.deepEqual(await seen(world), ["✔ Healthy", "18/18 100 100", "7f96d86486 ✔ Healthy stable"]);
    assert.deepEqual(
      await argo(world, `set image ${NAME} *=argoproj/rollouts-demo:yellow`),
      ok(`rollout "${NAME}" image updated\n`),
    );
    await world.settle();
    assert.deepEqual(await seen(world), [
      "॥ Paused CanaryPauseStep",
      "1/18 10 10",
      "5fcf5864c4 ✔ Healthy canary",
      "7f96d86486 ✔ Healthy stable",
    ]);
    const meanwhile = async () => {
      await world.advance(1000);
      assert.deepEqual(await argo(world, `promote ${NAME}`), ok(`rollout '${NAME}' promoted\n`));
      await world.advance(5 * 60_000);
    };
    const { code, out } = await argo(world, `status ${NAME} --timeout 10m`, { meanwhile });
    assert.equal(code, 0);
    assert.match(out, /^Paused - CanaryPauseStep\n(.*\n)*Healthy\n$/);
    assert.deepEqual(await seen(world), [
      "✔ Healthy",
      "18/18 100 100",
      "5fcf5864c4 ✔ Healthy stable",
      "7f96d86486 • ScaledDown",
    ]);
  }));

test("CL-043 CL-044 CL-050 abort, retry and undo with the plugin", () =>
  walk(async (world) => {
    await argo(world, `set image ${NAME} *=argoproj/rollouts-demo:yellow`);
    await world.settle();
    await argo(world, `abort ${NAME}`);
    await world.advance(60_000);
    assert.deepEqual((await seen(world)).slice(0, 2), [
      "✖ Degraded RolloutAborted: Rollout aborted update to revision 2",
      "0/18 0 0",
    ]);
    const degraded = await argo(world, `status ${NAME}`);
    assert.equal(degraded.code, 1);
    assert.match(degraded.err, /^Error: The rollout is in a degraded state with message: RolloutAborted: /);
    await argo(world, `retry rollout ${NAME}`);
    await world.settle();
    assert.deepEqual((await seen(world)).slice(0, 2), ["॥ Paused CanaryPauseStep", "1/18 10 10"]);
    assert.deepEqual(await argo(world, `undo ${NAME}`), ok(`rollout '${NAME}' undo\n`));
    await world.advance(120_000);
    assert.deepEqual((await seen(world)).slice(0, 3), ["✔ Healthy", "18/18 100 100", "7f96d86486 ✔ Healthy stable"]);
  }));
