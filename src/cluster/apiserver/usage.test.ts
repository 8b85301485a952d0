import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { isApiError } from "../../kube/errors.ts";
import { MemoryLog } from "../store/memory-log.ts";
import type { PodUsage, UsageSnapshot, UsageSource } from "../usage.ts";
import { ApiServer } from "./api-server.ts";
import { builtinDefinitions } from "./builtin/index.ts";
import { metricsDefinitions } from "./builtin/metrics.ts";
import type { ApiRequest } from "./request.ts";

const AT = Date.UTC(2030, 0, 1);

function pod(name: string, namespace: string, app: string): PodUsage {
  const containers = [
    { name: "a", cpuNanos: 1_500_000, memoryBytes: 2048 },
    { name: "b", cpuNanos: 1_000_000, memoryBytes: 1 },
  ];
  const labels = { app };
  return { name, namespace, uid: name, labels, creationTimestamp: undefined, at: AT, windowMs: 15_000, containers };
}

const snapshot: UsageSnapshot = {
  pods: [pod("w2", "default", "web"), pod("w1", "default", "web"), pod("o", "other", "web"), pod("x", "default", "x")],
  node: { name: "n1", labels: {}, at: AT, windowMs: 15_000, cpuNanos: 2e9, memoryBytes: 2 ** 20 },
  pendingUntil: null,
  problem: null,
};

function server(usage: UsageSource | null): ApiServer {
  return new ApiServer({
    log: new MemoryLog(),
    clock: new VirtualClock(),
    random: seededRandom(1),
    builtins: [...builtinDefinitions, ...metricsDefinitions],
    usage: () => usage,
  });
}

function request(changes: Partial<ApiRequest>): ApiRequest {
  return {
    verb: "list",
    group: "metrics.k8s.io",
    version: "v1beta1",
    plural: "pods",
    namespace: "default",
    name: "",
    subresource: "",
    query: new URLSearchParams(),
    body: undefined,
    duplicateFields: [],
    patchType: null,
    userAgent: "test",
    ...changes,
  };
}

const source: UsageSource = { snapshot: () => snapshot, whenMeasured: () => Promise.resolve(snapshot) };

async function refusal(api: ApiServer, changes: Partial<ApiRequest>): Promise<string> {
  const error = await api.handle(request(changes)).then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(isApiError(error), String(error));
  return `${error.code} ${error.message}`;
}

test("K8S-29 metrics of pods, by namespace, label and name", async () => {
  const api = server(source);
  const names = async (changes: Partial<ApiRequest>) => {
    const { object } = await api.handle(request(changes));
    return (object["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  };
  assert.deepEqual(await names({}), ["w1", "w2", "x"]);
  assert.deepEqual(await names({ namespace: "" }), ["w1", "w2", "x", "o"]);
  assert.deepEqual(await names({ query: new URLSearchParams({ labelSelector: "app=web" }) }), ["w1", "w2"]);
  const { object, definition } = await api.handle(request({ verb: "get", name: "w1" }));
  assert.deepEqual(object, {
    apiVersion: "metrics.k8s.io/v1beta1",
    kind: "PodMetrics",
    metadata: { namespace: "default", name: "w1", labels: { app: "web" }, creationTimestamp: "2030-01-01T00:00:00Z" },
    timestamp: "2030-01-01T00:00:00Z",
    window: "15s",
    containers: [
      { name: "a", usage: { cpu: "1500000n", memory: "2Ki" } },
      { name: "b", usage: { cpu: "1000000n", memory: "1Ki" } },
    ],
  });
  assert.deepEqual(
    definition?.columns.map(({ cell }) => cell(object, AT)),
    ["w1", "3m", "3Ki", "15s"],
  );
});

test("K8S-29 metrics of the node", async () => {
  const { object } = await server(source).handle(request({ plural: "nodes", namespace: "", verb: "get", name: "n1" }));
  assert.deepEqual(object["usage"], { cpu: "2000000000n", memory: "1024Ki" });
});

test("K8S-29 metrics are read only, and their absence is told", async () => {
  const api = server(source);
  assert.match(await refusal(api, { verb: "get", name: "none" }), /^404 pods\.metrics\.k8s\.io "none" not found$/);
  assert.match(await refusal(api, { verb: "create" }), /^405 /);
  assert.match(await refusal(server(null), {}), /^503 .*no node that measures$/);
  const problem = { ...snapshot, problem: "not on this machine" };
  const unmeasured = { snapshot: () => problem, whenMeasured: () => Promise.resolve(problem) };
  assert.match(await refusal(server(unmeasured), {}), /^503 .*not on this machine$/);
});
