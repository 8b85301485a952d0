import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type WorldBasics } from "../../test/support/world.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { analysisRunController } from "../dialects/argo/analysis-run/index.ts";
import { resources } from "../kube/resource.ts";
import { argoPack } from "../packs/argo.ts";
import { createMeasurer } from "./measurer.ts";
import type { AnalysisRun } from "./types.ts";

/** A measurer whose n-th measurement takes the n-th delay and answers its value. */
function measurerOf(world: WorldBasics, answers: readonly (readonly [delayMs: number, value: number])[]) {
  let count = 0;
  return createMeasurer({
    client: world.client,
    clock: world.clock,
    random: seededRandom(3),
    logger: silentLogger,
    providers: {
      web: {
        type: "Web",
        async measure() {
          const [delayMs, value] = answers[Math.min(count++, answers.length - 1)]!;
          await new Promise<void>((resolve) => world.clock.schedule(delayMs, resolve));
          return { kind: "result", result: { value, text: String(value) } };
        },
      },
    },
    context: {
      http: () => Promise.reject(new Error("no network in this test")),
      clock: world.clock,
      secrets: async () => ({}),
      environment: {},
      controllerNamespace: "argo-rollouts",
    },
  });
}

const key = { namespace: "default", name: "run" };
const run = (interval: string, count: number): AnalysisRun => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "AnalysisRun",
  metadata: { name: "run" },
  spec: { metrics: [{ name: "m", interval, count, provider: { web: { url: "http://x/" } } }] },
});

const start = () => startWorld({ packs: [argoPack], controllers: [analysisRunController] });

async function valuesOf(world: Awaited<ReturnType<typeof start>>) {
  const { status } = (await world.get<AnalysisRun>(resources.analysisRuns, key))!;
  const [result] = status?.metricResults ?? [];
  return { count: result?.count, values: (result?.measurements ?? []).map(({ value }) => value), phase: status?.phase };
}

test("AN-033 two measurers at once count each measurement once", async () => {
  const world = await start();
  const measurers = [measurerOf(world, [[500, 1]]), measurerOf(world, [[500, 2]])];
  for (const measurer of measurers) measurer.start();
  await world.apply(run("10s", 3));
  await world.advance(60_000);
  const { count, values, phase } = await valuesOf(world);
  assert.deepEqual([count, values.length, phase], [3, 3, "Successful"]);
  for (const measurer of measurers) measurer.stop();
  await world.stop();
});

test("AN-033 an answer that comes when the next measurement is under way is not taken for it", async () => {
  const world = await start();
  // The slow one answers the first measurement while the quick one is busy with the second.
  const slow = measurerOf(world, [
    [15_000, 7],
    [1_000_000, 7],
  ]);
  const quick = measurerOf(world, [
    [100, 1],
    [20_000, 2],
  ]);
  slow.start();
  quick.start();
  await world.apply(run("10s", 2));
  await world.advance(60_000);
  assert.deepEqual(await valuesOf(world), { count: 2, values: ["1", "2"], phase: "Successful" });
  slow.stop();
  quick.stop();
  await world.stop();
});
