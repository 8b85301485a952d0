import { isApiError } from "../../kube/errors.ts";
import { qualifiedPlural } from "../../kube/resource.ts";
import { CommandError, type Target } from "../plugin/command.ts";

/** A refusal about one object: `rollouts.rollouts.kruise.io "x" is already paused` (KRUISE-451, KRUISE-457). */
export function refusal({ type, name }: Target, problem: string): CommandError {
  return new CommandError(`${qualifiedPlural(type)} "${name}" ${problem}`);
}

/** Several failures of one command, each printed on its own line. */
export class CommandErrors extends Error {
  override readonly name = "CommandErrors";
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super(`${errors.length} errors`);
    this.errors = errors;
  }
}

/** One object's failure does not keep the command from the others; all failures are told at the end. */
export async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new CommandErrors(errors);
}

/** In kubectl's words (KRUISE-452). A bug of ours keeps its stack. */
export function renderError(error: unknown): string {
  if (error instanceof CommandErrors) return error.errors.map(renderError).join("");
  if (isApiError(error)) {
    const reason = error.reason === "" ? "" : ` (${error.reason})`;
    return `Error from server${reason}: ${error.message}\n`;
  }
  if (error instanceof CommandError) return `error: ${error.message}\n`;
  if (error instanceof Error && error.name === "KubeconfigError") return `error: ${error.message}\n`;
  return `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
}
