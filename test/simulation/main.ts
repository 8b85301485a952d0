import { Command } from "commander";
import { simulateArgo } from "./argo.ts";
import { argoKindNames } from "./argo-kinds.ts";
import type { Outcome } from "./harness.ts";
import { simulate } from "./simulation.ts";

/**
 * `npm run simulate -- --seeds N [--seed S] [--only KIND]`: runs N seeds of each kind from S on and prints the first
 * violation of each that fails.
 */
const KINDS: Readonly<Record<string, (seed: number) => Promise<Outcome>>> = {
  kruise: simulate,
  ...Object.fromEntries(argoKindNames.map((kind) => [kind, (seed: number) => simulateArgo(seed, kind)])),
};
const NAMES = Object.keys(KINDS).join(", ");

const program = new Command("simulate")
  .option("--seeds <count>", "how many seeds", Number, 200)
  .option("--seed <number>", "the first seed", Number, 1)
  .option("--only <kind>", `only this kind of release: ${NAMES}`)
  .parse();
const { seeds, seed: first, only } = program.opts<{ seeds: number; seed: number; only?: string }>();
const kinds = Object.entries(KINDS).filter(([kind]) => only === undefined || kind === only);
if (kinds.length === 0) program.error(`error: --only takes ${NAMES}, not ${only}`);

for (const [kind, run] of kinds) {
  let failed = 0;
  let events = 0;
  const startedAt = performance.now();
  for (let seed = first; seed < first + seeds; seed++) {
    const outcome = await run(seed);
    events += outcome.events;
    if (outcome.problems.length > 0) {
      failed++;
      process.exitCode = 1;
      console.log(`${kind} seed ${seed} (${outcome.workload}): ${outcome.problems.join("\n  ")}`);
      console.log(`  again: npm run simulate -- --only ${kind} --seeds 1 --seed ${seed}`);
    } else if (seeds === 1) console.log(JSON.stringify(outcome, null, 2));
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${kind}: ${seeds - failed} of ${seeds} seeds held all invariants; ${events} events in ${seconds} s`);
}
