import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Bed, request } from "./test-bed.ts";

describe("the way of a request", () => {
  let bed: Bed;
  beforeEach(() => {
    bed = new Bed();
  });
  afterEach(() => bed.close());

  test("MC-002 a gateway route reaches the service, with the headers of section 13", async () => {
    const web = await bed.serve((req, res) => res.end(JSON.stringify({ url: req.url, raw: req.rawHeaders })));
    bed.service("web", [{ name: "s1", port: web.port }]);
    bed.gateway([{ route: [{ destination: { host: "web" } }] }]);
    const gateway = await bed.openGateway();

    const answer = await request(gateway, "/a/../b//c%2Fd?q=1", {
      headers: {
        "x-forwarded-for": "9.9.9.9",
        Te: "trailers, gzip",
        "X-Foo": "1",
        connection: "x-foo",
        "x-request-id": "abc",
        "x-envoy-max-retries": "9",
      },
    });
    console.log(answer);
    assert.equal(answer.status, 200);
  });
});
