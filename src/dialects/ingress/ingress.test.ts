import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import { startWorld, type World } from "../../../test/support/world.ts";
import type { Ingress } from "../../api/networking.ts";
import { resources } from "../../kube/resource.ts";
import { type IngressView, ingressControllers, reconcile } from "./index.ts";

const ADDRESS = "127.0.0.1";

const start = () => startWorld({ controllers: ingressControllers({ address: ADDRESS }), builtinControllers: false });

const manifest = (name: string, className: string) => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, namespace: default }
spec:
  ingressClassName: ${className}
  defaultBackend: { service: { name: web, port: { number: 80 } } }
---
`;

const ingressClass = (controller: string) => `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: edge }
spec: { controller: ${controller} }
---
`;

async function addressesOf(world: World, name: string): Promise<readonly unknown[]> {
  const ingress = await world.get<Ingress>(resources.ingresses, { namespace: "default", name });
  return ingress?.status?.loadBalancer?.ingress ?? [];
}

test("MESH-303 an Ingress that the gateway serves shows where, others do not", async () => {
  const world = await start();
  await world.apply(manifest("web", "nginx") + manifest("other", "traefik"));
  await checkFixpoint(world);
  assert.deepEqual(await addressesOf(world, "web"), [{ ip: ADDRESS }]);
  assert.deepEqual(await addressesOf(world, "other"), []);
  await world.stop();
});

test("MESH-303 a class that comes later counts from then on, until it goes", async () => {
  const world = await start();
  await world.apply(manifest("web", "edge"));
  await world.settle();
  assert.deepEqual(await addressesOf(world, "web"), []);
  await world.apply(ingressClass("k8s.io/ingress-nginx"));
  await checkFixpoint(world);
  assert.deepEqual(await addressesOf(world, "web"), [{ ip: ADDRESS }]);
  await world.client.delete(resources.ingressClasses, { namespace: "", name: "edge" });
  await checkFixpoint(world);
  assert.deepEqual(await addressesOf(world, "web"), []);
  await world.stop();
});

test("MESH-303 an address that somebody else wrote about an Ingress of theirs stays", () => {
  const ingress: Ingress = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name: "theirs", namespace: "default" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  };
  const view: IngressView = { ingress, isServed: false, address: ADDRESS };
  assert.equal(reconcile(view).status, null);
});

test("INV-33 a crash after any write changes nothing", () =>
  checkCrashAtEachWrite({
    start,
    async play(world) {
      await world.apply(manifest("web", "edge") + manifest("two", "nginx"));
      await world.settle();
      await world.apply(ingressClass("k8s.io/ingress-nginx"));
      await world.settle();
    },
  }));
