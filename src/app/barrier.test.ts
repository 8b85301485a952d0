import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import { systemClock } from "../base/clock.ts";
import { CacheSet } from "../kube/cache.ts";
import { resources } from "../kube/resource.ts";
import { drainBarrier } from "./barrier.ts";
import type { MeshProcess } from "./mesh-process.ts";

const pod: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "default", labels: { app: "web" } },
};

function service(name: string, selector: Record<string, string>): KubeObject {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec: { selector } };
}

interface Conditions {
  readonly ready: boolean;
  readonly terminating?: boolean;
}

/** The slice of a Service at a revision; null: the pod is not in it. */
function slice(serviceName: string, revision: number, conditions: Conditions | null): KubeObject {
  const labels = { "kubernetes.io/service-name": serviceName };
  const metadata = { name: `${serviceName}-s`, namespace: "default", labels, resourceVersion: String(revision) };
  const endpoints = conditions === null ? [] : [{ conditions, targetRef: { name: "web-1" } }];
  return { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, endpoints };
}

/** What the mesh runs; null: there is none. */
function meshAt(start: number | null) {
  const listeners = new Set<() => void>();
  let revision = start;
  const mesh: MeshProcess = {
    acknowledged: () =>
      revision === null
        ? null
        : { kinds: { "endpointslices.discovery.k8s.io": String(revision) }, revision, pods: {}, gateways: {} },
    onAcknowledgement: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => Promise.resolve(),
  };
  const acknowledge = (next: number | null) => {
    revision = next;
    for (const listener of [...listeners]) listener();
  };
  return { mesh, acknowledge };
}

/** Whether the barrier is open at once, before any time has passed. */
async function isOpen(mesh: MeshProcess, objects: readonly KubeObject[]): Promise<boolean> {
  const cache = new CacheSet();
  const services = cache.add(resources.services);
  const slices = cache.add(resources.endpointSlices);
  for (const object of objects) (object.kind === "Service" ? services : slices).put(object);
  const opened = drainBarrier({ mesh, cache: () => cache, clock: systemClock })(pod).then(() => true);
  const next = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
  return Promise.race([opened, next]);
}

const web = service("web", { app: "web" });
const gone = { ready: false, terminating: true };

const cases: readonly { name: string; objects: readonly KubeObject[]; runs: number | null; isOpen: boolean }[] = [
  { name: "no Service selects the pod", objects: [service("other", { app: "other" })], runs: 0, isOpen: true },
  { name: "a slice offers the pod", objects: [web, slice("web", 5, { ready: true })], runs: 9, isOpen: false },
  { name: "the mesh runs the slice without the pod", objects: [web, slice("web", 5, gone)], runs: 5, isOpen: true },
  { name: "the mesh is behind that slice", objects: [web, slice("web", 5, gone)], runs: 4, isOpen: false },
  {
    name: "a Service that has no endpoints selects the pod",
    objects: [{ ...web, spec: { type: "ExternalName", selector: { app: "web" } } }],
    runs: 0,
    isOpen: true,
  },
  { name: "there is no mesh", objects: [web, slice("web", 5, { ready: true })], runs: null, isOpen: true },
  {
    name: "the pod is not in its Service's slice yet, and may come",
    objects: [web, slice("web", 5, null)],
    runs: 9,
    isOpen: false,
  },
  {
    name: "the slice shows the pod as it was before it became ready",
    objects: [web, slice("web", 5, { ready: false })],
    runs: 9,
    isOpen: false,
  },
  {
    name: "one of two Services still offers the pod",
    objects: [web, slice("web", 5, gone), service("all", { app: "web" }), slice("all", 6, { ready: true })],
    runs: 9,
    isOpen: false,
  },
  {
    name: "a Service that publishes pods that are not ready will never take it out",
    objects: [web, slice("web", 5, { ready: true, terminating: true })],
    runs: 5,
    isOpen: true,
  },
];

for (const { name, objects, runs, isOpen: want } of cases) {
  test(`MESH-211 ${name}: a leaving pod ${want ? "may stop" : "waits"}`, async () => {
    const { mesh, acknowledge } = meshAt(runs);
    assert.equal(await isOpen(mesh, objects), want);
    acknowledge(null); // The mesh is gone: what waits goes on, so that no timer outlives the test.
  });
}

test("MESH-211 a leaving pod goes on once the mesh acknowledges", async () => {
  const { mesh, acknowledge } = meshAt(4);
  const cache = new CacheSet();
  cache.add(resources.services).put(web);
  cache.add(resources.endpointSlices).put(slice("web", 5, gone));
  const opened = drainBarrier({ mesh, cache: () => cache, clock: systemClock })(pod);
  acknowledge(5);
  await opened;
});

test("MESH-211 a leaving pod goes on when the cache follows the mesh", async () => {
  const { mesh } = meshAt(5);
  const cache = new CacheSet();
  cache.add(resources.services).put(web);
  const slices = cache.add(resources.endpointSlices);
  slices.put(slice("web", 4, { ready: true }));
  const opened = drainBarrier({ mesh, cache: () => cache, clock: systemClock })(pod);
  slices.put(slice("web", 5, gone));
  await opened;
});
