import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
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
 * The document's analysis as it was published, with its slip: the argument is `canary`, which is no host, so the query
 * finds nothing and the release goes back whatever the canary answers. Only waiting times are shorter than in the document.
 */

const HOST = "istio-rollout-canary.default.svc.cluster.local";
const EXAMPLES = path.join(root, "examples", "argo");

let cluster: RunningFairway;
let load: ReturnType<typeof setInterval> | undefined;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
});

after(async () => {
  clearInterval(load);
  await cluster?.remove();
});

/** The document's own file where there is one, else the example with the document's slip. */
function manifest(name: string): string {
  const text = hasSeedManifests
    ? readFileSync(path.join(seedManifests, `002-${name}.yaml`), "utf8")
    : readFileSync(path.join(EXAMPLES, `${name}.yaml`), "utf8").replace(
        /(name: service\s+value: )istio-rollout-canary/,
        "$1canary",
      );
  return text
    .replace("initialDelay: 60s", "initialDelay: 2s")
    .replace("interval: 20s", "interval: 2s\n    consecutiveErrorLimit: 1")
    .replaceAll("pause: {duration: 20s}", "pause: {duration: 15s}");
}

async function apply(name: string, text = manifest(name)): Promise<void> {
  const { stderr, exitCode } = await cluster.kubectlInput(text, "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
}

const rollout = async () =>
  JSON.parse(await cluster.kubectlOk("get", "rollouts.argoproj.io", "istio-rollout", "-o", "json"));

const untilPhase = (phase: string) =>
  eventually(`the Rollout is ${phase}`, rollout, ({ status, metadata }) => {
    return status?.phase === phase && status.observedGeneration === String(metadata.generation);
  });

test("SE-014 (a) the document's analysis as published aborts by Error, and the measurement says why", {
  timeout: 60_000,
}, async () => {
  for (const name of ["services", "gateway", "virtualservice", "analysistemplate", "rollout-with-analysis"]) {
    await apply(name);
  }
  await untilPhase("Healthy");
  load = setInterval(() => void get(`${cluster.instance.gateway}/`).catch(() => {}), 50);
  const orange = manifest("rollout-with-analysis").replace("rollouts-demo:yellow", "rollouts-demo:orange");
  await apply("rollout-with-analysis", orange);
  await untilPhase("Paused");
  const { status } = await untilPhase("Degraded");
  assert.equal(
    status.message,
    'RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: Metric "success-rate" ' +
      'assessed Error due to consecutiveErrors (2) > consecutiveErrorLimit (1): "Error Message: could not evaluate ' +
      'successCondition "result[0] > 0.90": metric result is nil or empty: no data returned from the metric provider"',
  );
  const { items } = JSON.parse(await cluster.kubectlOk("get", "analysisruns", "-o", "json"));
  const measurements = items[0].status.metricResults[0].measurements;
  const { hint } = measurements.at(-1).metadata;
  assert.match(hint, /^query matched no series: istio_requests_total with destination_service=~"canary\.default\./);
  assert.match(hint, /regular expressions match the whole label value; existing values of destination_service: /);
  assert.ok(hint.endsWith(`; did you mean ${HOST}?`), hint);
});
