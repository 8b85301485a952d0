import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deepEqual } from "../../base/json.ts";
import { convertBatchRelease, convertRollout } from "./convert.ts";
import { rollout } from "./release.fixture.ts";
import type { Rollout, V1alpha1Rollout } from "./types.ts";

const ref = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };

function old(canary: Record<string, unknown>, annotations?: Record<string, string>): V1alpha1Rollout {
  return {
    apiVersion: "rollouts.kruise.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "a", ...(annotations ? { annotations } : {}) },
    spec: { objectRef: { workloadRef: ref }, strategy: { canary } },
  };
}

const up = (object: V1alpha1Rollout) => convertRollout(object, "v1beta1") as Rollout;
const down = (object: Rollout) => convertRollout(object, "v1alpha1") as V1alpha1Rollout;

test("KRUISE-020 weight becomes traffic, and replicas where there are none", () => {
  const { spec, apiVersion } = up(old({ steps: [{ weight: 5 }, { weight: 20, replicas: 3 }, { replicas: 4 }] }));
  assert.equal(apiVersion, "rollouts.kruise.io/v1beta1");
  assert.deepEqual(spec.workloadRef, ref);
  assert.deepEqual(spec.strategy.canary?.steps, [
    { traffic: "5%", replicas: "5%" },
    { traffic: "20%", replicas: 3 },
    { replicas: 4 },
  ]);
});

for (const [style, extra] of [
  [undefined, true],
  ["canary", true],
  ["Partition", false],
] as const) {
  test(`KRUISE-020 rolling-style ${style} means enableExtraWorkloadForCanary ${extra}`, () => {
    const annotations = style === undefined ? undefined : { "rollouts.kruise.io/rolling-style": style };
    const converted = up(old({ steps: [{ weight: 5 }] }, annotations));
    assert.equal(converted.spec.strategy.canary?.enableExtraWorkloadForCanary, extra);
    assert.deepEqual(converted.metadata.annotations, annotations);
  });
}

test("KRUISE-020 the TrafficRouting's annotation becomes a field", () => {
  const converted = up(old({ steps: [{ weight: 5 }] }, { "rollouts.kruise.io/trafficrouting": "tr" }));
  assert.equal(converted.spec.strategy.canary?.trafficRoutingRef, "tr");
});

test("KRUISE-021 back: weight rounds up, style and reference become annotations", () => {
  const source = rollout("a", {
    canary: { steps: [{ replicas: 1, traffic: "20%" }], trafficRoutingRef: "tr" },
  }) as Rollout;
  const { spec, metadata } = down(source);
  assert.deepEqual(spec.strategy.canary?.steps, [{ replicas: 1, weight: 20 }]);
  assert.equal(metadata.annotations?.["rollouts.kruise.io/rolling-style"], "canary");
  assert.equal(metadata.annotations?.["rollouts.kruise.io/trafficrouting"], "tr");
  assert.deepEqual(spec.objectRef.workloadRef, ref);
});

test("KRUISE-021 the step shown at the top of the status is v1beta1's only", () => {
  const source = rollout("a") as Rollout;
  const canaryStatus = {
    currentStepIndex: 1,
    nextStepIndex: -1,
    currentStepState: "StepPaused",
    canaryReplicas: 1,
    canaryReadyReplicas: 1,
  };
  source.status = { phase: "Progressing", currentStepIndex: 1, currentStepState: "StepPaused", canaryStatus };
  const { status } = down(source);
  assert.deepEqual(status, { phase: "Progressing", canaryStatus });
  assert.deepEqual(up(down(source)).status, source.status);
});

test("KRUISE-022 what v1alpha1 cannot say survives an edit made there", () => {
  const matches = [{ path: { type: "PathPrefix" as const, value: "/x" }, headers: [{ name: "h", value: "v" }] }];
  const source = rollout("a", {
    canary: { steps: [{ replicas: 1, traffic: "2.5%", matches }], disableGenerateCanaryService: true },
  }) as Rollout;
  const seen = down(source);
  assert.equal(seen.spec.strategy.canary?.steps?.[0]?.weight, 3);
  seen.spec.strategy.paused = true;
  const back = up(seen);
  assert.deepEqual(back.spec, { ...source.spec, strategy: { ...source.spec.strategy, paused: true } });
  assert.equal(back.metadata.annotations?.["fairway.dev/kruise-v1beta1-fields"], undefined);
});

test("KRUISE-022 an edit made in v1alpha1 wins over what was kept", () => {
  const source = rollout("a", { canary: { steps: [{ replicas: 1, traffic: "2.5%" }] } }) as Rollout;
  const seen = down(source);
  seen.spec.strategy.canary!.steps![0]!.weight = 40;
  assert.deepEqual(up(seen).spec.strategy.canary?.steps, [{ replicas: 1, traffic: "40%" }]);
});

test("KRUISE-022 a blue-green Rollout reads as an empty spec and comes back whole", () => {
  const source = rollout("a", { spec: { strategy: { blueGreen: { steps: [{ replicas: "50%" }] } } } }) as Rollout;
  const seen = down(source);
  assert.deepEqual(seen.spec, { objectRef: {}, strategy: {} });
  assert.deepEqual(up(seen).spec, source.spec);
});

test("KRUISE-022 any v1beta1 spec survives the way through v1alpha1", () => {
  const step = fc.record(
    {
      replicas: fc.oneof(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 100 }).map((n) => `${n}%`),
      ),
      traffic: fc.oneof(
        fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
        fc.constant("12.5%"),
      ),
      pause: fc.record({ duration: fc.nat(99) }, { requiredKeys: [] }),
      matches: fc.array(fc.record({ path: fc.record({ value: fc.constant("/a") }) }, { requiredKeys: [] }), {
        maxLength: 2,
      }),
    },
    { requiredKeys: [] },
  );
  const canary = fc.record(
    {
      steps: fc.array(step, { maxLength: 3 }),
      enableExtraWorkloadForCanary: fc.boolean(),
      trafficRoutingRef: fc.constantFrom("x", "y"),
      disableGenerateCanaryService: fc.boolean(),
      failureThreshold: fc.constantFrom(1, "10%"),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(canary, fc.boolean(), (strategy, disabled) => {
      const source = rollout("a", { spec: { disabled, workloadRef: ref, strategy: { canary: strategy } } }) as Rollout;
      assert.ok(deepEqual(up(down(source)).spec, source.spec), JSON.stringify(source.spec));
    }),
  );
});

test("a broken annotation of ours falls back to the plain conversion", () => {
  const source = old({ steps: [{ weight: 5 }] }, { "fairway.dev/kruise-v1beta1-fields": "{not json" });
  assert.deepEqual(up(source).spec.strategy.canary?.steps, [{ traffic: "5%", replicas: "5%" }]);
});

test("KRUISE-024 BatchRelease: the reference moves, the style is an annotation, the message is lost", () => {
  const source = {
    apiVersion: "rollouts.kruise.io/v1beta1",
    kind: "BatchRelease",
    metadata: { name: "a" },
    spec: {
      workloadRef: ref,
      releasePlan: { batches: [{ canaryReplicas: 1 }], rollingStyle: "Canary", enableExtraWorkloadForCanary: true },
    },
    status: { phase: "Progressing", message: "m" },
  };
  const seen = convertBatchRelease(source, "v1alpha1");
  assert.deepEqual(seen, {
    apiVersion: "rollouts.kruise.io/v1alpha1",
    kind: "BatchRelease",
    metadata: { name: "a", annotations: { "rollouts.kruise.io/rolling-style": "Canary" } },
    spec: { targetReference: { workloadRef: ref }, releasePlan: { batches: [{ canaryReplicas: 1 }] } },
    status: { phase: "Progressing" },
  });
  assert.deepEqual(convertBatchRelease(seen, "v1beta1")["spec"], source.spec);
});
