import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { AnalysisRun, Rollout, RolloutStatus } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { canAsk, wantsColor } from "../plugin/process-world.ts";
import { analysisRun, argo, at, ok, put, withRollout } from "./program.fixture.ts";
import { deprecationWarnings } from "./promote.ts";

/** SU-023, SU-024: questions are for people at a terminal; scripts go on as they always did. */

const steps = [{ analysis: {} }, { experiment: { templates: [] } }, { pause: {} }, { setWeight: 50 }];
const spec = { strategy: { canary: { steps } } };
const inRelease: RolloutStatus = { phase: "Progressing", currentPodHash: "b", stableRS: "a" };
const running = { currentStepAnalysisRunStatus: { name: "run", status: "Running" as const } };
const atAnalysis: RolloutStatus = { ...inRelease, currentStepIndex: 0, canary: running };

const rolloutOf = (world: World) => world.client.get<Rollout>(resources.argoRollouts, at());
const indexOf = async (world: World) => (await rolloutOf(world)).status?.currentStepIndex;

const promotions: readonly {
  name: string;
  status: RolloutStatus;
  flags?: string;
  answer?: string;
  question?: string;
  isRefused?: boolean;
}[] = [
  {
    name: "no is no",
    status: atAnalysis,
    answer: "n",
    question:
      "Step 1 of 4 waits for AnalysisRun 'run' (Running): to promote now skips it, without a verdict. Go on? [y/N] ",
    isRefused: true,
  },
  {
    name: "neither is silence a yes, for an experiment",
    status: { ...inRelease, currentStepIndex: 1, canary: { currentExperiment: "e" } },
    answer: "",
    question: "Step 2 of 4 waits for Experiment 'e': to promote now skips it, without a verdict. Go on? [y/N] ",
    isRefused: true,
  },
  {
    name: "yes goes on",
    status: atAnalysis,
    answer: "Yes",
    question:
      "Step 1 of 4 waits for AnalysisRun 'run' (Running): to promote now skips it, without a verdict. Go on? [y/N] ",
  },
  { name: "--skip asks nothing", status: atAnalysis, flags: "--skip", answer: "n" },
  { name: "--full says it already", status: atAnalysis, flags: "--full", answer: "n" },
  { name: "a script is not asked", status: atAnalysis },
  { name: "another step has no verdict", status: { ...inRelease, currentStepIndex: 3 }, answer: "n" },
  {
    name: "a run that is over is not skipped",
    status: { ...atAnalysis, canary: { currentStepAnalysisRunStatus: { name: "run", status: "Successful" } } },
    answer: "n",
  },
  {
    name: "what is paused skips nothing",
    status: { ...atAnalysis, pauseConditions: [{ reason: "x", startTime: "2030-01-01T00:00:00Z" }] },
    answer: "n",
  },
];
for (const { name, status, flags = "", answer, question = "", isRefused = false } of promotions) {
  test(`SU-023 promote at an analysis step: ${name}`, () =>
    withRollout({ spec, status }, async (world) => {
      const before = await rolloutOf(world);
      const run = await argo(world, `promote demo ${flags}`, answer === undefined ? {} : { answer });
      const refusal = isRefused ? "Error: nothing was changed; with --skip the question is not asked\n" : "";
      assert.deepEqual({ code: run.code, err: run.err }, { code: isRefused ? 1 : 0, err: question + refusal });
      assert.equal((await rolloutOf(world)).metadata.resourceVersion === before.metadata.resourceVersion, isRefused);
    }));
}

test("SU-023 two promotions leave two analysis steps, and no more", () =>
  withRollout(
    { spec: { strategy: { canary: { steps: [{ analysis: {} }, ...steps] } } }, status: atAnalysis },
    async (world) => {
      await argo(world, "promote demo");
      assert.equal(await indexOf(world), 1);
      await argo(world, "promote demo");
      assert.equal(await indexOf(world), 2);
    },
  ));

function runOf(type: string, phase: "Running" | "Successful"): KubeObject {
  const run = analysisRun({ name: "r", status: { phase } });
  const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "demo", uid: "u", controller: true };
  return { ...run, metadata: { ...run.metadata, labels: { "rollout-type": type }, ownerReferences: [owner] } };
}

const question =
  "If AnalysisRun 'r' is terminated, Rollout 'demo' pauses, since its analysis has no verdict then. Go on? [y/N] ";
const note = "Note: Rollout 'demo' pauses, since its analysis has no verdict now\n";
const terminations: readonly {
  name: string;
  run: KubeObject;
  flags?: string;
  answer?: string;
  err: string;
  ends: boolean;
}[] = [
  {
    name: "no is no, and the question says what would follow",
    run: runOf("Step", "Running"),
    answer: "n",
    err: `${question}Error: nothing was changed; with --yes the question is not asked\n`,
    ends: false,
  },
  { name: "yes goes on", run: runOf("Step", "Running"), answer: "y", err: question + note, ends: true },
  { name: "--yes asks nothing", run: runOf("Step", "Running"), flags: "--yes", answer: "n", err: note, ends: true },
  { name: "a script is not asked", run: runOf("Step", "Running"), err: note, ends: true },
  {
    name: "a run that is over is nothing to ask about",
    run: runOf("Step", "Successful"),
    answer: "n",
    err: "",
    ends: true,
  },
  {
    name: "nor is one of nobody's",
    run: analysisRun({ name: "r", status: { phase: "Running" } }),
    answer: "n",
    err: "",
    ends: true,
  },
];
for (const { name, run, flags = "", answer, err, ends } of terminations) {
  test(`SU-024 terminate analysisrun: ${name}`, () =>
    withRollout({}, async (world) => {
      await put(world, resources.analysisRuns, run);
      const result = await argo(world, `terminate analysisrun r ${flags}`, answer === undefined ? {} : { answer });
      assert.deepEqual(result, ends ? { ...ok("analysisRun 'r' terminated\n"), err } : { code: 1, out: "", err });
      assert.equal(
        (await world.client.get<AnalysisRun>(resources.analysisRuns, at("r"))).spec.terminate === true,
        ends,
      );
    }));
}

const tty = { isTTY: true };
test("SU-023 only somebody at a terminal is asked", () => {
  assert.equal(canAsk([tty, tty], {}), true);
  assert.equal(canAsk([{}, tty], {}), false);
  assert.equal(canAsk([tty, { isTTY: false }], {}), false);
  assert.equal(canAsk([tty, tty], { CI: "true" }), false);
});

test("EC-025 CL-026 colours are for terminals, and not where NO_COLOR or TERM=dumb asks for none", () => {
  assert.equal(wantsColor(true, {}), true);
  assert.equal(wantsColor(false, {}), false);
  assert.equal(wantsColor(true, { NO_COLOR: "1" }), false);
  assert.equal(wantsColor(true, { NO_COLOR: "" }), true);
  assert.equal(wantsColor(true, { TERM: "dumb" }), false);
});

const current = "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME\n";
const all = "Flag --skip-all-steps has been deprecated, use --full instead\n";
for (const [words, warnings] of [
  ["promote demo", ""],
  ["promote demo --full", ""],
  ["promote demo -c", current],
  ["promote demo --skip-current-step=true", current],
  ["promote -a demo", all],
  ["promote demo -ca", current + all],
  ["promote demo --skip-all-steps -c", all + current],
  ["promote demo --skip -n abc", ""],
] as const) {
  test(`CL-042 "${words}" warns of what is deprecated`, () =>
    assert.equal(deprecationWarnings(words.split(" ")), warnings));
}
