import { silentLogger } from "../../src/base/log.ts";
import { CacheSet, type Change } from "../../src/kube/cache.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { type ResourceType, resources } from "../../src/kube/resource.ts";
import type { World } from "../support/world.ts";

const ALWAYS = [resources.pods, resources.replicaSets, resources.destinationRules, resources.virtualServices];

/** What is stored, seen without delay and without faults: what invariants are about. */
export class Truth {
  readonly caches = new CacheSet();
  readonly #reflectors: readonly Reflector[];

  constructor({ client, clock, random }: World, watched: readonly ResourceType[]) {
    this.#reflectors = [...ALWAYS, ...watched].map((type) => {
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
