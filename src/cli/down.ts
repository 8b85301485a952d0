import { Command } from "commander";
import { dataDirectory, isAlive, removeInstance, runningInstance } from "../app/data-directory.ts";
import { sleep, systemClock } from "../base/clock.ts";
import { UsageError } from "./errors.ts";
import { dataOption } from "./instance.ts";

/** Longer than the cluster needs to end its pods gracefully (their grace, capped at 10 s on shut-down). */
const STOP_SECONDS_MAX = 20;

export function downCommand(): Command {
  return new Command("down")
    .description("stop the cluster that runs on the data directory; its data stays")
    .addOption(dataOption())
    .action(async ({ data }: { data: string }) => {
      const directory = dataDirectory(data);
      const instance = runningInstance(directory);
      if (!instance) {
        console.log(`no cluster is running on ${directory.root}`);
        return;
      }
      process.kill(instance.pid, "SIGTERM");
      await waitForExit(instance.pid);
      removeInstance(directory, instance.pid);
      console.log(`stopped the cluster on ${directory.root}`);
    });
}

async function waitForExit(pid: number): Promise<void> {
  const deadline = systemClock.now() + STOP_SECONDS_MAX * 1000;
  // Another process's end cannot be awaited, only looked for.
  while (isAlive(pid)) {
    if (systemClock.now() > deadline) {
      throw new UsageError(`process ${pid} did not stop within ${STOP_SECONDS_MAX} s; end it with "kill -9 ${pid}"`);
    }
    await sleep(systemClock, 50);
  }
}
