import type { Cancel } from "../base/clock.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import type { Breaker } from "./breaker.ts";
import type { AttemptEvents, Connection } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { lanesOf } from "./record.ts";
import type { RequestFacts } from "./request.ts";
import type { OpenTrace } from "./trace.ts";
import type { EndpointPool } from "./upstream.ts";

const NO_TRACES: readonly OpenTrace[] = [];

/** What an attempt is made at, and for which request. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly cluster: Cluster;
  readonly facts: RequestFacts;
}

/** One try at one endpoint: what it holds while it runs, and gives back once, however it ends. */
export class Attempt {
  readonly endpoint: Endpoint;
  readonly connection: Connection;
  readonly startedAt: number;
  readonly #plane: DataPlane;
  readonly #pool: EndpointPool;
  #traces: readonly OpenTrace[];
  readonly #leaveBreaker: (() => void) | null;
  #cancelTimeout: Cancel | null = null;
  #isOpen = true;

  /** Null: the endpoint has as many connections as it may have. */
  static open(
    plane: DataPlane,
    target: Target,
    { isFresh = false, connectTimeoutMs }: { isFresh?: boolean; connectTimeoutMs?: number | undefined } = {},
  ): Attempt | null {
    const pool = plane.upstreams.pool(target.endpoint);
    const connection = pool.take(isFresh, connectTimeoutMs);
    return connection === null ? null : new Attempt(plane, target, { pool, connection, leaveBreaker: null });
  }

  /** On a connection that the cluster's breaker has given. */
  static within(breaker: Breaker, plane: DataPlane, target: Target, connection: Connection): Attempt {
    const pool = plane.upstreams.pool(target.endpoint); // For its count of requests alone.
    return new Attempt(plane, target, { pool, connection, leaveBreaker: breaker.begin() });
  }

  private constructor(
    plane: DataPlane,
    { endpoint, cluster, facts }: Target,
    held: { pool: EndpointPool; connection: Connection; leaveBreaker: (() => void) | null },
  ) {
    this.#plane = plane;
    this.endpoint = endpoint;
    this.connection = held.connection;
    this.#pool = held.pool;
    this.#leaveBreaker = held.leaveBreaker;
    // The pod's side of the hop is remembered before the first byte is sent (LANE-260).
    const lanes = endpoint.pod === null ? [] : lanesOf(plane, cluster);
    this.#traces =
      lanes.length === 0 ? NO_TRACES : plane.traces.open(endpoint.pod!, lanes, (name) => facts.header(name));
    this.#pool.active += 1;
    this.startedAt = plane.clock.now();
  }

  send(events: AttemptEvents, head: string, { method, hasBody }: RequestFacts): void {
    this.connection.begin(events, head, { isHead: method === "HEAD", hasBody });
  }

  limit(timeoutMs: number, onTimeout: () => void): void {
    this.#cancelTimeout = this.#plane.clock.schedule(timeoutMs, onTimeout);
  }

  unlimit(): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = null;
  }

  /** The connection is somebody else's affair from here on. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.unlimit();
    this.#pool.active -= 1;
    if (this.#traces.length > 0) this.#plane.traces.close(this.#traces);
    this.#traces = NO_TRACES;
    this.#leaveBreaker?.(); // Last: it may be the next request's turn.
  }

  /** Gives up: no further event comes. */
  abort(): void {
    this.connection.abort();
    this.close();
  }
}
