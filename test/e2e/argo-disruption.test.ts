import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type RunningFairway, startFairway } from "../support/fairway.ts";

/** Disruption budgets, restarts and autoscalers of a Rollout, with real kubectl and the plugin. */

let cluster: RunningFairway;

const manifests = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: web }
spec: { maxUnavailable: 0, selector: { matchLabels: { app: web } } }
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: c, image: "argoproj/rollouts-demo:blue", ports: [{ containerPort: 8080 }] }] }
  strategy: { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } }
`;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
  const { exitCode, stderr } = await cluster.kubectlInput(manifests, "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
  await cluster.kubectlOk("argo", "rollouts", "status", "web", "--timeout", "30s");
});

after(() => cluster.remove());

function pods(): Promise<string> {
  return cluster.kubectlOk("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.uid}");
}

test("K8S-30 K8S-243 kubectl drain stops at a budget that has nothing to give", async () => {
  await cluster.kubectlOk("create", "pdb", "none", "--selector=app=none", "--min-available=1");
  const node = (await cluster.kubectlOk("get", "node", "-o", "name")).trim();
  const before = await pods();
  const { exitCode, stderr } = await cluster.kubectl("drain", node, "--pod-selector=app=web", "--timeout=1s");
  assert.equal(exitCode, 1);
  assert.match(stderr, /Cannot evict pod as it would violate the pod's disruption budget\./);
  assert.equal(await pods(), before);
  await cluster.kubectlOk("uncordon", node);
});

test("ARC-823 an Eviction of policy/v1beta1 is refused with the budget's reason", async () => {
  const name = await cluster.kubectlOk("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}");
  const body = JSON.stringify({ apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name } });
  const path = `/api/v1/namespaces/default/pods/${name}/eviction`;
  const { exitCode, stderr } = await cluster.kubectlInput(body, "create", "--raw", path, "-f", "-");
  assert.equal(exitCode, 1);
  assert.match(stderr, /violate the pod's disruption budget/);
});

test("ARC-160 ARC-822 a restart waits for the budget, and then replaces every pod", async () => {
  const before = (await pods()).split(" ");
  await cluster.kubectlOk("argo", "rollouts", "restart", "web");
  const { stdout } = await cluster.kubectl("argo", "rollouts", "status", "web", "--timeout", "2s");
  assert.match(stdout, /Progressing - rollout is restarting/);
  assert.deepEqual((await pods()).split(" "), before);
  await cluster.kubectlOk("patch", "pdb", "web", "--type=merge", "-p", '{"spec":{"maxUnavailable":1}}');
  await cluster.kubectlOk("argo", "rollouts", "status", "web", "--timeout", "60s");
  const after = (await pods()).split(" ");
  assert.deepEqual(
    after.filter((uid) => before.includes(uid)),
    [],
  );
  assert.match(await cluster.kubectlOk("get", "pdb", "web"), /web\s+N\/A\s+1\s+1\s/);
});

test("ARC-820 kubectl scale and autoscale take a Rollout", async () => {
  assert.match(await cluster.kubectlOk("scale", "rollout", "web", "--replicas=3"), /rollout\.argoproj\.io\/web scaled/);
  await cluster.kubectlOk("argo", "rollouts", "status", "web", "--timeout", "30s");
  assert.equal((await pods()).split(" ").length, 3);
  await cluster.kubectlOk("autoscale", "rollout", "web", "--min=1", "--max=4", "--cpu-percent=80");
  assert.match(await cluster.kubectlOk("get", "hpa", "web"), /web\s+Rollout\/web\s/);
});
