import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { deepCopy } from "../../base/json.ts";
import { Pass } from "./pass.ts";
import { aRollout, aService, aVirtualService } from "./rollout.fixture.ts";
import type { CanaryStrategy, Rollout, RolloutSpec, Step } from "./types.ts";
import { formatFieldError } from "./validate/field-error.ts";
import { validateReferences } from "./validate/references.ts";
import { validateSpec } from "./validate.ts";
import type { RolloutView } from "./view.ts";

function viewOf(rollout: Rollout, change: Partial<RolloutView> = {}): RolloutView {
  const serviceView = (name: string) => ({ service: aService(name), endpointHashes: new Set<string>(), slices: [] });
  const istio = rollout.spec.strategy?.canary?.trafficRouting?.istio;
  const config = istio?.virtualService ?? { name: "vs" };
  return {
    rollout,
    now: 0,
    assumedPropagationSeconds: 1,
    workload: null,
    replicaSets: [],
    orphans: [],
    strangers: [],
    takenNames: new Set(),
    foreignRunNames: new Set(),
    foreignExperimentNames: new Set(),
    services: new Map(["istio-rollout-canary", "istio-rollout-stable"].map((name) => [name, serviceView(name)])),
    virtualServices: istio
      ? [{ config, path: "spec.strategy.canary.trafficRouting.istio.virtualService", object: aVirtualService }]
      : [],
    destinationRule: undefined,
    routeObjects: { found: [], served: new Set(), leftovers: [], ports: new Map() },
    ruleSlices: null,
    dataPlane: null,
    analysisRuns: [],
    experiments: [],
    templates: new Map(),
    clusterTemplates: new Map(),
    pods: new Map(),
    rivals: [],
    routeRivals: [],
    temporary: new Map(),
    ...change,
  };
}

function problem(rollout: Rollout, change: Partial<RolloutView> = {}): string | null {
  const view = viewOf(rollout, change);
  const error = validateSpec(view) ?? validateReferences(new Pass(view));
  return error && formatFieldError(error);
}

test("ARC-700 the seed's Rollout is right", () => assert.equal(problem(aRollout()), null));

function withCanary(canary: Partial<CanaryStrategy>): Rollout {
  return aRollout(canary);
}

function withSteps(...steps: Step[]): Rollout {
  return aRollout({ steps });
}

function without(field: keyof CanaryStrategy, rollout = aRollout()): Rollout {
  const copy = deepCopy(rollout);
  delete copy.spec.strategy?.canary?.[field];
  return copy;
}

function withSpec(spec: Partial<RolloutSpec>): Rollout {
  return aRollout({}, spec);
}

const NO_ROUTING = ["trafficRouting", "canaryService", "stableService"] as const;

function basic(canary: Partial<CanaryStrategy>): Rollout {
  const rollout = aRollout(canary);
  for (const field of NO_ROUTING) delete rollout.spec.strategy?.canary?.[field];
  return rollout;
}

function noSelector(): Rollout {
  const rollout = aRollout();
  delete rollout.spec.selector;
  return rollout;
}

const STEP = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";
const BOTH =
  "This rollout uses the same service for the stable and canary services, but two different services are required.";

const mistakes: readonly [id: string, rollout: Rollout, text: string][] = [
  ["ARC-702", withSpec({ replicas: -1 }), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
  ["ARC-703", noSelector(), "spec.selector: Required value: Rollout has missing field '.spec.selector'"],
  ["ARC-703", withSpec({ selector: {} }), "spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
  [
    "ARC-704",
    withSpec({ selector: { matchLabels: { app: "x" } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"istio-rollout"}: `selector` does not match template `labels`',
  ],
  [
    "ARC-705",
    withSpec({ progressDeadlineSeconds: 5, minReadySeconds: 5 }),
    "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
  ],
  [
    "ARC-706",
    withSpec({ strategy: {} }),
    "spec.strategy.strategy: Required value: Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'",
  ],
  [
    "ARC-706",
    withSpec({ strategy: { canary: {}, blueGreen: { activeService: "a" } } }),
    'spec.strategy.strategy: Invalid value: "blueGreen: true canary: true": Multiple Strategies can not be listed',
  ],
  [
    "ARC-707",
    withSpec({ strategy: { blueGreen: { activeService: "a", previewService: "a" } } }),
    'spec.strategy.activeService: Invalid value: "a": This rollout uses the same service for the active and preview services, but two different services are required.',
  ],
  [
    "ARC-708",
    withSpec({
      revisionHistoryLimit: 1,
      strategy: { blueGreen: { activeService: "a", scaleDownDelayRevisionLimit: 2 } },
    }),
    "spec.strategy.scaleDownDelayRevisionLimit: Invalid value: 2: This rollout's revision history limit can not be smaller than the rollout's scale down limit",
  ],
  [
    "ARC-719",
    basic({ steps: [{ setMirrorRoute: { name: "m" } }] }),
    'spec.strategy.steps[0].setMirrorRoute: Invalid value: {"name":"m"}: SetMirrorRoute requires TrafficRouting, supports Istio and Plugins',
  ],
  [
    "ARC-719",
    withSteps({ setMirrorRoute: { name: "m", match: [{ method: { exact: "GET", prefix: "G" } }] } }),
    'spec.strategy.steps[0].setMirrorRoute.match[0]: Invalid value: {"exact":"GET","prefix":"G"}: StringMatch match value must have exactly one of the following: exact, regex, prefix',
  ],
  [
    "ARC-722",
    withSteps({
      analysis: {
        templates: [{ templateName: "t" }],
        args: [{ name: "a", valueFrom: { fieldRef: { fieldPath: "metadata.color" } } }],
      },
    }),
    'spec.strategy.steps[0].analyses: Invalid value: "metadata.color": Analyses arguments must refer to valid object metadata supported by downwardAPI',
  ],
  [
    "ARC-709",
    withCanary({ maxSurge: 0, maxUnavailable: "0" }),
    "spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero",
  ],
  [
    "ARC-710",
    withCanary({ canaryService: "istio-rollout-stable" }),
    `spec.strategy.stableService: Invalid value: "istio-rollout-stable": ${BOTH}`,
  ],
  [
    "ARC-711",
    without("stableService"),
    'spec.strategy.stableService: Invalid value: "": Canary service and Stable service must to be set to use Traffic Routing',
  ],
  [
    "ARC-712",
    basic({ scaleDownDelaySeconds: 5 }),
    "spec.strategy.scaleDownDelaySeconds: Invalid value: 5: Canary scaleDownDelaySeconds can only be used with traffic routing",
  ],
  [
    "ARC-712",
    withCanary({ dynamicStableScale: true, scaleDownDelaySeconds: 5 }),
    "spec.strategy.dynamicStableScale: Invalid value: true: Canary dynamicStableScale cannot be used with scaleDownDelaySeconds",
  ],
  [
    "ARC-714",
    withSteps({}),
    'spec.strategy.steps[0]: Invalid value: "step.Experiment: true step.Pause: true step.SetWeight: true step.Analysis: true ' +
      `step.SetCanaryScale: true step.SetHeaderRoute: true step.SetMirrorRoute: true step.Plugin: true": ${STEP}`,
  ],
  // The order of the keys in the manifest does not matter.
  ...[withSteps({ setWeight: 1, pause: {} }), withSteps({ pause: {}, setWeight: 1 })].map(
    (rollout): [string, Rollout, string] => [
      "ARC-714",
      rollout,
      'spec.strategy.steps[0]: Invalid value: "step.Experiment: false step.Pause: true step.SetWeight: true ' +
        `step.Analysis: false": ${STEP}`,
    ],
  ),
  [
    "ARC-715",
    withSteps({ pause: {} }, { setWeight: 101 }),
    "spec.strategy.steps[1].setWeight: Invalid value: 101: SetWeight needs to be between 0 and 100",
  ],
  [
    "ARC-716",
    withSteps({ pause: { duration: "soon" } }),
    "spec.strategy.steps[0].pause.duration: Invalid value: -1: Duration needs to be greater than 0",
  ],
  [
    "ARC-716",
    withSteps({ pause: { duration: "-2m" } }),
    "spec.strategy.steps[0].pause.duration: Invalid value: -120: Duration needs to be greater than 0",
  ],
  [
    "ARC-717",
    basic({ steps: [{ setCanaryScale: { replicas: 1 } }] }),
    "spec.strategy.trafficRouting: Required value: SetCanaryScale requires TrafficRouting to be set",
  ],
  [
    "ARC-718",
    basic({ steps: [{ setHeaderRoute: { match: [], name: "beta" } }] }),
    'spec.strategy.steps[0].setHeaderRoute: Invalid value: {"name":"beta","match":[]}: ' +
      "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
  ],
  [
    "ARC-720",
    withSteps({ setHeaderRoute: { name: "beta" } }),
    "spec.strategy.trafficRouting.managedRoutes: Required value: Rollout has missing field 'spec.strategy.canary.trafficRouting.managedRoutes'",
  ],
  [
    "ARC-723",
    withCanary({ antiAffinity: {} }),
    'spec.strategy.antiAffinity: Invalid value: "antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: false ' +
      'antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: false": AntiAffinity must have exactly one strategy listed',
  ],
  [
    "ARC-725",
    withCanary({ canaryService: "nobody" }),
    'spec.strategy.canary.canaryService: Invalid value: "nobody": service "nobody" not found',
  ],
  [
    "ARC-726",
    withCanary({ analysis: { templates: [{ templateName: "none" }] } }),
    "spec.strategy.canary.analysis.templates: Invalid value: \"none\": AnalysisTemplate 'none' not found",
  ],
  [
    "ARC-309",
    withCanary({ trafficRouting: { istio: {} } }),
    "spec.strategy.canary.trafficRouting.istio: Internal error: either VirtualService or VirtualServices must be configured",
  ],
];

for (const [id, rollout, text] of mistakes) test(`${id} ${text}`, () => assert.equal(problem(rollout), text));

const VIRTUAL_SERVICE = "spec.strategy.canary.trafficRouting.istio.virtualService";

test("ARC-308 a VirtualService that is missing or has other routes is told", () => {
  const rollout = aRollout();
  const config = { name: "vs", routes: ["other"] };
  const missing = { virtualServices: [{ config, path: VIRTUAL_SERVICE, object: null }] };
  assert.equal(
    problem(rollout, missing),
    `${VIRTUAL_SERVICE}.name: Invalid value: "vs": virtualservices.networking.istio.io "vs" not found`,
  );
  const other = { virtualServices: [{ config, path: VIRTUAL_SERVICE, object: aVirtualService }] };
  assert.equal(
    problem(rollout, other),
    `${VIRTUAL_SERVICE}.name: Invalid value: "vs": Istio VirtualService has invalid HTTP routes. ` +
      "Error: HTTP Route 'other' is not found in the defined Virtual Service.",
  );
});

test("ARC-725 a Service of other pods, or of another Rollout, is told", () => {
  const change = (service: KubeObject) => ({
    services: new Map([
      ["istio-rollout-stable", { service, endpointHashes: new Set<string>(), slices: [] }],
      [
        "istio-rollout-canary",
        { service: aService("istio-rollout-canary"), endpointHashes: new Set<string>(), slices: [] },
      ],
    ]),
  });
  const path =
    'spec.strategy.canary.stableService: Invalid value: "istio-rollout-stable": Service "istio-rollout-stable"';
  const other = { ...aService("istio-rollout-stable"), spec: { selector: { tier: "web" } } };
  assert.equal(problem(aRollout(), change(other)), `${path} has unmatch label "tier" in rollout`);
  const managed = aService("istio-rollout-stable");
  managed.metadata.annotations = { "argo-rollouts.argoproj.io/managed-by-rollouts": "another" };
  assert.equal(problem(aRollout(), change(managed)), `${path} is managed by another Rollout`);
});

test("ARC-926 two Rollouts that set the weights of one route: the younger one is told", () => {
  const text = problem(aRollout(), { rivals: ["default/first"] });
  assert.match(text ?? "", /already set by this older Rollout$/);
});

for (const [field, labels, detail] of [
  ["canaryMetadata", { "rollouts-pod-template-hash": "x" }, "rollouts-pod-template-hash is the controller's"],
  ["stableMetadata", { app: "other" }, "`selector` does not match the labels that pods would have"],
] as const) {
  test(`ARC-165 labels of ${field} must not hide the pods`, () => {
    const found = `spec.strategy.${field}.labels: Invalid value: ${JSON.stringify(labels)}: ${detail}`;
    assert.equal(problem(withCanary({ [field]: { labels } })), found);
    assert.equal(problem(withCanary({ [field]: { labels: { app: "istio-rollout", role: "r" } } })), null);
  });
}

test("ARC-104 a setCanaryScale of less than nothing", () => {
  for (const scale of [{ replicas: -3 }, { weight: -1 }]) {
    assert.match(
      problem(withSteps({ setCanaryScale: scale })) ?? "",
      /setCanaryScale.*must be greater than or equal to 0/,
    );
  }
});
