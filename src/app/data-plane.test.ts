import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../../test/support/world.ts";
import { silentLogger } from "../base/log.ts";
import { resources } from "../kube/resource.ts";
import type { Acknowledgement } from "../mesh/acknowledge.ts";
import { DATA_PLANE_KEY } from "../traffic/data-plane.ts";
import { noteDataPlane } from "./data-plane.ts";

const ROUTES = "virtualservices.networking.istio.io";
const SLICES = "endpointslices.discovery.k8s.io";
const PODS = "pods";

/** A mesh that says what the test says, the world in which it is noted, and how often. */
async function start() {
  const world = await startWorld({ builtinControllers: false });
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: DATA_PLANE_KEY.namespace } });
  const listeners = new Set<() => void>();
  let kinds: Acknowledgement["kinds"] | null = null;
  let gateways: Acknowledgement["gateways"] = {};
  const mesh = {
    acknowledged: () => (kinds === null ? null : { kinds, revision: 0, pods: {}, gateways }),
    onAcknowledgement: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const acknowledge = async (next: Acknowledgement["kinds"] | null, ports: Acknowledgement["gateways"] = {}) => {
    kinds = next;
    gateways = ports;
    for (const listener of listeners) listener();
    await world.advance(0);
  };
  const begin = () => noteDataPlane({ mesh, client: world.client, clock: world.clock, logger: silentLogger });
  return { world, acknowledge, begin, stop: begin() };
}

async function noted(world: World): Promise<unknown> {
  return (await world.get(resources.configMaps, DATA_PLANE_KEY))?.["data"] ?? null;
}

test("MESH-211 what the mesh runs of routes is noted at once; kinds that it does not watch, and others, are not there", async () => {
  const { world, acknowledge, stop } = await start();
  assert.equal(await noted(world), null, "nothing is known before a mesh runs");
  await acknowledge({ [ROUTES]: "7", services: "9", [PODS]: "3" });
  assert.deepEqual(await noted(world), { [ROUTES]: "7", [PODS]: "3" });
  await acknowledge({ [ROUTES]: "8", [PODS]: "4" });
  assert.deepEqual(await noted(world), { [ROUTES]: "8", [PODS]: "4" });
  await acknowledge(null);
  assert.deepEqual(await noted(world), { [ROUTES]: "8", [PODS]: "4" }, "a mesh that restarts runs no less than before");
  stop();
  await world.stop();
});

test("MESH-031 where the gateway's ports are is noted at once", async () => {
  const { world, acknowledge, stop } = await start();
  await acknowledge({ [ROUTES]: "1" }, { 80: 18080 });
  await acknowledge({ [ROUTES]: "1" }, { 80: 18080, 8081: 40001 });
  assert.deepEqual(await noted(world), { [ROUTES]: "1", "gateway-ports": '{"80":18080,"8081":40001}' });
  await acknowledge({ [ROUTES]: "2" });
  assert.deepEqual(await noted(world), { [ROUTES]: "2" });
  stop();
  await world.stop();
});

test("a hundred changes of pods in a second are a few writes, and the last one is told", async () => {
  const { world, acknowledge, stop } = await start();
  await acknowledge({ [ROUTES]: "1", [SLICES]: "1", [PODS]: "1" });
  await world.advance(1000);
  let before = await world.get(resources.configMaps, DATA_PLANE_KEY);
  let writes = 0;
  for (let change = 1; change <= 100; change++) {
    await acknowledge({ [ROUTES]: "1", [SLICES]: String(1 + change), [PODS]: String(1 + change) });
    const now = await world.get(resources.configMaps, DATA_PLANE_KEY);
    if (now?.metadata.resourceVersion !== before?.metadata.resourceVersion) writes++;
    if (change === 1) assert.deepEqual(await noted(world), { [ROUTES]: "1", [SLICES]: "2", [PODS]: "2" }, "at once");
    before = now;
    await world.advance(10);
  }
  assert.equal(writes, 4);
  await world.advance(250);
  assert.deepEqual(await noted(world), { [ROUTES]: "1", [SLICES]: "101", [PODS]: "101" });
  await acknowledge({ [ROUTES]: "1", [SLICES]: "102", [PODS]: "101" });
  await acknowledge({ [ROUTES]: "2", [SLICES]: "103", [PODS]: "101" });
  assert.deepEqual(await noted(world), { [ROUTES]: "2", [SLICES]: "103", [PODS]: "101" }, "along with a route");
  stop();
  await world.stop();
});

test("a kind that the mesh watches no more is forgotten, and what is noted already is not written again", async () => {
  const { world, acknowledge, stop, begin } = await start();
  await acknowledge({ [ROUTES]: "5", "httproutes.gateway.networking.k8s.io": "5" });
  stop();
  const first = await world.get(resources.configMaps, DATA_PLANE_KEY);
  const again = begin();
  await world.advance(1000);
  assert.deepEqual(await world.get(resources.configMaps, DATA_PLANE_KEY), first);
  await acknowledge({ [ROUTES]: "5" });
  assert.deepEqual(await noted(world), { [ROUTES]: "5" });
  again();
  await world.stop();
});

for (const [name, edit] of [
  ["a revision that the mesh does not run", { data: { [ROUTES]: "999" } }],
  ["no revision", { data: { [ROUTES]: "soon" } }],
  ["a kind less", { data: { [ROUTES]: null } }],
  ["a kind more", { data: { "pods.of.nobody": "7" } }],
  ["nothing", { data: null }],
  ["its deletion", null],
] as const) {
  test(`MESH-211 INV-39 what somebody else wrote is set right, though the mesh changes nothing: ${name}`, async () => {
    const { world, acknowledge, stop } = await start();
    await acknowledge({ [ROUTES]: "7", [PODS]: "3" });
    await world.advance(1000);
    if (edit) await world.patch(resources.configMaps, DATA_PLANE_KEY, edit);
    else await world.client.delete(resources.configMaps, DATA_PLANE_KEY);
    await world.advance(1000);
    assert.deepEqual(await noted(world), { [ROUTES]: "7", [PODS]: "3" });
    const settled = await world.get(resources.configMaps, DATA_PLANE_KEY);
    await world.advance(10_000);
    assert.deepEqual(await world.get(resources.configMaps, DATA_PLANE_KEY), settled, "INV-33");
    stop();
    await world.stop();
  });
}
