import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import type { AdmissionRequest } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { rollout as rolloutOf } from "./release.fixture.ts";
import type { Rollout } from "./types.ts";
import { rolloutValidation } from "./validate.ts";

const PREFIX = 'admission webhook "vrollout.kb.io" denied the request: ';
const ref = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };

/** The refusal's text without the webhook's prefix; null: allowed. */
function verdict(
  object: KubeObject,
  options: { old?: KubeObject; others?: readonly KubeObject[] } = {},
): string | null {
  const version = object.apiVersion.split("/")[1] ?? "";
  const request: AdmissionRequest = {
    operation: options.old ? "UPDATE" : "CREATE",
    type: { ...resources.kruiseRollouts, version },
    subresource: "",
    namespace: "default",
    name: object.metadata.name,
    object,
    oldObject: options.old ?? null,
    userAgent: "kubectl",
    dryRun: false,
  };
  const result = rolloutValidation.admit(request, { get: () => null, list: () => options.others ?? [] });
  if (result.allowed) return null;
  assert.equal(result.code, 422);
  assert.ok(result.message.startsWith(PREFIX), result.message);
  return result.message.slice(PREFIX.length);
}

function canary(change: Record<string, unknown>): KubeObject {
  return rolloutOf("a", { canary: change });
}

function strategy(value: Record<string, unknown>, workloadRef: object = ref): KubeObject {
  return rolloutOf("a", { spec: { workloadRef, strategy: value } });
}

function v1alpha1(spec: Record<string, unknown>, annotations: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: "rollouts.kruise.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "a", namespace: "default", annotations },
    spec: { objectRef: { workloadRef: ref }, strategy: { canary: { steps: [{ weight: 20 }] } }, ...spec },
  };
}

const v1alpha1Canary = (value: Record<string, unknown>, annotations?: Record<string, string>) =>
  v1alpha1({ strategy: { canary: value } }, annotations);

const REPLICAS = 'replicas must be positive number, or a percentage with "0%" < canaryReplicas <= "100%"';
const TRAFFIC = 'traffic must be percentage with "0%" < traffic <= "100%" in canary strategy';
const step = "Spec.Strategy.Canary.Steps[0].steps: Invalid value: ";

const cases: readonly { name: string; object: KubeObject; refusal: string | null }[] = [
  { name: "KRUISE-030 a canary strategy is enough", object: rolloutOf("a"), refusal: null },
  { name: "KRUISE-045 a workload that is not there", object: rolloutOf("nobody"), refusal: null },
  {
    name: "KRUISE-045 patched pods without extra workload",
    object: canary({ enableExtraWorkloadForCanary: false }),
    refusal: null,
  },
  {
    name: "KRUISE-030 neither strategy",
    object: strategy({}),
    refusal: "Spec.Strategy: Invalid value: {}: Canary and BlueGreen cannot both be empty",
  },
  {
    name: "KRUISE-030 both strategies",
    object: strategy({ canary: {}, blueGreen: {} }),
    refusal: 'Spec.Strategy: Invalid value: {"canary":{},"blueGreen":{}}: Canary and BlueGreen cannot both be set',
  },
  {
    name: "KRUISE-030 v1alpha1 without canary",
    object: v1alpha1({ strategy: {} }),
    refusal: "Spec.Strategy.Canary: Invalid value: null: Canary cannot be empty",
  },
  {
    name: "KRUISE-031 no steps",
    object: canary({ steps: [] }),
    refusal: "Spec.Strategy.Canary.Steps: Invalid value: []: The number of Canary.Steps cannot be empty",
  },
  {
    name: "KRUISE-031 no steps in blue-green",
    object: strategy({ blueGreen: {} }),
    refusal: "Spec.Strategy.BlueGreen.Steps: Invalid value: []: The number of Canary.Steps cannot be empty",
  },
  {
    name: "KRUISE-032 a step without replicas",
    object: canary({ steps: [{ traffic: "5%" }] }),
    refusal: `${step}{"traffic":"5%"}: replicas cannot be empty`,
  },
  {
    name: "KRUISE-032 v1alpha1: neither weight nor replicas",
    object: v1alpha1Canary({ steps: [{}] }),
    refusal: `${step}{}: weight and replicas cannot be empty at the same time`,
  },
  { name: "KRUISE-033 one pod is the least", object: canary({ steps: [{ replicas: 1 }] }), refusal: null },
  {
    name: "KRUISE-033 no pod is too few",
    object: canary({ steps: [{ replicas: 0 }] }),
    refusal: `Spec.Strategy.Canary.Steps[0].Replicas: Invalid value: 0: ${REPLICAS}`,
  },
  { name: "KRUISE-033 100% is the most", object: canary({ steps: [{ replicas: "100%" }] }), refusal: null },
  {
    name: "KRUISE-033 101% is too much",
    object: canary({ steps: [{ replicas: "101%" }] }),
    refusal: `Spec.Strategy.Canary.Steps[0].Replicas: Invalid value: "101%": ${REPLICAS}`,
  },
  {
    name: "KRUISE-033 0% is too little",
    object: canary({ steps: [{ replicas: "0%" }] }),
    refusal: `Spec.Strategy.Canary.Steps[0].Replicas: Invalid value: "0%": ${REPLICAS}`,
  },
  {
    name: "KRUISE-033 a text that is neither",
    object: canary({ steps: [{ replicas: "some" }] }),
    refusal: `Spec.Strategy.Canary.Steps[0].Replicas: Invalid value: "some": ${REPLICAS}`,
  },
  { name: "KRUISE-033 numbers have no upper limit", object: canary({ steps: [{ replicas: 5000 }] }), refusal: null },
  {
    name: "KRUISE-034 traffic without a percent sign",
    object: canary({ steps: [{ replicas: 1, traffic: "20" }] }),
    refusal: `${step}{"replicas":1,"traffic":"20"}: ${TRAFFIC}`,
  },
  {
    name: "KRUISE-034 canary traffic of 0%",
    object: canary({ steps: [{ replicas: 1, traffic: "0%" }] }),
    refusal: `${step}{"replicas":1,"traffic":"0%"}: ${TRAFFIC}`,
  },
  {
    name: "KRUISE-034 blue-green traffic of 0%",
    object: strategy({ blueGreen: { steps: [{ replicas: 1, traffic: "0%" }] } }),
    refusal: null,
  },
  {
    name: "KRUISE-035 partition style: half of the pods may take traffic",
    object: canary({ enableExtraWorkloadForCanary: false, steps: [{ replicas: "50%", traffic: "5%" }] }),
    refusal: null,
  },
  {
    name: "KRUISE-035 partition style: more may not",
    object: canary({ enableExtraWorkloadForCanary: false, steps: [{ replicas: "51%", traffic: "5%" }] }),
    refusal: `${step}{"replicas":"51%","traffic":"5%"}: For partition style rollout: step[x].replicas must not greater than partition-percent-limit if traffic specified`,
  },
  {
    name: "KRUISE-036 v1alpha1: a weight of 101",
    object: v1alpha1Canary({ steps: [{ weight: 101 }] }),
    refusal:
      "Spec.Strategy.Canary.Steps[0].Weight: Invalid value: 101: weight must be positive number, and less than or equal to replicasLimitWithTraffic (defaults to 30)",
  },
  {
    name: "KRUISE-037 fewer pods in a later step",
    object: canary({ steps: [{ replicas: 2 }, { replicas: 1 }] }),
    refusal:
      'Spec.Strategy.Canary.Steps.CanaryReplicas: Invalid value: [{"replicas":2},{"replicas":1}]: Steps.CanaryReplicas must be a non decreasing sequence',
  },
  {
    name: "KRUISE-037 a number after a percentage does not compare",
    object: canary({ steps: [{ replicas: "50%" }, { replicas: 1 }] }),
    refusal: null,
  },
  {
    name: "KRUISE-038 two trafficRoutings",
    object: canary({ trafficRoutings: [{ service: "s" }, { service: "t" }] }),
    refusal:
      'Spec.Strategy.Canary.TrafficRoutings: Invalid value: [{"service":"s"},{"service":"t"}]: Rollout currently only support single TrafficRouting.',
  },
  {
    name: "KRUISE-039 several problems are joined in brackets",
    object: canary({ trafficRoutings: [{ service: "", gracePeriodSeconds: -1 }] }),
    refusal:
      "[Spec.Strategy.Canary.TrafficRoutings.GracePeriodSeconds: Invalid value: -1: TrafficRouting.GracePeriodSeconds cannot be negative, " +
      'Spec.Strategy.Canary.TrafficRoutings.Service: Invalid value: "": TrafficRouting.Service cannot be empty, ' +
      "Spec.Strategy.Canary.TrafficRoutings.TrafficRoutings: Invalid value: null: TrafficRoutings are not set]",
  },
  {
    name: "KRUISE-040 a kind that is no workload",
    object: rolloutOf("a", { spec: { workloadRef: { apiVersion: "v1", kind: "Service", name: "a" } } }),
    refusal:
      'Spec.ObjectRef.WorkloadRef: Invalid value: {"apiVersion":"v1","kind":"Service","name":"a"}: WorkloadRef kind is not supported',
  },
  {
    name: "KRUISE-040 v1alpha1 without a workload",
    object: v1alpha1({ objectRef: {} }),
    refusal: "Spec.ObjectRef.WorkloadRef: Invalid value: null: WorkloadRef is required",
  },
  {
    name: "KRUISE-041 blue-green of a StatefulSet",
    object: strategy(
      { blueGreen: { steps: [{ replicas: 1 }] } },
      { apiVersion: "apps/v1", kind: "StatefulSet", name: "a" },
    ),
    refusal:
      'Spec.ObjectRef.WorkloadRef: Invalid value: {"apiVersion":"apps/v1","kind":"StatefulSet","name":"a"}: WorkloadRef kind is not supported for bluegreen style',
  },
  {
    name: "KRUISE-043 an unknown rolling style",
    object: v1alpha1({}, { "rollouts.kruise.io/rolling-style": "blue" }),
    refusal: "RollingStyle: Invalid value: \"blue\": Rolling style must be 'Canary', 'Partition' or empty",
  },
  {
    name: "KRUISE-043 the style's case does not matter",
    object: v1alpha1({}, { "rollouts.kruise.io/rolling-style": "Partition" }),
    refusal: null,
  },
];

for (const { name, object, refusal } of cases) {
  test(name, () => assert.equal(verdict(object), refusal));
}

test("KRUISE-042 a second Rollout of one workload", () => {
  const other = rolloutOf("b", { spec: { workloadRef: ref } });
  const refusal =
    'Conflict Checker: Invalid value: "a": This rollout conflict with Rollout(default/b), one workload only have less than one Rollout';
  assert.equal(verdict(rolloutOf("a"), { others: [other] }), refusal);
  assert.equal(verdict(rolloutOf("a"), { others: [rolloutOf("a"), rolloutOf("c")] }), null);
  assert.equal(verdict(v1alpha1({}), { others: [other] }), refusal);
});

const updates: readonly { name: string; change: KubeObject; refusal: string | null }[] = [
  {
    name: "KRUISE-044 the workload stays in mid-release",
    change: rolloutOf("a", { spec: { workloadRef: { ...ref, name: "b" } } }),
    refusal: "Spec.ObjectRef: Forbidden: Rollout 'ObjectRef' field is immutable",
  },
  {
    name: "KRUISE-044 the routes stay",
    change: canary({ trafficRoutings: [{ service: "s", ingress: { name: "i" } }] }),
    refusal:
      "Spec.Strategy.Canary|BlueGreen.TrafficRoutings: Forbidden: Rollout 'Strategy.Canary|BlueGreen.TrafficRoutings' field is immutable",
  },
  {
    name: "KRUISE-044 the style stays",
    change: canary({ enableExtraWorkloadForCanary: false }),
    refusal: "Spec.Strategy.Canary|BlueGreen: Forbidden: Rollout style and enableExtraWorkloadForCanary are immutable",
  },
  {
    name: "KRUISE-044 the number of steps stays",
    change: canary({ steps: [{ replicas: 1 }, { replicas: 2 }] }),
    refusal: "Spec.Strategy.Canary|BlueGreen.Steps: Forbidden: Amount of Rollout steps are immutable",
  },
  { name: "KRUISE-044 the steps' contents may change", change: canary({ steps: [{ replicas: 2 }] }), refusal: null },
  { name: "KRUISE-044 pausing is allowed", change: rolloutOf("a", { spec: { disabled: true } }), refusal: null },
];

for (const { name, change, refusal } of updates) {
  test(name, () => {
    const stored = rolloutOf("a") as Rollout;
    const at = (phase: string) => ({ ...stored, status: { phase, currentStepIndex: 1, currentStepState: "" } });
    assert.equal(verdict(change, { old: at("Progressing") }), refusal);
    assert.equal(verdict(change, { old: at("Healthy") }), null, "at rest everything may change");
  });
}

test("KRUISE-044 v1alpha1 has its own text for the style", () => {
  const stored = v1alpha1({});
  const old = { ...stored, status: { phase: "Progressing" } };
  const changed = v1alpha1({}, { "rollouts.kruise.io/rolling-style": "partition" });
  assert.equal(
    verdict(changed, { old }),
    "Metadata.Annotation: Forbidden: Rollout 'Rolling-Style' annotation is immutable",
  );
});

test("INV-41 an invalid Rollout that is being deleted can still lose its finalizer", () => {
  const deleted = canary({ steps: [] });
  const metadata = { ...deleted.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" };
  assert.equal(verdict({ ...deleted, metadata }, { old: deleted }), null);
});
