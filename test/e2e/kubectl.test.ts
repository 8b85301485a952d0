import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, examples, get, type RunningFairway, startFairway } from "../support/fairway.ts";

/** What a user of the seed types, with real kubectl, on the examples. */

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway("--memory");
  for (const file of ["gateway", "apps", "lanes", "rollouts"]) {
    await cluster.kubectlOk("apply", "-f", path.join(examples, `${file}.yaml`));
  }
  for (const name of ["mocka-v1", "mockb-v1", "mockc-v1"]) {
    await cluster.kubectlOk("rollout", "status", `deployment/${name}`, "--timeout=30s");
  }
});

after(() => cluster.remove());

test("K8S-9 applying unchanged files again changes nothing", async () => {
  for (const file of ["gateway", "apps", "lanes", "rollouts"]) {
    const output = await cluster.kubectlOk("apply", "-f", path.join(examples, `${file}.yaml`));
    for (const line of output.trim().split("\n")) assert.match(line, / unchanged$/);
  }
});

test("K8S-7 get lists several kinds over all namespaces", async () => {
  const output = await cluster.kubectlOk("get", "deploy,rs,pods,svc,destinationrule,virtualservice", "-A");
  assert.match(output, /default\s+deployment\.apps\/mocka-v1\s+1\/1\s+1\s+1\s/);
  assert.match(output, /default\s+replicaset\.apps\/mocka-v1-[456789bcdf]{8,10}\s+1\s+1\s+1\s/);
  assert.match(output, /default\s+pod\/mocka-v1-\S+\s+1\/1\s+Running\s+0\s/);
  assert.match(output, /default\s+service\/mocka\s+ClusterIP\s+127\.96\.\d+\.\d+\s+<none>\s+8000\/TCP/);
  assert.match(
    output,
    /istio-system\s+destinationrule\.\S+\/trafficlabel-dr-rollout-default-mocka\s+mocka\.default\.svc/,
  );
  assert.match(output, /istio-system\s+virtualservice\.\S+\/swimlane-ingress-vs-rollout-base\s/);
});

test("KRUISE-003 the columns of a Rollout", async () => {
  const output = await cluster.kubectlOk("get", "rollout");
  assert.match(output, /^NAME\s+STATUS\s+CANARY_STEP\s+CANARY_STATE\s+MESSAGE\s+AGE\n/);
  assert.match(output, /rollouts-mocka\s+Healthy\s+1\s+Completed\s+workload deployment is completed\s+\d+s/);
});

test("K8S-3 the output forms of get", async () => {
  const yaml = await cluster.kubectlOk("get", "deployment", "mocka-v1", "-o", "yaml");
  assert.match(yaml, /^apiVersion: apps\/v1\nkind: Deployment\n/);
  const json = JSON.parse(await cluster.kubectlOk("get", "deployment", "-o", "json"));
  assert.deepEqual(
    json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ["mocka-v1", "mockb-v1", "mockc-v1"],
  );
  assert.match(await cluster.kubectlOk("get", "pods", "-o", "wide"), /127\.\d+\.\d+\.\d+/);
  assert.equal(await cluster.kubectlOk("get", "svc", "mocka", "-o", "jsonpath={.spec.ports[0].port}"), "8000");
});

test("K8S-21 K8S-257 describe shows conditions and events", async () => {
  const deployment = await cluster.kubectlOk("describe", "deployment", "mocka-v1");
  assert.match(deployment, /Available\s+True\s+MinimumReplicasAvailable/);
  assert.match(deployment, /ScalingReplicaSet/);
  const pod = await cluster.kubectlOk("describe", "pod", "-l", "app=mocka");
  assert.match(pod, /Started\s.*Started container default/);
  assert.match(await cluster.kubectlOk("describe", "rollout", "rollouts-mocka"), /Kind:\s+Rollout/);
});

test("K8S-22 logs, also with a tail and by deployment", async () => {
  const output = await cluster.kubectlOk("logs", "deployment/mocka-v1");
  assert.notEqual(output.trim(), "");
  const last = await cluster.kubectlOk("logs", "deployment/mocka-v1", "--tail=1");
  assert.equal(last.trim().split("\n").length, 1);
});

test("K8S-20 K8S-15 K8S-16 K8S-17 wait, scale, rollout status, label, annotate", async () => {
  await cluster.kubectlOk("wait", "--for=condition=Available", "deployment/mockc-v1", "--timeout=20s");
  assert.match(
    await cluster.kubectlOk("scale", "deployment", "mockc-v1", "--replicas=2"),
    /deployment\.apps\/mockc-v1 scaled/,
  );
  assert.match(
    await cluster.kubectlOk("rollout", "status", "deployment/mockc-v1", "--timeout=30s"),
    /successfully rolled out/,
  );
  await cluster.kubectlOk("scale", "deployment", "mockc-v1", "--replicas=1");
  assert.match(await cluster.kubectlOk("label", "deployment", "mockc-v1", "team=shop"), /labeled/);
  assert.match(await cluster.kubectlOk("annotate", "deployment", "mockc-v1", "note=x"), /annotated/);
  await cluster.kubectlOk("label", "deployment", "mockc-v1", "team-");
});

test("K8S-5 a watch shows a pod on its way", async () => {
  const env = { ...process.env, KUBECONFIG: cluster.instance.kubeconfig };
  const watching = spawn("kubectl", ["get", "pods", "-w", "-l", "app=mockc"], { env });
  let shown = "";
  watching.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  const lines = async () => shown;
  try {
    // kubectl watches from the revision of the list that it prints first: nothing after that is missed.
    await eventually("the list", lines, (text) => text.startsWith("NAME"));
    const listed = shown.length;
    await cluster.kubectlOk("scale", "deployment", "mockc-v1", "--replicas=2");
    await eventually("the new pod", lines, (text) => /Pending[\s\S]*1\/1\s+Running/.test(text.slice(listed)));
  } finally {
    watching.kill();
    await cluster.kubectlOk("scale", "deployment", "mockc-v1", "--replicas=1");
  }
});

test("K8S-18 rollout history and undo", async () => {
  await cluster.kubectlOk("create", "deployment", "undone", "--image=go-http-sample:1.0");
  await cluster.kubectlOk("rollout", "status", "deployment/undone", "--timeout=20s");
  await cluster.kubectlOk("set", "image", "deployment/undone", "go-http-sample=go-http-sample:2.0");
  await cluster.kubectlOk("rollout", "status", "deployment/undone", "--timeout=20s");
  assert.match(await cluster.kubectlOk("rollout", "history", "deployment/undone"), /^1 .*\n2 /m);
  await cluster.kubectlOk("rollout", "undo", "deployment/undone");
  await cluster.kubectlOk("rollout", "status", "deployment/undone", "--timeout=20s");
  assert.match(await cluster.kubectlOk("rollout", "history", "deployment/undone"), /^2 .*\n3 /m);
  const image = "jsonpath={.spec.template.spec.containers[0].image}";
  assert.equal(await cluster.kubectlOk("get", "deployment", "undone", "-o", image), "go-http-sample:1.0");
  await cluster.kubectlOk("delete", "deployment", "undone");
});

test("K8S-19 delete takes the pods along", async () => {
  await cluster.kubectlOk("create", "deployment", "extra", "--image=go-http-sample:1.0");
  await cluster.kubectlOk("wait", "--for=jsonpath={.status.replicas}=1", "deployment/extra", "--timeout=20s");
  assert.match(await cluster.kubectlOk("delete", "deployment", "extra"), /deployment\.apps "extra" deleted/);
  await cluster.kubectlOk("wait", "--for=delete", "pod", "-l", "app=extra", "--timeout=30s");
});

test("LANE-100 the generated objects are field-equal to the document's", async () => {
  const get = async (what: string) =>
    JSON.parse(await cluster.kubectlOk("get", what, "-n", "istio-system", "-o", "json")).items as {
      apiVersion: string;
      metadata: { name: string; labels: unknown };
      spec: Record<string, unknown>;
    }[];
  const services = await get("virtualservices.v1alpha3.networking.istio.io");
  assert.deepEqual(services.map(({ metadata }) => metadata.name).sort(), [
    "swimlane-ingress-vs-rollout-base",
    "swimlane-ingress-vs-rollout-canary",
    "trafficlabel-vs-rollout-default-mocka",
    "trafficlabel-vs-rollout-default-mockb",
    "trafficlabel-vs-rollout-default-mockc",
  ]);
  const labels = { "asm-system": "true", provider: "asm", "swimlane-group": "rollout" };
  for (const { apiVersion, metadata } of services) {
    assert.equal(apiVersion, "networking.istio.io/v1alpha3");
    assert.deepEqual(metadata.labels, labels);
  }
  const host = "mocka.default.svc.cluster.local";
  assert.deepEqual(services.find(({ metadata }) => metadata.name.endsWith("rollout-canary"))?.spec, {
    gateways: ["istio-system/ingressgateway"],
    hosts: ["*"],
    http: [
      {
        match: [{ headers: { "x-asm-prefer-tag": { exact: "canary" } }, uri: { exact: "/mock" } }],
        name: "canary",
        route: [
          {
            destination: { host, subset: "canary" },
            fallback: { target: { host, subset: "base" } },
            headers: { request: { set: { "x-asm-prefer-tag": "canary" } } },
          },
        ],
      },
    ],
  });
  assert.deepEqual(services.find(({ metadata }) => metadata.name.endsWith("default-mocka"))?.spec, {
    hosts: [host],
    http: [
      {
        name: "default",
        route: [{ destination: { host, subset: "$asm-label" }, fallback: { target: { host, subset: "base" } } }],
      },
    ],
  });
  const rules = await get("destinationrules.v1alpha3.networking.istio.io");
  assert.deepEqual(
    rules.map(({ metadata, spec }) => [metadata.name, spec]),
    ["mocka", "mockb", "mockc"].map((name) => [
      `trafficlabel-dr-rollout-default-${name}`,
      {
        host: `${name}.default.svc.cluster.local`,
        subsets: [{ labels: { ASM_TRAFFIC_TAG: "base" }, name: "base" }],
      },
    ]),
  );
});

test("KRUISE-451 approving what does not wait is refused in the original's words", async () => {
  const { stderr, exitCode } = await cluster.kubectl("kruise", "rollout", "approve", "rollout/rollouts-mocka");
  assert.match(stderr, /does not allow to approve, because current canary state is not 'StepPaused'/);
  assert.equal(exitCode, 1);
});

test("MESH-387 the metrics have both reporters", async () => {
  await get(`${cluster.instance.gateway}/mock`, { "x-asm-prefer-tag": "base", "my-request-id": "metrics" });
  const { body } = await eventually(
    "both reporters in the metrics",
    () => get(cluster.instance.metrics),
    ({ body }) => body.includes('reporter="destination"'),
  );
  assert.match(body, /istio_requests_total\{reporter="source",source_workload="istio-ingressgateway"/);
});
