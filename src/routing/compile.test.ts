import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "./compile.ts";
import { decide } from "./decide.ts";
import { answerOf, aService, configOf, factsOf, meshRoute, podSource, to, webRule } from "./fixture.ts";
import { aGateway, aRoute, istioClass, to as toBackend } from "./gateway-api/fixture.ts";
import { anIngress } from "./ingress/fixture.ts";
import type { RoutingConfig, Table } from "./types.ts";

/** What a new table takes over from the one before it. */

const pods = (isCanaryReady: boolean) => [
  { name: "s1", labels: { version: "stable" } },
  { name: "c1", labels: { version: "canary" }, ready: isCanaryReady },
];
const api = aService("api", [8080], [{ name: "p1", labels: {} }]);
const web = aService("web", [80], pods(false));
const rule = webRule();
const route = meshRoute(["web"], [{ route: [to("web", "canary")] }]);
const before: RoutingConfig = configOf([web, api], [rule, route]);
const caller = podSource();
const request = factsOf({ source: caller, host: "web" });
const CANARY = "outbound|80|canary|web.default.svc.cluster.local";

function withReadyCanary(): RoutingConfig {
  const { slice } = aService("web", [80], pods(true));
  return { ...before, endpointSlices: [slice, api.slice] };
}

function clusterOf(table: Table, name: string) {
  return table.clusters.get(name);
}

test("MESH-210 a pod that becomes ready is served by the next table, not by the old one", () => {
  const first = compile(before);
  const second = compile(withReadyCanary(), first);
  assert.equal(answerOf(decide(first, request)), "503 UH");
  assert.equal(answerOf(decide(second, request)), "c1");
});

test("an endpoint change leaves routes, other services' clusters and equal endpoints as they were", () => {
  const first = compile(before);
  const firstRoute = decide(first, request).route;
  const second = compile(withReadyCanary(), first);
  assert.equal(decide(second, request).route, firstRoute, "the very same compiled route");
  assert.equal(
    clusterOf(second, "outbound|8080||api.default.svc.cluster.local"),
    clusterOf(first, "outbound|8080||api.default.svc.cluster.local"),
  );
  const stable = "outbound|80|stable|web.default.svc.cluster.local";
  assert.notEqual(clusterOf(second, stable), undefined);
  assert.equal(clusterOf(second, stable)?.endpoints[0], clusterOf(first, stable)?.endpoints[0]);
});

test("MESH-305 MESH-363 a Service that selects other pods leaves routes as they were, one that changes ports does not", () => {
  const byIngress = anIngress("i", { host: "i.test", paths: { "/": "web:http" } });
  const byRoute = aRoute([{ backendRefs: [toBackend("web")] }], { hostnames: ["r.test"] });
  const config = configOf([web, api], [istioClass, aGateway(), byRoute, byIngress]);
  const withService = (spec: Record<string, unknown>) => {
    const { ports, selector } = web.service["spec"] as Record<string, unknown>;
    return { ...config, services: [{ ...web.service, spec: { ports, selector, ...spec } }, api.service] };
  };
  const first = compile(config);
  const selecting = compile(withService({ selector: { app: "web", hash: "1" } }), first);
  const moved = compile(withService({ ports: [{ name: "http", port: 81 }] }), selecting);
  for (const [host, answerBefore, answerAfter] of [
    ["i.test", "s1", "s1"],
    ["r.test", "s1", "500 -"],
  ] as const) {
    const [was, is, then] = [first, selecting, moved].map((table) => decide(table, factsOf({ host })));
    assert.equal(is?.route, was?.route, "the very same compiled route");
    assert.notEqual(then?.route, was?.route);
    assert.deepEqual([answerOf(was!), answerOf(then!)], [answerBefore, answerAfter], host);
  }
});

test("a pod event that changes no label keeps the clusters", () => {
  const first = compile(before);
  const touched = before.pods.map((pod) => ({ ...pod, metadata: { ...pod.metadata, resourceVersion: "2" } }));
  const second = compile({ ...before, pods: touched }, first);
  assert.equal(clusterOf(second, CANARY), clusterOf(first, CANARY));
});

test("MESH-252 a pod whose label changes moves to the other subset", () => {
  const first = compile(before);
  const moved = before.pods.map((pod) =>
    pod.metadata.name === "s1"
      ? { ...pod, metadata: { ...pod.metadata, labels: { app: "web", version: "canary" } } }
      : pod,
  );
  assert.equal(answerOf(decide(compile({ ...before, pods: moved }, first), request)), "s1");
});

test("MC-151 a rule that comes back is in force at once", () => {
  const without = { ...withReadyCanary(), destinationRules: [] };
  const first = compile(without);
  assert.equal(answerOf(decide(first, request)), "503 NC");
  const second = compile({ ...without, destinationRules: [rule] }, first);
  assert.equal(answerOf(decide(second, request)), "c1");
  assert.equal(answerOf(decide(compile(without, second), request)), "503 NC");
});

test("a deleted service is gone from the next table", () => {
  const first = compile(before);
  const second = compile({ ...before, services: [api.service] }, first);
  assert.equal(clusterOf(second, CANARY), undefined);
  assert.equal(answerOf(decide(second, request)), "web", "an unknown host now");
});

test("a table compiled on top of others equals one compiled afresh", () => {
  let table = compile(before);
  for (const config of [
    withReadyCanary(),
    { ...before, destinationRules: [] },
    { ...before, virtualServices: [] },
    before,
  ]) {
    table = compile(config, table);
    const fresh = compile(config);
    assert.deepEqual([...table.clusters.keys()], [...fresh.clusters.keys()]);
    assert.deepEqual([...table.clusters.values()], [...fresh.clusters.values()]);
    assert.equal(answerOf(decide(table, request)), answerOf(decide(fresh, request)));
  }
});
