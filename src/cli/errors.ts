import { StartError } from "../app/data-directory.ts";
import { isApiError } from "../kube/errors.ts";

/** Something the user asked for cannot be done as asked: printed as one line, exit code 1. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The one place where a command's failure becomes text and an exit code. A bug keeps its stack. */
export function reportAndExit(error: unknown): never {
  if (error instanceof StartError || error instanceof UsageError) {
    console.error(`error: ${error.message}`);
  } else if (isApiError(error)) {
    console.error(`Error from server (${error.reason || error.code}): ${error.message}`);
  } else {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  process.exit(1);
}

/**
 * A reader that went away (`| head`) is no failure: the command goes on to its end without output, so that it leaves
 * nothing half done.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}
