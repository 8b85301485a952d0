import assert from "node:assert/strict";
import { test } from "node:test";
import { summariseRollout } from "../../dialects/argo/summary.ts";
import type { AnalysisRun, Rollout } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { renderNotes } from "./notes.ts";
import { analysisRun, argo, rollout, startQuietWorld } from "./program.fixture.ts";

type Measurement = NonNullable<
  NonNullable<NonNullable<AnalysisRun["status"]>["metricResults"]>[number]["measurements"]
>[number];

const time = "2030-01-01T00:00:00Z";
const hint = "query matched no series: istio_requests_total has not been counted yet: was there any request?";
const failed: Measurement = { phase: "Error", message: "no data", startedAt: time, finishedAt: time };
const hinted: Measurement = { ...failed, metadata: { hint } };
const good: Measurement = { phase: "Successful", value: "[1]", startedAt: time, finishedAt: time };
const open: Measurement = { phase: "Running", startedAt: time };

function run(revision: number, measurements: readonly Measurement[]): AnalysisRun {
  const metricResults = [{ name: "success-rate", phase: "Running" as const, measurements: [...measurements] }];
  return analysisRun({ name: `run-${revision}`, owner: "demo", revision, status: { phase: "Running", metricResults } });
}

function notes(runs: readonly AnalysisRun[], message = "CanaryPauseStep"): string {
  const object = rollout({ status: { phase: "Paused", message } });
  return renderNotes(summariseRollout(object, { replicaSets: [], pods: [], experiments: [], analysisRuns: runs }));
}

const about = "Note: AnalysisRun run-2, metric success-rate:";
const cases: readonly { name: string; runs: readonly AnalysisRun[]; message?: string; text: string }[] = [
  { name: "an error and its hint", runs: [run(2, [hinted])], text: `${about} no data; ${hint}\n` },
  { name: "an error alone", runs: [run(2, [failed])], text: `${about} no data\n` },
  {
    name: "an error while the next measurement is under way",
    runs: [run(2, [failed, open])],
    text: `${about} no data\n`,
  },
  {
    name: "only the hint once the message tells the rest",
    runs: [run(2, [hinted])],
    message: 'RolloutAborted: … "Error Message: no data"',
    text: `${about} ${hint}\n`,
  },
  { name: "nothing after a good measurement", runs: [run(2, [hinted, good])], text: "" },
  { name: "nothing of older revisions", runs: [run(2, [good]), run(1, [hinted])], text: "" },
  { name: "nothing without analysis", runs: [], text: "" },
];
for (const { name, runs, message, text } of cases) {
  test(`SE-003 the notes have ${name}`, () => assert.equal(notes(runs, message), text));
}

async function worldWith(first: AnalysisRun) {
  const world = await startQuietWorld();
  const { status: _status, ...bare } = rollout();
  const { uid = "" } = (await world.client.create<Rollout>(resources.argoRollouts, bare)).metadata;
  const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "demo", uid, controller: true };
  const { uid: _uid, ...metadata } = first.metadata;
  await world.client.create(resources.analysisRuns, { ...first, metadata: { ...metadata, ownerReferences: [owner] } });
  return world;
}

test("SE-003 get rollout prints notes to standard error, and the picture stays the original's", async () => {
  const world = await worldWith(run(2, [hinted]));
  const { code, out, err } = await argo(world, "get rollout demo");
  assert.equal(code, 0);
  assert.equal(err, `${about} no data; ${hint}\n`);
  assert.ok(!out.includes("no data"), out);
  await world.stop();
});

test("SE-003 a watch tells a note once into a file, and with each picture on a terminal", async () => {
  for (const [isTerminal, count] of [
    [false, 1],
    [true, 3],
  ] as const) {
    const world = await worldWith(run(2, [failed]));
    const meanwhile = async (interrupt: () => void) => {
      await world.advance(2500);
      interrupt();
    };
    const { err } = await argo(world, "get rollout demo -w", { meanwhile, isTerminal });
    assert.equal(err.split(`${about} no data\n`).length - 1, count);
    await world.stop();
  }
});
