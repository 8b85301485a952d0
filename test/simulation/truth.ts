import { silentLogger } from "../../src/base/log.ts";
import { CacheSet, type Change } from "../../src/kube/cache.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { resources } from "../../src/kube/resource.ts";
import type { World } from "../support/world.ts";

const watched = [
  resources.pods,
  resources.deployments,
  resources.replicaSets,
  resources.kruiseRollouts,
  resources.batchReleases,
  resources.destinationRules,
  resources.virtualServices,
];

/** What is stored, seen without delay and without faults: what invariants are about. */
export class Truth {
  readonly caches = new CacheSet();
  readonly #reflectors: readonly Reflector[];

  constructor({ client, clock, random }: World) {
    this.#reflectors = watched.map((type) => {
      const cache = this.caches.add(type);
      return new Reflector({ client, cache, clock, random, logger: silentLogger });
    });
  }

  start(onChange: (change: Change) => void): void {
    for (const cache of this.caches.all()) cache.onChange(onChange);
    for (const reflector of this.#reflectors) reflector.start();
  }

  stop(): void {
    for (const reflector of this.#reflectors) reflector.stop();
  }
}
