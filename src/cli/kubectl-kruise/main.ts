import { homedir } from "node:os";
import { systemClock } from "../../base/clock.ts";
import { connect } from "./connection.ts";
import { runKubectlKruise } from "./program.ts";

/** `bin/kubectl-kruise`: found by `kubectl kruise …` through PATH, and runnable by itself. */
process.exitCode = await runKubectlKruise(process.argv.slice(2), {
  connect: (flags) => connect(flags, { ...process.env, HOME: process.env["HOME"] ?? homedir() }),
  clock: systemClock,
  isTerminal: process.stdout.isTTY === true,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
});
