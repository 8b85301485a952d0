import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import {
  eventually,
  get,
  hasSeedManifests,
  type RunningFairway,
  root,
  seedManifests,
  startFairway,
} from "../support/fairway.ts";

/**
 * The document's releases under analysis, judged by the traffic of its page in a real browser. The analysis asks for the
 * service that exists, and waiting times are shorter than in the document.
 */

const EXAMPLES = path.join(root, "examples", "argo");
type Colour = "yellow" | "orange" | "red";

let cluster: RunningFairway;
let browser: Browser;
let page: Page;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
  for (const name of ["services", "gateway", "virtualservice", "analysistemplate"]) await apply(manifest(name));
  await apply(manifest("rollout-with-analysis").replace("rollouts-demo:yellow", "rollouts-demo:blue"));
  await untilPhase("Healthy");
  await eventually(
    "the gateway serves the page",
    () => get(`${cluster.instance.gateway}/`),
    ({ status }) => status === 200,
  );
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${cluster.instance.gateway}/`);
});

after(async () => {
  await browser?.close();
  await cluster?.remove();
});

function manifest(name: string): string {
  const file = hasSeedManifests ? path.join(seedManifests, `002-${name}.yaml`) : path.join(EXAMPLES, `${name}.yaml`);
  return (
    readFileSync(file, "utf8")
      .replace(/(name: service\s+value: )canary/, "$1istio-rollout-canary")
      // A rate needs two scrapes of the canary's first requests (SE-006).
      .replace("initialDelay: 60s", "initialDelay: 12s")
      .replace("interval: 20s", "interval: 2s")
      .replaceAll("pause: {duration: 20s}", "pause: {duration: 1s}")
  );
}

async function apply(text: string): Promise<void> {
  const { stderr, exitCode } = await cluster.kubectlInput(text, "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
}

const argo = (...args: string[]) => cluster.kubectlOk("argo", "rollouts", ...args);
const json = async (...args: string[]) => JSON.parse(await cluster.kubectlOk("get", ...args, "-o", "json"));
const rollout = () => json("rollouts.argoproj.io", "istio-rollout");

const untilPhase = (phase: string) =>
  eventually(`the Rollout is ${phase}`, rollout, ({ status, metadata }) => {
    return status?.phase === phase && status.observedGeneration === String(metadata.generation);
  });

interface Metric {
  readonly phase: string;
  readonly measurements?: readonly { readonly phase: string; readonly value?: string }[];
}

/** The run of a revision, which is named after the canary's hash. */
async function analysisRun(
  revision: number,
): Promise<{ status: { phase: string; message?: string; metricResults: Metric[] } }> {
  const { items } = await json("analysisruns");
  const found = items.find(
    ({ metadata }: { metadata: { annotations: Record<string, string> } }) =>
      metadata.annotations["rollout.argoproj.io/revision"] === String(revision),
  );
  if (!found) throw new Error(`no run of revision ${revision}`);
  return found;
}

/** Begins the release of a colour and waits until its analysis has measured real traffic. */
async function release(colour: Colour, revision: number): Promise<void> {
  assert.equal(
    await argo("set", "image", "istio-rollout", `*=argoproj/rollouts-demo:${colour}`),
    'rollout "istio-rollout" image updated\n',
  );
  await untilPhase("Paused");
  const measured = await eventually(
    "two measurements",
    () => analysisRun(revision),
    ({ status }) =>
      (status.metricResults?.[0]?.measurements?.filter(({ value }) => value !== undefined).length ?? 0) >= 2,
  );
  assert.deepEqual([...new Set(valuesOf(measured.status.metricResults))], ["Successful [1]"]);
}

function valuesOf(results: readonly Metric[]): string[] {
  const measurements = results[0]?.measurements ?? [];
  return measurements.filter(({ phase }) => phase !== "Running").map(({ phase, value }) => `${phase} ${value}`);
}

async function weights(): Promise<readonly (number | undefined)[]> {
  const { spec } = await json("virtualservices", "istio-rollout-vsvc");
  return spec.http[0].route.map(({ weight }: { weight?: number }) => weight);
}

async function assertRolledBack(revision: number, reason: string): Promise<void> {
  const { status } = await untilPhase("Degraded");
  assert.equal(
    status.message,
    `RolloutAborted: Rollout aborted update to revision ${revision}: Background analysis phase error/failed: ` +
      `Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)${reason}`,
  );
  assert.deepEqual((await weights()).map(Number), [100, 0]);
  assert.equal((await get(`${cluster.instance.gateway}/color`)).body, '"yellow"');
}

test("SE-014 (b) with the right service and an open page every measurement is [1], and the steps run to 18/18", {
  timeout: 90_000,
}, async () => {
  await release("yellow", 2);
  assert.equal(await argo("promote", "istio-rollout"), "rollout 'istio-rollout' promoted\n");
  const { stdout, exitCode } = await cluster.kubectl("argo", "rollouts", "status", "istio-rollout", "--timeout", "60s");
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, /Healthy\n$/);
  const { status } = await eventually(
    "the run ends",
    () => analysisRun(2),
    ({ status }) => status.phase !== "Running",
  );
  assert.deepEqual([status.phase, status.message], ["Successful", "Run Terminated"]);
  assert.deepEqual([...new Set(valuesOf(status.metricResults))], ["Successful [1]"]);
  const tree = await argo("get", "rollout", "istio-rollout", "--no-color");
  assert.match(tree, /^ {2}Step: {10}18\/18\n {2}SetWeight: {5}100\n {2}ActualWeight: {2}100$/m);
  assert.match(tree, / argoproj\/rollouts-demo:yellow \(stable\)$/m);
  assert.match(tree, /α istio-rollout-\S+-2 +AnalysisRun +✔ Successful +\S+ +✔ \d+$/m);
});

test("SE-014 (c) the page's error slider of the canary's colour rolls the release back", {
  timeout: 90_000,
}, async () => {
  await release("orange", 3);
  await page.getByRole("button", { name: "orange" }).click();
  // Not 100: between the first two scrapes of a status code its counter has no rate yet, and 200s alone would have none.
  await page.getByRole("slider", { name: "ERROR" }).fill("50");
  await assertRolledBack(3, "");
  const { status } = await analysisRun(3);
  assert.match(valuesOf(status.metricResults).at(-1) ?? "", /^Failed \[0[.\]]/);
});

test("SE-014 (d) SE-013 a closed page leaves the canary without requests: NaN rolls the release back and is told", {
  timeout: 90_000,
}, async () => {
  await release("red", 4);
  await page.close();
  const reason = "no traffic was measured (0 requests seen): the metric provider returned [NaN]";
  await assertRolledBack(4, `: "Error Message: ${reason}"`);
  const events = await eventually(
    "the Rollout's events say why",
    () => cluster.kubectlOk("describe", "rollouts.argoproj.io", "istio-rollout"),
    (text) => text.includes("MeasurementFailed"),
  );
  assert.ok(events.includes(`Metric 'success-rate': ${reason}`), events);
});
