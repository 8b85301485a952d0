import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { ConnectionPoolSpec } from "../api/istio.ts";
import { VirtualClock } from "../base/clock.ts";
import { compilePool } from "../routing/connection-pool.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import { type Breaker, Breakers } from "./breaker.ts";
import type { AttemptEvents, Connection, Failure } from "./connection.ts";
import { upstreamFailure } from "./respond.ts";
import { gatewaySource } from "./test-bed.ts";

/** What needs the time to pass, on virtual time. */
describe("the breaker of one proxy and cluster", () => {
  let clock: VirtualClock;
  let breakers: Breakers;
  let server: http.Server;
  let endpoint: Endpoint;
  beforeEach(async () => {
    clock = new VirtualClock(0);
    breakers = new Breakers(clock);
    // It would keep connections for an hour.
    server = http.createServer({ keepAliveTimeout: 3_600_000 }, (_req, res) => res.end("ok")).listen(0, "127.0.0.1");
    await once(server, "listening");
    endpoint = { address: "127.0.0.1", port: (server.address() as AddressInfo).port, ready: true, pod: null };
  });
  afterEach(() => {
    breakers.close();
    server.close();
    server.closeAllConnections();
  });

  const breakerOf = (spec: ConnectionPoolSpec): Breaker => {
    const cluster = { name: "outbound|80||web", connectionPool: compilePool(spec) } as Cluster;
    return breakers.of(gatewaySource, cluster)!;
  };

  /** One request; resolves with its failure, null for none. */
  function ask(connection: Connection): Promise<Failure | null> {
    return new Promise((resolve) => {
      const ignore = () => {};
      const events: AttemptEvents = {
        onInformation: ignore,
        onHead: ignore,
        onData: ignore,
        onDrain: ignore,
        onEnd: () => setImmediate(() => resolve(null)),
        onFailure: resolve,
      };
      connection.begin(events, "GET / HTTP/1.1\r\nhost: h\r\n\r\n", { isHead: false, hasBody: false });
    });
  }

  test("MC-188 MESH-224 no connection within connectTimeout: 503 UF, connection timeout", async () => {
    const connection = breakerOf({ tcp: { connectTimeout: "1s" } }).takeNow(endpoint)!;
    const failing = ask(connection);
    // All before the turn in which the connection would be made.
    clock.advanceTo(999);
    assert.equal(connection.isUsable, true);
    clock.advanceTo(1000);
    const { status, flag, body } = upstreamFailure((await failing)!, false);
    assert.deepEqual([status, flag], [503, "UF"]);
    assert.match(body, /reset reason: connection timeout$/);
  });

  test("MESH-190 a free connection is kept for idleTimeout, if the endpoint keeps it as long", async () => {
    const breaker = breakerOf({ http: { idleTimeout: "2s" } });
    const connection = breaker.takeNow(endpoint)!;
    assert.equal(await ask(connection), null);
    clock.advanceTo(1999);
    assert.equal(breaker.takeNow(endpoint), connection);
    assert.equal(await ask(connection), null);
    clock.advanceTo(1999 + 2000);
    assert.notEqual(breaker.takeNow(endpoint), connection);
    assert.equal(connection.isUsable, false);
  });

  test("MESH-191 the free connection of one endpoint makes room for a busy one's", async () => {
    const other = http.createServer((_req, res) => res.end()).listen(0, "127.0.0.1");
    await once(other, "listening");
    const second = { ...endpoint, port: (other.address() as AddressInfo).port };
    const breaker = breakerOf({ tcp: { maxConnections: 2 } });
    const free = breaker.takeNow(endpoint)!;
    assert.equal(await ask(free), null);
    const busy = [breaker.takeNow(second), breaker.takeNow(second)];
    assert.ok(busy.every((connection) => connection !== null));
    assert.equal(free.isUsable, false);
    assert.equal(breaker.takeNow(second), null, "two are busy");
    assert.notEqual(breaker.takeNow(endpoint), null, "but each endpoint may have one");
    for (const connection of busy) connection!.destroy();
    other.close();
    other.closeAllConnections();
  });

  test("MESH-191 a breaker that nobody uses is forgotten", async () => {
    const breaker = breakerOf({ tcp: { maxConnections: 1 } });
    const connection = breaker.takeNow(endpoint)!;
    const end = breaker.begin();
    assert.equal(await ask(connection), null);
    clock.advanceTo(3_600_000); // The connection has been closed meanwhile.
    assert.equal(breakerOf({ tcp: { maxConnections: 1 } }), breaker, "a request is under way");
    end();
    clock.advanceTo(3_602_000);
    assert.notEqual(breakerOf({ tcp: { maxConnections: 1 } }), breaker);
  });

  test("MESH-210 an endpoint that leaves: its free connections close, its busy one when it is done", async () => {
    const breaker = breakerOf({ tcp: { maxConnections: 2 } });
    const [busy, free] = [breaker.takeNow(endpoint)!, breaker.takeNow(endpoint)!];
    assert.equal(await ask(free), null);
    breakers.keepOnly(new Set());
    assert.deepEqual([busy.isUsable, free.isUsable], [true, false]);
    assert.equal(await ask(busy), null);
    assert.equal(busy.isUsable, false);
  });
});
