import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, type RunningFairway, startFairway } from "../support/fairway.ts";

/** Autoscalers on real processes, with real kubectl: what the pods use is what the system says they use. */

const skip = process.platform === "linux" ? false : "CPU and memory of pods are measured on Linux only";

let cluster: RunningFairway;

/** Busy for three tenths of the time, and by itself idle again after half a minute. */
const program = `
import time
end = time.time() + 30
while True:
    start = time.time()
    while start < end and time.time() - start < 0.03: pass
    time.sleep(0.07)
`;

const template = {
  metadata: { labels: { app: "web" } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "c",
        image: "python",
        command: ["python3", "-c", program],
        resources: { requests: { cpu: "100m", memory: "32Mi" } },
      },
    ],
  },
};

function workload(apiVersion: string, kind: string, name: string, more: object = {}): string {
  const labels = { app: name };
  const pods = { ...template, metadata: { labels } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template: pods, ...more };
  return JSON.stringify({ apiVersion, kind, metadata: { name }, spec });
}

before(async () => {
  if (skip) return;
  cluster = await startFairway("--memory", "--packs", "istio,argo", "--autoscaler-sync-period", "2s");
  const strategy = { canary: { steps: [{ setWeight: 50 }, { pause: {} }] } };
  const manifests = [
    workload("apps/v1", "Deployment", "web"),
    workload("argoproj.io/v1alpha1", "Rollout", "shop", { strategy }),
  ];
  const { exitCode, stderr } = await cluster.kubectlInput(manifests.join("\n"), "apply", "-f", "-");
  assert.equal(exitCode, 0, stderr);
});

after(() => cluster?.remove());

test("K8S-242 K8S-14 kubectl autoscale: a process that burns CPU becomes two", { skip }, async () => {
  await cluster.kubectlOk("autoscale", "deployment", "web", "--min", "1", "--max", "2", "--cpu-percent", "50");
  await eventually(
    "two pods",
    () => cluster.kubectlOk("get", "deployment", "web", "-o", "jsonpath={.spec.replicas}"),
    (replicas) => replicas === "2",
    25,
  );
  const rows = await eventually(
    "both are in the autoscaler's columns",
    () => cluster.kubectlOk("get", "hpa"),
    (output) => /^web .* 2 +\S+\n$/m.test(output),
  );
  assert.match(rows, /^NAME\s+REFERENCE\s+TARGETS\s+MINPODS\s+MAXPODS\s+REPLICAS\s+AGE\n/);
  assert.match(rows, /^web\s+Deployment\/web\s+cpu: \d+%\/50%\s+1\s+2\s+2\s/m);
  const described = await cluster.kubectlOk("describe", "hpa", "web");
  assert.match(
    described,
    /SuccessfulRescale .* New size: 2; reason: cpu resource utilization \(percentage of request\) above target/,
  );
  assert.match(described, /ScalingActive\s+True\s+ValidMetricFound/);
  const v1 = JSON.parse(
    await cluster.kubectlOk("get", "--raw", "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web"),
  );
  assert.ok(v1.status.currentCPUUtilizationPercentage > 0, JSON.stringify(v1.status));
});

test("ARC-820 kubectl autoscale: a Rollout by its scale subresource", { skip }, async () => {
  await cluster.kubectlOk("autoscale", "rollout", "shop", "--min", "2", "--max", "3", "--cpu-percent", "50");
  await cluster.kubectlOk("wait", "--for=jsonpath={.status.HPAReplicas}=2", "rollout/shop", "--timeout=20s");
  const described = await cluster.kubectlOk("describe", "hpa", "shop");
  assert.match(described, /New size: 2; reason: Current number of replicas below Spec.MinReplicas/);
});

test("K8S-29 kubectl top tells of pods and of the node", { skip }, async () => {
  const pods = await eventually(
    "both pods are measured",
    () => cluster.kubectlOk("top", "pods", "-l", "app=web"),
    (output) => output.trim().split("\n").length === 3,
  );
  assert.match(pods, /^NAME\s+CPU\(cores\)\s+MEMORY\(bytes\)\s*\nweb-\S+\s+\d+m\s+[1-9]\d*Mi\s*\n/);
  assert.match(await cluster.kubectlOk("top", "nodes"), /^NAME .*\n\S+\s+\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
  assert.match(
    await cluster.kubectlOk("api-resources", "--api-group=metrics.k8s.io"),
    /pods\s+metrics\.k8s\.io\/v1beta1/,
  );
  assert.match(await cluster.kubectlOk("get", "pods.metrics.k8s.io"), /^NAME\s+CPU\s+MEMORY\s+WINDOW\n/);
});

test("K8S-242 an autoscaler of pods without requests says what is missing", { skip }, async () => {
  await cluster.kubectlOk("create", "deployment", "bare", "--image=pause");
  await cluster.kubectlOk("autoscale", "deployment", "bare", "--max", "2", "--cpu-percent", "50");
  const message = await eventually(
    "the condition",
    () =>
      cluster.kubectlOk(
        "get",
        "hpa",
        "bare",
        "-o",
        'jsonpath={.status.conditions[?(@.type=="ScalingActive")].message}',
      ),
    (text) => text.includes("missing request"),
  );
  assert.match(message, /missing request for cpu in container pause of Pod bare-/);
});
