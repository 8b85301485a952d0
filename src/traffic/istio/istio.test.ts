import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DestinationRule, VirtualService } from "../../api/istio.ts";
import type { ManagedRoute } from "../router.ts";
import { editDestinationRule } from "./destination-rule.ts";
import { canaryShare, editVirtualService, type VirtualServiceWish } from "./virtual-service.ts";

function wish(weight: number, change: Partial<VirtualServiceWish> = {}): VirtualServiceWish {
  return {
    parties: { canaryService: "canary", stableService: "stable", subsets: null },
    selection: { routes: ["primary"], tlsRoutes: [], tcpRoutes: [] },
    split: { weight, additional: [] },
    managed: [],
    managedNames: new Set(),
    formerly: new Set(),
    ruleHost: null,
    ...change,
  };
}

function virtualService(spec: Record<string, unknown>): VirtualService {
  return { apiVersion: "networking.istio.io/v1alpha3", kind: "VirtualService", metadata: { name: "vs" }, spec };
}

const route = [
  { destination: { host: "stable.ns.svc" }, weight: 100, headers: { request: { set: { a: "b" } } } },
  { destination: { host: "canary" }, weight: 0 },
];
const primary = { name: "primary", timeout: "3s", route };

function weightsOf(object: VirtualService | undefined, name = "primary"): (number | undefined)[] {
  return object?.spec?.http?.find((one) => one.name === name)?.route?.map(({ weight }) => weight) ?? [];
}

test("ARC-305 ARC-306 the canary gets its weight and stable the rest", () => {
  const edit = editVirtualService(virtualService({ http: [primary] }), wish(20));
  assert.deepEqual(weightsOf(edit.object), [80, 20]);
  assert.equal(canaryShare(edit.object as VirtualService, wish(0)), 20);
});

test("ARC-307 an absent weight counts as 0, and nothing is written for it", () => {
  const object = virtualService({
    http: [{ name: "primary", route: [route[0], { destination: { host: "canary" } }] }],
  });
  const edit = editVirtualService(object, wish(0));
  assert.equal(edit.changed, false);
  assert.equal(edit.object, object);
});

test("ARC-905 a foreign destination keeps its share, and the rest is split", () => {
  const foreign = { destination: { host: "other" }, weight: 20 };
  const object = virtualService({ http: [{ name: "primary", route: [...route, foreign] }] });
  assert.deepEqual(weightsOf(editVirtualService(object, wish(50)).object), [40, 40, 20]);
});

test("ARC-224 ARC-306 services of an experiment are added, and go again", () => {
  const split = { weight: 10, additional: [{ service: "exp", weight: 5 }] };
  const edit = editVirtualService(virtualService({ http: [primary] }), wish(10, { split }));
  assert.deepEqual(weightsOf(edit.object), [85, 10, 5]);
  const after = editVirtualService(edit.object as VirtualService, wish(10, { formerly: new Set(["exp"]) }));
  assert.deepEqual(weightsOf(after.object), [90, 10]);
});

const header: ManagedRoute = {
  kind: "header",
  name: "beta",
  match: [{ headerName: "x-beta", headerValue: { exact: "1" } }],
};
const mirror: ManagedRoute = { kind: "mirror", name: "copy", match: [{ method: { exact: "GET" } }], percentage: 35 };
const managedNames = new Set(["beta", "copy"]);

test("ARC-312 ARC-313 ARC-314 managed routes stand on top, and a mirror's weights follow", () => {
  const object = virtualService({ http: [primary, { name: "rest", route }] });
  const edit = editVirtualService(object, wish(30, { managed: [header, mirror], managedNames }));
  assert.deepEqual(
    edit.object?.spec?.http?.map(({ name }) => name),
    ["beta", "copy", "primary", "rest"],
  );
  assert.deepEqual(weightsOf(edit.object, "copy"), [70, 30]);
  assert.deepEqual(edit.object?.spec?.http?.[0], {
    name: "beta",
    match: [{ headers: { "x-beta": { exact: "1" } } }],
    route: [{ destination: { host: "canary" }, weight: 100 }],
  });
  assert.deepEqual(edit.object?.spec?.http?.[1]?.mirrorPercentage, { value: 35 });
  const without = editVirtualService(edit.object as VirtualService, wish(30, { managedNames }));
  assert.deepEqual(
    without.object?.spec?.http?.map(({ name }) => name),
    ["primary", "rest"],
  );
});

const errors: readonly [
  name: string,
  spec: Record<string, unknown>,
  change: Partial<VirtualServiceWish>,
  text: string,
][] = [
  ["ARC-301", { http: [] }, {}, "HTTP Route 'primary' is not found in the defined Virtual Service."],
  ["ARC-303", { http: [{ name: "primary", route: [route[0]] }] }, {}, "Canary Service 'canary' not found in route"],
  ["ARC-303", { http: [{ name: "primary", route: [route[1]] }] }, {}, "Stable Service 'stable' not found in route"],
  ["ARC-304", {}, {}, "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"],
  [
    "ARC-304",
    { http: [primary, primary] },
    { selection: { routes: [], tlsRoutes: [], tcpRoutes: [] } },
    "spec.http[] should be set in VirtualService and it must have exactly one route when omitting " +
      "spec.strategy.canary.trafficRouting.istio.virtualService.routes",
  ],
  [
    "ARC-302",
    { tcp: [{ match: [{ port: 1 }], route }] },
    { selection: { routes: [], tlsRoutes: [], tcpRoutes: [{ port: 2 }] } },
    "No matching TCP routes found in the defined Virtual Service.",
  ],
];

for (const [id, spec, change, text] of errors) {
  test(`${id} ${text}`, () => {
    assert.equal(editVirtualService(virtualService(spec), wish(10, change)).error, text);
  });
}

test("INV-05 INV-37 only the weights of the split change: everything else is the same text in the same order", () => {
  const extra = fc.dictionary(fc.stringMatching(/^[a-z]{3,8}$/), fc.jsonValue({ maxDepth: 2 }));
  const foreignRoute = fc.record({ name: fc.constantFrom("a", "b", "c"), other: extra });
  fc.assert(
    fc.property(
      fc.array(foreignRoute),
      fc.array(foreignRoute),
      extra,
      fc.integer({ min: 0, max: 100 }),
      (before, after, own, weight) => {
        const mine = { ...own, name: "primary", route: structuredClone(route) };
        const object = virtualService({ hosts: ["*"], http: [...before, mine, ...after], unknown: own });
        const edit = editVirtualService(object, wish(weight));
        const masked = (one: VirtualService | undefined) =>
          JSON.stringify(one).replaceAll(/"weight":\d+/g, '"weight":0');
        assert.equal(masked(edit.object), masked(object));
        assert.deepEqual(weightsOf(edit.object), [100 - weight, weight]);
        const again = editVirtualService(edit.object as VirtualService, wish(weight));
        assert.equal(again.changed, false);
      },
    ),
  );
});

const rule: DestinationRule = {
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "DestinationRule",
  metadata: { name: "dr", annotations: { mine: "1" } },
  spec: {
    host: "app",
    subsets: [
      { name: "stable", labels: { app: "x" }, trafficPolicy: { connectionPool: {} } },
      { name: "canary", labels: { app: "x", hash: "old" } },
      { name: "foreign", labels: { version: "v9" } },
      { name: "gone", labels: { hash: "exp" } },
    ],
  },
};

test("ARC-320 ARC-905 subsets get the hashes; labels, policies and foreign subsets stay", () => {
  const hashes = new Map([
    ["stable", "s"],
    ["canary", ""],
  ]);
  const options = { hashLabel: "hash", hashes, kept: new Set<string>(), annotations: { by: "rollout" } };
  const { object } = editDestinationRule(rule, options);
  assert.deepEqual(object.metadata.annotations, { mine: "1", by: "rollout" });
  assert.deepEqual(object.spec?.subsets, [
    { name: "stable", labels: { app: "x", hash: "s" }, trafficPolicy: { connectionPool: {} } },
    { name: "canary", labels: { app: "x" } },
    { name: "foreign", labels: { version: "v9" } },
  ]);
  assert.equal(editDestinationRule(object, options).changed, false);
});
