import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { HttpRouteSpec, VirtualService } from "../../../api/istio.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { ObjectKey } from "../../../kube/resource.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  aVirtualService,
  deployed,
  lasting,
  patchStatus,
  promote,
  seedObjects,
  setImage,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
  weights,
} from "../rollout.fixture.ts";
import type { Step } from "../types.ts";

/** Several VirtualServices of one Rollout (ARC-310). */

const QUIET = { quietMs: 15_000 };
const header: Step = {
  setHeaderRoute: { name: "beta", match: [{ headerName: "x-beta", headerValue: { exact: "1" } }] },
};
const mirror: Step = {
  setMirrorRoute: { name: "copy", percentage: 35, match: [{ method: { exact: "GET" }, path: { prefix: "/" } }] },
};

async function routes(world: World, key: ObjectKey = VIRTUAL_SERVICE): Promise<readonly HttpRouteSpec[]> {
  return (await world.get<VirtualService>(resources.virtualServices, key))?.spec?.http ?? [];
}

async function names(world: World, key?: ObjectKey): Promise<(string | undefined)[]> {
  return (await routes(world, key)).map(({ name }) => name);
}

const SECOND = { namespace: "edge", name: "second" };

/** The seed's VirtualService, and another one in namespace `edge` with two routes. */
async function withTwo(world: World, steps: Step[], other: KubeObject): Promise<World> {
  const virtualServices = [
    { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    { name: `${SECOND.name}.${SECOND.namespace}`, routes: ["a"] },
  ];
  const trafficRouting = { managedRoutes: [{ name: "copy" }, { name: "beta" }], istio: { virtualServices } };
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: SECOND.namespace } });
  await world.apply(other);
  return deployed(world, aRollout({ trafficRouting, steps }));
}

function anotherVirtualService(): KubeObject {
  const route = [
    { destination: { host: "istio-rollout-stable.default" }, weight: 100 },
    { destination: { host: "istio-rollout-canary.default" }, weight: 0 },
  ];
  return {
    ...aVirtualService,
    metadata: { ...SECOND },
    spec: {
      hosts: ["edge"],
      http: [
        { name: "a", route },
        { name: "b", route },
      ],
    },
  } as KubeObject;
}

function shares(route: HttpRouteSpec | undefined): (number | undefined)[] {
  return route?.route?.map(({ weight }) => weight) ?? [];
}

test("ARC-310 ARC-922 every entry of virtualServices gets the same weights and managed routes, each in its own routes", async () => {
  const world = await withTwo(
    await startArgo(),
    [{ setWeight: 10 }, header, { pause: {} }, { setWeight: 60 }, { pause: {} }],
    anotherVirtualService(),
  );
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [90, 10]);
  assert.deepEqual(await names(world), ["beta", "primary"]);
  assert.deepEqual(await names(world, SECOND), ["beta", "a", "b"]);
  let [, a, b] = await routes(world, SECOND);
  assert.deepEqual(
    [shares(a), shares(b)],
    [
      [90, 10],
      [100, 0],
    ],
    "b is not listed",
  );
  await promote(world);
  await world.settle(QUIET);
  assert.deepEqual(await weights(world), [40, 60]);
  [, a, b] = await routes(world, SECOND);
  assert.deepEqual(
    [shares(a), shares(b)],
    [
      [40, 60],
      [100, 0],
    ],
  );
  await checkFixpoint(world);
  await patchStatus(world, { abort: true });
  await world.advance(5000);
  for (const key of [VIRTUAL_SERVICE, SECOND]) assert.ok(!(await names(world, key)).includes("beta"));
  assert.deepEqual(await weights(world), [100, 0]);
  assert.deepEqual(shares((await routes(world, SECOND))[0]), [100, 0]);
  await checkFixpoint(world);
  await world.stop();
});

test("ARC-308 ARC-310 a missing entry of virtualServices is told with the list's path", async () => {
  const world = await startArgo();
  const virtualServices = [{ name: VIRTUAL_SERVICE.name, routes: ["primary"] }, { name: "none" }];
  await world.apply(seedObjects);
  await world.apply(aRollout({ trafficRouting: { istio: { virtualServices } } }));
  await world.settle({ quietMs: 5000 });
  assert.match(
    (await statusOf(world)).message ?? "",
    /istio\.virtualServices\.name: Invalid value: "none": virtualservices\.networking\.istio\.io "none" not found$/,
  );
  await world.stop();
});

test("ARC-922 an entry without http keeps no other entry from losing its managed routes", async () => {
  const other = anotherVirtualService();
  const destination = (host: string) => ({ destination: { host: `istio-rollout-${host}.default` }, weight: 0 });
  const tcp = [{ match: [{ port: 3306 }], route: [{ ...destination("stable"), weight: 100 }, destination("canary")] }];
  const world = await startArgo();
  const virtualServices = [
    { name: `${SECOND.name}.${SECOND.namespace}`, tcpRoutes: [{ port: 3306 }] },
    { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
  ];
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: SECOND.namespace } });
  await world.apply({ ...other, spec: { hosts: ["edge"], tcp } } as KubeObject);
  const trafficRouting = { managedRoutes: [{ name: "beta" }], istio: { virtualServices } };
  await deployed(world, aRollout({ trafficRouting, steps: [{ setWeight: 10 }, header, { pause: {} }] }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  assert.deepEqual(await names(world), ["beta", "primary"]);
  const stored = await world.get<VirtualService>(resources.virtualServices, SECOND);
  assert.deepEqual(shares(stored?.spec?.tcp?.[0] as HttpRouteSpec | undefined), [90, 10]);
  await promote(world);
  await world.settle();
  assert.deepEqual(await names(world), ["primary"]);
  await checkFixpoint(world);
  await world.stop();
});

test("INV-33 a crash after each write with managed routes in two VirtualServices ends in the same state", () =>
  checkCrashAtEachWrite({
    every: 8,
    start: () => startArgo(),
    play: async (world) => {
      await withTwo(world, [{ setWeight: 50 }, header, mirror, { pause: { duration: 1 } }], anotherVirtualService());
      await setImage(world, "yellow");
      await world.settle();
    },
    project: lasting,
  }));
