import { pino } from "pino";
import type { Logger } from "../base/log.ts";

/** JSON lines to a file or to standard error; `level` is one of pino's. */
export function createLogger(name: string, destination: string | number, level: string): Logger {
  const stream = pino.destination({ dest: destination, sync: true, mkdir: true });
  return pino({ name, level, base: { name } }, stream) as unknown as Logger;
}
