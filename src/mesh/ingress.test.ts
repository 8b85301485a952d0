import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { aCanary, anIngress, MSE, NGINX, withKeys } from "../routing/ingress/fixture.ts";
import { Bed, request } from "./test-bed.ts";

/** Ingresses and their canaries through real sockets. */
describe("Ingress", () => {
  let bed: Bed;
  let port: number;

  beforeEach(async () => {
    bed = new Bed();
    for (const name of ["main", "canary"]) {
      const program = await bed.serve((req, res) => {
        res.writeHead(200, { "x-url": req.url ?? "", "x-tag": String(req.headers["x-mse-tag"] ?? "") }).end(name);
      });
      bed.service(name, [{ name: `${name}-1`, port: program.port }]);
    }
    port = await bed.openGateway();
  });
  afterEach(() => bed.close());

  const ask = async (headers: Readonly<Record<string, string>> = {}) => (await request(port, "/", { headers })).body;

  test("MC-255 MC-262 MC-263 header and cookie choose as the client sends them", async () => {
    bed.add(anIngress("main"), aCanary("canary", { "canary-by-header": "X-Canary", "canary-by-cookie": "c" }));
    assert.equal(await ask({ "x-CANARY": "always" }), "canary");
    assert.equal(await ask({ cookie: "a=1; c=always" }), "canary");
    assert.equal(await ask({ "x-canary": "never", cookie: "c=always" }), "main");
    assert.equal(await ask(), "main");
  });

  test("MC-264 MESH-326 no request fails while the weight changes, pods go and the canary Ingress is deleted", async () => {
    bed.add(anIngress("main"), aCanary("canary", { "canary-weight": "20" }));
    const counts = { main: 0, canary: 0 };
    const burst = async (requests: number) => {
      const answers = await Promise.all(Array.from({ length: requests }, () => ask()));
      for (const answer of answers) {
        assert.ok(answer === "main" || answer === "canary", answer);
        counts[answer]++;
      }
    };
    for (let round = 0; round < 40; round++) await burst(25);
    // Four standard errors of 1000 draws.
    assert.ok(Math.abs(counts.canary - 200) < 51, `${counts.canary} of 1000`);
    for (const weight of ["100", "0", "55"]) {
      const running = burst(25);
      bed.remove("Ingress", "canary");
      bed.add(aCanary("canary", { "canary-weight": weight }));
      await running;
    }
    const whilePodsGo = burst(25);
    bed.removePod("canary-1");
    await whilePodsGo;
    await burst(25);
    const whileDeleted = burst(25);
    bed.remove("Ingress", "canary");
    await whileDeleted;
    counts.canary = 0;
    await burst(25);
    assert.equal(counts.canary, 0);
  });

  test("MC-268 MESH-329 a canary whose pod does not answer any more gives its requests to main", async () => {
    const gone = await bed.serve((_req, res) => res.end("gone"));
    bed.service("late", [{ name: "late-1", port: gone.port }]);
    gone.close();
    bed.add(anIngress("main"), aCanary("canary", { "canary-weight": "100" }, { paths: { "/": "late" } }));
    assert.equal(await ask(), "main");
  });

  test("MESH-308 paths are rewritten and plain requests redirected", async () => {
    const paths = { "/api/(.*)": "main" };
    bed.add(
      withKeys("rewrite", NGINX, { "rewrite-target": "/$1" }, { paths, pathType: "ImplementationSpecific" }),
      withKeys("redirect", NGINX, { "force-ssl-redirect": "true" }, { host: "tls.test" }),
    );
    assert.equal((await request(port, "/api/a%20b?c=1")).headers["x-url"], "/a%20b?c=1");
    const { status, headers } = await request(port, "/x?y", { host: "tls.test" });
    assert.deepEqual([status, headers["location"]], [308, "https://tls.test/x?y"]);
  });

  test("MC-284 MESH-347 the canary's header reaches its pod in place of the client's", async () => {
    const keys = { canary: "true", "canary-by-header": "x", "request-header-control-update": "x-mse-tag gray" };
    bed.add(
      anIngress("main", { className: "mse" }),
      withKeys("canary", MSE, keys, { className: "mse", paths: { "/": "canary" } }),
    );
    const { body, headers } = await request(port, "/", { headers: { x: "always", "x-mse-tag": "mine" } });
    assert.deepEqual([body, headers["x-tag"]], ["canary", "gray"]);
  });
});
