import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRoute } from "../../../api/gateway-api.ts";
import type { VirtualService } from "../../../api/istio.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Ingress } from "../../../api/networking.ts";
import { type ResourceType, resources } from "../../../kube/resource.ts";
import { type Mapping, mappings } from "../../../traffic/ambassador/router.ts";
import { apisixRoutes } from "../../../traffic/apisix/router.ts";
import type { ApisixRoute } from "../../../traffic/apisix/rules.ts";
import { routeKinds } from "../../../traffic/gateway-api/kinds.ts";
import { trafficSplits } from "../../../traffic/smi/router.ts";
import { traefikServices } from "../../../traffic/traefik/router.ts";
import { aVirtualService, VIRTUAL_SERVICE } from "../rollout.fixture.ts";
import type { RolloutStatus } from "../types.ts";
import {
  AT_REST,
  CANARY,
  header,
  type RouterCase,
  routerOf,
  runRouterSuite,
  STABLE,
  type Store,
  set,
  storeOf,
} from "./router.suite.ts";

const backend = (name: string) => ({ service: { name, port: { number: 80 } } });

const anIngress: KubeObject = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "shop", annotations: { "kubernetes.io/ingress.class": "nginx" } },
  spec: {
    tls: [{ hosts: ["shop.test"], secretName: "cert" }],
    rules: [
      {
        host: "shop.test",
        http: {
          paths: [
            { path: "/", pathType: "Prefix", backend: backend(STABLE) },
            { path: "/static", pathType: "Prefix", backend: backend("assets") },
          ],
        },
      },
      { host: "other.test", http: { paths: [{ path: "/", pathType: "Prefix", backend: backend("other") }] } },
    ],
  },
};

function without(object: KubeObject | null, ...annotations: string[]): unknown {
  const { resourceVersion: _, ...metadata } = object?.metadata ?? { name: "" };
  const notes = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !annotations.some((one) => key.startsWith(one))),
  );
  return { ...object, metadata: { ...metadata, annotations: notes } };
}

// Istio ---------------------------------------------------------------------------------------------------------------

const istio: RouterCase = {
  name: "istio",
  routing: { istio: { virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] } } },
  objects: [aVirtualService],
  required: { type: resources.virtualServices, name: VIRTUAL_SERVICE.name },
  share: (store) => {
    const http = store.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE.name)?.spec?.http ?? [];
    const { route = [] } = http.find(({ name }) => name === "primary") ?? {};
    return route.find(({ destination }) => destination?.host === CANARY)?.weight ?? 0;
  },
  mask: (store) => {
    const object = store.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE.name);
    const http = (object?.spec?.http ?? []).map((route) => ({
      ...route,
      route: (route.route ?? []).map((one) => ({ ...one, weight: 0 })),
    }));
    return without({ ...object, spec: { ...object?.spec, http } } as KubeObject);
  },
  hasExperiments: true,
  headers: (store) =>
    (store.get<VirtualService>(resources.virtualServices, VIRTUAL_SERVICE.name)?.spec?.http ?? []).flatMap(
      ({ name = "" }) => (name.startsWith("by-") ? [name] : []),
    ),
};

// nginx ---------------------------------------------------------------------------------------------------------------

const canaryIngress = "istio-rollout-shop-canary";
const PREFIX = "nginx.ingress.kubernetes.io";

const nginx: RouterCase = {
  name: "nginx",
  routing: { nginx: { stableIngress: "shop" } },
  objects: [anIngress],
  required: { type: resources.ingresses, name: "shop" },
  share: (store) =>
    Number(store.get(resources.ingresses, canaryIngress)?.metadata.annotations?.[`${PREFIX}/canary-weight`]),
  mask: (store) => store.get(resources.ingresses, "shop"),
  hasExperiments: false,
};

test("ARC-400 the canary Ingress: owner, class, TLS, only the rules of the stable Service, annotations", () => {
  const settings = {
    annotationPrefix: "custom.example",
    stableIngress: "shop",
    additionalIngressAnnotations: { "canary-by-header": "X-Next", "custom.example/limit": "5" },
    canaryIngressAnnotations: { "team.example/note": "verbatim", "custom.example/canary-weight": "99" },
  };
  const one: RouterCase = { ...nginx, routing: { nginx: settings, maxTrafficWeight: 1000 } };
  const store = storeOf(one);
  const { events } = set(one, store, { weight: 5 });
  assert.deepEqual(events, [
    { reason: "CreatingCanaryIngress", message: "Creating canary ingress `istio-rollout-shop-canary` with weight `5`" },
  ]);
  const made = store.get<Ingress>(resources.ingresses, canaryIngress);
  assert.deepEqual(made?.metadata.annotations, {
    "kubernetes.io/ingress.class": "nginx",
    "custom.example/canary-by-header": "X-Next",
    "custom.example/limit": "5",
    "team.example/note": "verbatim",
    "custom.example/canary": "true",
    "custom.example/canary-weight": "5",
    "custom.example/canary-weight-total": "1000",
  });
  assert.equal(made.metadata.ownerReferences?.[0]?.uid, "rollout-uid");
  assert.deepEqual(made.spec, {
    tls: [{ hosts: ["shop.test"], secretName: "cert" }],
    rules: [
      {
        host: "shop.test",
        http: {
          paths: [
            { path: "/", pathType: "Prefix", backend: backend(CANARY) },
            { path: "/static", pathType: "Prefix", backend: backend("assets") },
          ],
        },
      },
    ],
  });
  assert.deepEqual(set(one, store, { weight: 500 }).events, [
    { reason: "PatchingCanaryIngress", message: "Updating Ingress `istio-rollout-shop-canary` to desiredWeight '500'" },
  ]);
  assert.equal(routerOf(one, store).share, 500);
});

test("ARC-400 a canary Ingress of somebody else is left alone; its annotations stay when it is ours", () => {
  const store = storeOf(nginx);
  store.put(resources.ingresses, { ...anIngress, metadata: { name: canaryIngress } });
  const { problem, writes } = set(nginx, store, { weight: 5 });
  assert.equal(problem?.message, "canary ingress `istio-rollout-shop-canary` controlled by different object");
  assert.equal(writes.length, 0);
  store.delete(resources.ingresses, canaryIngress);
  set(nginx, store, { weight: 5 });
  const made = store.get(resources.ingresses, canaryIngress)!;
  made.metadata.annotations = { ...made.metadata.annotations, "rancher.example/x": "1" };
  made.metadata.labels = { team: "a" };
  set(nginx, store, { weight: 6 });
  const after = store.get(resources.ingresses, canaryIngress)!;
  assert.equal(after.metadata.annotations?.["rancher.example/x"], "1");
  assert.deepEqual(after.metadata.labels, { team: "a" });
});

test("ARC-400 several stable Ingresses each get one; a change of the stable one is followed", () => {
  const one: RouterCase = { ...nginx, routing: { nginx: { stableIngresses: ["shop", "shop-2"] } } };
  const store = storeOf(one);
  store.put(resources.ingresses, { ...anIngress, metadata: { name: "shop-2" } });
  assert.equal(set(one, store, { weight: 10 }).writes.length, 2);
  const spec = { ...(anIngress["spec"] as object), ingressClassName: "nginx" };
  store.put(resources.ingresses, { ...anIngress, metadata: { name: "shop-2" }, spec });
  assert.equal(set(one, store, { weight: 10 }).writes.length, 1);
  const made = store.get<Ingress>(resources.ingresses, "istio-rollout-shop-2-canary");
  assert.equal(made?.spec?.ingressClassName, "nginx");
  const bare = { ...anIngress, metadata: { name: "shop-2" }, spec: { defaultBackend: backend(STABLE) } };
  store.put(resources.ingresses, bare);
  const { problem } = set(one, store, { weight: 10 });
  assert.equal(problem?.message, `ingress \`shop-2\` has no rules using service ${STABLE} backend`);
});

test("ARC-400 names are cut to 253 characters", () => {
  const long = "a".repeat(250);
  const one: RouterCase = { ...nginx, routing: { nginx: { stableIngress: long } } };
  const store = storeOf(one);
  store.put(resources.ingresses, { ...anIngress, metadata: { name: long } });
  const [write] = set(one, store, { weight: 1 }).writes;
  assert.ok(write?.op === "create");
  assert.equal(write.object.metadata.name.length, 253);
  assert.match(write.object.metadata.name, /^istio-rollout-a+-canary$/);
});

// Gateway API ---------------------------------------------------------------------------------------------------------

const ref = (name: string, weight: number) => ({ group: "", kind: "Service", name, port: 80, weight });
const path = { type: "PathPrefix", value: "/" };

const aRoute = (kind: string, apiVersion = "gateway.networking.k8s.io/v1"): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "shop" },
  spec: {
    parentRefs: [{ name: "gateway" }],
    rules: [
      { matches: [{ path }], backendRefs: [ref(STABLE, 1), ref(CANARY, 0)] },
      { name: "admin", matches: [{ path: { ...path, value: "/admin" } }], backendRefs: [ref("admin", 3)] },
      { timeouts: { request: "2s" }, backendRefs: [ref(STABLE, 100), ref(CANARY, 0)] },
    ],
  },
});

function rulesOf(store: Store, type: ResourceType): NonNullable<NonNullable<HttpRoute["spec"]>["rules"]> {
  return store.get<HttpRoute>(type, "shop")?.spec?.rules ?? [];
}

function gatewayCase(word: keyof typeof routeKinds, extra: Partial<RouterCase> = {}): RouterCase {
  const type: ResourceType = routeKinds[word];
  return {
    name: `Gateway API ${type.kind}`,
    routing: { plugins: { "argoproj-labs/gatewayAPI": { [word]: "shop" } } },
    objects: [aRoute(type.kind, `${type.group}/${type.version}`)],
    required: { type, name: "shop" },
    share: (store) => {
      const [first, , third] = rulesOf(store, type).map(
        ({ backendRefs = [] }) => backendRefs.find(({ name }) => name === CANARY)?.weight ?? 0,
      );
      assert.equal(first, third, "every rule with both services");
      return first ?? 0;
    },
    mask: (store) => {
      const object = store.get<HttpRoute>(type, "shop");
      const rules = rulesOf(store, type).map((rule) => ({
        ...rule,
        backendRefs: (rule.backendRefs ?? []).map((one) =>
          one.name === STABLE || one.name === CANARY ? { ...one, weight: 0 } : one,
        ),
      }));
      const { labels, ...metadata } = object?.metadata ?? { name: "" };
      const { "rollouts.argoproj.io/gatewayapi-canary": _, ...others } = labels ?? {};
      return without({
        ...object,
        metadata: { ...metadata, labels: others },
        spec: { ...object?.spec, rules },
      } as KubeObject);
    },
    addForeign: (store, name) => {
      const object = store.get<HttpRoute>(type, "shop");
      const [first, ...rest] = rulesOf(store, type);
      const rule = { ...first, backendRefs: [...(first?.backendRefs ?? []), ref(name, 7)] };
      store.put(type, { ...object, spec: { ...object?.spec, rules: [rule, ...rest] } } as KubeObject);
    },
    hasExperiments: false,
    ...extra,
  };
}

const httpRoute = gatewayCase("httpRoute", {
  hasExperiments: true,
  headers: (store) =>
    rulesOf(store, routeKinds.httpRoute).flatMap(({ name = "" }) => (/^by-[a-z]+$/.test(name) ? [name] : [])),
});
const grpcRoute = gatewayCase("grpcRoute", {
  headers: (store) =>
    rulesOf(store, routeKinds.grpcRoute).flatMap(({ name = "" }) => (/^by-[a-z]+$/.test(name) ? [name] : [])),
});

test("ARC-406 a header route is one rule for each rule with the split, with its filters, matches and timeouts", () => {
  const store = storeOf(httpRoute);
  set(httpRoute, store, {
    weight: 20,
    managed: [{ kind: "header", name: "by-header", match: [{ headerName: "X-V", headerValue: { prefix: "n" } }] }],
  });
  const [, , , first, second, ...others] = rulesOf(store, routeKinds.httpRoute);
  const headers = [{ type: "RegularExpression", name: "X-V", value: "n.*" }];
  const backendRefs = [{ group: "", kind: "Service", name: CANARY, port: 80, weight: 1 }];
  assert.deepEqual(first, { name: "by-header", matches: [{ path, headers }], backendRefs });
  assert.deepEqual(second, {
    name: "by-header-1",
    timeouts: { request: "2s" },
    matches: [{ path, headers }],
    backendRefs,
  });
  assert.deepEqual(others, []);
});

test("ARC-406 the label is there while the canary has a share, under the configured name, or never", () => {
  const labels = (config: object, weight: number) => {
    const one = gatewayCase("httpRoute", {
      routing: { plugins: { "argoproj-labs/gatewayAPI": { httpRoute: "shop", ...config } } },
    });
    const store = storeOf(one);
    set(one, store, { weight: 50 });
    set(one, store, { weight });
    return store.get(resources.httpRoutes, "shop")?.metadata.labels ?? {};
  };
  assert.deepEqual(labels({}, 10), { "rollouts.argoproj.io/gatewayapi-canary": "in-progress" });
  assert.deepEqual(labels({}, 0), {});
  assert.deepEqual(labels({ inProgressLabelKey: "team/canary", inProgressLabelValue: "yes" }, 10), {
    "team/canary": "yes",
  });
  assert.deepEqual(labels({ disableInProgressLabel: true }, 10), {});
});

test("ARC-406 routes by list and by selector; only the listed ones that ask for it take header routes", () => {
  const config = { httpRoutes: [{ name: "shop" }], httpRouteSelector: { matchLabels: { app: "shop" } } };
  const one = gatewayCase("httpRoute", { routing: { plugins: { "argoproj-labs/gatewayAPI": config } } });
  const store = storeOf(one);
  store.put(resources.httpRoutes, { ...aRoute("HTTPRoute"), metadata: { name: "second", labels: { app: "shop" } } });
  store.put(resources.httpRoutes, { ...aRoute("HTTPRoute"), metadata: { name: "stranger" } });
  const { writes } = set(one, store, { weight: 30, managed: [header("by-header")] });
  assert.deepEqual(writes.map((write) => write.op === "update" && write.object.metadata.name).sort(), [
    "second",
    "shop",
  ]);
  assert.equal(rulesOf(store, resources.httpRoutes).length, 3);
  assert.equal(routerOf(one, store).verified, true);
  const none = gatewayCase("httpRoute", {
    routing: { plugins: { "argoproj-labs/gatewayAPI": { httpRouteSelector: { matchLabels: { app: "none" } } } } },
  });
  assert.match(set(none, storeOf(none), { weight: 1 }).problem?.message ?? "", /no route matches the selectors/);
});

test("ARC-406 a route without a rule for both services is refused; one of the two alone is not touched", () => {
  const store = storeOf(httpRoute);
  const rules = [{ backendRefs: [ref(STABLE, 1)] }, { backendRefs: [ref(CANARY, 1)] }];
  store.put(resources.httpRoutes, { ...aRoute("HTTPRoute"), spec: { rules } });
  const { problem, writes } = set(httpRoute, store, { weight: 10 });
  assert.match(problem?.message ?? "", /^backendRef was not found in httpRoute/);
  assert.equal(writes.length, 0);
});

test("ARC-406 weights are shares of maxTrafficWeight; a temporary Service is named with its port", () => {
  const one = { ...httpRoute, routing: { ...httpRoute.routing, maxTrafficWeight: 1000 } };
  const store = storeOf(one);
  store.put(resources.services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "trial" },
    spec: {
      ports: [
        { name: "metrics", port: 9090 },
        { name: "http", port: 8081 },
      ],
    },
  });
  const status = { canary: { weights: { canary: { weight: 0 }, stable: { weight: 1000 } } } };
  const situation = { status };
  set(one, store, { weight: 5, additional: [{ service: "trial", weight: 15 }], situation });
  const weights = rulesOf(store, resources.httpRoutes)[0]?.backendRefs?.map(({ name, weight }) => [name, weight]);
  assert.deepEqual(weights, [
    [STABLE, 980],
    [CANARY, 5],
    ["trial", 15],
  ]);
});

// ALB -----------------------------------------------------------------------------------------------------------------

const ACTION = `alb.ingress.kubernetes.io/actions.${STABLE}`;
const BOOKS = "rollouts.argoproj.io/managed-alb-annotations";

const alb: RouterCase = {
  name: "alb",
  routing: { alb: { ingress: "shop", servicePort: 443 } },
  objects: [anIngress],
  required: { type: resources.ingresses, name: "shop" },
  share: (store) => {
    const text = store.get(resources.ingresses, "shop")?.metadata.annotations?.[ACTION] ?? "{}";
    const groups: { ServiceName: string; Weight: number }[] = JSON.parse(text).ForwardConfig.TargetGroups;
    assert.equal(
      groups.reduce((sum, { Weight }) => sum + Weight, 0),
      100,
    );
    return groups.find(({ ServiceName }) => ServiceName === CANARY)?.Weight ?? -1;
  },
  mask: (store) => without(store.get(resources.ingresses, "shop"), ACTION, BOOKS),
  hasExperiments: true,
  headers: (store) =>
    (store.get<Ingress>(resources.ingresses, "shop")?.spec?.rules?.[0]?.http?.paths ?? []).flatMap(
      ({ backend: one }) => (one?.service?.port?.name === "use-annotation" ? [one.service.name ?? ""] : []),
    ),
};

test("ARC-401 the action, its bookkeeping beside other rollouts' and the event", () => {
  const stickinessConfig = { enabled: true, durationSeconds: 60 };
  const one: RouterCase = { ...alb, routing: { alb: { ingress: "shop", servicePort: 443, stickinessConfig } } };
  const store = storeOf(one);
  const object = store.get(resources.ingresses, "shop")!;
  object.metadata.annotations = { ...object.metadata.annotations, [BOOKS]: '{"other":["k"]}' };
  const { events } = set(one, store, { weight: 20, managed: [header("by-header")] });
  assert.deepEqual(events, [
    { reason: "PatchingALBIngress", message: "Updating Ingress `shop` to headerRoute 'by-header'" },
    { reason: "PatchingALBIngress", message: "Updating Ingress `shop` to desiredWeight '20'" },
  ]);
  const notes = store.get(resources.ingresses, "shop")?.metadata.annotations ?? {};
  const group = (ServiceName: string, Weight: number) => ({ ServiceName, ServicePort: "443", Weight });
  const TargetGroupStickinessConfig = { Enabled: true, DurationSeconds: 60 };
  assert.deepEqual(JSON.parse(notes[ACTION] ?? ""), {
    Type: "forward",
    ForwardConfig: { TargetGroups: [group(CANARY, 20), group(STABLE, 80)], TargetGroupStickinessConfig },
  });
  assert.deepEqual(JSON.parse(notes["alb.ingress.kubernetes.io/conditions.by-header"] ?? ""), [
    { field: "http-header", httpHeaderConfig: { httpHeaderName: "X-Version", values: ["next"] } },
  ]);
  const keys = ["actions.by-header", "conditions.by-header"].map((key) => `alb.ingress.kubernetes.io/${key}`);
  assert.deepEqual(JSON.parse(notes[BOOKS] ?? ""), { other: ["k"], "istio-rollout": [ACTION, ...keys] });
  assert.equal(routerOf(one, store).verified, undefined);
});

const albProblems = [
  {
    name: "a stickiness of more than 7 days",
    config: { stickinessConfig: { enabled: true, durationSeconds: 604_801 } },
    want: /^TargetGroupStickinessConfig's duration/,
  },
  {
    name: "a root service that is in no rule",
    config: { rootService: "root" },
    want: /^ingress does not have service `root` in rules$/,
  },
];
for (const { name, config, want } of albProblems) {
  test(`ARC-401 ${name} is refused`, () => {
    const one: RouterCase = { ...alb, routing: { alb: { ingress: "shop", servicePort: 80, ...config } } };
    assert.match(set(one, storeOf(one), { weight: 1 }).problem?.message ?? "", want);
  });
}

test("ARC-401 an action that says the same in other words stays as somebody wrote it", () => {
  const store = storeOf(alb);
  set(alb, store, { weight: 20 });
  const object = store.get(resources.ingresses, "shop")!;
  const text = JSON.stringify(JSON.parse(object.metadata.annotations?.[ACTION] ?? ""), null, 2);
  object.metadata.annotations = { ...object.metadata.annotations, [ACTION]: text };
  assert.deepEqual(set(alb, store, { weight: 20 }).writes, []);
});

test("ARC-204 ping and pong come first for the ALB, in the roles of the status", () => {
  const routing = { alb: { ingress: "shop", servicePort: 80, rootService: STABLE } };
  const one: RouterCase = { ...alb, routing, canary: { pingPong: { pingService: "ping", pongService: "pong" } } };
  const names = (status: RolloutStatus) => {
    const store = storeOf(one);
    set(one, store, { weight: 30, situation: { status } });
    const text = store.get(resources.ingresses, "shop")?.metadata.annotations?.[ACTION] ?? "";
    const groups: { ServiceName: string; Weight: number }[] = JSON.parse(text).ForwardConfig.TargetGroups;
    return groups.map(({ ServiceName, Weight }) => [ServiceName, Weight]);
  };
  assert.deepEqual(names({}), [
    ["ping", 30],
    ["pong", 70],
  ]);
  assert.deepEqual(names({ canary: { stablePingPong: "pong" } }), [
    ["ping", 30],
    ["pong", 70],
  ]);
  assert.deepEqual(names({ canary: { stablePingPong: "ping" } }), [
    ["pong", 30],
    ["ping", 70],
  ]);
});

test("ARC-401 bookkeeping that cannot be read is left as it is", () => {
  const store = storeOf(alb);
  const object = store.get(resources.ingresses, "shop")!;
  object.metadata.annotations = { [BOOKS]: "not json" };
  const { problem, writes } = set(alb, store, { weight: 1 });
  assert.match(problem?.message ?? "", /managed-alb-annotations of ingress `shop` cannot be read/);
  assert.equal(writes.length, 0);
});

// SMI, Traefik, Ambassador, APISIX ------------------------------------------------------------------------------------

interface Split extends KubeObject {
  spec: { service: string; backends: { service: string; weight: string | number }[] };
}
const splitType = trafficSplits[0]!;

const smi: RouterCase = {
  name: "smi",
  routing: { smi: {} },
  objects: [],
  share: (store) =>
    Number(
      store.get<Split>(splitType, "istio-rollout")?.spec.backends.find(({ service }) => service === CANARY)?.weight,
    ),
  mask: () => null,
  hasExperiments: true,
};

test("ARC-402 the TrafficSplit: name, root, owner, order and quantities; another's is left alone", () => {
  const one: RouterCase = { ...smi, routing: { smi: { trafficSplitName: "split", rootService: "root" } } };
  const store = storeOf(one);
  const { events } = set(one, store, { weight: 10, additional: [{ service: "trial", weight: 5 }] });
  assert.deepEqual(events, [{ reason: "TrafficSplitCreated", message: "TrafficSplit `split` created" }]);
  const made = store.get<Split>(splitType, "split");
  assert.equal(made?.metadata.ownerReferences?.[0]?.uid, "rollout-uid");
  assert.deepEqual(made?.spec, {
    service: "root",
    backends: [
      { service: CANARY, weight: "10" },
      { service: "trial", weight: "5" },
      { service: STABLE, weight: "85" },
    ],
  });
  store.put(splitType, { ...made, metadata: { name: "split" } } as KubeObject);
  assert.equal(set(one, store, { weight: 20 }).problem?.message, "Rollout does not own TrafficSplit `split`");
});

interface TraefikService extends KubeObject {
  spec: { weighted: { services: { name: string; weight?: number }[] } };
}

const traefik: RouterCase = {
  name: "traefik",
  routing: { traefik: { weightedTraefikServiceName: "shop" } },
  objects: [
    {
      apiVersion: "traefik.io/v1alpha1",
      kind: "TraefikService",
      metadata: { name: "shop" },
      spec: {
        weighted: {
          services: [
            { name: STABLE, port: 80, weight: 1 },
            { name: CANARY, port: 80, weight: 0 },
          ],
        },
      },
    },
  ],
  required: { type: traefikServices, name: "shop" },
  share: (store) =>
    store.get<TraefikService>(traefikServices, "shop")?.spec.weighted.services.find(({ name }) => name === CANARY)
      ?.weight ?? -1,
  mask: (store) => {
    const object = store.get<TraefikService>(traefikServices, "shop");
    const services = object?.spec.weighted.services.map((one) =>
      one.name.startsWith("istio-") ? { ...one, weight: 0 } : one,
    );
    return without({ ...object, spec: { ...object?.spec, weighted: { services } } } as KubeObject);
  },
  addForeign: (store, name) => {
    const object = store.get<TraefikService>(traefikServices, "shop")!;
    object.spec.weighted.services.push({ name, weight: 9 });
  },
  hasExperiments: false,
};

const traefikProblems = [
  [{ mirroring: {} }, "spec.weighted.services was not found in traefik service manifest"],
  [{ weighted: { services: [{ name: STABLE }] } }, "traefik canary service was not found"],
  [{ weighted: { services: [{ name: CANARY }] } }, "traefik stable service was not found"],
] as const;
for (const [spec, want] of traefikProblems) {
  test(`ARC-403 ${want}`, () => {
    const store = storeOf(traefik);
    store.put(traefikServices, { ...traefik.objects[0]!, spec });
    assert.equal(set(traefik, store, { weight: 1 }).problem?.message, want);
  });
}

const mappingType = mappings[0]!;
const aMapping: Mapping = {
  apiVersion: "getambassador.io/v2",
  kind: "Mapping",
  metadata: { name: "shop", annotations: { team: "a" } },
  spec: { prefix: "/", service: `http://${STABLE}:80` },
};

const ambassador: RouterCase = {
  name: "ambassador",
  routing: { ambassador: { mappings: ["shop"] } },
  objects: [aMapping],
  required: { type: mappingType, name: "shop" },
  share: (store) => store.get<Mapping>(mappingType, "shop-canary")?.spec?.weight ?? 0,
  mask: (store) => store.get(mappingType, "shop"),
  hasExperiments: false,
};

test("ARC-404 the second Mapping comes with the share and goes when weight 0 is in force (ARC-928)", () => {
  const store = storeOf(ambassador);
  assert.deepEqual(set(ambassador, store, { weight: 0 }).writes, []);
  assert.deepEqual(set(ambassador, store, { weight: 10 }).events, [
    { reason: "CanaryMappingWeightUpdate", message: "Set canary mapping weight to 10" },
  ]);
  const made = store.get<Mapping>(mappingType, "shop-canary");
  assert.deepEqual(made?.spec, { prefix: "/", service: `http://${CANARY}:80`, weight: 10 });
  set(ambassador, store, { weight: 0 });
  assert.equal(store.get<Mapping>(mappingType, "shop-canary")?.spec?.weight, 0);
  const last = set(ambassador, store, { weight: 0, situation: AT_REST });
  assert.deepEqual([last.events, last.isTidying], [[], true]);
  assert.equal(store.get(mappingType, "shop-canary"), null);
  store.put(mappingType, { ...aMapping, spec: { ...aMapping.spec, weight: 5 } });
  assert.equal(
    set(ambassador, store, { weight: 1 }).problem?.message,
    'Ambassador mapping "shop" can not define weight',
  );
});

const apisix: RouterCase = {
  name: "apisix",
  routing: { apisix: { route: { name: "shop", rules: ["main"] } } },
  objects: [
    {
      apiVersion: "apisix.apache.org/v2",
      kind: "ApisixRoute",
      metadata: { name: "shop" },
      spec: {
        http: [
          {
            name: "main",
            priority: 4,
            match: { paths: ["/*"], hosts: ["shop.test"] },
            backends: [
              { serviceName: STABLE, servicePort: 80 },
              { serviceName: CANARY, servicePort: 80 },
            ],
          },
          { name: "other", backends: [{ serviceName: "other", servicePort: 80 }] },
        ],
      },
    },
  ],
  required: { type: apisixRoutes, name: "shop" },
  share: (store) =>
    store
      .get<ApisixRoute>(apisixRoutes, "shop")
      ?.spec?.http?.[0]?.backends?.find(({ serviceName }) => serviceName === CANARY)?.weight ?? -1,
  mask: (store) => {
    const object = store.get<ApisixRoute>(apisixRoutes, "shop");
    const http = (object?.spec?.http ?? []).map((rule) => ({
      ...rule,
      backends: rule.backends?.map((one) => (one.serviceName?.startsWith("istio-") ? { ...one, weight: 0 } : one)),
    }));
    return without({ ...object, spec: { ...object?.spec, http } } as KubeObject);
  },
  addForeign: (store, name) => {
    store.get<ApisixRoute>(apisixRoutes, "shop")?.spec?.http?.[0]?.backends?.push({ serviceName: name, weight: 9 });
  },
  hasExperiments: false,
  headers: (store) => ["by-header", "by-cookie"].filter((name) => store.get(apisixRoutes, name) !== null),
};

test("ARC-405 a header route is an ApisixRoute of its own, before the rule that it is made of", () => {
  const store = storeOf(apisix);
  const match = [
    { headerName: "A", headerValue: { exact: "1" } },
    { headerName: "B", headerValue: { prefix: "p" } },
    { headerName: "C", headerValue: { regex: "x+" } },
  ];
  set(apisix, store, { weight: 10, managed: [{ kind: "header", name: "by-header", match }] });
  const made = store.get<ApisixRoute>(apisixRoutes, "by-header");
  assert.equal(made?.metadata.ownerReferences?.[0]?.uid, "rollout-uid");
  const expr = (name: string, op: string, value: string) => ({ subject: { scope: "Header", name }, op, value });
  assert.deepEqual(made?.spec?.http, [
    {
      name: "main",
      priority: 5,
      match: {
        paths: ["/*"],
        hosts: ["shop.test"],
        exprs: [expr("A", "Equal", "1"), expr("B", "RegexMatch", "^p.*"), expr("C", "RegexMatch", "x+")],
      },
      backends: [{ serviceName: CANARY, servicePort: 80, weight: 100 }],
    },
  ]);
  store.put(apisixRoutes, { ...made, metadata: { name: "by-header" } } as KubeObject);
  const { problem } = set(apisix, store, { weight: 10, managed: [{ kind: "header", name: "by-header", match }] });
  assert.equal(problem?.message, "duplicate ApisixRoute [by-header] already exists");
});

const apisixProblems = [
  [{}, "spec.http was not found in Apisix Route manifest"],
  [{ http: [{ name: "other" }] }, "Apisix http route rule main not found"],
  [{ http: [{ name: "main" }] }, "Apisix http route backends not found"],
  [{ http: [{ name: "main", backends: [{ serviceName: STABLE }] }] }, `apisix route ${CANARY} backend was not found`],
] as const;
for (const [spec, want] of apisixProblems) {
  test(`ARC-405 ${want}`, () => {
    const store = storeOf(apisix);
    store.put(apisixRoutes, { ...apisix.objects[0]!, spec });
    assert.equal(set(apisix, store, { weight: 1 }).problem?.message, want);
  });
}

for (const one of [
  istio,
  nginx,
  httpRoute,
  grpcRoute,
  gatewayCase("tcpRoute"),
  gatewayCase("tlsRoute"),
  alb,
  smi,
  traefik,
  ambassador,
  apisix,
]) {
  runRouterSuite(one);
}
