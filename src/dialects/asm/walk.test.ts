import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { explain, type Hop, renderExplain } from "../../lanes/explain.ts";
import type { RoutingConfig, Source } from "../../routing/types.ts";
import { aPod, aService, rootNamespace, seedObjects } from "./fixture.ts";
import { TestCluster } from "./test-cluster.ts";

/**
 * The release of seed 000 as it moves through its lanes (LANE-300): the controllers generate, `decide` routes, and
 * explain walks each request. Applications pass on `my-request-id` and nothing else.
 */

const apps = ["mocka", "mockb", "mockc"] as const;
const upstreams: Readonly<Record<string, string>> = { mocka: "http://mockb:8000/", mockb: "http://mockc:8000/" };

/** Pods by service: version of base, and of canary where there is one. */
interface State {
  readonly base: string;
  readonly canary?: string;
  readonly isCanaryReady?: boolean;
}

const gateway: Source = {
  kind: "gateway",
  namespace: rootNamespace,
  name: "gw",
  labels: { istio: "ingressgateway" },
  workload: "istio-ingressgateway",
};

function podsOf(app: string, { base, canary }: State): KubeObject[] {
  const pod = (lane: string, version: string) => {
    const env = upstreams[app] ? [{ name: "upstream_url", value: upstreams[app] }] : [];
    const object = aPod(app, lane, { name: `${app}-${lane}-${version}` });
    const status = { phase: "Running", podIP: object.metadata.name };
    return { ...object, spec: { containers: [{ name: "default", env }] }, status };
  };
  return [pod("base", base), ...(canary ? [pod("canary", canary)] : [])];
}

function sliceOf(app: string, pods: readonly KubeObject[], state: State): KubeObject {
  const { isCanaryReady = true } = state;
  const isReady = (pod: KubeObject) => isCanaryReady || pod.metadata.labels?.["ASM_TRAFFIC_TAG"] !== "canary";
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${app}-1`, namespace: "default", labels: { "kubernetes.io/service-name": app } },
    ports: [{ name: "http", port: 8000 }],
    endpoints: pods.map((pod) => ({
      addresses: [pod.metadata.name],
      conditions: { ready: isReady(pod) },
      targetRef: { kind: "Pod", name: pod.metadata.name, namespace: "default" },
    })),
  };
}

function configOf(states: readonly State[]): RoutingConfig {
  const pods = apps.flatMap((app, index) => podsOf(app, states[index]!));
  const lanes = seedObjects().filter(({ kind }) => kind.startsWith("ASM"));
  const cluster = new TestCluster([...lanes, ...apps.map((app) => aService(app)), ...pods]);
  cluster.settle();
  const gatewayObject: KubeObject = {
    apiVersion: "networking.istio.io/v1beta1",
    kind: "Gateway",
    metadata: { name: "ingressgateway", namespace: rootNamespace },
    spec: {
      selector: { istio: "ingressgateway" },
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
    },
  };
  return {
    gateways: [gatewayObject],
    virtualServices: cluster.ofKind("VirtualService"),
    destinationRules: cluster.ofKind("DestinationRule"),
    services: cluster.ofKind("Service"),
    endpointSlices: apps.map((app, index) => sliceOf(app, podsOf(app, states[index]!), states[index]!)),
    pods,
    swimLaneGroups: cluster.ofKind("ASMSwimLaneGroup"),
    swimLanes: cluster.ofKind("ASMSwimLane"),
    rootNamespace,
  };
}

function walk(states: readonly State[], tag: string | null): readonly Hop[] {
  const headers: Record<string, string> = { "my-request-id": "10002" };
  if (tag !== null) headers["x-asm-prefer-tag"] = tag;
  return explain(configOf(states), {
    source: gateway,
    host: "127.0.0.1",
    port: 80,
    path: "/mock",
    method: "GET",
    headers,
  });
}

/** The answer of the sample application: `a2→b1→c2`. */
function chainOf(hops: readonly Hop[]): string {
  return hops.map(({ to, endpoints }) => `${to.at(-1)}${endpoints[0]?.pod.at(-1) ?? "!"}`).join("→");
}

const v1: State = { base: "1" };
const v2: State = { base: "2" };
const releasing: State = { base: "1", canary: "2" };

const rows: readonly (readonly [step: string, states: readonly [State, State, State], base: string, canary: string])[] =
  [
    ["0 and 1: base alone", [v1, v1, v1], "a1→b1→c1", "a1→b1→c1"],
    ["2: mocka releases", [releasing, v1, v1], "a1→b1→c1", "a2→b1→c1"],
    ["3: all release", [releasing, releasing, releasing], "a1→b1→c1", "a2→b2→c2"],
    ["4: mockb is approved", [releasing, v2, releasing], "a1→b2→c1", "a2→b2→c2"],
    ["5: all are approved", [v2, v2, v2], "a2→b2→c2", "a2→b2→c2"],
    ["alt: mocka is undone", [v1, releasing, releasing], "a1→b1→c1", "a1→b2→c2"],
  ];

for (const [step, states, base, canary] of rows) {
  test(`LANE-300 step ${step}`, () => {
    assert.equal(chainOf(walk(states, "base")), base);
    assert.equal(chainOf(walk(states, "canary")), canary);
  });
}

test("LANE-301 LANE-800 LANE-900 INV-15 the lane survives a hop through base", () => {
  const hops = walk([releasing, v1, releasing], "canary");
  assert.deepEqual(
    hops.map(({ to, laneRequested, source, subset, decision }) => [to, laneRequested, source, subset, decision]),
    [
      ["default/mocka", "canary", "header:x-asm-prefer-tag", "canary", "lane"],
      ["default/mockb", "canary", "trace-map:my-request-id=10002", "base", "fallback:noinstances"],
      ["default/mockc", "canary", "trace-map:my-request-id=10002", "canary", "lane"],
    ],
  );
});

test("LANE-300 a canary that is not ready falls back at its hop only", () => {
  assert.equal(chainOf(walk([{ ...releasing, isCanaryReady: false }, releasing, v1], "canary")), "a1→b2→c1");
});

test("LANE-107 an untagged request gets 404 and is not a hop further", () => {
  const hops = walk([v1, v1, v1], null);
  assert.deepEqual(
    hops.map(({ decision }) => decision),
    ["no-route(404)"],
  );
});

test("LANE-961 an application that passes nothing on loses the lane", () => {
  const config = configOf([releasing, releasing, releasing]);
  const headers = { "my-request-id": "1", "x-asm-prefer-tag": "base" };
  const request = { source: gateway, host: "h", port: 80, path: "/mock", method: "GET", headers };
  const hops = explain(config, request, { propagates: [] });
  assert.match(hops[0]!.contextAfter, /^lost\(my-request-id is not passed on\)/);
  assert.deepEqual(
    hops.map(({ source }) => source),
    ["header:x-asm-prefer-tag", "pod-label", "pod-label"],
  );
});

test("LANE-902 the text form has one line a hop", () => {
  const text = renderExplain(walk([releasing, v1, releasing], "canary"));
  assert.deepEqual(text.split("\n"), [
    '1 gateway -> mocka  lane=canary (header:x-asm-prefer-tag)  VS istio-system/swimlane-ingress-vs-rollout-canary http[0] "canary"  -> canary [mocka-canary-2]  lane',
    "2 mocka(canary) -> mockb  lane=canary (trace-map:my-request-id=10002)  VS istio-system/trafficlabel-vs-rollout-default-mockb http[0]  subset canary absent -> base [mockb-base-1]  fallback:noinstances  context kept",
    "3 mockb(base) -> mockc  lane=canary (trace-map:my-request-id=10002)  VS istio-system/trafficlabel-vs-rollout-default-mockc http[0]  -> canary [mockc-canary-2]  lane",
  ]);
});

test("LANE-901 a hop as JSON", () => {
  assert.deepEqual(walk([releasing, v1, releasing], "canary")[1], {
    n: 2,
    from: { workload: "default/mocka-canary-2", class: "canary" },
    to: "default/mockb",
    laneRequested: "canary",
    source: "trace-map:my-request-id=10002",
    rule: {
      kind: "VirtualService",
      namespace: "istio-system",
      name: "trafficlabel-vs-rollout-default-mockb",
      path: "spec.http[0]",
      route: "default",
    },
    subset: "base",
    endpoints: [{ pod: "mockb-base-1", ready: true, share: 1 }],
    decision: "fallback:noinstances",
    headersOut: { "x-asm-prefer-tag": "canary" },
    contextAfter: "restored(trace-map)",
    why: ["default/mockb has no pod of lane canary"],
  });
});

test("LANE-310 a call to a service that is not there is shown as such", () => {
  const config = configOf([v1, v1, v1]);
  const pods = config.pods.map((pod) => {
    if (pod.metadata.labels?.["app"] !== "mockb") return pod;
    return { ...pod, spec: { containers: [{ env: [{ name: "upstream_url", value: "http://mockc.demo:8000/" }] }] } };
  });
  const headers = { "my-request-id": "1", "x-asm-prefer-tag": "base" };
  const hops = explain(
    { ...config, pods },
    { source: gateway, host: "h", port: 80, path: "/mock", method: "GET", headers },
  );
  assert.equal(hops[2]!.to, "mockc.demo:8000");
  assert.equal(hops[2]!.decision, "bypass(no-proxy)");
  const why =
    "host mockc.demo has no Service; Service mockc exists in namespace default; the call goes where its name leads";
  assert.deepEqual(hops[2]!.why, [why]);
  assert.ok(renderExplain(hops).endsWith(`bypass(no-proxy)  (${why})`));
});

test("LANE-901 a request that nothing matches: the nearest rules with the first condition that fails", () => {
  const [hop] = walk([releasing, v1, v1], null);
  assert.equal(hop!.decision, "no-route(404)");
  const failed = hop!.rule !== null && "nearest" in hop!.rule ? hop!.rule.nearest : [];
  assert.deepEqual(
    failed.map((rule) => [rule.name, rule.path, rule.failed]),
    [
      ["swimlane-ingress-vs-rollout-base", "spec.http[0].match[0]", 'headers[x-asm-prefer-tag] exact "base"'],
      ["swimlane-ingress-vs-rollout-canary", "spec.http[0].match[0]", 'headers[x-asm-prefer-tag] exact "canary"'],
    ],
  );
  assert.match(
    renderExplain([hop!]),
    /no rule {2}no-route\(404\) {2}\(no rule of host .*http\[0\]: headers\[x-asm-prefer-tag\]/,
  );
});
