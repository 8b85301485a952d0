import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import type { TriedMetric } from "../../src/analysis/try-out.ts";
import type { AnalysisRun } from "../../src/analysis/types.ts";
import type { Rollout } from "../../src/dialects/argo/types.ts";
import { eventually, fairway, type RunningFairway, root, startFairway } from "../support/fairway.ts";

/** The built-in metrics on the mesh's own figures, tried out and in a release that a failure only pauses. */

const EXAMPLES = path.join(root, "examples", "argo");
const NAMES = ["request-success-rate", "request-duration", "error-count"].map((name) => `fairway-${name}`);

let cluster: RunningFairway;
let load: ReturnType<typeof setInterval> | undefined;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
});

after(async () => {
  clearInterval(load);
  await cluster?.remove();
});

const example = (name: string) => readFileSync(path.join(EXAMPLES, `${name}.yaml`), "utf8");

async function apply(text: string): Promise<void> {
  const { stderr, exitCode } = await cluster.kubectlInput(text, "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
}

const rollout = (color: string) => `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: istio-rollout
  annotations: {argo.fairway.dev/on-failure: pause}
spec:
  replicas: 1
  selector: {matchLabels: {app: istio-rollout}}
  template:
    metadata: {labels: {app: istio-rollout, version: ${color}}}
    spec:
      containers: [{name: c, image: "argoproj/rollouts-demo:${color}", ports: [{name: http, containerPort: 8080}]}]
  strategy:
    canary:
      canaryService: istio-rollout-canary
      stableService: istio-rollout-stable
      trafficRouting: {istio: {virtualService: {name: istio-rollout-vsvc, routes: [primary]}}}
      steps: [{setWeight: 50}, {pause: {}}]
      analysis:
        startingStep: 1
        templates:
${NAMES.map((name) => `          - {templateName: ${name}, clusterScope: true}`).join("\n")}
        args:
          - {name: service, value: istio-rollout-canary}
          - {name: namespace, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
          - {name: window, value: 15s}
`;

/** Both versions answer with 500 to that share of the requests. */
function startLoad(errorPercent: number): void {
  clearInterval(load);
  const body = JSON.stringify(["blue", "yellow"].map((color) => ({ color, return500: errorPercent })));
  load = setInterval(() => {
    const sent = request(`${cluster.instance.gateway}/color`, { method: "POST", agent: false }, (answer) =>
      answer.resume(),
    );
    sent.on("error", () => {});
    sent.end(body);
  }, 25);
}

const stored = async () =>
  JSON.parse(await cluster.kubectlOk("get", "rollouts.argoproj.io", "istio-rollout", "-o", "json")) as Rollout;

const untilMessage = (message: RegExp) =>
  eventually(`the Rollout says ${message}`, stored, ({ status }) => message.test(status?.message ?? ""), 90);

async function analyze(...args: string[]) {
  const given = ["-a", "service=istio-rollout-canary", "-a", "namespace=default", "-a", "window=15s"];
  const { stdout, stderr, exitCode } = await fairway("analyze", "--data", cluster.directory, ...args, ...given);
  return { stdout, stderr, exitCode };
}

async function tried(...args: string[]): Promise<{ readonly exitCode: number; readonly metric: TriedMetric }> {
  const { stdout, stderr, exitCode } = await analyze(...args, "--json");
  const { metrics } = JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`) as { metrics: TriedMetric[] };
  return { exitCode, metric: metrics[0]! };
}

test("EC-024 what cannot be tried out is told", async () => {
  const missing = await fairway("analyze", "--data", cluster.directory, NAMES[0] ?? "");
  assert.deepEqual(
    [missing.exitCode, missing.stderr],
    [1, "error: arguments without a value: service, namespace; add -a service=VALUE -a namespace=VALUE\n"],
  );
  const unknown = await analyze("request-rate");
  assert.match(
    unknown.stderr,
    /^error: there is no AnalysisTemplate "request-rate" in namespace default, .* there are: fairway-/,
  );
  const argument = await analyze(NAMES[0] ?? "", "-a", "host=x");
  assert.match(argument.stderr, /^error: the template has no argument "host"; it has: service, namespace, version, /);
});

test("EC-024 SE-003 without requests a trial says so, and stores nothing", { timeout: 60_000 }, async () => {
  for (const name of ["services", "gateway", "virtualservice"]) await apply(example(name));
  const { exitCode, metric } = await tried(NAMES[0] ?? "");
  assert.deepEqual([exitCode, metric.phase, metric.value], [1, "Error", "[]"]);
  assert.match(metric.hint, /^query matched no series: istio_requests_total has none yet: was there any request\?$/);
  assert.equal(await cluster.kubectlOk("get", "analysisruns", "-o", "name"), "");
  assert.equal(
    await cluster.kubectlOk("get", "clusteranalysistemplates", "-o", "name"),
    "",
    "EC-023 not installed unasked",
  );
});

test("EC-023 EC-024 EC-022 EC-020 a release judged by the built-in metrics, that a failure pauses", {
  timeout: 240_000,
}, async () => {
  await apply(example("metrics"));
  await apply(rollout("blue"));
  await eventually("the first version is healthy", stored, ({ status }) => status?.phase === "Healthy", 60);
  startLoad(0);
  await apply(rollout("yellow"));
  await untilMessage(/^CanaryPauseStep$/);
  for (const name of NAMES) {
    const { metric } = await eventually(
      `${name} is good`,
      () => tried(name),
      ({ exitCode }) => exitCode === 0,
      60,
    );
    assert.equal(metric.phase, "Successful");
    assert.ok(metric.selectors.at(-1)?.seriesCount, JSON.stringify(metric));
  }
  const { metric } = await tried(NAMES[0] ?? "");
  assert.equal(metric.value, "[1]");
  assert.ok((metric.requests?.total ?? 0) > 0 && metric.requests?.codes[0]?.[0] === "200", JSON.stringify(metric));
  const { stdout } = await analyze(NAMES[0] ?? "");
  assert.match(
    stdout,
    /^request-success-rate {2}Successful\n {2}value {5}\[1\]\n {2}success {3}result\[0\] >= 0\.95\n {2}requests {2}about \d+ /,
  );
  assert.match(stdout, /selects {3}\d+ series: istio_requests_total\{ ?reporter="source", /);
  const ofVersion = await tried(NAMES[0] ?? "", "-a", "version=yellow");
  assert.equal(ofVersion.exitCode, 0, "one version by its label");
  const other = await tried(NAMES[0] ?? "", "-a", "version=green");
  assert.match(
    other.metric.hint,
    /destination_version=~"green" does not exist; .*existing values of destination_version: /,
  );

  startLoad(100);
  const { status } = await untilMessage(/^FailedAnalysisRun: analysis run '.*' Failed: Metric "/);
  assert.equal(status?.phase, "Paused");
  const { items } = JSON.parse(await cluster.kubectlOk("get", "analysisruns", "-o", "json")) as {
    items: AnalysisRun[];
  };
  const reasons = items[0]?.status?.metricResults?.map((result) => result.metadata?.["reason"] ?? "").join("\n") ?? "";
  assert.match(reasons, /measured \[[\d.]+\]: successCondition "result\[0\] [<>]= [\d.]+" does not hold/);
  const { stderr } = await cluster.kubectl("argo", "rollouts", "get", "rollout", "istio-rollout", "--no-color");
  assert.match(stderr, /^Note: AnalysisRun istio-rollout-.*: measured \[/m);
  const failed = await tried(NAMES[0] ?? "");
  assert.deepEqual([failed.exitCode, failed.metric.phase], [1, "Failed"]);
  assert.match(failed.metric.reason, /; about \d+ requests in 15s: \d+ × 500/);

  startLoad(0);
  await eventually(
    "the canary is well again",
    () => tried(NAMES[0] ?? ""),
    ({ exitCode }) => exitCode === 0,
    60,
  );
  await cluster.kubectlOk("argo", "rollouts", "promote", "istio-rollout");
  await eventually("the release is done", stored, ({ status }) => status?.phase === "Healthy", 60);
});
