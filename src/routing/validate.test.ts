import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import type { AdmissionRequest } from "../kube/admission.ts";
import { type ResourceType, resources } from "../kube/resource.ts";
import { destinationRuleProblems, gatewayProblems, istioAdmission, virtualServiceProblems } from "./validate.ts";

/** Istio's messages (MESH section 21): a row is a spec and the problems it has. */

const web = { destination: { host: "web" } };
const aRule = (rest: Record<string, unknown> = {}) => ({ route: [web], ...rest });
const matching = (match: unknown) => aRule({ match: [match] });

function object(kind: string, spec: unknown): KubeObject {
  return { apiVersion: "networking.istio.io/v1beta1", kind, metadata: { name: "x", namespace: "default" }, spec };
}

function virtualService(http: unknown, rest: Record<string, unknown> = {}): KubeObject {
  return object("VirtualService", { hosts: ["web"], http, ...rest });
}

const virtualServices: readonly (readonly [name: string, object: KubeObject, problems: readonly string[]])[] = [
  ["a plain rule is fine", virtualService([aRule()]), []],
  [
    "MESH-440 no routes",
    object("VirtualService", { hosts: ["web"] }),
    ["http, tcp or tls must be provided in virtual service"],
  ],
  [
    "MC-022 MESH-441 * in the mesh",
    virtualService([aRule()], { hosts: ["*"] }),
    ["wildcard host * is not allowed for virtual services bound to the mesh gateway"],
  ],
  ["MESH-034 * on a gateway is fine", virtualService([aRule()], { hosts: ["*"], gateways: ["gw"] }), []],
  [
    "MESH-442 overlapping hosts",
    virtualService([aRule()], { hosts: ["a.test", "*.test"] }),
    ["duplicate hosts in virtual service: a.test & *.test"],
  ],
  ["MESH-443 no action", virtualService([{}]), ["HTTP route, redirect or direct_response is required"]],
  [
    "MC-090 MESH-444 sum 0",
    virtualService([
      {
        route: [
          { ...web, weight: 0 },
          { ...web, weight: 0 },
        ],
      },
    ]),
    ["total destination weight = 0"],
  ],
  ["MESH-091 a single destination of weight 0 is fine", virtualService([{ route: [{ ...web, weight: 0 }] }]), []],
  [
    "MC-095 MESH-444 negative",
    virtualService([
      {
        route: [
          { ...web, weight: -1 },
          { ...web, weight: 2 },
        ],
      },
    ]),
    ["weight -1 < 0"],
  ],
  [
    "MC-121 MESH-445 route and redirect",
    virtualService([aRule({ redirect: { uri: "/" } })]),
    ["HTTP route cannot contain both route and redirect"],
  ],
  [
    "MESH-445 fault and direct response",
    virtualService([{ directResponse: { status: 200 }, fault: { abort: { httpStatus: 500 } } }]),
    ["HTTP route cannot contain both fault and direct_response"],
  ],
  ["MESH-446 null header", virtualService([matching({ headers: { x: null } })]), ["header match x cannot be null"]],
  ["MESH-446 null in withoutHeaders is fine", virtualService([matching({ withoutHeaders: { x: null } })]), []],
  [
    "MESH-446 empty prefix",
    virtualService([matching({ headers: { x: { prefix: "" } } })]),
    ['"headers": prefix string match should not be empty'],
  ],
  ["MESH-446 an empty uri prefix is fine", virtualService([matching({ uri: { prefix: "" } })]), []],
  [
    "MESH-446 long regex",
    virtualService([matching({ uri: { regex: "a".repeat(1025) } })]),
    ['"uri": regex is too large, max length allowed is 1024'],
  ],
  ["MESH-447 no destination", virtualService([{ route: [{}] }]), ["destination is required"]],
  [
    "MESH-447 bad subset",
    virtualService([{ route: [{ destination: { host: "web", subset: "A_b" } }] }]),
    ["subset name is invalid: A_b"],
  ],
  [
    "LANE-285 a traffic label is fine",
    virtualService([
      {
        route: [
          { destination: { host: "web", subset: "$asm-label" }, fallback: { target: { host: "web", subset: "base" } } },
        ],
      },
    ]),
    [],
  ],
  [
    "MESH-448 pseudo-header",
    virtualService([aRule({ headers: { request: { set: { ":path": "x" } } } })]),
    ['invalid header ":path": header cannot have ":" prefix'],
  ],
  [
    "MESH-448 Host of a response",
    virtualService([aRule({ headers: { response: { set: { Host: "x" } } } })]),
    ['invalid header "Host": cannot set Host header'],
  ],
  [
    "MESH-448 authority twice",
    virtualService([aRule({ headers: { request: { set: { Host: "a" }, add: { ":authority": "b" } } } })]),
    ['authority header cannot be set multiple times: have "a", attempting to set "b"'],
  ],
  [
    "MESH-449 empty fault",
    virtualService([aRule({ fault: {} })]),
    ["HTTP fault injection must have an abort and/or a delay"],
  ],
  [
    "MESH-449 status",
    virtualService([aRule({ fault: { abort: { httpStatus: 100 } } })]),
    ["HTTP status 100 is not in range 200-599"],
  ],
  [
    "MESH-450 empty redirect",
    virtualService([{ redirect: {} }]),
    ["redirect must specify URI, authority, scheme, or port"],
  ],
  [
    "MESH-450 code",
    virtualService([{ redirect: { uri: "/", redirectCode: 404 } }]),
    ["404 is not a valid redirect code, must be 3xx"],
  ],
  [
    "MESH-450 prefix_rewrite",
    virtualService([{ redirect: { prefixRewrite: "/" } }]),
    ["redirect prefix_rewrite requires all URI matches to use prefix match type"],
  ],
  ["MESH-451 attempts", virtualService([aRule({ retries: { attempts: -1 } })]), ["attempts cannot be negative"]],
  [
    "MESH-451 attempts 0",
    virtualService([aRule({ retries: { attempts: 0, retryOn: "5xx" } })]),
    ["http retry policy configured when attempts are set to 0 (disabled)"],
  ],
  [
    "MESH-451 token",
    virtualService([aRule({ retries: { attempts: 1, retryOn: "503,foo" } })]),
    ['"foo" is not a valid retryOn policy'],
  ],
  [
    "MESH-452 mirror share",
    virtualService([aRule({ mirrorPercentage: { value: 101 } })]),
    ["mirror_percentage must have a max value of 100 (it has 101.000000)"],
  ],
  [
    "MESH-133 a fraction of a millisecond",
    virtualService([aRule({ timeout: "1500us" })]),
    ["only durations to ms precision are supported"],
  ],
];

for (const [name, subject, problems] of virtualServices) {
  test(name, () => assert.deepEqual(virtualServiceProblems(subject), problems));
}

test("MC-080 MESH-082 constructs that RE2 does not have are refused", () => {
  for (const regex of ["(?=a)", "(?<!a)b", "(a)\\1", "(?<n>a)\\k<n>", "a(", "[z-a]"]) {
    const [problem] = virtualServiceProblems(virtualService([matching({ headers: { x: { regex } } })]));
    assert.match(problem ?? "", /^"headers": .*; Istio uses RE2 style regex-based match/, regex);
  }
});

const port = { number: 80, name: "http", protocol: "HTTP" };
const gateways: readonly (readonly [name: string, spec: unknown, problems: readonly string[]])[] = [
  ["a plain server is fine", { servers: [{ port, hosts: ["*"] }] }, []],
  ["MESH-454 no servers", { selector: {} }, ["gateway must have at least one server"]],
  ["MESH-454 no hosts", { servers: [{ port, hosts: [] }] }, ["server config must contain at least one host"]],
  ["MESH-454 no port", { servers: [{ hosts: ["*"] }] }, ["port is required"]],
  [
    "MESH-454 equal names",
    {
      servers: [
        { port, hosts: ["*"] },
        { port: { ...port, number: 81 }, hosts: ["*"] },
      ],
    },
    ["port names in servers must be unique: duplicate name http"],
  ],
  [
    "MESH-454 HTTPS without TLS",
    { servers: [{ port: { ...port, protocol: "HTTPS" }, hosts: ["*"] }] },
    ["server must have TLS settings for HTTPS/TLS protocols"],
  ],
  [
    "MESH-454 HTTP with TLS",
    { servers: [{ port, hosts: ["*"], tls: { mode: "SIMPLE" } }] },
    ["server cannot have TLS settings for plain text HTTP ports"],
  ],
  ["MESH-036 HTTP with a redirect is fine", { servers: [{ port, hosts: ["*"], tls: { httpsRedirect: true } }] }, []],
];

for (const [name, spec, problems] of gateways) {
  test(`Gateway: ${name}`, () => assert.deepEqual(gatewayProblems(object("Gateway", spec)), problems));
}

const hash = (consistentHash: unknown) => ({ host: "web", trafficPolicy: { loadBalancer: { consistentHash } } });
const rules: readonly (readonly [name: string, spec: unknown, problems: readonly string[]])[] = [
  ["a plain rule is fine", { host: "web", subsets: [{ name: "a" }, { name: "b" }] }, []],
  ["MESH-455 equal subsets", { host: "web", subsets: [{ name: "a" }, { name: "a" }] }, ["duplicate subset names: a"]],
  ["MESH-455 null subset", { host: "web", subsets: [null] }, ["subset may not be null"]],
  ["MESH-455 empty policy", { host: "web", trafficPolicy: {} }, ["traffic policy must have at least one field"]],
  [
    "MESH-455 empty pool",
    { host: "web", trafficPolicy: { connectionPool: {} } },
    ["connection pool must have at least one field"],
  ],
  [
    "negative bounds",
    {
      host: "web",
      trafficPolicy: { connectionPool: { tcp: { maxConnections: -1 }, http: { maxRetries: -1, idleTimeout: "1h" } } },
    },
    ["max retries must be non-negative", "max connections must be non-negative"],
  ],
  [
    "MESH-133 times of a pool, of a port's too",
    {
      host: "web",
      trafficPolicy: {
        connectionPool: { tcp: { connectTimeout: "soon" } },
        portLevelSettings: [{ port: { number: 80 }, connectionPool: { http: { idleTimeout: "1us" } } }],
      },
    },
    ['invalid duration "soon"', "duration must be greater than 1ms"],
  ],
  [
    "MESH-455 ring twice",
    hash({ minimumRingSize: 1, ringHash: {} }),
    ["only one of MinimumRingSize or Maglev/Ringhash can be specified"],
  ],
  ["MESH-455 table size", hash({ maglev: { tableSize: 10 } }), ["tableSize must be a prime number for maglev"]],
  ["MESH-455 cookie", hash({ httpCookie: {} }), ["name required for HttpCookie"]],
];

for (const [name, spec, problems] of rules) {
  test(`DestinationRule: ${name}`, () =>
    assert.deepEqual(destinationRuleProblems(object("DestinationRule", spec)), problems));
}

function admit(subject: KubeObject, type: ResourceType, rest: Partial<AdmissionRequest> = {}) {
  const request: AdmissionRequest = {
    operation: "CREATE",
    type,
    subresource: "",
    namespace: "default",
    name: "x",
    object: subject,
    oldObject: null,
    userAgent: "",
    dryRun: false,
    ...rest,
  };
  return istioAdmission[0]!.admit(request, { get: () => null, list: () => [] });
}

test("MESH-458 a refusal reads like the webhook's, several problems as a list", () => {
  const one = admit(virtualService([{}]), resources.virtualServices);
  assert.ok(!one.allowed);
  assert.equal(
    one.message,
    'admission webhook "validation.istio.io" denied the request: configuration is invalid: HTTP route, redirect or direct_response is required',
  );
  const two = admit(virtualService([{}, { route: [{}] }]), resources.virtualServices);
  assert.ok(!two.allowed);
  assert.match(two.message, /invalid: 2 errors occurred:\n\t\* HTTP route.*\n\t\* destination is required\n/);
});

test("MESH-458 status, deletion and other kinds are not checked", () => {
  const bad = virtualService([{}]);
  assert.ok(admit(bad, resources.virtualServices, { subresource: "status" }).allowed);
  assert.ok(admit(bad, resources.services).allowed);
  const leaving = { ...bad, metadata: { ...bad.metadata, deletionTimestamp: "2030-01-01T00:00:00Z" } };
  assert.ok(admit(leaving, resources.virtualServices, { operation: "UPDATE" }).allowed);
});
