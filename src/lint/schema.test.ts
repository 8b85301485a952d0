import assert from "node:assert/strict";
import { test } from "node:test";
import { lint } from "./lint.ts";
import { nearestName } from "./near.ts";

function rollout(steps: string, { apiVersion = "argoproj.io/v1alpha1", kind = "Rollout" } = {}): string {
  return `apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: shop
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: a/b}]}
  strategy:
    canary:
      steps: ${steps}
`;
}

const service = (spec: string) => `apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  ${spec}\n`;

const cases: readonly (readonly [name: string, text: string, found: readonly string[]])[] = [
  ["a Rollout of known fields", rollout("[{setWeight: 10}]"), []],
  [
    "an unknown step",
    rollout("[{setWieght: 10}]"),
    ['12 K8S-81 Rollout shop: unknown field "spec.strategy.canary.steps[0].setWieght"; did you mean setWeight?'],
  ],
  [
    "a field that is like no other",
    rollout("[{setWeight: 10, colour: red}]"),
    ['12 K8S-81 Rollout shop: unknown field "spec.strategy.canary.steps[0].colour"'],
  ],
  [
    "a text for a number",
    rollout('[{setWeight: "10"}]'),
    [
      '12 K8S-155 Rollout shop: spec.strategy.canary.steps[0].setWeight: Invalid value: "string": spec.strategy.canary.steps[0].setWeight in body must be of type integer: "string"',
    ],
  ],
  [
    "steps that are no list",
    rollout("7"),
    [
      '12 K8S-155 Rollout shop: spec.strategy.canary.steps: Invalid value: "integer": spec.strategy.canary.steps in body must be of type array: "integer"',
    ],
  ],
  [
    "a version that is not there",
    rollout("[]", { apiVersion: "argoproj.io/v1" }),
    ["1 K8S-79 Rollout shop: there is no Rollout in argoproj.io/v1; it is in argoproj.io/v1alpha1"],
  ],
  [
    "a slip in the kind",
    rollout("[]", { kind: "Rolout" }),
    ["2 K8S-79 there is no kind Rolout in argoproj.io/v1alpha1; did you mean Rollout?"],
  ],
  ["a kind of another group's", rollout("[]", { apiVersion: "example.com/v1", kind: "Rolout" }), []],
  ["a built-in kind that is not served here", rollout("[]", { apiVersion: "apps/v1", kind: "Unheard" }), []],
  ["a Service of known fields", service("ports: [{port: 80}]"), []],
  [
    "an unknown field of a built-in kind",
    service("prots: [{port: 80}]"),
    ['6 K8S-81 Service shop: unknown field "spec.prots"; did you mean ports?'],
  ],
  [
    "a wrong type in a built-in kind",
    service("ports: [{port: http}]"),
    [
      "5 K8S-80 Service shop: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
    ],
  ],
];
for (const [name, text, expected] of cases) {
  test(`K8S-79 K8S-81 K8S-155 lint says what the API server refuses: ${name}`, () => {
    const findings = lint([{ file: "a.yaml", text }]).filter(({ level }) => level === "error");
    assert.deepEqual(
      findings.map(({ line, code, message }) => `${line} ${code} ${message}`),
      expected,
    );
  });
}

test("the name that was most likely meant", () => {
  const near = (name: string) => nearestName(name, ["setWeight", "pause", "plugin", "ports"]);
  assert.deepEqual(["setWieght", "setweight", "paus", "plugins", "prots", "weight", "port", "x"].map(near), [
    "setWeight",
    "setWeight",
    "pause",
    "plugin",
    "ports",
    undefined,
    "ports",
    undefined,
  ]);
});
