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
    .replace(/^( +)interval: 20s/m, "$1interval: 2s\n$1consecutiveErrorLimit: 1")
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

  const run = items[0].metadata.name;
  const described = await eventually(
    "the Rollout's events say why",
    () => cluster.kubectlOk("describe", "rollouts.argoproj.io", "istio-rollout"),
    (text) => text.includes("MeasurementError"),
  );
  assert.ok(described.includes(`Analysis Run '${run}' Metric 'success-rate': could not evaluate`), described);
  assert.ok(described.includes(hint), described);
  const { stdout, stderr } = await cluster.kubectl("argo", "rollouts", "get", "rollout", "istio-rollout");
  assert.equal(stderr, `Note: AnalysisRun ${run}, metric success-rate: ${hint}\n`);
  assert.ok(!stdout.includes("did you mean"), stdout);
});

const NOWHERE = "http://127.0.0.1:9"; // the discard port
const failures: readonly (readonly [
  what: string,
  query: string,
  condition: string,
  outcome: string,
  address?: string,
])[] = [
  [
    "bad-query",
    "sum(",
    "result[0] > 1",
    'Error bad_data: invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
  ],
  [
    "bad-condition",
    "vector(1)",
    "result[0 >",
    'Error could not evaluate successCondition "result[0 >": unexpected token EOF',
  ],
  ["unknown-name", "vector(1)", "foo > 1", 'Error could not evaluate successCondition "foo > 1": unknown name foo'],
  [
    "wrong-type",
    "vector(1)",
    "result > 1",
    'Error could not evaluate successCondition "result > 1": invalid operation: > (mismatched types []float64 and int)',
  ],
  [
    "empty",
    "nothing_here",
    "result[0] > 1",
    'Error could not evaluate successCondition "result[0] > 1": metric result is nil or empty: no data returned from the metric provider',
  ],
  ["nan", "vector(0) / vector(0)", "result[0] > 1", "Failed nothing was measured: the metric provider returned [NaN]"],
  ["no-url", "up", "result[0] > 1", "Error prometheus address is not is url format", "prometheus"],
  [
    "unreachable",
    "up",
    "result[0] > 1",
    `Error Post "${NOWHERE}/api/v1/query": dial tcp 127.0.0.1:9: connect: connection refused`,
    NOWHERE,
  ],
];

test("MP-008 EX-004 SE-013 bad queries, bad conditions, a Prometheus that is not there: each run ends with its reason", {
  timeout: 60_000,
}, async () => {
  const runs = failures.map(([name, query, successCondition, , address]) => {
    const prometheus = { query, ...(address ? { address } : {}) };
    const metrics = [{ name: "m", consecutiveErrorLimit: 0, successCondition, provider: { prometheus } }];
    return { apiVersion: "argoproj.io/v1alpha1", kind: "AnalysisRun", metadata: { name }, spec: { metrics } };
  });
  await apply("", JSON.stringify({ apiVersion: "v1", kind: "List", items: runs }));
  for (const [name, , , outcome] of failures) {
    const { status } = await eventually(
      `the run ${name} ends`,
      async () => JSON.parse(await cluster.kubectlOk("get", "analysisrun", name, "-o", "json")),
      ({ status }) => status?.completedAt !== undefined,
    );
    const [phase, ...words] = outcome.split(" ");
    const reason =
      phase === "Error" ? "consecutiveErrors (1) > consecutiveErrorLimit (0)" : "failed (1) > failureLimit (0)";
    assert.equal(status.phase, phase);
    assert.equal(status.message, `Metric "m" assessed ${phase} due to ${reason}: "Error Message: ${words.join(" ")}"`);
  }
});
