import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { parseExposition } from "../../src/promql/exposition.ts";
import { eventually, fairway, get, type RunningFairway, startFairway } from "../support/fairway.ts";

/** What Argo's controllers tell of themselves, on a running cluster. */

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo", "--leader-elect", "--instance-id", "blue");
});

after(async () => {
  await cluster?.remove();
});

const rollout = (name: string, labels: string) => `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: ${name}, labels: {${labels}}}
spec:
  replicas: 0
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: c, image: "argoproj/rollouts-demo:blue"}]}
  strategy: {canary: {steps: [{setWeight: 50}]}}
`;

const urlOf = (path: string) => `${cluster.instance.controllers}${path}`;

test("ARC-803 fairway status says where; health is ok", async () => {
  const { stdout } = await fairway("status", "--data", cluster.directory);
  assert.ok(stdout.includes(`controllers ${urlOf("/metrics")}`), stdout);
  assert.deepEqual(await get(urlOf("/healthz")), { status: 200, body: "ok" });
});

test("ARC-804 K8S check 194 with --leader-elect the controllers act once they hold their Lease", async () => {
  await eventually(
    "the Lease is held",
    () =>
      cluster.kubectlOk(
        ...["get", "lease", "-n", "argo-rollouts", "argo-rollouts-controller-lock-blue"],
        ...["-o", "jsonpath={.spec.holderIdentity}", "--ignore-not-found"],
      ),
    (holder) => /^.+_[0-9a-f-]{36}$/.test(holder),
  );
});

test("ARC-800 ARC-805 metrics of our instance's Rollouts are exposed, and the embedded Prometheus scrapes them", async () => {
  const text = [rollout("ours", "argo-rollouts.argoproj.io/controller-instance-id: blue"), rollout("theirs", "")].join(
    "---",
  );
  const applied = await cluster.kubectlInput(text, "apply", "-f", "-");
  assert.equal(applied.exitCode, 0, applied.stderr);
  const exposed = await eventually(
    "rollout_info",
    async () => (await get(urlOf("/metrics"))).body,
    (body) => /^rollout_info\{namespace="default",name="ours".*phase="Completed"\} 1$/m.test(body),
  );
  parseExposition(exposed);
  assert.doesNotMatch(exposed, /^rollout_info.*"theirs"/m);
  assert.match(exposed, /^rollout_reconcile_count\{namespace="default",name="ours"\} [1-9]/m);
  assert.match(exposed, /^rollout_events_total\{.*name="ours",type="Normal",reason="RolloutAddedToInformer"\} 1$/m);
  assert.match(exposed, /^controller_clientset_k8s_request_total\{kind="rollouts".*verb="Patch",status_code="200"\} /m);
  assert.match(exposed, /^workqueue_adds_total\{name="Rollouts"\} [1-9]/m);
  const query = encodeURIComponent('rollout_info{job="argo-rollouts-metrics"}');
  await eventually(
    "the embedded Prometheus has rollout_info",
    async () => JSON.parse((await get(`${cluster.instance.prometheus}/api/v1/query?query=${query}`)).body),
    ({ data }) => data.result.some(({ metric }: { metric: Record<string, string> }) => metric["name"] === "ours"),
  );
  const status = await cluster.kubectlOk("get", "rollouts.argoproj.io", "theirs", "-o", "jsonpath={.status}");
  assert.equal(status, "");
});

test("NO-001 NO-003 SU-032 a webhook is told of a release, and a wrong subscription is told at the Rollout", async () => {
  const told: string[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      told.push(`${request.method} ${request.url} ${request.headers["x-team"]} ${body}`);
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  const configuration = `
apiVersion: v1
kind: Secret
metadata: {name: argo-rollouts-notification-secret, namespace: argo-rollouts}
stringData: {team: blue}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argo-rollouts-notification-configmap, namespace: argo-rollouts}
data:
  service.webhook.hooks: |
    url: http://127.0.0.1:${port}
    headers: [{name: X-Team, value: $team}]
  template.completed: |
    webhook:
      hooks:
        method: POST
        path: /rollouts/{{.rollout.metadata.name}}
        body: |
          {{range $index, $c := .rollout.spec.template.spec.containers}}{{$c.image}} to {{$.recipient}}{{end}}
  trigger.on-rollout-completed: |
    - send: [completed]
`;
  try {
    const configured = await cluster.kubectlInput(configuration, "apply", "-f", "-");
    assert.equal(configured.exitCode, 0, configured.stderr);
    const prefix = "notifications.argoproj.io/subscribe";
    const text = rollout("told", "argo-rollouts.argoproj.io/controller-instance-id: blue").replace(
      "metadata: {name: told,",
      `metadata: {name: told, annotations: {${prefix}.on-rollout-completed.hooks: ops, ${prefix}.on-done.hooks: ops},`,
    );
    const applied = await cluster.kubectlInput(text, "apply", "-f", "-");
    assert.equal(applied.exitCode, 0, applied.stderr);
    await eventually(
      "the webhook",
      async () => told,
      (all) => all.length > 0,
    );
    assert.deepEqual(told, ["POST /rollouts/told blue argoproj/rollouts-demo:blue to ops\n"]);
    await eventually(
      "the warning",
      () => cluster.kubectlOk("get", "events", "-o", "jsonpath={.items[*].message}"),
      (messages) => messages.includes('trigger "on-done" is not configured; configured are: on-rollout-completed'),
    );
    const sent = /^notification_send_success\{.*name="told".*\} 1$/m;
    assert.match((await get(urlOf("/metrics"))).body, sent);
  } finally {
    receiver.close();
  }
});

test("ARC-805 an instance id that can be no label is refused", async () => {
  const { stderr, exitCode } = await fairway("up", "--memory", "--data", cluster.directory, "--instance-id", "a b");
  assert.equal(exitCode, 1);
  assert.match(stderr, /--instance-id <id>' argument 'a b' is invalid\. a valid label must be/);
});
