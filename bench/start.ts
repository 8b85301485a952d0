import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";

const FAIRWAY = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "bin", "fairway");

/** The first start of each kind warms the disk and the compile cache and is not counted. */
const RUNS = 5;

/** From the command to its return, so what a user waits for: API server, packs, controllers and mesh are ready. */
export const startBench: Bench = {
  name: "start",
  measures: `fairway up --detach until ready, warm, median of ${RUNS}, seconds`,
  async run(report) {
    const rows = [["--memory"], []].map((flags) => {
      const seconds = startTimes(flags).sort((left, right) => left - right);
      const name = flags.length > 0 ? "in memory" : "on a data directory";
      return [name, ...[seconds[0]!, seconds[Math.floor(RUNS / 2)]!, seconds.at(-1)!].map((each) => each.toFixed(2))];
    });
    report.table(["", "min", "median", "max"], rows);
  },
};

function startTimes(flags: readonly string[]): number[] {
  const root = mkdtempSync(path.join(tmpdir(), "fairway-bench-"));
  const ports = ["--api-port", "0", "--gateway-port", "0", "--metrics-port", "0"];
  try {
    const seconds: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      const startedAt = performance.now();
      fairway("up", "--detach", "--data", root, ...ports, ...flags);
      seconds.push((performance.now() - startedAt) / 1000);
      fairway("down", "--data", root);
    }
    return seconds.slice(1);
  } finally {
    spawnSync(FAIRWAY, ["down", "--data", root]);
    rmSync(root, { recursive: true, force: true });
  }
}

function fairway(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(FAIRWAY, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`fairway ${args[0]} ended with exit code ${status}: ${stderr.trim()}`);
}
