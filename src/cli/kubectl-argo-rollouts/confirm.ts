import { type CommandContext, CommandError } from "../plugin/command.ts";

/**
 * Asks before what cannot be taken back (SU-023, SU-024). Only where somebody sits at a terminal: scripts, and whoever gave
 * the flag, go on as they always did. `warning` is ""; then there is nothing to ask.
 */
export async function confirm({ ask }: CommandContext, warning: string, flag: string): Promise<void> {
  if (warning === "" || ask === null) return;
  const answer = await ask(`${warning} Go on? [y/N] `);
  if (/^\s*y(es)?\s*$/i.test(answer)) return;
  throw new CommandError(`nothing was changed; with ${flag} the question is not asked`);
}
