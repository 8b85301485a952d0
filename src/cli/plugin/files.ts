import { readFileSync } from "node:fs";

/** A file's text; `-` is the standard input. */
export function readText(file: string): string {
  return readFileSync(file === "-" ? 0 : file, "utf8");
}
