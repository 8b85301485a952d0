import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { MetricSpec } from "../../../api/autoscaling.ts";
import type { AdmissionPlugin } from "../../../kube/admission.ts";
import { isPodReady } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import {
  applied,
  autoscaler,
  conditionOf,
  cpu,
  eventsOf,
  KEY,
  SYNC_MS,
  sizeOf,
  startAutoscaled,
  stored,
  workload,
} from "./autoscale.fixture.ts";
import { HISTORY_ANNOTATION } from "./history.ts";

test("K8S-242 under load a workload grows, and shrinks only after 300 s of less", async () => {
  const { world, load } = await startAutoscaled();
  load.cpuMilli = 125;
  await applied(world, workload(1), autoscaler());
  assert.equal(await sizeOf(world), 1);
  const { currentMetrics } = (await stored(world)).status ?? {};
  const current = { averageUtilization: 50, averageValue: "125m" };
  assert.deepEqual(currentMetrics, [{ type: "Resource", resource: { name: "cpu", current } }]);
  assert.equal(conditionOf(await stored(world), "ScalingLimited"), "False DesiredWithinRange");

  load.cpuMilli = 400;
  await world.advance(SYNC_MS);
  assert.equal(await sizeOf(world), 4);
  const { lastScaleTime, currentReplicas, desiredReplicas } = (await stored(world)).status ?? {};
  assert.deepEqual([currentReplicas, desiredReplicas], [1, 4]);
  assert.notEqual(lastScaleTime, undefined);
  assert.equal(conditionOf(await stored(world), "AbleToScale"), "True SucceededRescale");
  await world.advance(SYNC_MS);
  assert.equal(conditionOf(await stored(world), "AbleToScale"), "True ReadyForNewScale");
  await checkFixpoint(world);

  load.cpuMilli = 100;
  await world.advance(SYNC_MS);
  assert.equal(conditionOf(await stored(world), "AbleToScale"), "True ScaleDownStabilized");
  await world.advance(240_000);
  assert.equal(await sizeOf(world), 4);
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 1);
  const events = await eventsOf(world, "SuccessfulRescale");
  const up = "New size: 4; reason: cpu resource utilization (percentage of request) above target";
  assert.deepEqual(events, [up, "New size: 1; reason: All metrics below target"]);
  await world.advance(10 * SYNC_MS);
  assert.equal((await stored(world)).metadata.annotations?.[HISTORY_ANNOTATION], undefined);
  await checkFixpoint(world);
  await world.stop();
});

test("K8S-242 at rest nothing is written, and without autoscalers nothing is asked or woken", async () => {
  const { world, load } = await startAutoscaled();
  let asked = 0;
  load.isMissing = () => {
    asked++;
    return false;
  };
  load.cpuMilli = 125;
  await world.apply(workload(1));
  await world.settle();
  const wakeBefore = world.clock.nextWakeAt();
  await world.advance(600_000);
  assert.equal(asked, 0);
  assert.ok(wakeBefore === null || wakeBefore > SYNC_MS);
  await world.apply(autoscaler());
  await world.settle();
  const writes = world.writeCount;
  const revision = world.server.currentRevision();
  await world.advance(20 * SYNC_MS);
  assert.ok(asked >= 20);
  assert.equal(world.writeCount, writes);
  assert.equal(world.server.currentRevision(), revision);
  await world.stop();
});

interface BoundCase {
  readonly name: string;
  readonly replicas: number;
  readonly cpuMilli: number;
  readonly spec: Parameters<typeof autoscaler>[0];
  readonly expected: number;
  readonly limited: string;
  readonly active?: string;
}

const boundCases: BoundCase[] = [
  {
    name: "no more than the maximum",
    replicas: 3,
    cpuMilli: 2000,
    spec: { maxReplicas: 5 },
    expected: 5,
    limited: "True TooManyReplicas",
  },
  {
    name: "no faster than twice the size",
    replicas: 3,
    cpuMilli: 5000,
    spec: { maxReplicas: 20 },
    expected: 6,
    limited: "True ScaleUpLimit",
  },
  {
    name: "at the maximum the demand is told",
    replicas: 5,
    cpuMilli: 2000,
    spec: { maxReplicas: 5 },
    expected: 5,
    limited: "True TooManyReplicas",
  },
  {
    name: "a size above the maximum is cut",
    replicas: 7,
    cpuMilli: 900,
    spec: { maxReplicas: 5 },
    expected: 5,
    limited: "none",
    active: "none",
  },
  {
    name: "a size below the minimum is raised",
    replicas: 1,
    cpuMilli: 100,
    spec: { minReplicas: 3 },
    expected: 3,
    limited: "none",
    active: "none",
  },
  {
    name: "a size of 0 switches it off",
    replicas: 0,
    cpuMilli: 0,
    spec: {},
    expected: 0,
    limited: "none",
    active: "False ScalingDisabled",
  },
  {
    name: "a rate of pods a minute",
    replicas: 3,
    cpuMilli: 5000,
    spec: { behavior: { scaleUp: { policies: [{ type: "Pods", value: 2, periodSeconds: 60 }] } } },
    expected: 5,
    limited: "True ScaleUpLimit",
  },
  {
    name: "scaling up is switched off",
    replicas: 3,
    cpuMilli: 5000,
    spec: { behavior: { scaleUp: { selectPolicy: "Disabled" } } },
    expected: 3,
    limited: "True ScaleUpLimit",
  },
  {
    name: "the most cautious of two policies",
    replicas: 4,
    cpuMilli: 5000,
    spec: {
      behavior: {
        scaleUp: {
          selectPolicy: "Min",
          policies: [
            { type: "Pods", value: 4, periodSeconds: 15 },
            { type: "Percent", value: 25, periodSeconds: 15 },
          ],
        },
      },
    },
    expected: 5,
    limited: "True ScaleUpLimit",
  },
  {
    name: "down at once, but no more than half",
    replicas: 8,
    cpuMilli: 125,
    spec: {
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: 0,
          policies: [{ type: "Percent", value: 50, periodSeconds: 60 }],
        },
      },
    },
    expected: 4,
    limited: "True ScaleDownLimit",
  },
  {
    name: "no less than the minimum",
    replicas: 4,
    cpuMilli: 10,
    spec: { minReplicas: 2, behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } },
    expected: 2,
    limited: "True TooFewReplicas",
  },
  {
    name: "a tolerance of its own",
    replicas: 4,
    cpuMilli: 4 * 160,
    spec: { behavior: { scaleUp: { tolerance: "0.3" } } },
    expected: 4,
    limited: "False DesiredWithinRange",
  },
];

for (const { name, replicas, cpuMilli, spec, expected, limited, active } of boundCases) {
  test(`K8S-242 bounds and rates: ${name}`, async () => {
    const { world, load } = await startAutoscaled();
    await world.apply(workload(replicas));
    await world.settle();
    load.cpuMilli = cpuMilli;
    await world.apply(autoscaler(spec));
    await world.settle();
    assert.equal(await sizeOf(world), expected);
    assert.equal(conditionOf(await stored(world), "ScalingLimited"), limited);
    assert.equal(conditionOf(await stored(world), "ScalingActive"), active ?? "True ValidMetricFound");
    await checkFixpoint(world);
    await world.stop();
  });
}

test("K8S-242 a window of scaling up waits for the smallest recommendation", async () => {
  const { world, load } = await startAutoscaled();
  load.cpuMilli = 125;
  await applied(world, workload(1), autoscaler({ behavior: { scaleUp: { stabilizationWindowSeconds: 120 } } }));
  load.cpuMilli = 500;
  await world.advance(SYNC_MS);
  assert.equal(await sizeOf(world), 1);
  assert.equal(conditionOf(await stored(world), "AbleToScale"), "True ScaleUpStabilized");
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 4);
  await world.stop();
});

test("K8S-242 the rate of a long period counts what was added before", async () => {
  const { world, load } = await startAutoscaled();
  const policies = [{ type: "Pods" as const, value: 2, periodSeconds: 300 }];
  await world.apply([workload(1), autoscaler({ behavior: { scaleUp: { policies } } })]);
  load.cpuMilli = 2000;
  await world.settle();
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 3);
  await world.restartControllers();
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 3, "also after a restart");
  await world.advance(3 * SYNC_MS);
  assert.equal(await sizeOf(world), 5);
  await world.stop();
});

interface FailureCase {
  readonly name: string;
  readonly metric: MetricSpec;
  readonly reason: string;
  readonly message: RegExp;
}

const target = { type: "Value", value: "10" };
const failureCases: FailureCase[] = [
  {
    name: "a resource that the pods do not request",
    metric: { type: "Resource", resource: { name: "memory", target: { type: "Utilization", averageUtilization: 50 } } },
    reason: "FailedGetResourceMetric",
    message: /^the HPA was unable to compute the replica count: missing request for memory in container c of Pod web-/,
  },
  {
    name: "a container that is not there",
    metric: {
      type: "ContainerResource",
      containerResource: { name: "cpu", container: "d", target: { type: "Utilization", averageUtilization: 50 } },
    },
    reason: "FailedGetContainerResourceMetric",
    message: /unable to get metrics for resource cpu: container d not present in metrics for pod default\/web-/,
  },
  {
    name: "a metric of pods",
    metric: {
      type: "Pods",
      pods: { metric: { name: "packets" }, target: { type: "AverageValue", averageValue: "1" } },
    },
    reason: "FailedGetPodsMetric",
    message: /unable to get metric packets: .* no custom metrics API \(custom\.metrics\.k8s\.io\) registered$/,
  },
  {
    name: "a metric of an object",
    metric: {
      type: "Object",
      object: { describedObject: { kind: "Ingress", name: "i" }, metric: { name: "hits" }, target },
    },
    reason: "FailedGetObjectMetric",
    message: /unable to get metric hits: Ingress on default i\/.* no custom metrics API/,
  },
  {
    name: "a metric of another system",
    metric: { type: "External", external: { metric: { name: "queue" }, target } },
    reason: "FailedGetExternalMetric",
    message:
      /unable to get external metric default\/queue\/.* no external metrics API \(external\.metrics\.k8s\.io\) registered$/,
  },
  {
    name: "a resource that is not measured",
    metric: { type: "Resource", resource: { name: "gpu", target: { type: "AverageValue", averageValue: "1" } } },
    reason: "FailedGetResourceMetric",
    message: /unable to get metrics for resource gpu: of pods only cpu and memory are measured$/,
  },
];

for (const { name, metric, reason, message } of failureCases) {
  test(`K8S-242 what cannot be measured is named: ${name}`, async () => {
    const { world, load } = await startAutoscaled();
    load.cpuMilli = 500;
    const bare = workload(2);
    const template = (bare["spec"] as { template: { spec: { containers: { resources: { requests: object } }[] } } })
      .template;
    template.spec.containers[0]!.resources.requests = { cpu: "250m" };
    await applied(world, bare, autoscaler({ metrics: [metric] }));
    await world.advance(2 * SYNC_MS);
    const active = (await stored(world)).status?.conditions?.find(({ type }) => type === "ScalingActive");
    assert.deepEqual([active?.status, active?.reason], ["False", reason]);
    assert.match(active?.message ?? "", message);
    assert.equal((await eventsOf(world, reason)).length, 1);
    assert.equal((await eventsOf(world, "FailedComputeMetricsReplicas")).length, 1);
    assert.equal(await sizeOf(world), 2);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("K8S-242 where nothing can be measured the reason is told", async () => {
  const { world, load } = await startAutoscaled();
  load.problem = "not on this machine";
  await applied(world, workload(1), autoscaler());
  const active = (await stored(world)).status?.conditions?.find(({ type }) => type === "ScalingActive");
  assert.match(active?.message ?? "", /unable to fetch metrics from resource metrics API: not on this machine$/);
  await world.stop();
});

test("K8S-242 of several metrics the largest answer counts, and a failing one keeps the size", async () => {
  const { world, load } = await startAutoscaled();
  const memory: MetricSpec = {
    type: "Resource",
    resource: { name: "memory", target: { type: "AverageValue", averageValue: "32Mi" } },
  };
  const broken: MetricSpec = { type: "Pods", pods: { metric: { name: "packets" }, target: { type: "AverageValue" } } };
  load.cpuMilli = 250;
  load.memoryBytes = 96 * 2 ** 20;
  const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
  await applied(world, workload(2), autoscaler({ metrics: [cpu(50), memory, broken], behavior }));
  assert.equal(await sizeOf(world), 6);
  load.memoryBytes = 8 * 2 ** 20;
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 6);
  assert.equal(conditionOf(await stored(world), "ScalingActive"), "False FailedGetPodsMetric");
  assert.equal((await eventsOf(world, "FailedGetPodsMetric")).length, 1);
  await world.patch(resources.horizontalPodAutoscalers, KEY, { spec: { metrics: [cpu(50), memory] } });
  await world.settle();
  await world.advance(SYNC_MS);
  assert.equal(conditionOf(await stored(world), "ScalingActive"), "True ValidMetricFound");
  await world.stop();
});

test("K8S-242 pods without a sample never enlarge a change", async () => {
  const { world, load } = await startAutoscaled();
  const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };
  await world.apply(workload(4));
  await world.settle();
  const [first] = await world.list(resources.pods, "default");
  load.isMissing = (pod) => pod.metadata.name === first?.metadata.name;
  load.cpuMilli = 4 * 100;
  await world.apply(autoscaler({ behavior }));
  await world.settle();
  assert.equal(await sizeOf(world), 4, "three at 40 % and one taken for 100 %");
  load.cpuMilli = 4 * 150;
  await world.advance(SYNC_MS);
  assert.equal(await sizeOf(world), 4, "three at 60 % and one taken for idle");
  await world.stop();
});

test("K8S-242 pods that are not ready count as idle on the way up", async () => {
  const { world, load } = await startAutoscaled({ kubelet: { behaviourOf: () => ({ readyMs: 200_000 }) } });
  await world.apply(workload(1));
  await world.advance(210_000);
  await world.settle();
  assert.ok(isPodReady((await world.list(resources.pods, "default"))[0]!));
  load.cpuMilli = 500;
  await world.apply(autoscaler({ maxReplicas: 20 }));
  await world.settle();
  assert.equal(await sizeOf(world), 4);
  await world.advance(2 * SYNC_MS);
  assert.equal(await sizeOf(world), 4, "the new pods are still starting");
  await world.stop();
});

interface TargetCase {
  readonly name: string;
  readonly ref: { apiVersion: string; kind: string; name: string };
  readonly message: string;
}

const unable = "the HPA controller was unable to get the target's current scale: ";
const targetCases: TargetCase[] = [
  {
    name: "no such object",
    ref: { apiVersion: "apps/v1", kind: "Deployment", name: "none" },
    message: `${unable}deployments.apps "none" not found`,
  },
  {
    name: "no such kind",
    ref: { apiVersion: "example.com/v1", kind: "Widget", name: "web" },
    message: `${unable}no matches for kind "Widget" in group "example.com"`,
  },
  {
    name: "a kind without a scale",
    ref: { apiVersion: "v1", kind: "ConfigMap", name: "web" },
    message: `${unable}the server could not find the requested resource: ConfigMap has no scale subresource`,
  },
];

for (const { name, ref, message } of targetCases) {
  test(`K8S-242 a target that cannot be scaled: ${name}`, async () => {
    const { world } = await startAutoscaled();
    await applied(world, workload(1), autoscaler({ scaleTargetRef: ref }));
    await world.advance(3 * SYNC_MS);
    const able = (await stored(world)).status?.conditions?.find(({ type }) => type === "AbleToScale");
    assert.deepEqual([able?.status, able?.reason, able?.message], ["False", "FailedGetScale", message]);
    assert.equal((await eventsOf(world, "FailedGetScale")).length, 1);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("K8S-242 two autoscalers of the same pods do nothing, and say so", async () => {
  const { world, load } = await startAutoscaled();
  load.cpuMilli = 1000;
  await applied(world, workload(1), autoscaler(), autoscaler({}, "other"));
  await world.advance(SYNC_MS);
  assert.equal(conditionOf(await stored(world), "ScalingActive"), "False AmbiguousSelector");
  assert.equal(conditionOf(await stored(world, "other"), "ScalingActive"), "False AmbiguousSelector");
  await world.stop();
});

test("K8S-242 a change by way of v1 keeps the metrics and the behavior of v2", async () => {
  const { world } = await startAutoscaled();
  const behavior = { scaleDown: { stabilizationWindowSeconds: 30 } };
  await applied(world, workload(1), autoscaler({ behavior }));
  const before = await stored(world);
  const v1 = { ...resources.horizontalPodAutoscalers, version: "v1" };
  await world.patch(v1, KEY, { spec: { maxReplicas: 7 } });
  const { spec, status, metadata } = await stored(world);
  assert.deepEqual(spec, { ...before.spec, maxReplicas: 7 });
  assert.deepEqual(status, before.status);
  assert.equal(metadata.annotations, undefined);
  await world.stop();
});

test("K8S-242 K8S-113 a ReplicaSet is scaled too", async () => {
  const { world, load } = await startAutoscaled();
  load.cpuMilli = 300;
  const replicaSet = { ...workload(1), kind: "ReplicaSet" };
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" };
  await applied(world, replicaSet, autoscaler({ scaleTargetRef }));
  await world.advance(SYNC_MS);
  const found = await world.get(resources.replicaSets, KEY);
  assert.equal((found?.["spec"] as { replicas?: number } | undefined)?.replicas, 3);
  await world.stop();
});

test("K8S-242 a scaling that is refused is told, counts for nothing, and is tried again at each look", async () => {
  let mayScale = false;
  let tries = 0;
  const guard: AdmissionPlugin = {
    name: "guard",
    kind: "validating",
    admit({ operation, type, object, oldObject }) {
      const [before, after] = [oldObject, object].map((each) => (each?.["spec"] as { replicas?: number })?.replicas);
      if (operation !== "UPDATE" || type.plural !== "deployments" || before === after || mayScale)
        return { allowed: true };
      tries++;
      return { allowed: false, code: 422, reason: "Invalid", message: "not now" };
    },
  };
  const { world, load } = await startAutoscaled({ packs: [{ crds: [], converters: {}, admission: [guard] }] });
  const policies = [{ type: "Pods" as const, value: 2, periodSeconds: 1800 }];
  await applied(world, workload(1), autoscaler({ behavior: { scaleUp: { policies } } }));
  tries = 0;
  load.cpuMilli = 1000;
  await world.advance(5 * SYNC_MS);
  assert.equal(tries, 5);
  assert.equal(await sizeOf(world), 1);
  assert.equal(conditionOf(await stored(world), "AbleToScale"), "False FailedUpdateScale");
  const reason = "cpu resource utilization (percentage of request) above target";
  const [failed] = await eventsOf(world, "FailedRescale");
  assert.match(failed ?? "", /^New size: 3; reason: .* above target; error: .*not now/);
  mayScale = true;
  await world.advance(SYNC_MS);
  assert.equal(await sizeOf(world), 3);
  assert.deepEqual(await eventsOf(world, "SuccessfulRescale"), [`New size: 3; reason: ${reason}`]);
  await world.stop();
});

test("K8S-242 under conflicts, lost answers and stale views the sizes are the same", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world, load } = await startAutoscaled({ seed });
    await applied(world, workload(1), autoscaler());
    world.setFaults({ staleMs: 500, conflict: 0.3, failedWrite: 0.1, lostAnswer: 0.1, droppedWatch: 0.05 });
    load.cpuMilli = 500;
    await world.advance(6 * SYNC_MS);
    world.setFaults({});
    await world.advance(SYNC_MS);
    assert.equal(await sizeOf(world), 4, `seed ${seed}`);
    await world.settle();
    assert.ok((await eventsOf(world, "SuccessfulRescale")).length <= 1, "scaled once for one load");
    await world.stop();
  }
});

test("K8S-242 a crash after any write leads to the same sizes", () => {
  const loads = new WeakMap<object, { cpuMilli: number }>();
  return checkCrashAtEachWrite({
    async start() {
      const { world, load } = await startAutoscaled();
      loads.set(world, load);
      return world;
    },
    async play(world) {
      const load = loads.get(world)!;
      load.cpuMilli = 125;
      await applied(world, workload(1), autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 0 } } }));
      for (const cpuMilli of [500, 250]) {
        load.cpuMilli = cpuMilli;
        await world.advance(SYNC_MS);
        await world.settle();
        await world.advance(2 * SYNC_MS);
        await world.settle();
      }
    },
    async project(world) {
      await world.advance(2 * SYNC_MS);
      const { status, metadata } = await stored(world);
      const { lastScaleTime, conditions = [], ...rest } = status!;
      assert.notEqual(lastScaleTime, undefined);
      const reasons = conditions.map(({ type, reason }) => `${type} ${reason}`);
      return JSON.stringify([await sizeOf(world), metadata.annotations ?? {}, rest, reasons.sort()]);
    },
  });
});
