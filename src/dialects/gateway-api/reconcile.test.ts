import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../test/support/reconciler-checks.ts";
import { startWorld, type World } from "../../../test/support/world.ts";
import type { Condition, KubeObject } from "../../api/meta.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { gatewayApiPack } from "../../packs/gateway-api.ts";
import { DATA_PLANE_KEY, GATEWAY_PORTS } from "../../traffic/data-plane.ts";
import { gatewayApiControllers } from "./index.ts";

const ADDRESS = "127.0.0.1";

async function aWorld(...manifests: string[]): Promise<World> {
  const world = await start();
  for (const manifest of [CLASS, ...manifests]) await world.apply(manifest);
  await world.settle();
  return world;
}

function start(): Promise<World> {
  return startWorld({ packs: [gatewayApiPack], controllers: () => gatewayApiControllers({ address: ADDRESS }) });
}

const CLASS = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: istio }
spec: { controllerName: istio.io/gateway-controller }
`;

function gateway(listeners = "{ name: http, port: 80, protocol: HTTP }", spec = "", className = "istio"): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: default }
spec:
  gatewayClassName: ${className}
  listeners: [${listeners}]
  ${spec}
`;
}

function route(rules: string, spec = "parentRefs: [{ name: gw }]", name = "route"): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: default }
spec:
  ${spec}
  rules: [${rules}]
`;
}

function service(name: string, namespace = "default"): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { ports: [{ port: 80 }] }
`;
}

const TO_WEB = "{ backendRefs: [{ name: web, port: 80 }] }";
const GATEWAY = { namespace: "default", name: "gw" };
const ROUTE = { namespace: "default", name: "route" };

interface Status {
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly unknown[];
  readonly listeners?: readonly {
    name: string;
    attachedRoutes: number;
    supportedKinds: unknown[];
    conditions: Condition[];
  }[];
  readonly parents?: readonly { parentRef: unknown; controllerName: string; conditions: Condition[] }[];
}

async function statusOf(world: World, type: ResourceType, key: { namespace: string; name: string }): Promise<Status> {
  return ((await world.client.get(type, key))["status"] ?? {}) as Status;
}

/** `Accepted=True Accepted`, in order. */
function shown(conditions: readonly Condition[] = []): readonly string[] {
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

async function parentsShown(world: World): Promise<readonly (readonly string[])[]> {
  const { parents = [] } = await statusOf(world, resources.httpRoutes, ROUTE);
  return parents.map(({ conditions }) => shown(conditions));
}

async function messageOf(world: World, type: string): Promise<string> {
  const { parents = [] } = await statusOf(world, resources.httpRoutes, ROUTE);
  return parents[0]?.conditions.find((condition) => condition.type === type)?.message ?? "";
}

test("MESH-368 class, Gateway, listener and route are accepted", async () => {
  const world = await aWorld(gateway(), service("web"), route(TO_WEB));
  const gatewayClass = await statusOf(world, resources.gatewayClasses, { namespace: "", name: "istio" });
  assert.deepEqual(shown(gatewayClass.conditions), ["Accepted=True Accepted"]);
  const { conditions, addresses, listeners } = await statusOf(world, resources.apiGateways, GATEWAY);
  assert.deepEqual(shown(conditions), ["Accepted=True Accepted", "Programmed=True Programmed"]);
  assert.deepEqual(addresses, [{ type: "IPAddress", value: ADDRESS }]);
  assert.equal(listeners![0]!.attachedRoutes, 1);
  assert.deepEqual(listeners![0]!.supportedKinds, [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute" }]);
  assert.deepEqual(shown(listeners![0]!.conditions), [
    "Accepted=True Accepted",
    "Conflicted=False NoConflicts",
    "ResolvedRefs=True ResolvedRefs",
    "Programmed=True Programmed",
  ]);
  const [parent] = (await statusOf(world, resources.httpRoutes, ROUTE)).parents!;
  assert.equal(parent!.controllerName, "istio.io/gateway-controller");
  assert.deepEqual(parent!.parentRef, { group: "gateway.networking.k8s.io", kind: "Gateway", name: "gw" });
  assert.deepEqual(shown(parent!.conditions), ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"]);
  assert.equal(parent!.conditions[0]!.observedGeneration, 1);
  await checkFixpoint(world);
  await world.stop();
});

interface RouteCase {
  readonly name: string;
  readonly objects: readonly string[];
  readonly expected: readonly (readonly string[])[];
}

const OK = "ResolvedRefs=True ResolvedRefs";
const routeCases: readonly RouteCase[] = [
  {
    name: "MC-295 a backend that is not there",
    objects: [
      gateway(),
      route("{ backendRefs: [{ name: web, port: 80 }, { name: nobody, port: 80 }] }"),
      service("web"),
    ],
    expected: [["Accepted=True Accepted", "ResolvedRefs=False BackendNotFound"]],
  },
  {
    name: "MC-296 MESH-369 a backend of another namespace without a grant",
    objects: [gateway(), route("{ backendRefs: [{ name: far, namespace: kube-public, port: 80 }] }")],
    expected: [["Accepted=True Accepted", "ResolvedRefs=False RefNotPermitted"]],
  },
  {
    name: "MESH-363 a backend of another kind",
    objects: [gateway(), route("{ backendRefs: [{ group: x.io, kind: Bucket, name: web }] }")],
    expected: [["Accepted=True Accepted", "ResolvedRefs=False InvalidKind"]],
  },
  {
    name: "MC-300 hostnames that do not meet",
    objects: [
      gateway('{ name: http, port: 80, protocol: HTTP, hostname: "*.t.test" }'),
      route(TO_WEB, "parentRefs: [{ name: gw }]\n  hostnames: [t.test]"),
      service("web"),
    ],
    expected: [["Accepted=False NoMatchingListenerHostname", OK]],
  },
  {
    name: "MC-300 hostnames that meet",
    objects: [
      gateway('{ name: http, port: 80, protocol: HTTP, hostname: "*.t.test" }'),
      route(TO_WEB, "parentRefs: [{ name: gw }]\n  hostnames: [a.b.t.test]"),
      service("web"),
    ],
    expected: [["Accepted=True Accepted", OK]],
  },
  {
    name: "MC-301 a Gateway of another namespace that takes only its own",
    objects: [
      gateway().replace("namespace: default", "namespace: kube-public"),
      route(TO_WEB, "parentRefs: [{ name: gw, namespace: kube-public }]"),
      service("web"),
    ],
    expected: [["Accepted=False NotAllowedByListeners", OK]],
  },
  {
    name: "MESH-360 a listener that is not there, and one that is not served",
    objects: [
      gateway("{ name: http, port: 80, protocol: HTTP }, { name: tls, port: 443, protocol: HTTPS }"),
      route(TO_WEB, "parentRefs: [{ name: gw, sectionName: nope }, { name: gw, port: 443 }, { name: gw, port: 80 }]"),
      service("web"),
    ],
    expected: [
      ["Accepted=False NoMatchingParent", OK],
      ["Accepted=False NoMatchingParent", OK],
      ["Accepted=True Accepted", OK],
    ],
  },
  {
    name: "MESH-360 a listener that takes other kinds only",
    objects: [
      gateway("{ name: http, port: 80, protocol: HTTP, allowedRoutes: { kinds: [{ kind: GRPCRoute }] } }"),
      route(TO_WEB),
      service("web"),
    ],
    expected: [["Accepted=False NotAllowedByListeners", OK]],
  },
  {
    name: "MESH-368 one of two rules cannot be served",
    objects: [
      gateway(),
      route(`${TO_WEB}, { filters: [{ type: ExtensionRef, extensionRef: { group: x.io, kind: Auth, name: me } }] }`),
      service("web"),
    ],
    expected: [["Accepted=True Accepted", OK, "PartiallyInvalid=True UnsupportedValue"]],
  },
  {
    name: "MESH-368 no rule can be served",
    objects: [
      gateway(),
      route("{ filters: [{ type: ExtensionRef, extensionRef: { group: x.io, kind: Auth, name: me } }] }"),
    ],
    expected: [["Accepted=False UnsupportedValue", OK]],
  },
  {
    name: "MESH-368 a Gateway that is not served",
    objects: [gateway(undefined, "addresses: [{ value: 10.1.2.3 }]"), route(TO_WEB), service("web")],
    expected: [["Accepted=False NoMatchingParent", OK]],
  },
  {
    name: "MESH-360 Services as parents, with and without the port",
    objects: [
      service("web"),
      route(
        TO_WEB,
        'parentRefs: [{ group: "", kind: Service, name: web, port: 80 }, { group: "", kind: Service, name: web, port: 81 }, { group: "", kind: Service, name: nobody }]',
      ),
    ],
    expected: [
      ["Accepted=True Accepted", OK],
      ["Accepted=False NoMatchingParent", OK],
      ["Accepted=False NoMatchingParent", OK],
    ],
  },
  {
    name: "MESH-360 a Gateway of another class, and one that is not there, are none of ours",
    objects: [gateway(undefined, "", "nginx"), route(TO_WEB, "parentRefs: [{ name: gw }, { name: nobody }]")],
    expected: [],
  },
];
for (const { name, objects, expected } of routeCases) {
  test(name, async () => {
    const world = await aWorld(...objects);
    assert.deepEqual(await parentsShown(world), expected);
    await checkFixpoint(world);
    await world.stop();
  });
}

test("MESH-369 a grant counts at once, and so does its removal", async () => {
  const grant = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: all, namespace: kube-public }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default }]
  to: [{ group: "", kind: Service }]
`;
  const world = await aWorld(
    gateway(),
    service("far", "kube-public"),
    route("{ backendRefs: [{ name: far, namespace: kube-public, port: 80 }] }"),
  );
  assert.match(await messageOf(world, "ResolvedRefs"), /no ReferenceGrant in namespace kube-public lets HTTPRoutes of/);
  await world.apply(grant);
  await world.settle();
  assert.deepEqual(await parentsShown(world), [["Accepted=True Accepted", OK]]);
  await world.client.delete(resources.referenceGrants, { namespace: "kube-public", name: "all" }, {});
  await world.settle();
  assert.deepEqual(await parentsShown(world), [["Accepted=True Accepted", "ResolvedRefs=False RefNotPermitted"]]);
  await world.stop();
});

test("MESH-368 a service that comes later resolves the reference; the transition has a time of its own", async () => {
  const world = await aWorld(gateway(), route(TO_WEB));
  assert.deepEqual(await parentsShown(world), [["Accepted=True Accepted", "ResolvedRefs=False BackendNotFound"]]);
  const before = (await statusOf(world, resources.httpRoutes, ROUTE)).parents![0]!.conditions;
  await world.advance(5_000);
  await world.apply(service("web"));
  await world.settle();
  const after = (await statusOf(world, resources.httpRoutes, ROUTE)).parents![0]!.conditions;
  assert.deepEqual(shown(after), ["Accepted=True Accepted", OK]);
  assert.equal(after[0]!.lastTransitionTime, before[0]!.lastTransitionTime);
  assert.notEqual(after[1]!.lastTransitionTime, before[1]!.lastTransitionTime);
  await world.stop();
});

test("MESH-368 entries of other controllers stay, ours go with the parentRef", async () => {
  const world = await aWorld(gateway(), service("web"), route(TO_WEB));
  const foreign = {
    parentRef: { name: "theirs" },
    controllerName: "nginx.org/gateway-controller",
    conditions: [
      { type: "Accepted", status: "True", reason: "Accepted", message: "", lastTransitionTime: "2030-01-01T00:00:00Z" },
    ],
  };
  const object = await world.client.get(resources.httpRoutes, ROUTE);
  const { parents = [] } = object["status"] as Status;
  await world.client.update(
    resources.httpRoutes,
    { ...object, status: { parents: [foreign, ...parents] } },
    { subresource: "status" },
  );
  await world.settle();
  const names = async () =>
    ((await statusOf(world, resources.httpRoutes, ROUTE)).parents ?? []).map(({ controllerName }) => controllerName);
  assert.deepEqual(await names(), ["istio.io/gateway-controller", "nginx.org/gateway-controller"]);
  await world.apply(route(TO_WEB, "parentRefs: [{ name: theirs }]"));
  await world.settle();
  assert.deepEqual(await names(), ["nginx.org/gateway-controller"]);
  await world.stop();
});

interface GatewayCase {
  readonly name: string;
  readonly gateway: string;
  readonly conditions: readonly string[];
  readonly listeners?: Readonly<Record<string, readonly string[]>>;
}

const INVALID = ["Accepted=False UnsupportedProtocol", "Conflicted=False NoConflicts", OK, "Programmed=False Invalid"];
const VALID = ["Accepted=True Accepted", "Conflicted=False NoConflicts", OK, "Programmed=True Programmed"];
const gatewayCases: readonly GatewayCase[] = [
  {
    name: "MESH-368 HTTPS beside HTTP is told and the rest is served",
    gateway: gateway("{ name: http, port: 80, protocol: HTTP }, { name: tls, port: 443, protocol: HTTPS }"),
    conditions: ["Accepted=True ListenersNotValid", "Programmed=True Programmed"],
    listeners: { http: VALID, tls: INVALID },
  },
  {
    name: "MESH-368 HTTPS alone leaves nothing to serve",
    gateway: gateway("{ name: tls, port: 443, protocol: HTTPS }"),
    conditions: ["Accepted=False ListenersNotValid", "Programmed=False Invalid"],
    listeners: { tls: INVALID },
  },
  {
    name: "MESH-368 two protocols on one port",
    gateway: gateway(
      "{ name: a, port: 80, protocol: HTTP }, { name: b, port: 80, protocol: TCP }, { name: c, port: 81, protocol: HTTP }",
    ),
    conditions: ["Accepted=True ListenersNotValid", "Programmed=True Programmed"],
    listeners: {
      a: ["Accepted=False ProtocolConflict", "Conflicted=True ProtocolConflict", OK, "Programmed=False Invalid"],
      b: ["Accepted=False ProtocolConflict", "Conflicted=True ProtocolConflict", OK, "Programmed=False Invalid"],
      c: VALID,
    },
  },
  {
    name: "MESH-368 a kind of route that we do not have",
    gateway: gateway("{ name: http, port: 80, protocol: HTTP, allowedRoutes: { kinds: [{ kind: GRPCRoute }] } }"),
    conditions: ["Accepted=True Accepted", "Programmed=True Programmed"],
    listeners: {
      http: [VALID[0]!, VALID[1]!, "ResolvedRefs=False InvalidRouteKinds", VALID[3]!],
    },
  },
  {
    name: "MESH-368 an address that is not the proxy's",
    gateway: gateway(undefined, "addresses: [{ value: 10.1.2.3 }]"),
    conditions: ["Accepted=True Accepted", "Programmed=False AddressNotUsable"],
  },
  {
    name: "MESH-368 the proxy by Istio's name for it",
    gateway: gateway(
      undefined,
      "addresses: [{ type: Hostname, value: istio-ingressgateway.istio-system.svc.cluster.local }]",
    ),
    conditions: ["Accepted=True Accepted", "Programmed=True Programmed"],
  },
  {
    name: "MESH-368 an address of another type",
    gateway: gateway(undefined, "addresses: [{ type: NamedAddress, value: x }]"),
    conditions: ["Accepted=False UnsupportedAddress", "Programmed=False Invalid"],
  },
  {
    name: "MESH-368 parameters of an infrastructure",
    gateway: gateway(undefined, "infrastructure: { parametersRef: { group: x.io, kind: Y, name: z } }"),
    conditions: ["Accepted=False InvalidParameters", "Programmed=False Invalid"],
  },
  {
    name: "MESH-368 another controller's Gateway keeps what the schema gives it",
    gateway: gateway(undefined, "", "nginx"),
    conditions: ["Accepted=Unknown Pending", "Programmed=Unknown Pending"],
  },
];
for (const { name, gateway: manifest, conditions, listeners } of gatewayCases) {
  test(name, async () => {
    const world = await aWorld(manifest);
    const status = await statusOf(world, resources.apiGateways, GATEWAY);
    assert.deepEqual(shown(status.conditions), conditions);
    for (const { name: listener, conditions: found } of status.listeners ?? []) {
      if (listeners) assert.deepEqual(shown(found), listeners[listener], listener);
    }
    await checkFixpoint(world);
    await world.stop();
  });
}

function dataPlane(revision: string, ports?: Record<string, number>): KubeObject {
  const data = {
    "gateways.gateway.networking.k8s.io": revision,
    ...(ports ? { [GATEWAY_PORTS]: JSON.stringify(ports) } : {}),
  };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data };
}

test("MESH-368 a Gateway is programmed once the data plane runs it, and stays so over our own writes", async () => {
  const world = await start();
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: DATA_PLANE_KEY.namespace } };
  await world.apply([namespace, dataPlane("1")]);
  await world.apply(CLASS);
  await world.apply(gateway());
  await world.settle();
  const programmed = async () => shown((await statusOf(world, resources.apiGateways, GATEWAY)).conditions)[1];
  assert.equal(await programmed(), "Programmed=False Pending");
  assert.deepEqual((await statusOf(world, resources.apiGateways, GATEWAY)).addresses, []);
  await checkFixpoint(world);

  const { resourceVersion } = (await world.client.get(resources.apiGateways, GATEWAY)).metadata;
  await world.apply(dataPlane(resourceVersion!));
  await world.settle();
  assert.equal(await programmed(), "Programmed=True Programmed");
  await world.apply([dataPlane("1")]);
  await world.apply(route(TO_WEB));
  await world.settle();
  assert.equal(await programmed(), "Programmed=True Programmed");

  await world.apply(gateway("{ name: http, port: 81, protocol: HTTP }"));
  await world.settle();
  assert.equal(await programmed(), "Programmed=False Pending");
  await world.stop();
});

test("MESH-368 the status says where a Gateway's ports are on the host, also after they moved", async () => {
  const world = await start();
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: DATA_PLANE_KEY.namespace } };
  await world.apply([namespace, dataPlane("1000000", { 80: 18080, 81: 40001 })]);
  await world.apply(CLASS);
  await world.apply(gateway("{ name: a, port: 81, protocol: HTTP }, { name: b, port: 80, protocol: HTTP }"));
  await world.settle();
  const message = async () => (await statusOf(world, resources.apiGateways, GATEWAY)).conditions![1]!.message;
  assert.equal(await message(), "the gateway proxy listens for port 80 at 127.0.0.1:18080, port 81 at 127.0.0.1:40001");
  await world.apply(dataPlane("1000000", { 80: 18080, 81: 40002 }));
  await world.settle();
  assert.match((await message()) ?? "", /port 81 at 127\.0\.0\.1:40002$/);
  await checkFixpoint(world);
  await world.stop();
});

test("MESH-368 attachedRoutes follows routes that come and go, and the labels of namespaces", async () => {
  const selector = "namespaces: { from: Selector, selector: { matchLabels: { team: shop } } }";
  const picky = `{ name: http, port: 80, protocol: HTTP, allowedRoutes: { ${selector} } }`;
  // The other listener has the route from the start: its own status says nothing new when the labels change.
  const world = await aWorld(gateway(`${picky}, { name: same, port: 81, protocol: HTTP }`));
  const count = async () => {
    const { listeners = [] } = await statusOf(world, resources.apiGateways, GATEWAY);
    return listeners.map(({ attachedRoutes }) => attachedRoutes);
  };
  await world.apply(route(TO_WEB));
  await world.settle();
  assert.deepEqual(await count(), [0, 1]);
  const labels = { kind: "merge", body: { metadata: { labels: { team: "shop" } } } } as const;
  await world.client.patch(resources.namespaces, { namespace: "", name: "default" }, labels);
  await world.settle();
  assert.deepEqual(await count(), [1, 1]);
  assert.deepEqual((await parentsShown(world))[0]![0], "Accepted=True Accepted");
  await world.client.delete(resources.httpRoutes, ROUTE, {});
  await world.settle();
  assert.deepEqual(await count(), [0, 0]);
  await world.stop();
});

test("MESH-368 the count of attached routes wakes no route, the end of the Gateway wakes all", async () => {
  const passes = new Map<string, number>();
  const count = (controller: string, key: string) => {
    const name = `${controller} ${key}`;
    passes.set(name, (passes.get(name) ?? 0) + 1);
  };
  const controllers = gatewayApiControllers({ address: ADDRESS });
  const world = await startWorld({ packs: [gatewayApiPack], controllers, onPlan: count });
  await world.apply(CLASS);
  await world.apply(gateway());
  await world.apply(route("{}", undefined, "first"));
  await world.settle();
  passes.clear();
  for (const name of ["second", "third", "fourth"]) {
    await world.apply(route("{}", undefined, name));
    await world.settle();
  }
  assert.equal(passes.get("http-route default/first"), undefined);
  await world.client.delete(resources.apiGateways, { namespace: "default", name: "gw" });
  await world.settle();
  assert.ok(passes.has("http-route default/first"));
  await world.stop();
});

test("INV-33 a crash after any write ends in the same state", () =>
  checkCrashAtEachWrite({
    start,
    play: async (world) => {
      for (const manifest of [CLASS, gateway(), service("web"), route(TO_WEB)]) await world.apply(manifest);
      await world.settle();
      await world.apply(gateway('{ name: http, port: 80, protocol: HTTP, hostname: "a.test" }'));
      await world.settle();
      await world.apply(route(TO_WEB, "parentRefs: [{ name: gw }]\n  hostnames: [b.test]"));
      await world.settle();
    },
  }));
