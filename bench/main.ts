import { type Bench, consoleReport } from "./bench.ts";
import { demoBench } from "./demo.ts";
import { proxyBench } from "./proxy.ts";
import { rolloutsBench } from "./rollouts.ts";
import { routesBench } from "./routes.ts";
import { startBench } from "./start.ts";

/**
 * Runs benchmarks: `npm run bench` runs all, `npm run bench -- proxy` the named ones. A new one is a file that exports
 * a `Bench`, and a line here.
 */
const benches: readonly Bench[] = [proxyBench, startBench, demoBench, rolloutsBench, routesBench];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`bench: unknown ${unknown.join(", ")}; there are: ${benches.map(({ name }) => name).join(", ")}`);
  process.exit(1);
}
for (const bench of benches) {
  if (names.length > 0 && !names.includes(bench.name)) continue;
  console.log(`${bench.name}: ${bench.measures}`);
  await bench.run(consoleReport);
  console.log("");
}
