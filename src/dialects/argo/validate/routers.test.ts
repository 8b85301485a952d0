import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { CacheSet } from "../../../kube/cache.ts";
import { keyOf, resources } from "../../../kube/resource.ts";
import { mappings } from "../../../traffic/ambassador/router.ts";
import { gatherRollout, podTemplates } from "../gather.ts";
import { Pass } from "../pass.ts";
import { aRollout, aService } from "../rollout.fixture.ts";
import { GATEWAY_PLUGIN } from "../traffic/gateway-config.ts";
import { customRouteKinds } from "../traffic/route-objects.ts";
import type { CanaryStrategy, Rollout, TrafficRouting } from "../types.ts";
import { validateSpec } from "../validate.ts";
import { formatFieldError } from "./field-error.ts";
import { validateReferences } from "./references.ts";

const CANARY = "istio-rollout-canary";
const STABLE = "istio-rollout-stable";

function problem(rollout: Rollout, objects: readonly KubeObject[] = []): string | null {
  rollout.metadata = { ...rollout.metadata, namespace: "default", uid: "u" };
  const present = [...[CANARY, STABLE, "ping", "pong"].map(aService), ...objects, rollout];
  const caches = new CacheSet();
  for (const type of [...Object.values(resources), podTemplates, ...customRouteKinds]) {
    const own = present.filter(
      ({ apiVersion, kind }) =>
        kind === type.kind && apiVersion === (type.group ? `${type.group}/${type.version}` : type.version),
    );
    const metadata = (one: KubeObject) =>
      type.namespaced ? { ...one.metadata, namespace: "default" } : { name: one.metadata.name };
    caches.add(type).replace(
      own.map((one) => ({ ...one, metadata: { ...metadata(one), uid: one.metadata.uid ?? one.metadata.name } })),
      0,
    );
  }
  const view = gatherRollout(keyOf(rollout), caches, { now: 0, assumedPropagationSeconds: 1 });
  assert.ok(view);
  const error = validateSpec(view) ?? validateReferences(new Pass(view));
  return error && formatFieldError(error);
}

const routed = (trafficRouting: TrafficRouting, canary: Partial<CanaryStrategy> = {}) =>
  aRollout({ trafficRouting, ...canary });
const plugin = (config: unknown) => routed({ plugins: { [GATEWAY_PLUGIN]: config } });

const anIngress = (name: string, service: string): KubeObject => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name },
  spec: {
    rules: [{ http: { paths: [{ path: "/", backend: { service: { name: service, port: { number: 80 } } } }] } }],
  },
});

const aMapping = (spec: object): KubeObject => ({
  apiVersion: "getambassador.io/v2",
  kind: "Mapping",
  metadata: { name: "m" },
  spec: { service: STABLE, ...spec },
});

const mappingCrd: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "mappings.getambassador.io" },
  spec: { versions: [{ name: "v2", served: true }] },
};

const ROUTING = "spec.strategy.trafficRouting";
const OBJECTS = "spec.strategy.canary.trafficRouting";

interface Row {
  readonly name: string;
  readonly rollout: Rollout;
  readonly objects?: readonly KubeObject[];
  readonly want: string | null;
}

const header = [{ setHeaderRoute: { name: "h", match: [{ headerName: "a", headerValue: { prefix: "b" } }] } }];
const mirror = [{ setMirrorRoute: { name: "h", match: [{ method: { exact: "GET" } }] } }];
const weighted = [{ experiment: { templates: [{ name: "t", specRef: "canary", weight: 5 }] } }];

const table: Row[] = [
  // Which routers
  {
    name: "ARC-407 App Mesh is refused by name",
    rollout: routed({ appMesh: {} }),
    want: `${ROUTING}.appMesh: Invalid value: "appMesh": Fairway does not drive App Mesh, which its vendor has withdrawn`,
  },
  {
    name: "ARC-670 plugins of other makers are refused by name",
    rollout: routed({ plugins: { "acme/router": {} } }),
    want: `${ROUTING}.plugins: Invalid value: "acme/router": Fairway does not run plugins of other makers; built in is ${GATEWAY_PLUGIN}`,
  },
  {
    name: "ARC-670 step plugins are refused by name",
    rollout: routed({ nginx: { stableIngress: "i" } }, { steps: [{ plugin: { name: "acme/step" } }] }),
    objects: [anIngress("i", STABLE)],
    want: 'spec.strategy.steps[0].plugin: Invalid value: "acme/step": Fairway does not run step plugins',
  },
  {
    name: "ARC-713 no router at all",
    rollout: routed({}),
    want: `${ROUTING}: Invalid value: "": no traffic router is set; supported are istio, nginx, alb, smi, ambassador, traefik, apisix and plugins`,
  },
  {
    name: "ARC-713 a whole of 1000 for nginx",
    rollout: routed({ nginx: { stableIngress: "i" }, maxTrafficWeight: 1000 }),
    objects: [anIngress("i", STABLE)],
    want: null,
  },
  {
    name: "ARC-713 a whole of 1000 for Traefik",
    rollout: routed({ traefik: { weightedTraefikServiceName: "t" }, maxTrafficWeight: 1000 }),
    want: `${ROUTING}.maxTrafficWeight: Invalid value: 1000: Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins`,
  },
  {
    name: "ARC-713 a whole of 1000 for nginx beside a router that has none",
    rollout: routed({
      nginx: { stableIngress: "i" },
      traefik: { weightedTraefikServiceName: "t" },
      maxTrafficWeight: 1000,
    }),
    want: `${ROUTING}.maxTrafficWeight: Invalid value: 1000: Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins, and traefik is set as well`,
  },
  // Gateway API
  { name: "ARC-406 an HTTPRoute", rollout: plugin({ httpRoute: "r" }), want: null },
  {
    name: "ARC-406 no Services",
    rollout: routed({ plugins: { [GATEWAY_PLUGIN]: { httpRoute: "r" } } }, { canaryService: "", stableService: "" }),
    want: 'spec.strategy.stableService: Invalid value: "": Canary service and Stable service must to be set to use Traffic Routing',
  },
  {
    name: "ARC-406 no route",
    rollout: plugin({ namespace: "x" }),
    want: `${ROUTING}.plugins[${GATEWAY_PLUGIN}]: Invalid value: "${GATEWAY_PLUGIN}": No routes configured. At least one of 'httpRoutes', 'grpcRoutes', 'tcpRoutes', 'tlsRoutes', 'httpRoute', 'grpcRoute', 'tcpRoute' or 'tlsRoute' must be set`,
  },
  {
    name: "ARC-406 a list without names",
    rollout: plugin({ httpRoutes: [{ useHeaderRoutes: true }] }),
    want: `${ROUTING}.plugins[${GATEWAY_PLUGIN}]: Invalid value: "${GATEWAY_PLUGIN}": httpRoutes[0].name is required`,
  },
  {
    name: "ARC-406 a member of the wrong type",
    rollout: plugin({ httpRoute: "r", disableInProgressLabel: "yes" }),
    want: `${ROUTING}.plugins[${GATEWAY_PLUGIN}]: Invalid value: "${GATEWAY_PLUGIN}": disableInProgressLabel must be a boolean`,
  },
  // What routers can do
  {
    name: "ARC-718 a header route for nginx",
    rollout: routed({ nginx: { stableIngress: "i" }, managedRoutes: [{ name: "h" }] }, { steps: header }),
    want: `spec.strategy.steps[0].setHeaderRoute: Invalid value: {"name":"h","match":[{"headerName":"a","headerValue":{"prefix":"b"}}]}: SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix`,
  },
  {
    name: "ARC-718 a prefix for the ALB",
    rollout: routed({ alb: { ingress: "i", servicePort: 80 }, managedRoutes: [{ name: "h" }] }, { steps: header }),
    want: `spec.strategy.steps[0].setHeaderRoute.match[0]: Invalid value: {"prefix":"b"}: SetHeaderRoute match value invalid. ALB supports 'exact' value only`,
  },
  {
    name: "ARC-408 a mirror route for the Gateway API",
    rollout: routed(
      { plugins: { [GATEWAY_PLUGIN]: { httpRoute: "r" } }, managedRoutes: [{ name: "h" }] },
      { steps: mirror },
    ),
    want: `spec.strategy.steps[0].setMirrorRoute: Invalid value: {"name":"h","match":[{"method":{"exact":"GET"}}]}: the Gateway API plugin sets no mirror routes; Istio does`,
  },
  {
    name: "ARC-721 shares of experiments for nginx",
    rollout: routed({ nginx: { stableIngress: "i" } }, { steps: weighted }),
    want: "spec.strategy.steps[0].experiment.templates[0].weight: Invalid value: 5: Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio and Plugins at this time",
  },
  { name: "ARC-721 shares of experiments for SMI", rollout: routed({ smi: {} }, { steps: weighted }), want: null },
  // Ping-pong
  {
    name: "ARC-724 ping-pong with nginx",
    rollout: routed({ nginx: { stableIngress: "i" } }, { pingPong: { pingService: "ping", pongService: "pong" } }),
    want: `${ROUTING}.alb: Invalid value: null: Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only`,
  },
  {
    name: "ARC-724 one of the two",
    rollout: routed(
      { smi: {}, plugins: { [GATEWAY_PLUGIN]: { httpRoute: "r" } } },
      { pingPong: { pingService: "ping", pongService: "" } },
    ),
    want: 'spec.strategy.pingPong.pongService: Invalid value: "": Ping service and Pong service must to be set to use Ping-Pong feature',
  },
  {
    name: "ARC-724 twice the same",
    rollout: routed(
      { alb: { ingress: "i", servicePort: 80 } },
      { pingPong: { pingService: "ping", pongService: "ping" } },
    ),
    want: 'spec.strategy.pingPong.pingService: Invalid value: "ping": This rollout uses the same service for the ping and pong services, but two different services are required.',
  },
  {
    name: "ARC-724 the ALB needs a root service",
    rollout: routed(
      { alb: { ingress: "i", servicePort: 80 } },
      { pingPong: { pingService: "ping", pongService: "pong" } },
    ),
    want: `${ROUTING}.alb.rootService: Invalid value: "": Root service field is required for the configuration with ALB and ping-pong feature enabled`,
  },
  {
    name: "ARC-724 roles that two routers would see differently",
    rollout: routed(
      {
        alb: { ingress: "i", servicePort: 80, rootService: STABLE },
        plugins: { [GATEWAY_PLUGIN]: { httpRoute: "r" } },
      },
      { pingPong: { pingService: "ping", pongService: "pong" } },
    ),
    want: 'spec.strategy.pingPong: Invalid value: "ping": with ping-pong, canaryService and stableService must not be set for another router beside ALB',
  },
  {
    name: "ARC-725 a Service of ping-pong that does not exist",
    rollout: routed(
      { alb: { ingress: "i", servicePort: 80, rootService: "root" } },
      { pingPong: { pingService: "ping", pongService: "nobody" } },
    ),
    want: 'spec.strategy.canary.pingPong.pongService: Invalid value: "nobody": service "nobody" not found',
  },
  // Objects
  {
    name: "ARC-727 both ways to name Ingresses",
    rollout: routed({ nginx: { stableIngress: "i", stableIngresses: ["j"] } }),
    want: `${OBJECTS}.nginx: Internal error: Either StableIngress or StableIngresses must be configured. Both are configured.`,
  },
  {
    name: "ARC-727 neither",
    rollout: routed({ alb: { servicePort: 80 } }),
    want: `${OBJECTS}.alb: Internal error: Either Ingress or Ingresses must be configured. Neither are configured.`,
  },
  {
    name: "ARC-727 an Ingress that does not exist",
    rollout: routed({ nginx: { stableIngresses: ["i", "j"] } }),
    objects: [anIngress("i", STABLE)],
    want: `${OBJECTS}.nginx.stableIngresses: Invalid value: "j": ingress.networking.k8s.io "j" not found`,
  },
  {
    name: "ARC-727 an Ingress without the stable Service",
    rollout: routed({ nginx: { stableIngress: "i" } }),
    objects: [anIngress("i", "other")],
    want: `${OBJECTS}.nginx.stableIngress: Invalid value: "i": ingress \`i\` has no rules using service ${STABLE} backend`,
  },
  {
    name: "ARC-727 an Ingress without the root Service",
    rollout: routed({ alb: { ingress: "i", servicePort: 80, rootService: "root" } }),
    objects: [anIngress("i", STABLE)],
    want: `${OBJECTS}.alb.ingress: Invalid value: "i": ingress \`i\` has no rules using service root backend`,
  },
  {
    name: "ARC-404 no mapping",
    rollout: routed({ ambassador: { mappings: [] } }),
    want: `${ROUTING}.ambassador.mappings: Invalid value: null: must provide at least one mapping`,
  },
  {
    name: "ARC-404 a mapping that does not exist",
    rollout: routed({ ambassador: { mappings: ["m"] } }),
    objects: [mappingCrd],
    want: `${OBJECTS}.ambassador.mappings: Invalid value: "m": mappings.getambassador.io "m" not found`,
  },
  {
    name: "ARC-404 a mapping with a weight of its own",
    rollout: routed({ ambassador: { mappings: ["m"] } }),
    objects: [mappingCrd, aMapping({ weight: 5 })],
    want: 'spec.weight: Invalid value: "m": Ambassador mapping "m" can not define weight',
  },
  {
    name: "ARC-404 a mapping as it should be",
    rollout: routed({ ambassador: { mappings: ["m"] } }),
    objects: [mappingCrd, aMapping({})],
    want: null,
  },
  {
    name: "ARC-405 an ApisixRoute without a name",
    rollout: routed({ apisix: {} }),
    want: `${ROUTING}.apisix.route: Invalid value: "": must name an ApisixRoute`,
  },
];

for (const { name, rollout, objects = [], want } of table) {
  test(name, () => assert.equal(problem(rollout, objects), want));
}

test("ARC-406 an unknown member is refused with those that are known", () => {
  assert.match(
    problem(plugin({ httpRoute: "r", httproutes: [] })) ?? "",
    /unknown member "httproutes"; known are httpRoute, httpRoutes, httpRouteSelector, /,
  );
});

test("ARC-404 both versions of Mappings are known", () => {
  assert.deepEqual(
    mappings.map(({ version }) => version),
    ["v2", "v3alpha1"],
  );
});
