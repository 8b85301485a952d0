import { Command } from "commander";
import { simulate } from "./simulation.ts";

/** `npm run simulate -- --seeds N [--seed S]`: runs N seeds from S on and prints the first violation of each that fails. */
const program = new Command("simulate")
  .option("--seeds <count>", "how many seeds", Number, 200)
  .option("--seed <number>", "the first seed", Number, 1)
  .parse();
const { seeds, seed: first } = program.opts<{ seeds: number; seed: number }>();

let failed = 0;
let events = 0;
const startedAt = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const outcome = await simulate(seed);
  events += outcome.events;
  if (outcome.problems.length > 0) {
    failed++;
    console.log(`seed ${seed} (${outcome.scenario.workload}): ${outcome.problems.join("\n  ")}`);
    console.log(`  again: npm run simulate -- --seeds 1 --seed ${seed}`);
  } else if (seeds === 1) console.log(JSON.stringify(outcome, null, 2));
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`${seeds - failed} of ${seeds} seeds held all invariants; ${events} events in ${seconds} s`);
process.exitCode = failed > 0 ? 1 : 0;
