import { InvalidArgumentError, Option } from "commander";
import type { OutputFormat } from "../plugin/output.ts";
import { parseGoals } from "./until.ts";

/** How the words of a command line become values, and how mistakes in them read. */

const GO_BOOLEAN =
  /^(--?(?:watch|w|no-color|full|skip-current-step|c|skip-all-steps|a|all-namespaces|A|timestamps|global|short|skip|yes|y))=(true|false)$/;

/** Go's flags take `--watch=false`; ours say no by being absent, or by a twin where the default is yes. */
export function plainFlag(arg: string): readonly string[] {
  const [, flag = "", value] = GO_BOOLEAN.exec(arg) ?? [];
  if (value === undefined) return [arg];
  if (value === "true") return [flag];
  return flag === "--watch" || flag === "-w" ? ["--no-watch"] : [];
}

/** Mistakes in the words of a command, as users of the original know them. */
const cobraTexts: readonly (readonly [RegExp, string])[] = [
  [/^error: unknown option '--([^']*)'/, "Error: unknown flag: --$1"],
  [/^error: unknown option '-(.)[^']*'/, "Error: unknown shorthand flag: '$1' in -$1"],
  [/^error: unknown command '([^']*)'/, 'Error: unknown command "$1" for "kubectl-argo-rollouts"'],
  [/^error: option '(?:-\w, )?(--[\w-]+) [^']*' argument missing/, "Error: flag needs an argument: $1"],
  [/^error: /, "Error: "],
];

export function asCobra(text: string): string {
  for (const [pattern, replacement] of cobraTexts) {
    if (pattern.test(text)) return text.replace(pattern, replacement);
  }
  return text;
}

export function outputOf({ output }: { readonly output?: OutputFormat }): { readonly output?: OutputFormat } {
  return output === undefined ? {} : { output };
}

export function untilOption(): Option {
  return new Option(
    "--until <goal>",
    "watch until the rollout is healthy, paused or degraded, or at step=N; or at one of several (a,b)",
  ).argParser(parseGoals);
}

export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

export function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("it must be a whole number");
  return Number(value);
}
