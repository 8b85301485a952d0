import { spawnSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";

const FAIRWAY = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "bin", "fairway");

/** The last line of `fairway demo --json`. */
interface Summary {
  readonly summary: { readonly seconds: number; readonly requestsSent: number; readonly requestsFailed: number };
}

/** One walk: most of it waits for Kruise's own delays, so that repeats tell little. */
export const demoBench: Bench = {
  name: "demo",
  measures: "fairway demo, from the empty cluster to the finished release, seconds (target of the issue: under 40)",
  async run(report) {
    const { status, stdout, stderr } = spawnSync(FAIRWAY, ["demo", "--json"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`the demo ended with exit code ${status}: ${stderr.trim()}`);
    const { summary } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Summary;
    const { seconds, requestsSent, requestsFailed } = summary;
    report.table(
      ["", "seconds", "requests", "failed"],
      [["demo", ...[seconds, requestsSent, requestsFailed].map(String)]],
    );
  },
};
