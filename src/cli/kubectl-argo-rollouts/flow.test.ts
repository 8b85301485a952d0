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

test("SU-023 two analysis steps in a row: each promotion skips one, and the next has a run of its own", async () => {
  const template = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name: "slow" },
    spec: { metrics: [{ name: "m", interval: "20s", count: 9, provider: { web: { url: "http://x/" } } }] },
  };
  const analysis = { analysis: { templates: [{ templateName: "slow" }] } };
  const world = await startArgo();
  await world.apply([template]);
  await deployed(world, aRollout({ steps: [{ setWeight: 50 }, analysis, analysis, { pause: {} }] }));
  try {
    await argo(world, `set image ${NAME} *=argoproj/rollouts-demo:yellow`);
    const where = async () => {
      await world.settle({ quietMs: 15_000 });
      const { out } = await argo(world, `why ${NAME} -o json`);
      return JSON.parse(out).text;
    };
    assert.match(await where(), /^Step 2 of 4 \(analysis\) waits for a verdict\. AnalysisRun \S+-2-1 is /);
    await argo(world, `promote ${NAME}`);
    assert.match(await where(), /^Step 3 of 4 \(analysis\) waits for a verdict\. AnalysisRun \S+-2-2 is /);
    await argo(world, `promote ${NAME}`);
    assert.match(await where(), /^Step 4 of 4 \(pause\) is a pause that lasts until somebody promotes /);
  } finally {
    await world.stop();
  }
});

test("SU-023 two experiment steps in a row: each promotion skips one, and the next has an experiment of its own", async () => {
  const step = { experiment: { templates: [{ name: "canary", specRef: "canary" as const }] } };
  const world = await deployed(await startArgo(), aRollout({ steps: [{ setWeight: 50 }, step, step, { pause: {} }] }));
  try {
    await argo(world, `set image ${NAME} *=argoproj/rollouts-demo:yellow`);
    const seenExperiment = async () => {
      await world.settle();
      const { out } = await argo(world, `why ${NAME} -o json`);
      return /Experiment \S+-(2-\d+) is/.exec(JSON.parse(out).text)?.[1];
    };
    assert.equal(await seenExperiment(), "2-1");
    await argo(world, `promote ${NAME}`);
    assert.equal(await seenExperiment(), "2-2");
    await argo(world, `promote ${NAME}`);
    assert.equal(await seenExperiment(), undefined);
  } finally {
    await world.stop();
  }
});

test("EC-025 the seed's release with --until, why and history", () =>
  walk(async (world) => {
    await argo(world, `set image ${NAME} *=argoproj/rollouts-demo:yellow`);
    const during = { meanwhile: () => world.advance(10_000) };
    assert.equal((await argo(world, `get rollout ${NAME} --until paused --timeout 1m`, during)).code, 0);
    assert.equal(JSON.parse((await argo(world, `why ${NAME} -o json`)).out).waitsFor, "person");
    await argo(world, `promote ${NAME}`);
    const walking = { meanwhile: () => world.advance(120_000) };
    assert.equal((await argo(world, `get rollout ${NAME} --until step=6 --timeout 5m`, walking)).code, 0);
    const ending = { meanwhile: () => world.advance(240_000) };
    assert.equal((await argo(world, `get rollout ${NAME} --until healthy --timeout 5m`, ending)).code, 0);
    const { revisions } = JSON.parse((await argo(world, `history ${NAME} -o json`)).out);
    assert.deepEqual(
      revisions.map(({ revision, outcome }: { revision: number; outcome: string }) => [revision, outcome]),
      [
        [1, "Completed"],
        [2, "Stable"],
      ],
    );
  }));
