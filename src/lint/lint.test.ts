import assert from "node:assert/strict";
import { test } from "node:test";
import { fix, lint, renderEdit, type SourceFile } from "./lint.ts";

function deployment(name: string, options: { version?: string; env?: string; labels?: string } = {}): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels:
    version: ${options.version ?? "v1"}
spec:
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
        ${options.labels ?? "lane: base"}
    spec:
      containers:
        - name: main
          image: sample:1
          env:
            - name: upstream_url
              value: "${options.env ?? "none"}"
`;
}

function service(name: string, selector = `app: ${name}`): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector:
    ${selector}
  ports:
    - name: http
      port: 80
`;
}

const group = `apiVersion: istio.alibabacloud.com/v1
kind: ASMSwimLaneGroup
metadata:
  name: g
spec:
  services:
    - name: cart
      namespace: default
`;

function lane(name: string, selector: string, groupName = "g"): string {
  return `apiVersion: istio.alibabacloud.com/v1
kind: ASMSwimLane
metadata:
  name: ${name}
  labels:
    swimlane-group: ${groupName}
spec:
  labelSelector:
    ${selector}
`;
}

function rollout(namespace: string | null, strategy = "enableExtraWorkloadForCanary: true"): string {
  return `apiVersion: rollouts.kruise.io/v1beta1
kind: Rollout
metadata:
  name: r
${namespace ? `  namespace: ${namespace}\n` : ""}spec:
  workloadRef:
    apiVersion: apps/v1
    kind: Deployment
    name: cart
  strategy:
    canary:
      ${strategy}
      steps:
        - replicas: 1
`;
}

function source(...documents: string[]): SourceFile {
  return { file: "a.yaml", text: documents.join("---\n") };
}

const cases: { name: string; source: SourceFile; code: string; line?: number; message?: string; fixed?: RegExp }[] = [
  {
    name: "KRL-01 an empty label beside one with a value",
    source: source(deployment("cart", { version: "" }), deployment("pay"), deployment("ship")),
    code: "KRL-01",
    line: 6,
    message: 'Deployment default/cart: label "version" is empty; pay and ship use "v1" (did you mean "v1"?)',
    fixed: /name: cart\n {2}labels:\n {4}version: v1\n/,
  },
  {
    name: "KRL-02 canary pods keep their version label",
    source: source(deployment("cart", { labels: "version: v1" }), rollout(null)),
    code: "KRL-02",
    message: "canary pods of cart keep label version=v1",
  },
  {
    name: "KRL-03 a host in another namespace than its Service",
    source: source(deployment("cart", { env: "http://pay.demo:8000/" }), service("pay")),
    code: "KRL-03",
    line: 22,
    message:
      "Deployment default/cart, env upstream_url: host pay.demo has no Service; Service pay exists in namespace default",
    fixed: /value: "?http:\/\/pay:8000\/"?\n/,
  },
  {
    name: "KRL-04 a Rollout in another namespace than its workload",
    source: source(deployment("cart"), rollout("demo")),
    code: "KRL-04",
    message: "Rollout demo/r: no Deployment cart in namespace demo; one exists in namespace default",
    fixed: /name: r\nspec:/,
  },
  {
    name: "KRL-05 two objects without a separator",
    source: { file: "a.yaml", text: service("a") + service("b") },
    code: "KRL-05",
    line: 11,
    message: 'duplicate top-level keys (apiVersion, kind, …): a "---" separator is missing before line 11',
    fixed: /port: 80\n---\napiVersion: v1/,
  },
  {
    name: "KRL-06 indentation that was lost on the way",
    source: source("apiVersion: v1\nkind: Service\nmetadata:\nname: cart\nspec:\nports: []\n"),
    code: "KRL-06",
    line: 1,
    message: 'indentation seems to be lost: "metadata" is empty and "name" is a top-level key',
  },
  {
    name: "KRL-10 patched pods without a word on the extra workload",
    source: source(rollout(null, "patchPodTemplateMetadata: {labels: {lane: canary}}")),
    code: "KRL-10",
    line: 12,
    message:
      "Rollout default/r: patchPodTemplateMetadata needs enableExtraWorkloadForCanary: true; treating this Rollout as canary style",
    fixed: /canary:\n {6}enableExtraWorkloadForCanary: true\n {6}patchPodTemplateMetadata:/,
  },
  {
    name: "KRL-11 patched pods that partition style never makes",
    source: source(
      rollout(null, "patchPodTemplateMetadata: {labels: {a: b}}\n      enableExtraWorkloadForCanary: false"),
    ),
    code: "KRL-11",
    line: 13,
    message: "Rollout default/r: patchPodTemplateMetadata is ignored when enableExtraWorkloadForCanary is false",
  },
  {
    name: "KRL-30 two Rollouts for one workload",
    source: source(rollout(null), rollout(null).replace("name: r\n", "name: s\n")),
    code: "KRL-30",
    message: "Deployment default/cart is controlled by Rollout default/r and Rollout default/s",
  },
  {
    name: "LANE-031 a lane of an unknown group",
    source: source(group, lane("base", "lane: base", "other")),
    code: "LANE-031",
  },
  {
    name: "LANE-951 a Service that selects on the lane label",
    source: source(group, lane("base", "lane: base"), service("cart", "lane: base")),
    code: "LANE-951",
    line: 26,
  },
  {
    name: "LANE-953 nested lane selectors",
    source: source(group, lane("base", "app: cart"), lane("canary", "lane: canary")),
    code: "LANE-953",
    message: "lanes base and canary of group g can match the same pod",
  },
  {
    name: "LANE-957 pods in no lane",
    source: source(group, lane("base", "lane: stable"), service("cart"), deployment("cart")),
    code: "LANE-957",
  },
  {
    name: "LANE-959 a port that is not HTTP",
    source: source(group, service("cart").replace("name: http", "name: mysql")),
    code: "LANE-959",
  },
  {
    name: "LANE-969 a patched label that the Deployment selects on",
    source: source(
      deployment("cart"),
      rollout(null, "enableExtraWorkloadForCanary: true\n      patchPodTemplateMetadata: {labels: {app: canary}}"),
    ),
    code: "LANE-969",
    message:
      "Rollout default/r: it sets pod label app=canary, but Deployment default/cart selects on app=cart: the canary Deployment would be refused",
  },
  {
    name: "YAML that cannot be read, at the file's own line",
    source: source(service("cart"), "a: b: c\n"),
    code: "YAML",
    line: 12,
    message: "Nested mappings are not allowed in compact mappings",
  },
  { name: "a document that is no object", source: { file: "a.yaml", text: "- 1\n" }, code: "YAML" },
];

for (const { name, source: file, code, line, message, fixed } of cases) {
  test(name, () => {
    const findings = lint([file]);
    const finding = findings.find((candidate) => candidate.code === code);
    assert.ok(finding, `found ${findings.map((candidate) => candidate.code).join(", ") || "nothing"}`);
    if (line !== undefined) assert.equal(finding.line, line);
    if (message !== undefined) assert.equal(finding.message, message);
    if (fixed) {
      const mended = fix(file, findings);
      assert.match(mended, fixed);
      assert.ok(!lint([{ ...file, text: mended }]).some((candidate) => candidate.code === code), "mended for good");
    }
  });
}

test("KRL-10 KRL-11 v1alpha1 tells its style by an annotation, and is in canary style without one", () => {
  const old = rollout(null, "patchPodTemplateMetadata: {labels: {lane: canary}}").replace("/v1beta1", "/v1alpha1");
  const partition = old.replace(
    "  name: r\n",
    "  name: r\n  annotations: {rollouts.kruise.io/rolling-style: partition}\n",
  );
  const codes = (text: string) =>
    lint([
      source(
        text
          .replace("workloadRef:", "objectRef:\n    workloadRef:")
          .replace(/^ {4}(apiVersion|kind|name):/gm, "      $1:"),
      ),
    ]).map(({ code }) => code);
  assert.deepEqual([codes(old), codes(partition)], [[], ["KRL-11"]]);
});

test("SEED-001 clean manifests have no finding", () => {
  const lanes = [lane("base", "lane: base"), lane("canary", "lane: canary")];
  assert.deepEqual(lint([source(group, ...lanes, service("cart"), deployment("cart"), rollout(null))]), []);
});

test("renderEdit() shows the lines that change", () => {
  const file = source(deployment("cart"), rollout("demo"));
  const finding = lint([file]).find(({ code }) => code === "KRL-04")!;
  assert.equal(renderEdit(file, finding), "@@ a.yaml:28 KRL-04\n-  namespace: demo");
});

test("renderEdit() of an added line shows that line alone", () => {
  const file = source(rollout(null, "patchPodTemplateMetadata: {labels: {lane: canary}}"));
  const finding = lint([file]).find(({ code }) => code === "KRL-10")!;
  assert.equal(renderEdit(file, finding), "@@ a.yaml:12 KRL-10\n+      enableExtraWorkloadForCanary: true");
});
