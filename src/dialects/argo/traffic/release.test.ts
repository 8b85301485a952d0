import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint, snapshot } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { HttpRoute } from "../../../api/gateway-api.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { anyObject, customResourceDefinition } from "../../../kube/crd.ts";
import { type ResourceType, resources } from "../../../kube/resource.ts";
import { argoPack } from "../../../packs/argo.ts";
import { gatewayApiPack } from "../../../packs/gateway-api.ts";
import { istioPack } from "../../../packs/istio.ts";
import type { Plan } from "../../../runtime/plan.ts";
import { DATA_PLANE_KEY } from "../../../traffic/data-plane.ts";
import { trafficSplits } from "../../../traffic/smi/router.ts";
import { hashesBehind } from "../invariants.fixture.ts";
import {
  aRollout,
  aService,
  deployed,
  events,
  HASH,
  KEY,
  patchStatus,
  promote,
  setImage,
  startArgo,
  statusOf,
} from "../rollout.fixture.ts";
import type { RolloutStatus, Step, TrafficRouting } from "../types.ts";

/** Whole releases through routers other than Istio, on the API server in memory. */

const CANARY = "istio-rollout-canary";
const STABLE = "istio-rollout-stable";

interface Routed {
  readonly name: string;
  readonly routing: TrafficRouting;
  readonly objects: readonly KubeObject[];
  readonly type: ResourceType;
  share(world: World): Promise<number>;
}

const ingress: Routed = {
  name: "nginx",
  routing: { nginx: { stableIngress: "shop" } },
  type: resources.ingresses,
  objects: [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "shop" },
      spec: {
        ingressClassName: "nginx",
        rules: [
          {
            http: {
              paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: STABLE, port: { number: 80 } } } }],
            },
          },
        ],
      },
    },
  ],
  share: async (world) => {
    const canary = await world.get(resources.ingresses, { namespace: "default", name: "istio-rollout-shop-canary" });
    return Number(canary?.metadata.annotations?.["nginx.ingress.kubernetes.io/canary-weight"] ?? 0);
  },
};

const gateway: Routed = {
  name: "Gateway API",
  routing: { plugins: { "argoproj-labs/gatewayAPI": { httpRoute: "shop" } } },
  type: resources.httpRoutes,
  objects: [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "shop" },
      spec: {
        parentRefs: [{ name: "gateway" }],
        rules: [{ backendRefs: [STABLE, CANARY].map((name) => ({ name, port: 80 })) }],
      },
    },
  ],
  share: async (world) => {
    const route = await world.get<HttpRoute>(resources.httpRoutes, { namespace: "default", name: "shop" });
    return route?.spec?.rules?.[0]?.backendRefs?.find(({ name }) => name === CANARY)?.weight ?? 1;
  },
};

const STEPS: Step[] = [{ setWeight: 20 }, { pause: {} }, { setWeight: 60 }, { pause: { duration: 2 } }];

function start(one: Routed, { hasMesh = true } = {}): Promise<World> {
  const packs = [istioPack, argoPack, gatewayApiPack];
  return startArgo({ packs, hasMesh, meshKinds: [resources.virtualServices, one.type] });
}

async function apply(world: World, one: Routed, steps: Step[] = STEPS): Promise<World> {
  await world.apply(one.objects);
  return deployed(world, aRollout({ trafficRouting: one.routing, steps, scaleDownDelaySeconds: 5 }));
}

/** INV-01: a share is there only while the new version's pods, and no others, are behind the canary's name. */
function watchShares(world: World, one: Routed): number[] {
  const shares: number[] = [];
  world.client.watch(
    one.type,
    { namespace: "default", resourceVersion: "0" },
    {
      onEvent: async () => {
        const share = await one.share(world);
        if (shares.at(-1) !== share) shares.push(share);
        if (share > 0) assert.equal(hashesBehind(world, CANARY).length, 1, `share ${share}`);
      },
      onEnd: () => {},
    },
  );
  return shares;
}

const QUIET = { quietMs: 15_000 };

for (const one of [ingress, gateway]) {
  for (const hasMesh of [true, false]) {
    const mesh = hasMesh ? "told" : "not told";
    test(`ARC-400 ARC-406 ${one.name}: a whole release, ${mesh} what the data plane runs`, async () => {
      const world = await apply(await start(one, { hasMesh }), one);
      assert.equal((await statusOf(world)).phase, "Healthy");
      assert.equal(await one.share(world), 0);
      const shares = watchShares(world, one);
      await setImage(world, "yellow");
      await world.settle(QUIET);
      let status = await statusOf(world);
      assert.equal(status.message, "CanaryPauseStep");
      assert.equal(await one.share(world), 20);
      assert.equal(status.canary?.weights?.canary.weight, 20);
      assert.equal(status.canary?.weights?.verified, one === gateway ? true : undefined);
      await promote(world);
      await world.settle();
      status = await statusOf(world);
      assert.equal(status.phase, "Healthy");
      assert.equal(status.stableRS, HASH.yellow);
      assert.equal(await one.share(world), 0);
      assert.deepEqual(shares.slice(shares.indexOf(20)), [20, 60, 100, 0]);
      assert.deepEqual(hashesBehind(world, STABLE), [HASH.yellow]);
      await checkFixpoint(world);
      await world.stop();
    });
  }

  test(`ARC-133 ${one.name}: an abort takes the share away before the pods`, async () => {
    const world = await apply(await start(one), one);
    await setImage(world, "yellow");
    await world.settle(QUIET);
    assert.equal(await one.share(world), 20);
    await patchStatus(world, { abort: true });
    await world.settle(QUIET);
    assert.equal(await one.share(world), 0);
    assert.equal((await statusOf(world)).phase, "Degraded");
    assert.deepEqual(hashesBehind(world, STABLE), [HASH.blue]);
    await world.advance(60_000);
    await checkFixpoint(world);
    await world.stop();
  });

  test(`ARC-901 ${one.name}: a step waits until the data plane runs the route, and says so`, async () => {
    const world = await apply(await start(one, { hasMesh: false }), one);
    // From now on somebody tells, and it is always the past.
    const data = { [`${one.type.plural}.${one.type.group}`]: "1" };
    await world.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data });
    await setImage(world, "yellow");
    await world.settle(QUIET);
    let status = await statusOf(world);
    assert.equal(status.message, "waiting for data plane");
    assert.equal(status.currentStepIndex, 0);
    await world.patch(resources.configMaps, DATA_PLANE_KEY, { data: { ...data, [Object.keys(data)[0]!]: "1000000" } });
    await world.settle(QUIET);
    status = await statusOf(world);
    assert.equal(status.message, "CanaryPauseStep");
    await world.stop();
  });

  test(`INV-33 ${one.name}: a crash after each write of a whole release ends in the same state`, () =>
    checkCrashAtEachWrite({
      every: 2,
      start: () => start(one),
      play: async (world) => {
        await apply(world, one, [{ setWeight: 50 }, { pause: { duration: 2 } }]);
        await setImage(world, "yellow");
        await world.settle();
      },
      project: async (world) => (await snapshot(world)).filter((line) => !/^(pods|configmaps) /.test(line)),
    }));
}

test("ARC-901 a route that goes during a release is missed in the status; the release goes on when it is back", async () => {
  const world = await apply(await start(gateway), gateway);
  const key = { namespace: "default", name: "shop" };
  await world.client.delete(resources.httpRoutes, key);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  const missing = 'httproutes.gateway.networking.k8s.io "shop" not found';
  assert.equal((await statusOf(world)).message, missing);
  await checkFixpoint(world);
  const told = (await events(world)).filter(({ message }) => message === missing);
  assert.deepEqual(
    told.map(({ reason }) => reason),
    ["TrafficRoutingError"],
    "told once",
  );
  await world.apply(gateway.objects);
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  assert.equal(await gateway.share(world), 20);
  await world.stop();
});

const splitCrd = customResourceDefinition({
  group: "split.smi-spec.io",
  kind: "TrafficSplit",
  plural: "trafficsplits",
  scope: "Namespaced",
  versions: [{ name: "v1alpha2", storage: true, spec: anyObject }],
});

test("ARC-901 a route that goes while the release pauses is told once, and kept in a condition", async () => {
  const world = await apply(await start(gateway), gateway);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await world.client.delete(resources.httpRoutes, { namespace: "default", name: "shop" });
  await world.patch(resources.argoRollouts, KEY, { spec: { replicas: 3 } });
  await world.settle(QUIET);
  const told = async () => (await events(world)).filter(({ reason }) => reason === "TrafficRoutingError").length;
  const status = await statusOf(world);
  assert.equal(status.phase, "Paused");
  assert.equal(status.conditions?.find(({ type }) => type === "TrafficRoutingError")?.status, "True");
  assert.equal(await told(), 1);
  await checkFixpoint(world);
  await promote(world);
  await world.settle(QUIET);
  assert.match((await statusOf(world)).message ?? "", /"shop" not found/);
  assert.equal(await told(), 1);
  await world.apply(gateway.objects);
  await world.settle();
  const after = await statusOf(world);
  assert.equal(after.phase, "Healthy");
  assert.ok(!after.conditions?.some(({ type }) => type === "TrafficRoutingError"));
  await world.stop();
});

test("ARC-402 without the kind the status says what to install; once it is there, the release goes on by itself", async () => {
  const world = await start(ingress);
  await deployed(world, aRollout({ trafficRouting: { smi: {} }, steps: STEPS }));
  assert.equal(
    (await statusOf(world)).message,
    "TrafficSplit `istio-rollout` failed creation: the kind trafficsplits.split.smi-spec.io is not served: " +
      "its CustomResourceDefinition is not installed",
  );
  await checkFixpoint(world);
  await world.apply(splitCrd);
  await world.settle();
  assert.equal((await statusOf(world)).phase, "Healthy");
  const [, served] = trafficSplits;
  const split = await world.get(served!, KEY);
  const backends = [CANARY, STABLE].map((service) => ({ service, weight: service === CANARY ? 0 : 100 }));
  assert.deepEqual(split?.["spec"], { service: STABLE, backends });
  await world.client.delete(resources.customResourceDefinitions, {
    namespace: "",
    name: "trafficsplits.split.smi-spec.io",
  });
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.match((await statusOf(world)).message ?? "", /is not served/);
  await world.stop();
});

test("ARC-223 several routers get the same split, and a step waits for all of them", async () => {
  const world = await start(gateway);
  await world.apply([...ingress.objects, ...gateway.objects]);
  const routing = { ...ingress.routing, ...gateway.routing };
  await deployed(world, aRollout({ trafficRouting: routing, steps: STEPS }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  assert.deepEqual([await ingress.share(world), await gateway.share(world)], [20, 20]);
  await world.stop();
});

test("XP-022 ARC-224 an HTTPRoute takes an experiment's version with its own port, and lets it go", async () => {
  const trial = { name: "trial", specRef: "canary", weight: 5, service: { name: "trial" } };
  const steps: Step[] = [{ setWeight: 10 }, { experiment: { templates: [trial], duration: "30s" } }, { pause: {} }];
  const world = await apply(await start(gateway), gateway, steps);
  const backends = async () => {
    const route = await world.get<HttpRoute>(resources.httpRoutes, { namespace: "default", name: "shop" });
    return route?.spec?.rules?.[0]?.backendRefs?.map(({ name, port, weight }) => [name, port, weight]);
  };
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await backends(), [
    [STABLE, 80, 85],
    [CANARY, 80, 10],
    ["trial", 8080, 5],
  ]);
  await world.advance(40_000);
  assert.deepEqual(await backends(), [
    [STABLE, 80, 90],
    [CANARY, 80, 10],
  ]);
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-400 with another router the canary Ingress goes, and its share with it; the user's stays", async () => {
  const world = await start(ingress);
  await world.apply(gateway.objects);
  await apply(world, ingress);
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.equal(await ingress.share(world), 20);
  const trafficRouting = { nginx: null, ...gateway.routing };
  await world.patch(resources.argoRollouts, KEY, { spec: { strategy: { canary: { trafficRouting } } } });
  await world.settle(QUIET);
  const names = (await world.list(resources.ingresses, "default")).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["shop"]);
  assert.equal(await gateway.share(world), 20);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-901 a route that the server refuses is told, and the release is not lost", async () => {
  const world = await start(gateway);
  const strict = structuredClone(gateway.objects[0]!) as HttpRoute;
  strict.spec!.rules = Array.from({ length: 16 }, (_, index) => ({
    ...(index === 0 ? { backendRefs: [STABLE, CANARY].map((name) => ({ name, port: 80 })) } : {}),
    matches: [{ path: { type: "PathPrefix", value: `/${index}` } }],
  }));
  await world.apply(strict);
  const steps: Step[] = [
    { setWeight: 20 },
    { setHeaderRoute: { name: "h", match: [{ headerName: "a", headerValue: { exact: "b" } }] } },
    { pause: {} },
  ];
  const trafficRouting = { ...gateway.routing, managedRoutes: [{ name: "h" }] };
  await deployed(world, aRollout({ trafficRouting, steps }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.match((await statusOf(world)).message ?? "", /HTTPRoute.* "shop" is invalid: \[?spec\.rules: Too many: 17/);
  await world.stop();
});

const host = (name: string, weight: number) => ({ destination: { host: name }, weight });

async function pingPong(world: World, steps: Step[] = STEPS): Promise<World> {
  await world.apply([
    aService("ping"),
    aService("pong"),
    {
      apiVersion: "networking.istio.io/v1alpha3",
      kind: "VirtualService",
      metadata: { name: "pp" },
      spec: { hosts: ["pp.test"], http: [{ name: "primary", route: [host("ping", 0), host("pong", 100)] }] },
    },
  ]);
  const rollout = aRollout({
    trafficRouting: { istio: { virtualService: { name: "pp" } } },
    pingPong: { pingService: "ping", pongService: "pong" },
    steps,
    scaleDownDelaySeconds: 5,
  });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  return deployed(world, rollout);
}

/** Of ping and pong. */
async function pingPongWeights(world: World): Promise<(number | undefined)[]> {
  const object = await world.get(resources.virtualServices, { namespace: "default", name: "pp" });
  const { http } = object!["spec"] as { http: { route: { weight?: number }[] }[] };
  return http[0]?.route.map(({ weight }) => weight) ?? [];
}

for (const hasMesh of [true, false]) {
  test(`ARC-204 ping-pong: roles move at the promotion, no request back and no selector, ${hasMesh ? "told" : "not told"}`, async () => {
    const world = await pingPong(await start(ingress, { hasMesh }));
    let status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.canary?.stablePingPong, "ping");
    assert.deepEqual(hashesBehind(world, "ping"), [HASH.blue]);
    assert.deepEqual(await pingPongWeights(world), [100, 0]);

    const shares: (number | undefined)[] = [];
    world.client.watch(
      resources.virtualServices,
      { namespace: "default", resourceVersion: "0" },
      { onEvent: async () => void shares.push((await pingPongWeights(world))[1]), onEnd: () => {} },
    );
    await setImage(world, "yellow");
    await world.settle(QUIET);
    assert.deepEqual(hashesBehind(world, "pong"), [HASH.yellow]);
    assert.deepEqual(await pingPongWeights(world), [80, 20]);
    status = await statusOf(world);
    assert.equal(status.canary?.weights?.canary.serviceName, "pong");
    await promote(world);
    await world.settle();
    await world.advance(30_000);
    status = await statusOf(world);
    assert.equal(status.phase, "Healthy");
    assert.equal(status.canary?.stablePingPong, "pong");
    assert.deepEqual([status.canary?.weights?.canary.weight, status.canary?.weights?.canary.serviceName], [0, "ping"]);
    assert.deepEqual(
      shares,
      [...shares].sort((left, right) => Number(left) - Number(right)),
      "never back",
    );
    assert.deepEqual(await pingPongWeights(world), [0, 100]);
    assert.deepEqual(hashesBehind(world, "pong"), [HASH.yellow]);
    assert.deepEqual(hashesBehind(world, "ping"), [], "the former version is gone");
    await checkFixpoint(world);

    await setImage(world, "blue");
    await world.settle(QUIET);
    assert.deepEqual(await pingPongWeights(world), [20, 80]);
    await patchStatus(world, { abort: true });
    await world.settle(QUIET);
    assert.deepEqual(await pingPongWeights(world), [0, 100]);
    assert.equal((await statusOf(world)).canary?.stablePingPong, "pong");
    await world.stop();
  });
}

test("ARC-204 ping-pong: the status of the promotion asks nothing for the Service of the former version", async () => {
  const promoted: RolloutStatus[] = [];
  const onPlan = (controller: string, _key: string, plan: Plan) => {
    const status = (plan.status?.status ?? {}) as RolloutStatus;
    if (controller === "argo-rollout" && status.stableRS === HASH.yellow) promoted.push(status);
  };
  const world = await pingPong(await startArgo({ packs: [istioPack, argoPack], onPlan }), [{ setWeight: 20 }]);
  await setImage(world, "yellow");
  await world.settle();
  // Had the share stayed the canary's, a pod that fails now would send everybody back.
  const { canary, stable } = promoted[0]?.canary?.weights ?? {};
  assert.deepEqual([canary?.weight, canary?.serviceName], [0, "ping"]);
  assert.deepEqual([stable?.weight, stable?.serviceName], [100, "pong"]);
  await world.stop();
});

test("ARC-204 ping-pong: a full promotion moves everybody at once, to pods that are there", async () => {
  const world = await pingPong(await start(ingress));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await patchStatus(world, { promoteFull: true });
  await world.settle(QUIET);
  assert.deepEqual(await pingPongWeights(world), [0, 100]);
  assert.equal((await statusOf(world)).phase, "Healthy");
  await world.stop();
});

test("INV-33 ping-pong: a crash after each write of a whole release ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 2,
    start: () => start(ingress),
    play: async (world) => {
      await pingPong(world, [{ setWeight: 50 }, { pause: { duration: 2 } }]);
      await setImage(world, "yellow");
      await world.settle();
    },
    project: async (world) => (await snapshot(world)).filter((line) => !/^(pods|configmaps) /.test(line)),
  }));
