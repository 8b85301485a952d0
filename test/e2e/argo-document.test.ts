import assert from "node:assert/strict";
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

/** What a reader of the document types besides the releases: its installation, and its slips. */

const EXAMPLES = path.join(root, "examples", "argo");

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
});

after(async () => {
  await cluster?.remove();
});

const file = (name: string) =>
  hasSeedManifests ? path.join(seedManifests, `002-${name}.yaml`) : path.join(EXAMPLES, `${name}.yaml`);

/** As the original's installation has it, with a definition that differs from ours and is too large for an annotation. */
async function installation(): Promise<string> {
  const crd = JSON.parse(await cluster.kubectlOk("get", "crd", "rollouts.argoproj.io", "-o", "json"));
  const { apiVersion, kind, metadata, spec } = crd;
  for (const version of spec.versions) version.schema.openAPIV3Schema.description = "theirs ".repeat(50_000);
  const labels = { "app.kubernetes.io/name": "argo-rollouts" };
  const container = {
    name: "argo-rollouts",
    image: "quay.io/argoproj/argo-rollouts:latest",
    ports: [
      { name: "metrics", containerPort: 8090 },
      { name: "healthz", containerPort: 8080 },
    ],
    readinessProbe: { httpGet: { path: "/healthz", port: "healthz" }, periodSeconds: 1 },
  };
  const items = [
    { apiVersion, kind, metadata: { name: metadata.name }, spec },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "argo-rollouts" },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
  ];
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

test("the document's installation of Argo Rollouts goes through, and changes nothing", {
  timeout: 60_000,
}, async () => {
  assert.equal(await cluster.kubectlOk("create", "namespace", "argo-rollouts"), "namespace/argo-rollouts created\n");
  const manifest = await installation();
  const { stderr, exitCode } = await cluster.kubectlInput(manifest, "apply", "-n", "argo-rollouts", "-f", "-");
  assert.equal(exitCode, 0, stderr);
  assert.match(
    stderr,
    /^Warning: rollouts\.argoproj\.io is served by Fairway's argo pack: its definition stays as it is$/m,
  );
  const crd = JSON.parse(await cluster.kubectlOk("get", "crd", "rollouts.argoproj.io", "-o", "json"));
  assert.ok(!JSON.stringify(crd).includes("theirs"));
  await cluster.kubectlOk(
    "wait",
    "-n",
    "argo-rollouts",
    "--for=condition=Available",
    "deployment/argo-rollouts",
    "--timeout=30s",
  );
  assert.match(await cluster.kubectlOk("logs", "-n", "argo-rollouts", "deploy/argo-rollouts"), /built into Fairway/);
});

test("SE-010 the document's image that does not exist: the tree says so, and the stable version answers", {
  timeout: 60_000,
}, async () => {
  for (const name of ["rollout", "services", "virtualservice", "gateway"])
    await cluster.kubectlOk("apply", "-f", file(name));
  await cluster.kubectlOk("argo", "rollouts", "status", "istio-rollout", "--timeout", "30s");
  await cluster.kubectlOk("argo", "rollouts", "set", "image", "istio-rollout", "*=argoproj/istio-rollout:yellow");
  const tree = await eventually(
    "the tree shows the pod that waits for its image",
    () => cluster.kubectlOk("argo", "rollouts", "get", "rollout", "istio-rollout"),
    (text) => text.includes("ImagePullBackOff"),
  );
  // The name that the document's own output has for this mistake.
  assert.match(tree, /⧉ istio-rollout-897cb5b6d +ReplicaSet +◌ Progressing +\S+ +canary$/m);
  assert.match(tree, /□ istio-rollout-897cb5b6d-\w+ +Pod +⚠ ImagePullBackOff +\S+ +ready:1\/2$/m);
  assert.match(tree, /^Status: {10}◌ Progressing$/m);
  const answer = await eventually(
    "the gateway answers",
    () => get(`${cluster.instance.gateway}/color`),
    ({ status }) => status === 200,
  );
  assert.equal(answer.body, '"blue"');
});
