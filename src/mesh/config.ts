import type { KubeObject } from "../api/meta.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { isRecord } from "../base/json.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { TypeCache } from "../kube/cache.ts";
import type { KubeClient } from "../kube/client.ts";
import { isEstablished } from "../kube/crd.ts";
import { Reflector } from "../kube/reflector.ts";
import { qualifiedPlural, type ResourceType, resources } from "../kube/resource.ts";
import { compile } from "../routing/compile.ts";
import { type RoutedKind, routedKinds } from "../routing/kinds.ts";
import type { RoutingConfig, Table } from "../routing/types.ts";

/**
 * From watched objects to the table that the data plane runs:
 *
 *   reflectors ─> caches ─(quiet for a moment)─> compile ─> onTable
 *
 * A compilation that throws leaves the old table in force, and nothing is acknowledged (design 2.3).
 */
export interface ConfigOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rootNamespace: string;
  /** A new table, or the old one when only revisions moved on. */
  readonly onTable: (table: Table, revisions: Revisions, pods: readonly KubeObject[]) => void;
}

/** By `plural.group`: the newest store revision of that kind that the table reflects. */
export type Revisions = Readonly<Record<string, number>>;

/** One write of a controller is often followed by a second; both together cost one compilation. */
const DEBOUNCE_MS = 10;

export class ConfigSource {
  readonly #options: ConfigOptions;
  readonly #caches: Readonly<Record<RoutedKind, TypeCache>>;
  readonly #reflectors = new Map<string, Reflector>();
  #table: Table | null = null;
  #isDirty = true;
  #withheld: ReadonlySet<string> = new Set();
  #cancelFlush: Cancel | null = null;

  constructor(options: ConfigOptions) {
    this.#options = options;
    const caches = Object.entries(routedKinds).map(([kind, type]) => [kind, this.#watch(type, () => this.#touch())]);
    this.#caches = Object.fromEntries(caches) as Record<RoutedKind, TypeCache>;
    this.#watch(resources.customResourceDefinitions, () => {}).onChange(({ after }) => this.#onDefinition(after));
  }

  start(): void {
    for (const reflector of this.#reflectors.values()) reflector.start();
  }

  stop(): void {
    for (const reflector of this.#reflectors.values()) reflector.stop();
    this.#cancelFlush?.();
    this.#cancelFlush = null;
  }

  /**
   * Pods at these addresses get no requests. True when that is news: another table follows, and the one that was made
   * before must not run.
   */
  withhold(addresses: ReadonlySet<string>): boolean {
    const isSame =
      addresses.size === this.#withheld.size && [...addresses].every((address) => this.#withheld.has(address));
    if (isSame) return false;
    this.#withheld = addresses;
    this.#isDirty = true;
    this.#touch();
    return true;
  }

  #watch(type: ResourceType, onProgress: () => void): TypeCache {
    const { client, clock, random, logger } = this.#options;
    const cache = new TypeCache(type);
    cache.onChange(() => {
      this.#isDirty = true;
    });
    this.#reflectors.set(qualifiedPlural(type), new Reflector({ client, cache, clock, random, logger, onProgress }));
    return cache;
  }

  /** A kind that was not served when we listed it is listed again once its definition is established, not later. */
  #onDefinition(definition: KubeObject | null): void {
    if (definition === null) return;
    const reflector = this.#reflectors.get(definition.metadata.name);
    if (isEstablished(definition) && reflector?.state === "waiting") reflector.relist();
  }

  #touch(): void {
    this.#cancelFlush ??= this.#options.clock.schedule(DEBOUNCE_MS, () => {
      this.#cancelFlush = null;
      this.#flush();
    });
  }

  #flush(): void {
    const caches = Object.values(this.#caches);
    if (!caches.every(({ isSynced }) => isSynced)) return;
    // Read before compiling: what comes later is not in this table.
    const revisions = Object.fromEntries(caches.map(({ type, revision }) => [qualifiedPlural(type), revision]));
    if (this.#isDirty || this.#table === null) {
      const table = this.#compile();
      if (table === null) return;
      this.#table = table;
      this.#isDirty = false;
    }
    this.#options.onTable(this.#table, revisions, this.#caches.pods.list());
  }

  #compile(): Table | null {
    const { logger, rootNamespace, clock } = this.#options;
    try {
      const config = { ...this.#lists(), rootNamespace, withheldAddresses: this.#withheld, now: clock.now() };
      const table = compile(config, this.#table ?? undefined);
      for (const { object, message } of newProblems(this.#table, table)) {
        logger.warn({ object, problem: message }, "an object has no part in routing");
      }
      return table;
    } catch (error) {
      logger.error({ error }, "compiling the routing table failed; the previous one stays in force");
      return null;
    }
  }

  #lists(): Pick<RoutingConfig, RoutedKind> {
    const lists = Object.entries(this.#caches).map(([kind, cache]) => [kind, cache.list()]);
    return Object.fromEntries(lists) as Record<RoutedKind, readonly KubeObject[]>;
  }
}

function newProblems(before: Table | null, after: Table): Table["problems"] {
  const known = new Set(before?.problems.map(({ object, message }) => `${object} ${message}`));
  return after.problems.filter(({ object, message }) => !known.has(`${object} ${message}`));
}

/** A pod that makes or serves requests: it has an address and has not ended. */
export function addressOfLivePod(pod: KubeObject): string | null {
  const status = isRecord(pod["status"]) ? pod["status"] : {};
  const { podIP, phase } = status;
  if (typeof podIP !== "string" || podIP === "") return null;
  return phase === "Succeeded" || phase === "Failed" ? null : podIP;
}
