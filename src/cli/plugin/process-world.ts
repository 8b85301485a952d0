import { homedir } from "node:os";
import { systemClock } from "../../base/clock.ts";
import type { World } from "./command.ts";
import { connect } from "./connection.ts";

/** The real world of a plugin: this process's environment, terminal and signals. */
export function processWorld(userAgent: string): World {
  const env = { ...process.env, HOME: process.env["HOME"] ?? homedir() };
  const isTerminal = process.stdout.isTTY === true;
  return {
    connect: (flags) => connect(flags, { env, userAgent }),
    clock: systemClock,
    isTerminal,
    // no-color.org
    hasColor: isTerminal && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    onInterrupt(act) {
      process.once("SIGINT", act);
      return () => process.off("SIGINT", act);
    },
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
  };
}
