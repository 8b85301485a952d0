import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { KubeObject } from "../../src/api/meta.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Schema } from "../../src/cluster/apiserver/resource.ts";
import { gatewayApiCrds } from "../../src/dialects/gateway-api/schema.ts";
import { type ResourceType, resources } from "../../src/kube/resource.ts";
import { gatewayApiPack } from "../../src/packs/gateway-api.ts";
import { istioPack } from "../../src/packs/istio.ts";
import { compile } from "../../src/routing/compile.ts";
import { decide } from "../../src/routing/decide.ts";
import { aService, configOf, factsOf, podSource } from "../../src/routing/fixture.ts";
import { istioClass } from "../../src/routing/gateway-api/fixture.ts";
import type { Decision, Table } from "../../src/routing/types.ts";
import { SchemaValues } from "../support/from-schema.ts";
import { startWorld, type World } from "../support/world.ts";

/**
 * Whatever the API server takes, the data plane can compile and decide by: an object that made `compile` throw would hold
 * back every later change of everybody (MESH-256). The generator is blind; `ACCEPTED_MIN` of each kind says that it is not in vain.
 */
const OBJECTS = 2500;
/** Of each kind but VirtualService, whose admission refuses nearly all that is not meant. */
const ACCEPTED_MIN = 25;
/** As many objects of earlier turns stand beside a new one. */
const COMPANIONS = 12;

const HOSTILE = [
  "",
  "a",
  "*",
  "/",
  "//",
  "/a",
  "/%2e",
  "a\r\nx: y",
  "é日\ud800",
  "(",
  "(a*)*b",
  "[",
  "\\1",
  "/$1?x",
].concat([
  "__proto__",
  "constructor",
  "Host",
  "content-length",
  "1s",
  "0s",
  "99999h",
  " ".repeat(99),
  "true",
  "100",
  "-1",
]);
const HOSTS = ["a.test", "*.a.test", "b.a.test", "A.Test"];
const LIKELY = {
  hostname: HOSTS.slice(0, 3),
  hostnames: HOSTS.slice(0, 3),
  hosts: [...HOSTS, "*", "web"],
  host: ["web", "a.test"],
  selector: [{ istio: "ingressgateway" }, undefined],
  allowedRoutes: [undefined, { namespaces: { from: "All" } }],
  addresses: [undefined],
  infrastructure: [undefined],
  tls: [undefined],
  tcp: [undefined],
  number: [80],
  value: ["/a", "/", "/(a*)*b", "(", "a\r\nx: y", "\\pL+"],
  gatewayClassName: ["istio"],
  protocol: ["HTTP"],
  port: [80, undefined, { number: 80, name: "http", protocol: "HTTP" }],
  namespace: ["default"],
  name: ["gw", "web", "x-a"],
  group: ["", "gateway.networking.k8s.io"],
  kind: ["Service", "Gateway"],
  parentRefs: [[{ name: "gw" }], [{ name: "gw" }, { group: "", kind: "Service", name: "web" }]],
  gateways: [["default/gw"], ["mesh"], undefined],
};

const istioKinds = [resources.virtualServices, resources.gateways, resources.destinationRules];
const apiKinds = [resources.httpRoutes, resources.apiGateways, resources.referenceGrants];
const kinds: readonly (readonly [ResourceType, Schema])[] = [
  ...apiKinds.map((type) => [type, specSchema(gatewayApiCrds, type)] as const),
  ...istioKinds.map((type) => [type, specSchema(istioPack.crds, type)] as const),
];

function specSchema(crds: readonly KubeObject[], { plural, version }: ResourceType): Schema {
  const specs = crds.map((crd) => crd["spec"] as { names: { plural: string }; versions: readonly CrdVersion[] });
  const served = specs.find(({ names }) => names.plural === plural)?.versions.find(({ name }) => name === version);
  return served!.schema.openAPIV3Schema.properties!["spec"]!;
}

interface CrdVersion {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: Schema };
}

let world: World;
before(async () => {
  world = await startWorld({ packs: [gatewayApiPack, istioPack], builtinControllers: false });
});
after(() => world.stop());

for (const seed of [1, 2]) {
  test(`MESH-256 what the API server accepts is compiled and decided by, seed ${seed}`, async () => {
    const values = new SchemaValues(seededRandom(seed), HOSTILE, LIKELY);
    const accepted: KubeObject[] = [];
    const counts = new Map<ResourceType, number>();
    for (let turn = 0; turn < OBJECTS; turn++) {
      const [type, object] = values.happens(0.2) ? anIngress(values) : aCustomObject(values);
      const stored = await acceptedAs(type, object);
      if (stored === null) continue;
      accepted.push(stored);
      counts.set(type, (counts.get(type) ?? 0) + 1);
      const companions = Array.from({ length: COMPANIONS }, () => values.oneOf(accepted));
      try {
        checkAll(compile(configOf(services, [istioClass, ...companions, stored])));
      } catch (error) {
        assert.fail(`${(error as Error).stack}\nwith ${JSON.stringify([stored, ...companions])}`);
      }
    }
    for (const type of [resources.ingresses, ...apiKinds, resources.gateways, resources.destinationRules]) {
      const count = counts.get(type) ?? 0;
      assert.ok(count >= ACCEPTED_MIN, `${count} of ${type.kind}.${type.group} were accepted`);
    }
  });
}

const services = [aService("web", [80, 8080], [{ name: "w1", labels: {} }])];

function aCustomObject(values: SchemaValues): [ResourceType, KubeObject] {
  const [type, schema] = values.oneOf(kinds);
  return [type, objectOf(type, values.oneOf(["gw", "web", "other"]), values.valueOf(schema))];
}

function objectOf({ group, version, kind }: ResourceType, name: string, spec: unknown): KubeObject {
  return { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace: "default" }, spec };
}

const PREFIXES = ["nginx.ingress.kubernetes.io/", "mse.ingress.kubernetes.io/", "alb.ingress.kubernetes.io/"];
const KEYS = ["canary", "canary-weight", "canary-by-header", "canary-by-header-pattern", "canary-by-cookie"].concat(
  ["canary-by-query-pattern", "rewrite-target", "rewrite-path", "use-regex", "force-ssl-redirect", "app-root"],
  ["enable-cors", "cors-allow-origin", "upstream-vhost", "timeout", "mirror-target-service", "service-subset"],
  ["request-header-control-add", "response-header-control-remove", "subset-labels", "order", "auth-url"],
);

/** The schema of built-in kinds says little; this says more. */
function anIngress(values: SchemaValues): [ResourceType, KubeObject] {
  const keys = Array.from({ length: 5 }, () => values.oneOf(PREFIXES) + values.oneOf(KEYS));
  const annotations = Object.fromEntries(keys.map((key) => [key, values.oneOf(["true", "50", "x-a", ...HOSTILE])]));
  const backend = () =>
    values.oneOf([{ service: { name: "web", port: { number: 80 } } }, { resource: { kind: "B", name: "b" } }]);
  const paths = () => {
    const path = values.oneOf([undefined, "", "/", "/a", "/(", "/a(/|$)(.*)", "/a{1000}"]);
    return [{ path, pathType: values.oneOf(["Exact", "Prefix", "ImplementationSpecific"]), backend: backend() }];
  };
  const spec = {
    ingressClassName: values.oneOf(["nginx", "mse", "higress", "alb", "istio", "other"]),
    rules: values.oneOf([null, [null], [{ host: values.oneOf(HOSTS), http: { paths: paths() } }], [{}]]),
    tls: values.oneOf([undefined, null, [{}], [{ hosts: null }], [{ hosts: ["a.test"] }]]),
    ...(values.happens(0.3) ? { defaultBackend: backend() } : {}),
  };
  const object = objectOf(resources.ingresses, "i", spec);
  return [resources.ingresses, { ...object, metadata: { ...object.metadata, annotations } }];
}

/** As stored; null: refused. Gone again, so that names are free. */
async function acceptedAs(type: ResourceType, object: KubeObject): Promise<KubeObject | null> {
  const stored = await world.client.create(type, object).catch(() => null);
  if (stored !== null) await world.client.delete(type, { namespace: "default", name: object.metadata.name });
  return stored;
}

function checkAll(table: Table): void {
  const headers = {
    origin: "https://b.a.test",
    "access-control-request-method": "GET",
    "x-a": "always",
    cookie: "=;a",
  };
  for (const host of ["a.test", "B.a.test:80", "else.test", "a.test."]) {
    for (const path of ["/", "/a/b?x-a=1", "//a"]) {
      for (const method of ["GET", "OPTIONS"])
        check(decide(table, factsOf({ host, path, method, headers, draw: 0.5 })));
    }
  }
  check(decide(table, factsOf({ source: podSource(), host: "web" })));
}

function check(decision: Decision): void {
  if (decision.kind === "forward") {
    assert.deepEqual([typeof decision.path, typeof decision.authority], ["string", "string"]);
  } else {
    assert.ok(decision.status >= 200 && decision.status <= 599, `status ${decision.status}`);
  }
}
