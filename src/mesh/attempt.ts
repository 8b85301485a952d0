import type { Cancel } from "../base/clock.ts";
import type { Cluster, Endpoint } from "../routing/types.ts";
import type { AttemptEvents, Connection } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { lanesOf } from "./record.ts";
import type { RequestFacts } from "./request.ts";
import type { OpenTrace } from "./trace.ts";
import type { EndpointPool } from "./upstream.ts";

const NO_TRACES: readonly OpenTrace[] = [];

/** One try at one endpoint: what it holds while it runs, and gives back once, however it ends. */
export class Attempt {
  readonly endpoint: Endpoint;
  readonly connection: Connection;
  readonly startedAt: number;
  readonly #plane: DataPlane;
  readonly #pool: EndpointPool;
  #traces: readonly OpenTrace[];
  #cancelTimeout: Cancel | null = null;
  #isOpen = true;

  /** Null: the endpoint has as many connections as it may have. */
  static open(
    plane: DataPlane,
    { endpoint, cluster, facts }: { endpoint: Endpoint; cluster: Cluster; facts: RequestFacts },
    { isFresh = false, connectTimeoutMs }: { isFresh?: boolean; connectTimeoutMs?: number | undefined } = {},
  ): Attempt | null {
    const pool = plane.upstreams.pool(endpoint);
    const connection = pool.take(isFresh, connectTimeoutMs);
    if (connection === null) return null;
    // The pod's side of the hop is remembered before the first byte is sent (LANE-260).
    const lanes = endpoint.pod === null ? [] : lanesOf(plane, cluster);
    const traces =
      lanes.length === 0 ? NO_TRACES : plane.traces.open(endpoint.pod!, lanes, (name) => facts.header(name));
    return new Attempt(plane, endpoint, { pool, connection, traces });
  }

  private constructor(
    plane: DataPlane,
    endpoint: Endpoint,
    held: { pool: EndpointPool; connection: Connection; traces: readonly OpenTrace[] },
  ) {
    this.#plane = plane;
    this.endpoint = endpoint;
    this.connection = held.connection;
    this.#pool = held.pool;
    this.#traces = held.traces;
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
  }

  /** Gives up: no further event comes. */
  abort(): void {
    this.connection.abort();
    this.close();
  }
}
