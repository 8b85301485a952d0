import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import { deployment, key, pods, service, start } from "../controllers.fixture.ts";

interface Slice extends KubeObject {
  endpoints?:
    | { addresses: string[]; conditions: object; nodeName: string; targetRef: { kind: string; name: string } }[]
    | null;
  ports?: { name: string; port: number; protocol: string }[] | null;
}

async function slices(world: World): Promise<readonly Slice[]> {
  const all = await world.list<Slice>(resources.endpointSlices, "default");
  return all.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "web");
}

async function conditions(world: World): Promise<readonly string[]> {
  return (await slices(world)).flatMap(({ endpoints }) =>
    (endpoints ?? []).map((each) => JSON.stringify(each.conditions)),
  );
}

const READY = '{"ready":true,"serving":true,"terminating":false}';
const STARTING = '{"ready":false,"serving":false,"terminating":false}';
const LEAVING = '{"ready":false,"serving":false,"terminating":true}';

test("K8S-238 a Service's pods are in one slice that names its Service, manager and owner", async () => {
  const world = await start();
  await world.apply([deployment("x:1", { replicas: 2 }), service]);
  await world.settle();
  const [slice, ...others] = await slices(world);
  assert.equal(others.length, 0);
  assert.match(slice!.metadata.name, /^web-\w{5}$/);
  assert.deepEqual(slice?.metadata.labels, {
    team: "shop",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  assert.equal(slice?.metadata.ownerReferences?.[0]?.kind, "Service");
  assert.ok(slice?.metadata.annotations?.["endpoints.kubernetes.io/last-change-trigger-time"]);
  assert.deepEqual(slice?.ports, [{ name: "http", port: 8080, protocol: "TCP" }], "the named port is looked up");
  const addresses = (await pods(world)).map((pod) => (pod["status"] as { podIP: string }).podIP);
  assert.deepEqual(slice?.endpoints?.map((endpoint) => endpoint.addresses[0]).sort(), addresses.sort());
  assert.deepEqual(await conditions(world), [READY, READY]);
  await checkFixpoint(world);
});

test("K8S-238 a pod is listed before it is ready and until it is gone", async () => {
  const world = await start({ kubelet: { behaviourOf: () => ({ startMs: 1000, readyMs: 2000, stopMs: 5000 }) } });
  await world.apply([deployment("x:1", { replicas: 1 }), service]);
  await world.advance(2000);
  assert.deepEqual(await conditions(world), [STARTING]);
  await world.settle();
  assert.deepEqual(await conditions(world), [READY]);
  await world.client.delete(resources.deployments, key);
  await world.advance(1000);
  assert.deepEqual(await conditions(world), [LEAVING]);
  await world.settle();
  assert.deepEqual(await conditions(world), []);
});

test("K8S-238 without pods one slice says that there are none, and it is filled later", async () => {
  const world = await start();
  await world.apply(service);
  await world.settle();
  const [empty] = await slices(world);
  assert.deepEqual(empty?.endpoints ?? null, null);
  await world.apply(deployment("x:1", { replicas: 1 }));
  await world.settle();
  const [filled, ...others] = await slices(world);
  assert.equal(others.length, 0);
  assert.equal(filled?.metadata.uid, empty?.metadata.uid);
});

test("K8S-238 pods whose named port differs are in slices of their own", async () => {
  const world = await start();
  const other = deployment("x:1", { replicas: 1 }, "other");
  const template = JSON.parse(JSON.stringify(other.spec.template).replace("8080", "9090"));
  await world.apply([deployment("x:1", { replicas: 1 }), { ...other, spec: { ...other.spec, template } }, service]);
  await world.settle();
  assert.deepEqual((await slices(world)).map(({ ports }) => ports?.[0]?.port).sort(), [8080, 9090]);
  await checkFixpoint(world);
});

test("K8S-238 a hundred endpoints fill a slice", async () => {
  const world = await start();
  await world.apply([deployment("x:1", { replicas: 101 }), service]);
  await world.settle();
  assert.deepEqual((await slices(world)).map(({ endpoints }) => endpoints?.length).sort(), [1, 100]);
});

test("K8S-238 publishNotReadyAddresses lists pods as ready that are not", async () => {
  const world = await start();
  const spec = { ...(service["spec"] as object), publishNotReadyAddresses: true };
  await world.apply([deployment("x:bad", { replicas: 1 }), { ...service, spec }]);
  await world.settle();
  assert.deepEqual(await conditions(world), ['{"ready":true,"serving":false,"terminating":false}']);
});

test("K8S-238 a Service without selector gets no slice, and its owner's slice is left alone", async () => {
  const world = await start();
  const own: KubeObject = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "mine", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.2.3"] }],
    ports: [],
  };
  await world.apply([{ ...service, spec: { ports: [{ port: 80 }] } }, own]);
  await world.settle();
  assert.deepEqual(
    (await slices(world)).map(({ metadata }) => metadata.name),
    ["mine"],
  );
  await checkFixpoint(world);
});

test("K8S-239 Endpoints say the same and go with the Service", async () => {
  const world = await start();
  await world.apply([deployment("x:1", { replicas: 2 }), service]);
  await world.settle();
  const endpoints = await world.get(resources.endpoints, key);
  const [subset] = endpoints!["subsets"] as { addresses: { ip: string }[]; ports: object[] }[];
  assert.equal(subset?.addresses.length, 2);
  assert.deepEqual(subset?.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  assert.equal(endpoints?.metadata.labels?.["endpoints.kubernetes.io/managed-by"], "endpoint-controller");
  await world.client.delete(resources.services, key);
  await world.settle();
  assert.equal(await world.get(resources.endpoints, key), null);
  assert.deepEqual(await slices(world), []);
});

test("K8S-239 pods that are not ready are in notReadyAddresses", async () => {
  const world = await start();
  await world.apply([deployment("x:bad", { replicas: 1 }), service]);
  await world.settle();
  const [subset] = (await world.get(resources.endpoints, key))!["subsets"] as {
    notReadyAddresses: object[];
    addresses?: object[];
  }[];
  assert.equal(subset?.notReadyAddresses.length, 1);
  assert.equal(subset?.addresses, undefined);
});
