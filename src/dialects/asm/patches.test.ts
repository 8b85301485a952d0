import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { aGroup, aPod, seedObjects, services } from "./fixture.ts";
import { TestCluster } from "./test-cluster.ts";
import type { ASMSwimLaneGroup } from "./types.ts";

type GroupSpec = Partial<NonNullable<ASMSwimLaneGroup["spec"]>>;
type ServicePatches = Pick<NonNullable<GroupSpec["services"]>[number], "trafficPolicyPatch" | "httpRoutePatch">;

/** The seed's cluster with these patches in the group; `mocka` stands at the service of that name. */
function settled({ mocka = {}, ...spec }: GroupSpec & { mocka?: ServicePatches }): TestCluster {
  const listed = services.map((service) => ({ ...service, ...(service.name === "mocka" ? mocka : {}) }));
  const others = seedObjects().filter(({ kind }) => kind !== "ASMSwimLaneGroup");
  const cluster = new TestCluster([aGroup({ services: listed, ...spec }), ...others]);
  cluster.settle();
  return cluster;
}

function policyOf(cluster: TestCluster, service: string): unknown {
  const rule = cluster.find("DestinationRule", `istio-system/trafficlabel-dr-rollout-default-${service}`);
  return (rule?.["spec"] as { trafficPolicy?: unknown } | undefined)?.trafficPolicy;
}

function routeOf(cluster: TestCluster, service: string): Record<string, unknown> {
  const route = cluster.find("VirtualService", `istio-system/trafficlabel-vs-rollout-default-${service}`) as KubeObject;
  return (route["spec"] as { http: Record<string, unknown>[] }).http[0]!;
}

test("LANE-004 a service's patch becomes the traffic policy of its DestinationRule alone", () => {
  const policy = { connectionPool: { http: { http1MaxPendingRequests: 10 } } };
  const cluster = settled({ mocka: { trafficPolicyPatch: policy } });
  assert.deepEqual(policyOf(cluster, "mocka"), policy);
  assert.equal(policyOf(cluster, "mockb"), undefined);
});

test("LANE-005 a service's patch is laid over its generated rule", () => {
  const cluster = settled({ mocka: { httpRoutePatch: { timeout: "2s", name: "patched" } } });
  const { name, timeout, route } = routeOf(cluster, "mocka");
  assert.deepEqual([name, timeout], ["patched", "2s"]);
  assert.deepEqual(route, [
    {
      destination: { host: "mocka.default.svc.cluster.local", subset: "$asm-label" },
      fallback: { target: { host: "mocka.default.svc.cluster.local", subset: "base" } },
    },
  ]);
  assert.equal(routeOf(cluster, "mockb")["timeout"], undefined);
});

test("LANE-006 the group's patches hold for every service, and a service's own goes over them", () => {
  const cluster = settled({
    defaultTrafficPolicyPatch: { loadBalancer: { simple: "RANDOM" }, outlierDetection: { interval: "1s" } },
    defaultHttpRoutePatch: { timeout: "5s", retries: { attempts: 3 } },
    mocka: { trafficPolicyPatch: { outlierDetection: null }, httpRoutePatch: { timeout: "1s" } },
  });
  const everywhere = { loadBalancer: { simple: "RANDOM" }, outlierDetection: { interval: "1s" } };
  assert.deepEqual(policyOf(cluster, "mockb"), everywhere);
  assert.deepEqual(policyOf(cluster, "mocka"), { loadBalancer: { simple: "RANDOM" } });
  assert.deepEqual([routeOf(cluster, "mockb")["timeout"], routeOf(cluster, "mocka")["timeout"]], ["5s", "1s"]);
  assert.deepEqual(routeOf(cluster, "mocka")["retries"], { attempts: 3 });
});

test("LANE-004 the policy stays in every write while a lane's subset waits for its route to go", () => {
  const policy = { loadBalancer: { simple: "RANDOM" } };
  const cluster = settled({ defaultTrafficPolicyPatch: policy });
  cluster.put(aPod("mocka", "canary"));
  cluster.settle();
  cluster.delete("ASMSwimLane", "canary");
  for (let round = 0; round < 10; round++) {
    cluster.round();
    assert.deepEqual(policyOf(cluster, "mocka"), policy);
  }
  assert.equal(cluster.find("ASMSwimLane", "canary"), undefined);
});

test("LANE-006 a patch that is no object is an error of the group, and changes nothing", () => {
  const cluster = settled({ defaultHttpRoutePatch: "timeout: 5s" });
  const { status } = cluster.find("ASMSwimLaneGroup", "rollout") as ASMSwimLaneGroup;
  assert.equal(status?.status, "Error");
  assert.match(status?.error ?? "", /spec\.defaultHttpRoutePatch: "timeout: 5s" is no object to merge/);
  assert.deepEqual(cluster.ofKind("VirtualService"), []);
});
