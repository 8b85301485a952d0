import { type Clock, systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { CacheSet } from "../../kube/cache.ts";
import type { KubeClient } from "../../kube/client.ts";
import { Reflector } from "../../kube/reflector.ts";
import type { ResourceType } from "../../kube/resource.ts";

/** The watched state of a cluster, with conditions to wait for: no polling, each change is looked at once. */
export interface Observer {
  readonly cache: CacheSet;
  /** Resolves when `condition` holds; `onWait` is told the seconds so far once a second. Rejects after `secondsMax`. */
  until(condition: () => boolean, secondsMax: number, onWait: (seconds: number) => void): Promise<void>;
  stop(): void;
}

export class WaitError extends Error {
  override readonly name = "WaitError";
}

export function observe(client: KubeClient, types: readonly ResourceType[], clock: Clock = systemClock): Observer {
  const cache = new CacheSet();
  const wakes = new Set<() => void>();
  const onProgress = () => {
    for (const wake of [...wakes]) wake();
  };
  const reflectors = types.map((type) => {
    const reflector = new Reflector({
      client,
      cache: cache.add(type),
      clock,
      random: systemRandom,
      logger: silentLogger,
      onProgress,
    });
    reflector.start();
    return reflector;
  });

  function until(condition: () => boolean, secondsMax: number, onWait: (seconds: number) => void): Promise<void> {
    const startedAt = clock.now();
    return new Promise((resolve, reject) => {
      let cancelTick = () => {};
      const finish = (settle: () => void) => {
        wakes.delete(look);
        cancelTick();
        settle();
      };
      const look = () => {
        if (cache.all().every(({ isSynced }) => isSynced) && condition()) finish(resolve);
      };
      const tick = () => {
        const seconds = (clock.now() - startedAt) / 1000;
        if (seconds >= secondsMax) return finish(() => reject(new WaitError(`not reached within ${secondsMax} s`)));
        onWait(seconds);
        cancelTick = clock.schedule(1000, tick);
      };
      wakes.add(look);
      cancelTick = clock.schedule(1000, tick);
      look();
    });
  }

  return {
    cache,
    until,
    stop: () => {
      for (const reflector of reflectors) reflector.stop();
    },
  };
}
