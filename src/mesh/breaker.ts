import type { Cancel, Clock } from "../base/clock.ts";
import type { PoolPolicy } from "../routing/connection-pool.ts";
import type { Cluster, Endpoint, Source } from "../routing/types.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { endpointKey } from "./upstream.ts";

/**
 * The bounds of `connectionPool` (MESH-191): what one proxy has under way to one cluster. Such a cluster has connections
 * of its own for each proxy, while all others share those of `upstream.ts`.
 *
 *   take ──> free connection, or room for one more ──> onConnection at once
 *     ├────> busy, but not too many wait ────────────> onConnection when one is free
 *     └────> overflow (503 UO)
 */
export class Breaker {
  policy: PoolPolicy;
  /** Requests that have a connection. */
  #active = 0;
  #retries = 0;
  /** Connections of the cluster, tunnels included. */
  #open = 0;
  readonly #clock: Clock;
  readonly #places = new Map<string, Place>();
  /** In the order in which they came. */
  readonly #waiting: Waiter[] = [];
  readonly #sweepLater: () => void;
  #isEvicting = false;

  constructor(policy: PoolPolicy, clock: Clock, sweepLater: () => void) {
    this.policy = policy;
    this.#clock = clock;
    this.#sweepLater = sweepLater;
  }

  get isUnused(): boolean {
    return this.#open === 0 && this.#active === 0 && this.#retries === 0 && this.#waiting.length === 0;
  }

  /** False: overflow. Else the waiter's turn comes, perhaps before this returns; until then it may be cancelled. */
  take(waiter: Waiter, isFresh = false): boolean {
    const connection = this.takeNow(waiter.endpoint, isFresh);
    if (connection !== null) {
      waiter.onConnection(connection);
      return true;
    }
    const { maxRequests, maxPendingRequests } = this.policy;
    if (this.#active >= maxRequests || this.#waiting.length >= maxPendingRequests) return false;
    this.#waiting.push(waiter);
    return true;
  }

  /** Null: there is no room at this moment. `isFresh` insists on a new connection (MESH-212). */
  takeNow(endpoint: Endpoint, isFresh = false): Connection | null {
    if (this.#active >= this.policy.maxRequests) return null;
    const place = this.#placeOf(endpoint);
    while (!isFresh && place.idle.length > 0) {
      const connection = place.idle.pop() as Connection;
      if (connection.isUsable && connection.idleUntil > this.#clock.now()) return connection;
      this.#discard(connection);
    }
    if (!this.#hasRoomAt(place)) return null;
    this.#countIn(place);
    return new Connection(place, this.#clock, this.policy.connectTimeoutMs ?? undefined);
  }

  cancel(waiter: Waiter): void {
    const index = this.#waiting.indexOf(waiter);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  /** A request has begun; call what it gives back once when the request is over. */
  begin(): () => void {
    this.#active += 1;
    return () => {
      this.#active -= 1;
      this.#serve();
      this.#sweepLater();
    };
  }

  /** A connection that is not ours, a WebSocket's: it counts, but never waits. Null: no room. */
  beginTunnel(endpoint: Endpoint): (() => void) | null {
    const place = this.#placeOf(endpoint);
    if (this.#active >= this.policy.maxRequests || !this.#hasRoomAt(place)) return null;
    this.#countIn(place);
    const end = this.begin();
    return () => {
      this.#countOut(place);
      end();
    };
  }

  get hasRetryLeft(): boolean {
    return this.#retries < this.policy.maxRetries;
  }

  /** A retry has begun; call what it gives back once when its outcome is known. */
  beginRetry(): () => void {
    this.#retries += 1;
    return () => {
      this.#retries -= 1;
    };
  }

  /** The bounds have changed. */
  update(policy: PoolPolicy): void {
    this.policy = policy;
    this.#serve();
  }

  onIdle(place: Place, connection: Connection): void {
    if (place.isRetired || connection.requestCount >= this.policy.maxRequestsPerConnection) {
      this.#discard(connection);
      this.#serve();
      return;
    }
    // Whoever waits for this endpoint goes first: the connection is there.
    const index = this.#waiting.findIndex(({ endpoint }) => endpointKey(endpoint) === place.key);
    if (index >= 0 && this.#active < this.policy.maxRequests) {
      const [waiter] = this.#waiting.splice(index, 1);
      waiter!.onConnection(connection);
      return;
    }
    connection.idleUntil = this.#clock.now() + Math.min(connection.idleMs, this.policy.maxIdleMs);
    place.idle.push(connection);
    this.#sweepLater();
    this.#serve();
  }

  onClosed(place: Place, connection: Connection): void {
    const index = place.idle.indexOf(connection);
    if (index >= 0) place.idle.splice(index, 1);
    this.#countOut(place);
    this.#serve();
    this.#sweepLater();
  }

  /** Call after a table swap: endpoints outside `live` get no connection any more, and nobody waits for them. */
  keepOnly(live: ReadonlySet<string>): void {
    for (const [key, place] of this.#places) {
      place.isRetired = !live.has(key);
      if (place.isRetired) for (const connection of place.idle.splice(0)) this.#discard(connection);
    }
    for (const waiter of this.#waiting.filter(({ endpoint }) => !live.has(endpointKey(endpoint)))) {
      this.cancel(waiter);
      waiter.onGone();
    }
  }

  /** Closes what has been free for too long; true when free connections are left. */
  sweep(now: number): boolean {
    let isAnyLeft = false;
    for (const { idle } of [...this.#places.values()]) {
      for (const connection of idle.filter(({ idleUntil }) => idleUntil <= now)) this.#discard(connection);
      isAnyLeft ||= idle.length > 0;
    }
    return isAnyLeft;
  }

  #serve(): void {
    while (!this.#isEvicting && this.#waiting.length > 0) {
      const waiter = this.#waiting[0] as Waiter;
      const connection = this.takeNow(waiter.endpoint);
      if (connection === null) return;
      this.cancel(waiter);
      waiter.onConnection(connection);
    }
  }

  /**
   * An endpoint may always have one connection, as in Envoy: else those of other endpoints could keep its requests
   * waiting for ever. And a busy endpoint has precedence over free connections of others.
   */
  #hasRoomAt(place: Place): boolean {
    if (this.#open < this.policy.maxConnections || place.open === 0) return true;
    for (const other of this.#places.values()) {
      const [oldest] = other.idle;
      if (oldest === undefined || other === place) continue;
      this.#discard(oldest);
      return true;
    }
    return false;
  }

  /** The room that it leaves is its taker's, not the next waiter's. */
  #discard(connection: Connection): void {
    const wasEvicting = this.#isEvicting;
    this.#isEvicting = true;
    connection.destroy();
    this.#isEvicting = wasEvicting;
  }

  #placeOf(endpoint: Endpoint): Place {
    const key = endpointKey(endpoint);
    return this.#places.get(key) ?? new Place(this, endpoint, key);
  }

  /** Only places with connections are kept. */
  #countIn(place: Place): void {
    this.#places.set(place.key, place);
    place.open += 1;
    this.#open += 1;
  }

  #countOut(place: Place): void {
    place.open -= 1;
    this.#open -= 1;
    if (place.open === 0) this.#places.delete(place.key);
  }
}

/** A request that wants a connection. */
export interface Waiter {
  readonly endpoint: Endpoint;
  onConnection(connection: Connection): void;
  /** The endpoint left while the request waited for it. */
  onGone(): void;
}

/** The connections of one breaker to one endpoint. */
class Place implements ConnectionOwner {
  readonly address: string;
  readonly port: number;
  readonly key: string;
  /** The one used last is at the end. */
  readonly idle: Connection[] = [];
  open = 0;
  isRetired = false;
  readonly #breaker: Breaker;

  constructor(breaker: Breaker, { address, port }: Endpoint, key: string) {
    this.#breaker = breaker;
    this.address = address;
    this.port = port;
    this.key = key;
  }

  onIdle(connection: Connection): void {
    this.#breaker.onIdle(this, connection);
  }

  onClosed(connection: Connection): void {
    this.#breaker.onClosed(this, connection);
  }
}

/** As in `upstream.ts`: coarse, since the exact time is checked when a connection is taken. */
const SWEEP_MS = 1_000;

/** All breakers of the data plane: one for each proxy and cluster with bounds. */
export class Breakers {
  readonly #clock: Clock;
  readonly #breakers = new Map<string, Breaker>();
  #cancelSweep: Cancel | null = null;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null: the cluster has no bounds. */
  of({ kind, namespace, name }: Source, { name: cluster, connectionPool }: Cluster): Breaker | null {
    if (connectionPool === null) return null;
    const key = `${kind} ${namespace}/${name} ${cluster}`;
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      breaker = new Breaker(connectionPool, this.#clock, () => this.#sweepLater());
      this.#breakers.set(key, breaker);
    }
    if (breaker.policy !== connectionPool) breaker.update(connectionPool);
    return breaker;
  }

  keepOnly(live: ReadonlySet<string>): void {
    for (const breaker of this.#breakers.values()) breaker.keepOnly(live);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    this.keepOnly(new Set());
  }

  #sweepLater(): void {
    if (this.#isClosed) return;
    this.#cancelSweep ??= this.#clock.schedule(SWEEP_MS, () => {
      this.#cancelSweep = null;
      const now = this.#clock.now();
      let isAnyLeft = false;
      for (const [key, breaker] of this.#breakers) {
        if (breaker.sweep(now)) isAnyLeft = true;
        if (breaker.isUnused) this.#breakers.delete(key);
      }
      if (isAnyLeft) this.#sweepLater();
    });
  }
}
