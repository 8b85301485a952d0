import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startWorld, type World } from "../../../test/support/world.ts";
import { gatewayApiPack } from "../../packs/gateway-api.ts";

/** What the API server refuses, with the field and the reason. */
describe("the schemas of Gateway API", () => {
  let world: World;
  let count = 0;
  before(async () => {
    world = await startWorld({ packs: [gatewayApiPack], builtinControllers: false });
  });
  after(() => world.stop());

  /** "" when the object is taken. */
  async function refusalOf(kind: string, spec: string): Promise<string> {
    const manifest = `
apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: o${count++} }
spec: ${spec}
`;
    try {
      await world.apply(manifest);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  const REF = "{ name: web, port: 80 }";
  const REDIRECT = "{ type: RequestRedirect, requestRedirect: { scheme: https } }";
  const route = (rule: string, rest = "") => `{ ${rest} rules: [${rule}] }`;
  const matching = (path: string) => route(`{ matches: [{ path: ${path} }] }`);

  const cases: readonly (readonly [name: string, kind: string, spec: string, refusal: RegExp | null])[] = [
    ["a plain route", "HTTPRoute", route(`{ backendRefs: [${REF}] }`), null],
    [
      "a Service without port",
      "HTTPRoute",
      route("{ backendRefs: [{ name: web }] }"),
      /port is required for a Service/,
    ],
    [
      "another kind without port",
      "HTTPRoute",
      route("{ backendRefs: [{ name: b, kind: Bucket, group: x.io }] }"),
      null,
    ],
    ["a weight below zero", "HTTPRoute", route("{ backendRefs: [{ name: web, port: 80, weight: -1 }] }"), /weight/],
    ["a weight of a million", "HTTPRoute", route("{ backendRefs: [{ name: web, port: 80, weight: 1000000 }] }"), null],
    [
      "more than a million",
      "HTTPRoute",
      route("{ backendRefs: [{ name: web, port: 80, weight: 1000001 }] }"),
      /weight/,
    ],
    [
      "redirect and backends",
      "HTTPRoute",
      route(`{ filters: [${REDIRECT}], backendRefs: [${REF}] }`),
      /leaves nothing/,
    ],
    ["redirect alone", "HTTPRoute", route(`{ filters: [${REDIRECT}] }`), null],
    [
      "redirect and rewrite",
      "HTTPRoute",
      route(`{ filters: [${REDIRECT}, { type: URLRewrite, urlRewrite: { hostname: x.test } }] }`),
      /RequestRedirect and URLRewrite exclude each other/,
    ],
    [
      "a filter twice",
      "HTTPRoute",
      route(`{ filters: [${REDIRECT}, ${REDIRECT}] }`),
      /RequestRedirect may be there only once/,
    ],
    [
      "a filter without its member",
      "HTTPRoute",
      route("{ filters: [{ type: CORS }] }"),
      /cors is required for type CORS/,
    ],
    [
      "a member of another filter",
      "HTTPRoute",
      route("{ filters: [{ type: CORS, cors: {}, urlRewrite: { hostname: x.test } }] }"),
      /urlRewrite is only for type URLRewrite/,
    ],
    [
      "a prefix replaced where the path is exact",
      "HTTPRoute",
      route(
        "{ matches: [{ path: { type: Exact, value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }] }",
      ),
      /ReplacePrefixMatch in URLRewrite needs exactly one match, of type PathPrefix/,
    ],
    [
      "a prefix replaced",
      "HTTPRoute",
      route(
        "{ matches: [{ path: { value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } } }] }",
      ),
      null,
    ],
    [
      "a full path under the wrong type",
      "HTTPRoute",
      route(
        "{ filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replacePrefixMatch: / } } }] }",
      ),
      /replaceFullPath is required for type ReplaceFullPath/,
    ],
    ["a path without slash", "HTTPRoute", matching("{ value: a }"), /value must begin with \//],
    ["a path with two slashes", "HTTPRoute", matching("{ value: /a//b }"), /must not contain \/\//],
    ["a path that ends in dots", "HTTPRoute", matching("{ type: Exact, value: /a/.. }"), /must not end with \/\.\./],
    ["a path with a blank", "HTTPRoute", matching('{ value: "/a b" }'), /only characters of a path/],
    ["a path with a quote", "HTTPRoute", matching(`{ value: "/a'b%20c" }`), null],
    ["an expression may have anything", "HTTPRoute", matching('{ type: RegularExpression, value: "a//b .*" }'), null],
    ["a long attempt", "HTTPRoute", route("{ timeouts: { request: 1s, backendRequest: 2s } }"), /must not be longer/],
    [
      "a long attempt of an endless request",
      "HTTPRoute",
      route("{ timeouts: { request: 0s, backendRequest: 2s } }"),
      null,
    ],
    ["no duration", "HTTPRoute", route("{ timeouts: { request: 1.5s } }"), /timeouts\.request/],
    [
      "percent and fraction",
      "HTTPRoute",
      route(
        `{ filters: [{ type: RequestMirror, requestMirror: { backendRef: ${REF}, percent: 1, fraction: { numerator: 1 } } }] }`,
      ),
      /percent and fraction exclude each other/,
    ],
    [
      "more than the whole",
      "HTTPRoute",
      route(
        `{ filters: [{ type: RequestMirror, requestMirror: { backendRef: ${REF}, fraction: { numerator: 101 } } }] }`,
      ),
      /numerator must not be greater/,
    ],
    [
      "one parent twice",
      "HTTPRoute",
      route("{}", "parentRefs: [{ name: gw }, { name: gw }],"),
      /must differ in sectionName/,
    ],
    [
      "two listeners of one parent",
      "HTTPRoute",
      route("{}", "parentRefs: [{ name: gw, sectionName: a }, { name: gw, sectionName: b }],"),
      null,
    ],
    ["a hostname that is an address with port", "HTTPRoute", route("{}", 'hostnames: ["a.test:80"],'), /hostnames/],
    [
      "two equal listeners",
      "Gateway",
      "{ gatewayClassName: istio, listeners: [{ name: a, port: 80, protocol: HTTP }, { name: b, port: 80, protocol: HTTP }] }",
      /listeners must differ in port, protocol or hostname/,
    ],
    [
      "a listener's name twice",
      "Gateway",
      "{ gatewayClassName: istio, listeners: [{ name: a, port: 80, protocol: HTTP }, { name: a, port: 81, protocol: HTTP }] }",
      /Duplicate value/,
    ],
    [
      "tls of plain HTTP",
      "Gateway",
      "{ gatewayClassName: istio, listeners: [{ name: a, port: 80, protocol: HTTP, tls: {} }] }",
      /tls is not for protocols HTTP/,
    ],
    ["a Gateway without listeners", "Gateway", "{ gatewayClassName: istio, listeners: [] }", /listeners/],
    ["a grant without targets", "ReferenceGrant", "{ from: [], to: [] }", /spec\.from/],
    ["a controller without domain", "GatewayClass", "{ controllerName: mine }", /controllerName/],
  ];
  for (const [name, kind, spec, refusal] of cases) {
    test(`MESH-368 ${name} is ${refusal === null ? "taken" : "refused"}`, async () => {
      const found = await refusalOf(kind, spec);
      if (refusal === null) assert.equal(found, "");
      else assert.match(found, refusal);
    });
  }
});
