import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../types.ts";
import { goJson } from "./go-json.ts";
import { podTemplateHash, stepHash } from "./hash.ts";
import { canonicalQuantity } from "./quantity.ts";

function seedTemplate(image: string) {
  return {
    metadata: { annotations: { "sidecar.istio.io/inject": "true" }, labels: { app: "istio-rollout" } },
    spec: {
      containers: [
        {
          name: "istio-rollout",
          image,
          ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
          resources: { requests: { memory: "32Mi", cpu: "5m" } },
        },
      ],
    },
  };
}

const templates: readonly [string, string][] = [
  ["argoproj/rollouts-demo:blue", "7f96d86486"],
  ["argoproj/rollouts-demo:yellow", "5fcf5864c4"],
  ["argoproj/istio-rollout:yellow", "897cb5b6d"],
];

for (const [image, hash] of templates) {
  test(`ARC-031 ARC-033 ARC-034 the seed's template with ${image} is named ${hash}`, () => {
    assert.equal(podTemplateHash(seedTemplate(image)), hash);
  });
}

test("ARC-030 ARC-034 a collision gives another name", () => {
  assert.equal(podTemplateHash(seedTemplate("argoproj/rollouts-demo:blue"), 1), "7b99bd855");
});

const seedSteps: Step[] = [
  { setWeight: 10 },
  { pause: {} },
  ...[20, 30, 40, 50, 60, 70, 80, 90].flatMap((setWeight) => [{ setWeight }, { pause: { duration: "20s" } }]),
];

const stepLists: readonly [string, Step[] | undefined, string][] = [
  ["no steps", undefined, "5ffbfbbd64"],
  ["10 and a pause", [{ setWeight: 10 }, { pause: {} }], "849b756fd4"],
  ["20 and a pause", [{ setWeight: 20 }, { pause: {} }], "54649b9f5c"],
  ["50 and 3 seconds", [{ setWeight: 50 }, { pause: { duration: "3s" } }], "77fbc56786"],
  ["the seed's", seedSteps, "646d67466d"],
];

for (const [name, steps, hash] of stepLists) {
  test(`ARC-040 ARC-041 steps: ${name}`, () => assert.equal(stepHash(steps), hash));
}

test("ARC-042 members that are always there stand in a step's text", () => {
  const experiment = {
    templates: [{ name: "a", specRef: "canary" as const }],
    analyses: [{ name: "r", templateName: "t" }],
  };
  assert.equal(
    goJson("Step", { experiment }),
    '{"experiment":{"templates":[{"name":"a","specRef":"canary","metadata":{}}],' +
      '"analyses":[{"name":"r","templateName":"t"}],"analysisRunMetadata":{}}}',
  );
  const analysis = { templates: [{ templateName: "t", clusterScope: false }] };
  assert.equal(goJson("Step", { analysis }), '{"analysis":{"templates":[{"templateName":"t"}]}}');
});

const quantities: readonly [string, string][] = [
  ["1000m", "1"],
  ["0.5", "500m"],
  ["1024Mi", "1Gi"],
  ["32Mi", "32Mi"],
  ["5m", "5m"],
  ["1.5Gi", "1536Mi"],
  ["1e3", "1k"],
  ["0", "0"],
  ["1500", "1500"],
];

for (const [text, canonical] of quantities) {
  test(`ARC-032 the quantity ${text} is spelled ${canonical}`, () => assert.equal(canonicalQuantity(text), canonical));
}
