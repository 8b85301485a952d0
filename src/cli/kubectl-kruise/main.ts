import { processWorld } from "../plugin/process-world.ts";
import { runKubectlKruise } from "./program.ts";

/** `bin/kubectl-kruise`: found by `kubectl kruise …` through PATH, and runnable by itself. */
process.exitCode = await runKubectlKruise(process.argv.slice(2), processWorld("kubectl-kruise/fairway"));
