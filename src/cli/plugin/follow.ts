import type { KubeObject } from "../../api/meta.ts";
import { isExpired } from "../../kube/errors.ts";
import { type CommandContext, CommandError, type Target } from "./command.ts";

export interface FollowOptions {
  /** 0: for ever. */
  readonly timeoutMs: number;
  /** What to say when the time is up; null: end quietly. */
  readonly timeoutText: string | null;
  /** Ctrl-C ends the wait as a timeout does, instead of the process. */
  readonly endsOnInterrupt?: boolean;
}

/**
 * Calls `see` with the object now and after each change, until it answers true. A watch that ends, or that asks for a
 * revision that is no longer kept, is begun anew from a fresh read.
 */
export function follow(
  { client, clock, onInterrupt }: CommandContext,
  target: Target,
  see: (object: KubeObject) => boolean,
  { timeoutMs, timeoutText, endsOnInterrupt = false }: FollowOptions,
): Promise<void> {
  const { type, namespace, name } = target;
  const selection = { namespace, fieldSelector: `metadata.name=${name}` };
  return new Promise((resolve, reject) => {
    let stopWatch = () => {};
    let isOver = false;
    const finish = (error?: unknown) => {
      if (isOver) return;
      isOver = true;
      cancel();
      forget();
      stopWatch();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onTimeout = () => finish(timeoutText === null ? undefined : new CommandError(timeoutText));
    const cancel = timeoutMs > 0 ? clock.schedule(timeoutMs, onTimeout) : () => {};
    const forget = endsOnInterrupt ? onInterrupt(onTimeout) : () => {};
    const look = (object: KubeObject) => {
      try {
        if (!isOver && see(object)) finish();
      } catch (error) {
        finish(error);
      }
    };
    const begin = async () => {
      look(await client.get(type, target));
      if (isOver) return;
      const { items, resourceVersion } = await client.list(type, selection);
      for (const item of items) look(item);
      if (isOver) return;
      const handle = client.watch(
        type,
        { ...selection, resourceVersion },
        {
          onEvent: (event) => {
            if (event.type === "DELETED") finish(new CommandError("object has been deleted"));
            else if (event.type !== "BOOKMARK") look(event.object);
          },
          onEnd: (error) => {
            if (error !== null && !isExpired(error)) finish(error);
            else begin().catch(finish);
          },
        },
      );
      stopWatch = () => handle.stop();
    };
    begin().catch(finish);
  });
}
