import type { Clock } from "../../base/clock.ts";
import type { KubeClient } from "../../kube/client.ts";
import type { ObjectKey, ResourceType } from "../../kube/resource.ts";
import type { ConnectionFlags } from "./connection.ts";

/** What a kubectl plugin is given from outside: so tests run it on an in-memory cluster. */
export interface World {
  connect(flags: ConnectionFlags): Session;
  readonly clock: Clock;
  /** The screen can be cleared and drawn anew. */
  readonly isTerminal: boolean;
  /** Colours are seen and wanted. */
  readonly hasColor: boolean;
  /** Puts a question to the user and waits for the line; null: nobody is there to answer, as in a script. */
  readonly ask: ((question: string) => Promise<string>) | null;
  /** Calls back at Ctrl-C, instead of dying of it, until the answer is called. */
  onInterrupt(act: () => void): () => void;
  print(text: string): void;
  printError(text: string): void;
}

export interface Session {
  readonly client: KubeClient;
  readonly namespace: string;
  close(): Promise<void>;
}

/** A command's turn: what it may use. */
export interface CommandContext extends Omit<World, "connect"> {
  readonly client: KubeClient;
  readonly namespace: string;
}

/** An object that a command is about. */
export interface Target extends ObjectKey {
  readonly type: ResourceType;
}

/** A refusal whose text is printed as it is, after `error: `. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Opens the session that the flags ask for, and closes it whatever comes. */
export async function withSession(
  world: World,
  flags: ConnectionFlags,
  act: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const { connect, ...rest } = world;
  const { client, namespace, close } = connect(flags);
  try {
    await act({ ...rest, client, namespace });
  } finally {
    await close();
  }
}
