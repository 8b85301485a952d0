import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { aGroup, aLane, aPod, aService, ingressRule, seedObjects, services } from "./fixture.ts";
import { Crash, essence, TestCluster } from "./test-cluster.ts";
import type { ASMSwimLane, ASMSwimLaneGroup } from "./types.ts";

const RULE_A = "istio-system/trafficlabel-dr-rollout-default-mocka";
const RULE_B = "istio-system/trafficlabel-dr-rollout-default-mockb";
const CANARY_ROUTE = "istio-system/swimlane-ingress-vs-rollout-canary";

function settled(objects: readonly KubeObject[] = seedObjects()): TestCluster {
  const cluster = new TestCluster(objects);
  cluster.settle();
  return cluster;
}

function specOf<Spec = Record<string, unknown>>(cluster: TestCluster, kind: string, key: string): Spec {
  return cluster.find(kind, key)?.["spec"] as Spec;
}

function subsets(cluster: TestCluster, key: string): string[] {
  return (specOf<{ subsets: { name: string }[] }>(cluster, "DestinationRule", key)?.subsets ?? []).map(
    ({ name }) => name,
  );
}

function statusOf(cluster: TestCluster, name = "rollout"): NonNullable<ASMSwimLaneGroup["status"]> {
  return (cluster.find("ASMSwimLaneGroup", name) as ASMSwimLaneGroup).status!;
}

function laneStatusOf(cluster: TestCluster, name: string): NonNullable<ASMSwimLane["status"]> {
  return (cluster.find("ASMSwimLane", name) as ASMSwimLane).status!;
}

test("LANE-007 LANE-012 LANE-013 LANE-014 LANE-017 LANE-030 LANE-034 LANE-035 LANE-036 LANE-037 LANE-039 LANE-100 LANE-101 LANE-103 LANE-105 LANE-110 LANE-111 the seed's group makes five VirtualServices and three DestinationRules", () => {
  const cluster = settled();
  assert.deepEqual(
    cluster
      .ofKind("VirtualService")
      .map(({ metadata }) => metadata.name)
      .sort(),
    [
      "swimlane-ingress-vs-rollout-base",
      "swimlane-ingress-vs-rollout-canary",
      "trafficlabel-vs-rollout-default-mocka",
      "trafficlabel-vs-rollout-default-mockb",
      "trafficlabel-vs-rollout-default-mockc",
    ],
  );
  assert.deepEqual(specOf(cluster, "VirtualService", CANARY_ROUTE), {
    gateways: ["istio-system/ingressgateway"],
    hosts: ["*"],
    http: [
      {
        match: [{ headers: { "x-asm-prefer-tag": { exact: "canary" } }, uri: { exact: "/mock" } }],
        name: "canary",
        route: [
          {
            destination: { host: "mocka.default.svc.cluster.local", subset: "canary" },
            fallback: { target: { host: "mocka.default.svc.cluster.local", subset: "base" } },
            headers: { request: { set: { "x-asm-prefer-tag": "canary" } } },
          },
        ],
      },
    ],
  });
  assert.deepEqual(specOf(cluster, "VirtualService", "istio-system/trafficlabel-vs-rollout-default-mockb"), {
    hosts: ["mockb.default.svc.cluster.local"],
    http: [
      {
        name: "default",
        route: [
          {
            destination: { host: "mockb.default.svc.cluster.local", subset: "$asm-label" },
            fallback: { target: { host: "mockb.default.svc.cluster.local", subset: "base" } },
          },
        ],
      },
    ],
  });
  assert.deepEqual(specOf(cluster, "DestinationRule", RULE_A), {
    host: "mocka.default.svc.cluster.local",
    subsets: [{ name: "base", labels: { ASM_TRAFFIC_TAG: "base" } }],
  });
  const { labels } = cluster.find("DestinationRule", RULE_A)!.metadata;
  assert.deepEqual(labels, { "asm-system": "true", provider: "asm", "swimlane-group": "rollout" });
  assert.equal(statusOf(cluster).status, "Ready");
});

test("LANE-116 rules are made before mesh routes, mesh routes before ingress routes", () => {
  const created = settled().log.filter((line) => line.startsWith("create"));
  const order = created.map((line) =>
    line.includes("DestinationRule") ? 0 : line.includes("trafficlabel-vs") ? 1 : 2,
  );
  assert.deepEqual(order, [0, 0, 0, 1, 1, 1, 2, 2]);
});

test("LANE-130 LANE-131 LANE-132 LANE-801 a subset follows the pods, and only its rule is written", () => {
  const cluster = settled();
  const mark = cluster.log.length;
  cluster.put(aPod("mocka", "canary", {}, "Pending"));
  cluster.settle();
  assert.deepEqual(subsets(cluster, RULE_A), ["base", "canary"]);
  assert.deepEqual(subsets(cluster, RULE_B), ["base"]);
  const written = cluster.log.slice(mark).filter((line) => !line.startsWith("status"));
  assert.deepEqual(written, [`update DestinationRule ${RULE_A}`]);
  cluster.put(aPod("mocka", "canary", { deletionTimestamp: "2030-01-01T01:00:00Z" }));
  cluster.settle();
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
});

for (const phase of ["Succeeded", "Failed"]) {
  test(`LANE-130 a pod in phase ${phase} makes no subset`, () => {
    assert.deepEqual(subsets(settled([...seedObjects(), aPod("mocka", "canary", {}, phase)]), RULE_A), ["base"]);
  });
}

test("LANE-133 a pod that goes and comes back within 100 ms causes no write of the rule", () => {
  const cluster = settled([...seedObjects(), aPod("mocka", "canary")]);
  const mark = cluster.log.length;
  cluster.remove("Pod", "default/mocka-canary");
  const { requeueAt } = cluster.round();
  assert.equal(requeueAt, cluster.now + 100);
  cluster.now += 50;
  cluster.put(aPod("mocka", "canary"));
  cluster.settle();
  assert.deepEqual(
    cluster.log.slice(mark).filter((line) => line.includes("DestinationRule")),
    [],
  );
  assert.deepEqual(subsets(cluster, RULE_A), ["base", "canary"]);
});

test("LANE-135 the base subset stays without pods", () => {
  const cluster = settled();
  cluster.remove("Pod", "default/mocka-base");
  cluster.settle();
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
});

test("LANE-135 a base lane that lists nothing keeps the subset that it once had", () => {
  const objects = seedObjects().map((object) =>
    object.metadata.name === "base" ? aLane("base", { services: [] }) : object,
  );
  const cluster = settled(objects);
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
  cluster.remove("Pod", "default/mocka-base");
  cluster.settle();
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
});

test("LANE-134 without autoUpdate the lane's own list counts, pods or not", () => {
  const canary = aLane("canary", { services: [services[0]!] });
  const cluster = settled([
    aGroup({ autoUpdate: false }),
    aLane("base"),
    canary,
    aPod("mocka", "canary"),
    aService("mocka"),
  ]);
  assert.deepEqual(subsets(cluster, RULE_B), ["base", "canary"]);
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
});

test("LANE-112 the fallback lane comes first, then lanes by age", () => {
  const objects = seedObjects().filter(({ kind }) => kind !== "ASMSwimLaneGroup");
  const mode = { fallbackTarget: "canary", routeHeader: "x-tag", traceHeader: "my-request-id" };
  const cluster = settled([aGroup({ permissiveModeConfiguration: mode }), ...objects, aPod("mocka", "canary")]);
  assert.deepEqual(subsets(cluster, RULE_A), ["canary", "base"]);
});

test("LANE-114 a generated object that was edited or deleted is restored, foreign annotations stay", () => {
  const cluster = settled();
  const rule = cluster.find("DestinationRule", RULE_A)!;
  cluster.put({
    ...rule,
    metadata: { ...rule.metadata, annotations: { mine: "1" } },
    spec: { host: "x", subsets: [] },
  });
  cluster.remove("VirtualService", CANARY_ROUTE);
  cluster.settle();
  assert.deepEqual(subsets(cluster, RULE_A), ["base"]);
  assert.deepEqual(cluster.find("DestinationRule", RULE_A)!.metadata.annotations, { mine: "1" });
  assert.ok(cluster.find("VirtualService", CANARY_ROUTE));
});

test("LANE-114 a label that was added by hand goes again", () => {
  const cluster = settled();
  const rule = cluster.find("DestinationRule", RULE_A)!;
  cluster.put({ ...rule, metadata: { ...rule.metadata, labels: { ...rule.metadata.labels, extra: "1" } } });
  cluster.settle();
  assert.equal(cluster.find("DestinationRule", RULE_A)!.metadata.labels?.["extra"], undefined);
});

test("LANE-114 INV-33 once settled there is nothing to write", () => {
  const cluster = settled();
  const mark = cluster.log.length;
  assert.deepEqual(cluster.round(), { isIdle: true, requeueAt: null });
  assert.equal(cluster.log.length, mark);
});

test("LANE-115 a deleted group takes ingress routes, mesh routes, rules and lanes with it, in this order", () => {
  const cluster = settled();
  const mark = cluster.log.length;
  const start = cluster.now;
  cluster.delete("ASMSwimLaneGroup", "rollout");
  cluster.settle();
  const removed = cluster.log.slice(mark).filter((line) => /^(delete|finalize)/.test(line));
  const rank = (line: string) =>
    ["ingress-vs", "trafficlabel-vs", "DestinationRule", "ASMSwimLane "].findIndex((part) => line.includes(part));
  const ranks = removed.map(rank).filter((each) => each >= 0);
  assert.deepEqual(ranks, [...ranks].sort());
  assert.deepEqual(cluster.ofKind("VirtualService"), []);
  assert.deepEqual(cluster.ofKind("ASMSwimLane"), []);
  assert.deepEqual(cluster.ofKind("ASMSwimLaneGroup"), []);
  assert.ok(cluster.now - start >= 1000, "the rules outlive the routes by a second");
});

test("LANE-115 INV-03 a deleted lane loses its route before its subset, and goes last", () => {
  const cluster = settled([...seedObjects(), aPod("mocka", "canary")]);
  const mark = cluster.log.length;
  cluster.delete("ASMSwimLane", "canary");
  cluster.settle();
  const written = cluster.log.slice(mark).filter((line) => !line.startsWith("status"));
  assert.deepEqual(written, [
    `delete VirtualService ${CANARY_ROUTE}`,
    `update DestinationRule ${RULE_A}`,
    "finalize ASMSwimLane canary",
  ]);
});

test("LANE-117 without its fallback lane a permissive group makes nothing and says why", () => {
  const cluster = settled(seedObjects().filter(({ metadata }) => metadata.name !== "base"));
  assert.deepEqual(cluster.ofKind("DestinationRule"), []);
  assert.match(statusOf(cluster).error!, /FallbackTargetMissing/);
  assert.equal(statusOf(cluster).status, "Error");
});

test("LANE-002 a missing service is reported and stops nothing", () => {
  const cluster = settled(
    seedObjects().filter(({ kind, metadata }) => kind !== "Service" || metadata.name !== "mockc"),
  );
  assert.match(statusOf(cluster).error!, /ServiceNotFound: service default\/mockc does not exist/);
  assert.equal(statusOf(cluster).status, "Ready");
  assert.equal(cluster.ofKind("DestinationRule").length, 3);
});

test("LANE-050 LANE-051 mistakes in the group are errors and change nothing that works", () => {
  const cluster = settled();
  const mode = { fallbackTarget: "base", routeHeader: "baggage", traceHeader: "" };
  const before = essence(cluster.ofKind("VirtualService"));
  cluster.put({
    ...cluster.find("ASMSwimLaneGroup", "rollout")!,
    spec: aGroup({ permissiveModeConfiguration: mode }).spec,
  });
  cluster.settle();
  assert.match(statusOf(cluster).error!, /traceHeader is required.*routeHeader: baggage/);
  assert.deepEqual(essence(cluster.ofKind("VirtualService")), before);
});

test("LANE-008 a gateway of another type than ASM is the group's error", () => {
  const cluster = settled();
  const { gateway, ...ingress } = aGroup().spec!.ingress!;
  const other = { ...ingress, gateway: { ...gateway!, type: "ingress" as const } };
  cluster.put({ ...cluster.find("ASMSwimLaneGroup", "rollout")!, spec: aGroup({ ingress: other }).spec });
  cluster.settle();
  assert.match(statusOf(cluster).error!, /spec\.ingress\.gateway\.type: "ingress" is not supported/);
});

test("LANE-015 LANE-207 a service's own fallback lane replaces the group's for that service alone", () => {
  const mode = {
    ...aGroup().spec!.permissiveModeConfiguration!,
    serviceLevelFallbackTarget: { "default/mockb": "canary" },
  };
  const cluster = settled();
  cluster.put({
    ...cluster.find("ASMSwimLaneGroup", "rollout")!,
    spec: aGroup({ permissiveModeConfiguration: mode }).spec,
  });
  cluster.settle();
  const fallbackOf = (service: string) => {
    const key = `istio-system/trafficlabel-vs-rollout-default-${service}`;
    const { http } = specOf<{ http: { route: { fallback: { target: { subset: string } } }[] }[] }>(
      cluster,
      "VirtualService",
      key,
    );
    return http[0]!.route[0]!.fallback.target.subset;
  };
  assert.deepEqual(["mocka", "mockb", "mockc"].map(fallbackOf), ["base", "canary", "base"]);
});

test("LANE-053 of two groups with one service the older keeps its routes", () => {
  const younger = aGroup({ services: [services[1]!] }, "younger");
  younger.metadata.creationTimestamp = "2030-01-02T00:00:00Z";
  const lane = aLane("base", {}, { name: "base-2", labels: { "swimlane-group": "younger" } });
  younger.spec!.permissiveModeConfiguration!.fallbackTarget = "base-2";
  const cluster = settled([...seedObjects(), younger, lane]);
  assert.match(statusOf(cluster, "younger").error!, /default\/mocka belongs to the older group rollout/);
  assert.equal(cluster.find("DestinationRule", "istio-system/trafficlabel-dr-younger-default-mocka"), undefined);
});

test("LANE-057 an object of another group under a name of ours is left alone and reported", () => {
  const foreign: KubeObject = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "DestinationRule",
    metadata: { name: "trafficlabel-dr-rollout-default-mocka", namespace: "istio-system", resourceVersion: "1" },
    spec: { host: "mine" },
  };
  const cluster = settled([...seedObjects(), foreign]);
  assert.deepEqual(specOf(cluster, "DestinationRule", RULE_A), { host: "mine" });
  assert.match(statusOf(cluster).error!, /DestinationRule istio-system\/trafficlabel-dr-rollout-default-mocka exists/);
});

for (const [length, isError] of [
  [63, false],
  [64, true],
] as const) {
  test(`LANE-057 a group name of ${length} characters is ${isError ? "too long for a label" : "fine"}`, () => {
    const cluster = settled([aGroup({}, "g".repeat(length))]);
    const { error = "" } = statusOf(cluster, "g".repeat(length));
    assert.equal(/must be no more than 63 characters/.test(error), isError, error);
  });
}

test("LANE-031 a lane without its group has an error and makes nothing", () => {
  const cluster = settled([
    aLane("canary", {}, { labels: { "swimlane-group": "nobody" } }),
    aLane("stray", {}, { labels: {} }),
  ]);
  assert.match(laneStatusOf(cluster, "canary").error!, /swim lane group nobody does not exist/);
  assert.match(laneStatusOf(cluster, "stray").error!, /label swimlane-group is required/);
  assert.deepEqual(cluster.ofKind("VirtualService"), []);
});

test("LANE-042 a lane without pods is warned of, in the original's words", () => {
  assert.deepEqual(laneStatusOf(settled(), "canary"), {
    validationMessage: [
      {
        code: "CODE_UNEFFECTED_SWIMLANE_LABEL",
        level: "warning",
        message: "The label selector defined in the ASMSwimLane has no effect on any workload instance.",
      },
    ],
  });
  assert.deepEqual(laneStatusOf(settled([...seedObjects(), aPod("mocka", "canary")]), "canary"), {});
});

test("LANE-032 LANE-033 LANE-052 mistakes in a lane are its error", () => {
  const rows: readonly (readonly [Partial<NonNullable<ASMSwimLane["spec"]>>, RegExp])[] = [
    [{ labelSelector: {} }, /labelSelector must not be empty/],
    [{ services: [{ name: "x", namespace: "default" }] }, /service default\/x is not in the group rollout/],
    [{ labelSelector: { ASM_TRAFFIC_TAG: "base", app: "x" } }, /can match the same pods as lane base/],
  ];
  for (const [spec, expected] of rows) {
    const objects = seedObjects().filter(({ metadata }) => metadata.name !== "canary");
    assert.match(laneStatusOf(settled([...objects, aLane("canary", spec)]), "canary").error!, expected);
  }
});

test("LANE-054 a rule behind an equal one of an older lane is warned of", () => {
  const objects = seedObjects().filter(({ metadata }) => metadata.name !== "canary");
  const cluster = settled([...objects, aLane("canary", { ingressRules: [ingressRule("base", { name: "canary" })] })]);
  const [, shadowed] = laneStatusOf(cluster, "canary").validationMessage!;
  assert.equal(shadowed!.message, "Ingress rule canary is shadowed by a rule of lane base, which wins.");
});

test("LANE-038 LANE-106 only online rules are rendered, and each list of hosts gets its own route", () => {
  const ingressRules = [
    ingressRule("base"),
    ingressRule("base", { name: "second", hosts: ["a.test"] }),
    ingressRule("base", { name: "off", online: false }),
    ingressRule("base", { name: "third" }),
  ];
  const objects = seedObjects().filter(({ metadata }) => metadata.name !== "base");
  const cluster = settled([...objects, aLane("base", { ingressRules })]);
  const names = (key: string) =>
    specOf<{ http: { name: string }[] }>(cluster, "VirtualService", key).http.map(({ name }) => name);
  assert.deepEqual(names("istio-system/swimlane-ingress-vs-rollout-base"), ["base", "third"]);
  assert.deepEqual(names("istio-system/swimlane-ingress-vs-rollout-base-1"), ["second"]);
});

test("LANE-104 LANE-056 strict groups have neither fallback nor header, and say which services are missing", () => {
  const objects = seedObjects().filter(({ kind }) => kind !== "ASMSwimLaneGroup");
  const cluster = settled([aGroup({ isPermissive: false }), ...objects]);
  const { http } = specOf<{ http: { route: object[] }[] }>(cluster, "VirtualService", CANARY_ROUTE);
  assert.deepEqual(http[0]!.route, [{ destination: { host: "mocka.default.svc.cluster.local", subset: "canary" } }]);
  assert.match(laneStatusOf(cluster, "canary").error!, /missing: default\/mockb, default\/mocka, default\/mockc/);
  assert.equal(laneStatusOf(cluster, "base").error, undefined);
});

test("LANE-009 LANE-108 weighted groups make one route with a destination per lane of some weight", () => {
  const group = aGroup();
  group.spec!.ingress!.ingressRouting!.ingressRoutingStrategy = "weighted";
  const weight = (value: number) => ({
    ingressWeight: { destination: { host: "mocka.default.svc.cluster.local" }, weight: value },
  });
  const lanes = [aLane("base", weight(60)), aLane("canary", weight(20)), aLane("dev", weight(0))];
  const cluster = settled([group, ...lanes, aService("mocka"), aPod("mocka", "base")]);
  const { hosts, http } = specOf<{ hosts: string[]; http: { match: unknown; route: Record<string, unknown>[] }[] }>(
    cluster,
    "VirtualService",
    "istio-system/swimlane-ingress-vs-rollout",
  );
  assert.deepEqual([hosts, http[0]!.match], [["*"], [{ uri: { exact: "/mock" } }]]);
  assert.deepEqual(
    http[0]!.route.map(({ weight: share, headers }) => [share, headers]),
    [
      [60, { request: { set: { "x-asm-prefer-tag": "base" } } }],
      [20, { request: { set: { "x-asm-prefer-tag": "canary" } } }],
    ],
  );
  assert.equal(cluster.find("VirtualService", CANARY_ROUTE), undefined);
});

test("LANE-020 LANE-021 LANE-136 status shows the pods' labels, what they have in common, and who is in which lane", () => {
  const status = statusOf(settled([...seedObjects(), aPod("mocka", "canary")]));
  assert.deepEqual(status.servicesInSwimLaneGroup!.commonLabels, {
    ASM_TRAFFIC_TAG: ["base", "canary"],
    app: ["mocka", "mockb", "mockc"],
    version: ["v1"],
  });
  assert.deepEqual(status.servicesInSwimLaneGroup!.serviceSummaries["default/mockb"], {
    serviceSelector: { app: "mockb" },
    podLabels: { "mockb-base": { app: "mockb", version: "v1", ASM_TRAFFIC_TAG: "base" } },
  });
  assert.deepEqual(status.membership!["default/mocka"]!.lanes, ["base", "canary"]);
});

const scenarios: readonly (readonly [name: string, change: (cluster: TestCluster) => void])[] = [
  ["nothing yet", () => {}],
  ["a canary pod", (cluster) => cluster.put(aPod("mocka", "canary"))],
  ["a lane's deletion", (cluster) => cluster.delete("ASMSwimLane", "canary")],
  ["the group's deletion", (cluster) => cluster.delete("ASMSwimLaneGroup", "rollout")],
];

for (const [name, change] of scenarios) {
  test(`INV-33 a crash after any write ends in the same state: ${name}`, () => {
    const start = () => {
      const cluster = new TestCluster(seedObjects());
      if (name !== "nothing yet") cluster.settle();
      change(cluster);
      return cluster;
    };
    const whole = start();
    const mark = whole.log.length;
    whole.settle();
    const writeCount = whole.log.length - mark;
    assert.ok(writeCount > 0);
    for (let writes = 0; writes < writeCount; writes++) {
      const cluster = start();
      cluster.writesLeft = writes;
      assert.throws(() => cluster.settle(), Crash);
      cluster.writesLeft = Number.POSITIVE_INFINITY;
      cluster.settle();
      assert.deepEqual(essence(cluster.objects), essence(whole.objects), `stopped after ${writes} writes`);
    }
  });
}
