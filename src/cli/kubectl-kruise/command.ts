import type { Clock } from "../../base/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isApiError } from "../../kube/errors.ts";
import { qualifiedPlural } from "../../kube/resource.ts";
import type { ConnectionFlags } from "./connection.ts";
import type { Target } from "./targets.ts";

/** What the program is given from outside: so tests run it on an in-memory cluster. */
export interface World {
  connect(flags: ConnectionFlags): Session;
  readonly clock: Clock;
  /** Colours and screen clearing only make sense on one. */
  readonly isTerminal: boolean;
  print(text: string): void;
  printError(text: string): void;
}

export interface Session {
  readonly client: KubeClient;
  readonly namespace: string;
  close(): Promise<void>;
}

/** A command's turn: what it may use. */
export interface CommandContext {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clock: Clock;
  readonly isTerminal: boolean;
  print(text: string): void;
}

/** A refusal whose text is printed as it is, after `error: `. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

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
