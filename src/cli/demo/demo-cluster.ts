import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { dataDirectory, type Instance, runningInstance } from "../../app/data-directory.ts";
import { UsageError } from "../errors.ts";

/** The folder of `fairway` itself and of the kubectl plugins. */
export const BIN = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "bin");

/** A cluster of the demo's own: empty, on free ports, gone at the end unless it is kept. */
export interface DemoCluster {
  readonly root: string;
  start(packs: readonly string[]): Instance;
  stop(): void;
  /** Stops it and removes what was made for it. */
  remove(): void;
}

/** `data` null: a temporary directory. */
export function demoCluster(data: string | null): DemoCluster {
  const root = data ?? mkdtempSync(path.join(tmpdir(), "fairway-demo-"));
  const stop = () => void fairway("down", "--data", root);
  return {
    root,
    start(packs) {
      const ports = PORT_OPTIONS.flatMap((option) => [option, "0"]);
      const up = fairway("up", "--detach", "--memory", "--data", root, "--packs", packs.join(","), ...ports);
      const instance = runningInstance(dataDirectory(root));
      if (up.status !== 0 || !instance) throw new UsageError(`the cluster did not start:\n${up.stdout}${up.stderr}`);
      return instance;
    },
    stop,
    remove() {
      stop();
      if (data === null) rmSync(root, { recursive: true, force: true });
    },
  };
}

const PORT_OPTIONS = ["--api-port", "--gateway-port", "--metrics-port", "--prometheus-port", "--controller-port"];

function fairway(...args: string[]) {
  return spawnSync(path.join(BIN, "fairway"), args, { encoding: "utf8" });
}
