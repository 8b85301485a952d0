import type { Cancel, Clock } from "../base/clock.ts";
import type { Endpoint } from "../routing/types.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";

/**
 * Connections to endpoints: one pool per address and port, not per cluster, so that a subset change moves endpoints
 * between clusters without touching their connections (MESH-252).
 */

/** Our bound per endpoint; Envoy's default is none (MESH-190). Reached, a request gets 503 UO (MESH-227). */
const CONNECTIONS_PER_ENDPOINT_MAX = 4_096;

export class EndpointPool implements ConnectionOwner {
  readonly address: string;
  readonly port: number;
  /** Requests under way: what LEAST_REQUEST compares (MESH-181). */
  active = 0;
  readonly #upstreams: Upstreams;
  /** Free connections; the one used last is used next, so that surplus ones grow old and close. */
  readonly #idle: Connection[] = [];
  #open = 0;
  #isRetired = false;

  constructor(upstreams: Upstreams, address: string, port: number) {
    this.#upstreams = upstreams;
    this.address = address;
    this.port = port;
  }

  get isUnused(): boolean {
    return this.#open === 0 && this.active === 0;
  }

  /** A free connection or a new one; null when the bound is reached. `isFresh` insists on a new one (MESH-212). */
  take(isFresh: boolean, connectTimeoutMs?: number): Connection | null {
    while (!isFresh && this.#idle.length > 0) {
      const connection = this.#idle.pop() as Connection;
      if (connection.isUsable && connection.idleUntil > this.#upstreams.clock.now()) return connection;
      connection.destroy();
    }
    if (this.#open >= CONNECTIONS_PER_ENDPOINT_MAX) return null;
    this.#open += 1;
    return new Connection(this, this.#upstreams.clock, connectTimeoutMs);
  }

  onIdle(connection: Connection): void {
    if (this.#isRetired) {
      connection.destroy();
      return;
    }
    connection.idleUntil = this.#upstreams.clock.now() + connection.idleMs;
    this.#idle.push(connection);
    this.#upstreams.sweepLater();
  }

  onClosed(connection: Connection): void {
    this.#open -= 1;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    // The sweep also forgets pools that nobody uses: clients choose the names of hosts outside the mesh.
    this.#upstreams.sweepLater();
  }

  /** The endpoint is gone: free connections close now, busy ones when their request is done (MESH-210). */
  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  revive(): void {
    this.#isRetired = false;
  }

  /** Closes what has been free for too long; true when free connections are left. */
  sweep(now: number): boolean {
    for (let index = this.#idle.length - 1; index >= 0; index--) {
      const connection = this.#idle[index] as Connection;
      if (connection.idleUntil > now) continue;
      this.#idle.splice(index, 1);
      connection.destroy();
    }
    return this.#idle.length > 0;
  }
}

/** How often free connections are looked at while there are any. Coarse on purpose: `take` checks the exact time. */
const SWEEP_MS = 1_000;

export function endpointKey(endpoint: { readonly address: string; readonly port: number }): string {
  return `${endpoint.address}:${endpoint.port}`;
}

export class Upstreams {
  readonly clock: Clock;
  readonly #pools = new Map<string, EndpointPool>();
  #cancelSweep: Cancel | null = null;
  #isClosed = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  pool(endpoint: Endpoint): EndpointPool {
    const key = endpointKey(endpoint);
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool = new EndpointPool(this, endpoint.address, endpoint.port);
    this.#pools.set(key, pool);
    return pool;
  }

  activeRequests(endpoint: Endpoint): number {
    return this.#pools.get(endpointKey(endpoint))?.active ?? 0;
  }

  /** Call after a table swap: endpoints outside `live` get their free connections closed. */
  keepOnly(live: ReadonlySet<string>): void {
    for (const [key, pool] of this.#pools) {
      if (live.has(key)) pool.revive();
      else pool.retire();
      if (!live.has(key) && pool.isUnused) this.#pools.delete(key);
    }
  }

  sweepLater(): void {
    if (this.#isClosed) return;
    this.#cancelSweep ??= this.clock.schedule(SWEEP_MS, () => {
      this.#cancelSweep = null;
      const now = this.clock.now();
      let isAnyLeft = false;
      for (const [key, pool] of this.#pools) {
        if (pool.sweep(now)) isAnyLeft = true;
        else if (pool.isUnused) this.#pools.delete(key);
      }
      if (isAnyLeft) this.sweepLater();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    for (const pool of this.#pools.values()) pool.retire();
  }
}
