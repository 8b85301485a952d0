import { homedir } from "node:os";
import { createInterface } from "node:readline";
import { systemClock } from "../../base/clock.ts";
import type { World } from "./command.ts";
import { connect } from "./connection.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The real world of a plugin: this process's environment, terminal and signals. */
export function processWorld(userAgent: string): World {
  const env = { ...process.env, HOME: process.env["HOME"] ?? homedir() };
  const isTerminal = process.stdout.isTTY === true;
  return {
    connect: (flags) => connect(flags, { env, userAgent }),
    clock: systemClock,
    isTerminal,
    hasColor: wantsColor(isTerminal, env),
    ask: canAsk([process.stdin, process.stderr], env) ? ask : null,
    onInterrupt(act) {
      process.once("SIGINT", act);
      return () => process.off("SIGINT", act);
    },
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
  };
}

/** no-color.org: any value but an empty one says no. */
export function wantsColor(isTerminal: boolean, env: Environment): boolean {
  return isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
}

/** Some build servers give their scripts a terminal, at which nobody sits. */
export function canAsk(streams: readonly { readonly isTTY?: boolean }[], env: Environment): boolean {
  return streams.every(({ isTTY }) => isTTY === true) && !env["CI"];
}

/** On standard error, so that standard output stays what the command says. The end of the input is an empty answer. */
function ask(question: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    reader.once("close", () => resolve(""));
    reader.question(question, (answer) => {
      resolve(answer);
      reader.close();
    });
  });
}
