import { deliverOnce } from "../../app/deliver.ts";
import { processWorld } from "../plugin/process-world.ts";
import { runKubectlArgoRollouts } from "./program.ts";

/** `bin/kubectl-argo-rollouts`: found by `kubectl argo rollouts …` through PATH, and runnable by itself. */
const world = processWorld("kubectl-argo-rollouts/fairway");
process.exitCode = await runKubectlArgoRollouts(process.argv.slice(2), world, (delivery) =>
  deliverOnce(delivery, world.clock),
);
