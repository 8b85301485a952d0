import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "../api/meta.ts";
import {
  addressOf,
  anObject,
  aService,
  gatewaySource,
  type PodFixture,
  podSource,
  type RequestFixture,
  rootNamespace,
  standardGateway,
  to,
  World,
} from "./fixture.ts";
import { inboundLane } from "./lane.ts";
import type { Decision, TraceLane } from "./types.ts";

/** Lanes on the data plane (LANE section 4), with the objects that the group of seed 000 generates. */

const HOST = "mockc.default.svc.cluster.local";
const TAG = "ASM_TRAFFIC_TAG";

interface GroupOptions {
  readonly spec?: Record<string, unknown>;
  readonly annotations?: Record<string, string>;
  readonly mode?: Record<string, unknown>;
}

function laneObjects({ spec = {}, annotations = {}, mode = {} }: GroupOptions = {}): KubeObject[] {
  const permissiveModeConfiguration = {
    fallbackTarget: "base",
    routeHeader: "x-asm-prefer-tag",
    traceHeader: "my-request-id",
    ...mode,
  };
  const services = [{ namespace: "default", name: "mockc" }];
  const group = { isPermissive: true, permissiveModeConfiguration, services, ...spec };
  const labels = { "swimlane-group": "rollout" };
  const lane = (name: string) =>
    anObject("ASMSwimLane", name, { labelSelector: { [TAG]: name } }, { labels, namespace: "" });
  return [
    anObject("ASMSwimLaneGroup", "rollout", group, { annotations, namespace: "" }),
    lane("base"),
    lane("canary"),
    lane("dev"),
  ];
}

/** Pods of mockc by lane: `{base: 1, canary: 0}` has a canary pod that is not ready when `unready` says so. */
function worldOf(
  pods: readonly PodFixture[],
  options: GroupOptions & { readonly subsets?: readonly string[]; readonly fallback?: unknown } = {},
): World {
  const subsets = options.subsets ?? [...new Set(["base", ...pods.map(({ labels }) => labels[TAG]!)])];
  const fallback = "fallback" in options ? options.fallback : { target: { host: HOST, subset: "base" } };
  const metadata = { namespace: rootNamespace, labels: { "swimlane-group": "rollout" } };
  const ingress = {
    hosts: ["*"],
    gateways: ["istio-system/gw"],
    http: [
      {
        name: "canary",
        match: [{ headers: { "x-asm-prefer-tag": { exact: "canary" } }, uri: { exact: "/mock" } }],
        route: [to(HOST, "canary", { fallback, headers: { request: { set: { "x-asm-prefer-tag": "canary" } } } })],
      },
    ],
  };
  return new World(
    [
      ...laneObjects(options),
      standardGateway(),
      anObject(
        "DestinationRule",
        "rule",
        { host: HOST, subsets: subsets.map((name) => ({ name, labels: { [TAG]: name } })) },
        metadata,
      ),
      anObject(
        "VirtualService",
        "mesh",
        { hosts: [HOST], http: [{ name: "default", route: [to(HOST, "$asm-label", { fallback })] }] },
        metadata,
      ),
      anObject("VirtualService", "ingress", ingress, metadata),
    ],
    [aService("mockc", [8000], pods)],
  );
}

const base: PodFixture = { name: "c-base", labels: { [TAG]: "base" } };
const canary: PodFixture = { name: "c-canary", labels: { [TAG]: "canary" } };
const unreadyCanary: PodFixture = { ...canary, ready: false };

/** A call from mockb's pod of a lane ("" for none), with a route header, and with what its trace table knows. */
function call(podLane: string, { header, known }: { header?: string; known?: TraceLane } = {}): RequestFixture {
  const headers = {
    "my-request-id": "10002",
    ...(header === undefined ? {} : { "x-asm-prefer-tag": header }),
  };
  const labels: Record<string, string> = podLane === "" ? { app: "mockb" } : { app: "mockb", [TAG]: podLane };
  return {
    source: podSource("default", labels),
    port: 8000,
    host: "mockc:8000",
    headers,
    traceLane: (_group, value) => (value === "10002" ? (known ?? null) : null),
  };
}

function served(decision: Decision): string {
  const reached = decision.kind === "forward" ? decision.cluster.subset : `${decision.status} ${decision.flags}`;
  return `${decision.lane?.requested || "-"} ${decision.lane?.source} ${reached} ${decision.lane?.reason}`;
}

const toCanary: TraceLane = { lane: "canary", ambiguous: false };
const viaTrace = "trace-map:my-request-id";
const viaHeader = "header:x-asm-prefer-tag";

/** LANE-225, row by row: `requested source reached reason`. */
const rows: readonly (readonly [number, string, RequestFixture, readonly PodFixture[], string])[] = [
  [
    1,
    "the trace table names the lane",
    call("base", { known: toCanary }),
    [base, canary],
    `canary ${viaTrace} canary lane`,
  ],
  [
    2,
    "a lane without pods falls back",
    call("base", { known: toCanary }),
    [base],
    `canary ${viaTrace} base fallback:noinstances`,
  ],
  [
    3,
    "a lane without ready pods falls back",
    call("base", { known: toCanary }),
    [base, unreadyCanary],
    `canary ${viaTrace} base fallback:noavailabled`,
  ],
  [
    4,
    "the header beats the table",
    call("base", { header: "base", known: toCanary }),
    [base, canary],
    `base ${viaHeader} base lane`,
  ],
  [
    5,
    "the header alone is enough",
    call("base", { header: "canary" }),
    [base, canary],
    `canary ${viaHeader} canary lane`,
  ],
  [
    6,
    "an unknown lane falls back",
    call("base", { header: "foo" }),
    [base, canary],
    `foo ${viaHeader} base fallback:unknown-lane`,
  ],
  [7, "the pod's own lane is the last resort", call("canary"), [base, canary], "canary pod-label canary lane"],
  [8, "so a base pod stays in base", call("base"), [base, canary], "base pod-label base lane"],
  [9, "a pod in no lane goes to the fallback", call(""), [base, canary], "- none base no-lane"],
  [
    10,
    "without any pod there is no healthy upstream",
    call("base", { header: "canary" }),
    [],
    `canary ${viaHeader} 503 UH fallback:noinstances`,
  ],
  [
    11,
    "of two lanes with one trace value the recent one counts",
    call("base", { known: { lane: "canary", ambiguous: true } }),
    [base, canary],
    `canary ${viaTrace} canary lane`,
  ],
  [
    12,
    "a lane that refuses connections has a second choice",
    call("base", { header: "canary" }),
    [base, canary],
    `canary ${viaHeader} canary lane`,
  ],
];

for (const [row, what, request, pods, expected] of rows) {
  test(`LANE-225 LANE-200 LANE-201 row ${row}: ${what}`, () => {
    const decision = worldOf(pods).ask(request);
    assert.equal(served(decision), expected);
    if (row === 10) assert.equal(decision.kind === "local" && decision.body, "no healthy upstream");
    if (row === 11) assert.equal(decision.lane?.ambiguous, true);
    if (row === 12) assert.equal(decision.kind === "forward" && decision.connectFallback?.subset, "base");
  });
}

test("LANE-205 F4 a call that fell back, or is for base, has no further choice", () => {
  for (const request of [call("base", { header: "foo" }), call("base")]) {
    const decision = worldOf([base, canary]).ask(request);
    assert.equal(decision.kind === "forward" && decision.connectFallback, null);
  }
});

test("LANE-205 F1 a lane that exists but has no subset here is without instances", () => {
  assert.equal(
    served(worldOf([base]).ask(call("base", { header: "dev" }))),
    `dev ${viaHeader} base fallback:noinstances`,
  );
});

test("LANE-205 F3 a lane whose pods are all ejected falls back; without a usable base it is tried all the same", () => {
  const isEjected = (endpoint: { address: string }) => endpoint.address === addressOf("c-canary");
  const request = { ...call("base", { header: "canary" }), isEjected };
  assert.match(served(worldOf([base, canary]).ask(request)), /base fallback:noavailabled/);
  assert.match(served(worldOf([canary], { subsets: ["base", "canary"] }).ask(request)), /canary lane/);
});

test("LANE-221 the lane travels on as a header unless it is there already", () => {
  const world = worldOf([base]);
  const header = (request: RequestFixture) => {
    const decision = world.ask(request);
    return decision.kind === "forward" ? decision.laneHeader : undefined;
  };
  assert.deepEqual(header(call("base", { known: toCanary })), ["x-asm-prefer-tag", "canary"], "also when it fell back");
  assert.deepEqual(header(call("base")), ["x-asm-prefer-tag", "base"]);
  assert.equal(header(call("base", { header: "canary" })), null);
  assert.equal(header(call("")), null);
});

test("LANE-220 LANE-211 the first of repeated header lines counts, trimmed, with case", () => {
  assert.match(served(worldOf([base, canary]).ask(call("base", { header: " canary , base" }))), /^canary /);
  assert.match(served(worldOf([base, canary]).ask(call("base", { header: "Canary" }))), /fallback:unknown-lane/);
});

test("LANE-252 the lane can travel in baggage", () => {
  const world = worldOf([base, canary], { mode: { traceHeader: "baggage", routeHeader: "version" } });
  const request = { ...call("base"), headers: { baggage: "userId=1;p=1, version=canary;x" } };
  assert.equal(served(world.ask(request)), "canary baggage:version canary lane");
});

test("LANE-220 source-affinity false switches the pod's own lane off", () => {
  const world = worldOf([base, canary], { annotations: { "fairway.dev/source-affinity": "false" } });
  assert.equal(served(world.ask(call("canary"))), "- none base no-lane");
});

test("LANE-264 on-ambiguous base makes an ambiguous trace value mean the fallback lane", () => {
  const world = worldOf([base, canary], { annotations: { "fairway.dev/on-ambiguous": "base" } });
  const decision = world.ask(call("base", { known: { lane: "canary", ambiguous: true } }));
  assert.equal(served(decision), `base ${viaTrace} base lane`);
});

const strict = { spec: { isPermissive: false }, fallback: undefined };

test("LANE-209 LANE-210 LANE-223 strict: the pod's own lane alone counts, and nothing falls back", () => {
  assert.equal(
    served(worldOf([base, canary], strict).ask(call("canary", { header: "base" }))),
    "canary pod-label canary lane",
  );
  assert.equal(served(worldOf([base], strict).ask(call("canary"))), "canary pod-label 503 NC fallback:noinstances");
  assert.match(served(worldOf([base, unreadyCanary], strict).ask(call("canary"))), /503 UH/);
  assert.equal(worldOf([base, canary], strict).answer(call("")), "c-base c-canary");
});

for (const [text, canaryIs, expected] of [
  ["noinstances", "absent", "base"],
  ["noinstances", "unready", "503 UH"],
  ["noavailabled", "absent", "503 UH"],
  ["noavailabled", "unready", "base"],
  ["noinstances|noavailabled", "absent", "base"],
  ["noinstances|noavailabled", "unready", "base"],
] as const) {
  test(`LANE-203 case ${text}, canary ${canaryIs}: ${expected}`, () => {
    const fallback = { case: text, target: { host: HOST, subset: "base" } };
    const pods = canaryIs === "unready" ? [base, unreadyCanary] : [base];
    const decision = worldOf(pods, { fallback, subsets: ["base", "canary"] }).ask(call("base", { header: "canary" }));
    assert.equal(decision.kind === "forward" ? decision.cluster.subset : `503 ${decision.flags}`, expected);
  });
}

test("LANE-202 targets are tried in order after target", () => {
  const targets = [{ destination: { host: HOST, subset: "dev" } }, { destination: { host: HOST, subset: "base" } }];
  const fallback = { target: { host: HOST, subset: "nope" }, targets };
  assert.match(served(worldOf([base], { fallback }).ask(call("base", { header: "canary" }))), / base fallback/);
});

/** The gateway (LANE-222): its VirtualService decides. */
function gatewayCall(tag?: string): RequestFixture {
  return { source: gatewaySource, path: "/mock", headers: tag === undefined ? {} : { "x-asm-prefer-tag": tag } };
}

test("MC-195 MESH-108 LANE-105 LANE-206 without a canary subset the gateway goes to base and still says canary", () => {
  const decision = worldOf([base]).ask(gatewayCall("canary"));
  assert.ok(decision.kind === "forward");
  assert.equal(served(decision), `canary ${viaHeader} base fallback:noinstances`);
  assert.deepEqual(decision.requestHeaders, [{ remove: [], set: [["x-asm-prefer-tag", "canary"]], add: [] }]);
});

test("MC-197 an untagged request matches no lane's rule", () => {
  assert.equal(worldOf([base, canary]).answer(gatewayCall()), "404 NR");
});

test("MC-199 MC-200 LANE-207 an unready canary falls back; without any pod it is 503, never the plain Service", () => {
  assert.equal(worldOf([base, unreadyCanary]).answer(gatewayCall("canary")), "c-base");
  const decision = worldOf([], { subsets: ["base", "canary"] }).ask(gatewayCall("canary"));
  assert.ok(decision.kind === "local");
  assert.deepEqual([decision.status, decision.flags, decision.body], [503, "UH", "no healthy upstream"]);
});

test("LANE-222 the gateway asks neither table nor labels", () => {
  const request = { ...gatewayCall("canary"), traceLane: () => ({ lane: "base", ambiguous: false }) };
  assert.match(served(worldOf([base, canary]).ask(request)), /^canary header:x-asm-prefer-tag canary/);
});

test("LANE-260 inbound: the route header's lane, else the pod's own, under the trace value", () => {
  const [context] = worldOf([base]).table.lanesOf("default", "mockc");
  assert.ok(context);
  const record = (labels: Record<string, string>, headers: Record<string, string>) =>
    inboundLane(context, labels, (name) => headers[name] ?? null);
  const labels = { [TAG]: "base" };
  assert.deepEqual(record(labels, { "my-request-id": "1", "x-asm-prefer-tag": "canary" }), {
    traceValue: "1",
    lane: "canary",
  });
  assert.deepEqual(record(labels, { "my-request-id": "1" }), { traceValue: "1", lane: "base" });
  assert.equal(record({}, { "my-request-id": "1" }), null);
  assert.equal(record(labels, { "x-asm-prefer-tag": "canary" }), null);
});

const lanes = fc.constantFrom("base", "canary", "dev", "foo", "");
const pods = fc.subarray([base, canary, unreadyCanary, { name: "c-dev", labels: { [TAG]: "dev" } }]);

test("INV-14 property: a call of lane L is served by L or base, one without lane by base only", () => {
  fc.assert(
    fc.property(pods, lanes, fc.constantFrom("base", ""), (present, lane, podLane) => {
      const request = lane === "" ? call(podLane) : call(podLane, { header: lane });
      const decision = worldOf(present, { subsets: ["base", "canary", "dev"] }).ask(request);
      if (decision.kind === "local") return assert.equal(decision.flags, "UH");
      const allowed = lane === "" ? ["base"] : ["base", lane];
      assert.ok(allowed.includes(decision.cluster.subset), `${lane} reached ${decision.cluster.subset}`);
      for (const { pod } of decision.cluster.endpoints) assert.ok(allowed.includes(pod!.labels[TAG]!));
    }),
    { numRuns: 200 },
  );
});

test("INV-15 property: as long as base has a ready pod no lane call fails, and the lane travels on", () => {
  fc.assert(
    fc.property(pods, lanes, (present, lane) => {
      const world = worldOf([base, ...present.filter(({ name }) => name !== "c-base")]);
      const known = lane === "" ? undefined : { lane, ambiguous: false };
      const decision = world.ask(call("base", known ? { known } : {}));
      assert.ok(decision.kind === "forward");
      assert.deepEqual(decision.laneHeader, ["x-asm-prefer-tag", lane || "base"]);
      const hasReady = present.some(({ labels, ready = true }) => ready && labels[TAG] === lane);
      if (hasReady) assert.equal(decision.cluster.subset, lane);
    }),
    { numRuns: 200 },
  );
});
