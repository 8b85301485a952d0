import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { KubeObject } from "../../api/meta.ts";
import { World } from "../fixture.ts";
import { aCanary, anIngress, ingressWorld, MSE, NGINX, withKeys } from "./fixture.ts";

/** What holds for every list of Ingresses, however odd. */

const LONG = "a".repeat(30_000);
/** As large as an expression may be: nothing can be put around it. */
const LARGE = "(?:a{999}){20}";
const paths = fc.constantFrom("/", "/a", "/a/b", "/a/", "/(", "", "/a.*", `/${LARGE}`, `/${LONG}`);
const services = fc.constantFrom("main", "canary", "api:http", "empty", "nobody", "main:nope");
const values = fc.oneof(
  fc.constantFrom(LONG, `*${LONG}`, LARGE, "true", "always", "never", "x", "50", "100", "1e9", "-5", ""),
  fc.string(),
);
const ODD_KEYS = [
  "canary canary-by-header canary-by-header-value canary-by-header-pattern canary-by-cookie canary-by-cookie-value",
  "canary-by-query canary-by-query-value canary-by-query-pattern canary-weight canary-weight-total order",
  "rewrite-target rewrite-path use-regex app-root permanent-redirect force-ssl-redirect enable-cors cors-allow-origin",
  "service-subset subset-labels timeout request-header-control-update mirror-target-service mirror-percentage",
].flatMap((line) => line.split(" "));
const keys = fc.constantFrom(...ODD_KEYS);

const fixtures = fc.record({
  prefix: fc.constantFrom(NGINX, MSE, "alb.ingress.kubernetes.io/"),
  annotations: fc.dictionary(keys, values, { maxKeys: 6 }),
  className: fc.constantFrom("nginx", "mse", "higress", "alb", "istio", "", "other"),
  host: fc.constantFrom(undefined, "a.test", "*.test", "B.test"),
  paths: fc.dictionary(paths, services, { minKeys: 1, maxKeys: 3 }),
  pathType: fc.constantFrom("Prefix", "Exact", "ImplementationSpecific"),
});

const requests = fc.record({
  host: fc.constantFrom("a.test", "b.test", "x.y.test", "other"),
  path: fc.constantFrom("/", "/a", "/a/b?c=always", "/b"),
  headers: fc.dictionary(fc.constantFrom("x", "always", "cookie"), fc.constantFrom("always", "never", "x=always")),
  draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

test("MESH-300 any list compiles, and every request gets a decision", () => {
  const property = fc.property(
    fc.array(fixtures, { maxLength: 6 }),
    fc.array(requests, { maxLength: 8 }),
    (all, asks) => {
      const objects = all.map(({ prefix, annotations, host, ...rest }, index) =>
        withKeys(`i${index}`, prefix, annotations, host === undefined ? rest : { ...rest, host }),
      );
      const world = ingressWorld(objects);
      for (const ask of asks) assert.match(world.answer(ask), /^([mkat]\d|404 NR|503 (UH|NC)|[23]\d\d -)$/);
    },
  );
  fc.assert(property, { numRuns: 400 });
});

test("MESH-300 objects of the wrong shape compile", () => {
  const shapes: fc.Arbitrary<unknown> = fc.oneof(
    fc.constantFrom({ rules: [{}] }, { rules: [{ http: {} }] }, { rules: [{ http: { paths: [{}] } }] }, { tls: [{}] }),
    fc.record({
      rules: fc.array(fc.record({ http: fc.record({ paths: fc.array(fc.record({ path: fc.string() })) }) })),
    }),
    fc.constant(undefined),
  );
  const property = fc.property(shapes, (shape) => {
    const object: KubeObject = { ...anIngress("i"), spec: { ingressClassName: "nginx", ...(shape as object) } };
    const world = new World([object], []);
    assert.match(world.answer({}), /^(404 NR|503 -)$/);
  });
  fc.assert(property, { numRuns: 100 });
});

test("MESH-308 no value of an annotation keeps the others from being served", () => {
  const odd = [
    LONG,
    `*${LONG}`,
    `https://*.${LONG}`,
    LARGE,
    `(${LARGE})`,
    "(?=a)",
    "\r\n",
    "é\u010a",
    "null",
    "-1",
    "1e99",
  ];
  for (const prefix of [NGINX, MSE]) {
    const className = prefix === NGINX ? "nginx" : "mse";
    for (const key of ODD_KEYS) {
      for (const value of odd) {
        const keysSet = { "canary-by-header": "x", "canary-by-query": "x", "enable-cors": "true", [key]: value };
        const world = ingressWorld([
          anIngress("good", { host: "good.test" }),
          withKeys("main", prefix, { "use-regex": "true", ...keysSet }, { className, paths: { "/a": "main" } }),
          withKeys("canary", prefix, { ...keysSet, canary: "true" }, { className }),
        ]);
        assert.equal(world.answer({ host: "good.test" }), "m1", `${key}: ${value.slice(0, 40)}`);
      }
    }
  }
});

test("MESH-326 every draw goes to main or to the canary, in the share that the annotations say", () => {
  const weights = fc.nat({ max: 1500 });
  const property = fc.property(weights, weights, (weight, total) => {
    const objects = [
      anIngress("main"),
      aCanary("canary", { "canary-weight": String(weight), "canary-weight-total": String(total) }),
    ];
    const world = ingressWorld(objects);
    const whole = Math.max(total, 100);
    const draws = 200;
    let canary = 0;
    for (let index = 0; index < draws; index++) {
      const answer = world.answer({ draw: (index + 0.5) / draws });
      assert.match(answer, /^[mk]1$/);
      if (answer === "k1") canary++;
    }
    // Even draws meet the share but for the one draw at its border.
    assert.ok(Math.abs(canary - (draws * Math.min(weight, whole)) / whole) <= 1, `${canary} of ${draws}`);
  });
  fc.assert(property, { numRuns: 200 });
});
