import { pino } from "pino";
import type { Logger } from "../base/log.ts";

/**
 * Waits for a place where it can be written; what comes on top is dropped. Some thousand lines, far from what a process
 * can hold.
 */
const UNWRITTEN_MAX_BYTES = 1_048_576;

/** JSON lines to a file or to a file descriptor; `level` is one of pino's. */
export function createLogger(name: string, destination: string | number, level: string): Logger {
  const stream = pino.destination({ dest: destination, sync: true, mkdir: true, maxLength: UNWRITTEN_MAX_BYTES });
  // A full disk must not end the cluster: without a listener this event would. What could not be written is tried again
  // with the next line.
  stream.on("error", () => {});
  return pino({ name, level, base: { name } }, stream) as unknown as Logger;
}
