import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { getSystemErrorMap } from "node:util";
import type { SourceFile } from "../lint/lint.ts";
import { UsageError } from "./errors.ts";

/** A file that was named, or that stands in a directory that was named. */
export interface ManifestFile extends SourceFile {
  /** Its place below the directory, or its bare name. */
  readonly relative: string;
}

/** Those that `kubectl apply -f` takes from a directory. */
const EXTENSIONS: ReadonlySet<string> = new Set([".yaml", ".yml", ".json"]);

/** The manifests of a file, of a directory (with `isRecursive`: and of those below) or, for `-`, of standard input. */
export function readManifests(name: string, { isRecursive }: { readonly isRecursive: boolean }): ManifestFile[] {
  try {
    if (name === "-") return [{ file: "STDIN", relative: "stdin.yaml", text: readFileSync(0, "utf8") }];
    if (!statSync(name).isDirectory()) return [read(name, path.basename(name))];
    const files = isRecursive ? below(name) : inside(name);
    if (files.length === 0) throw new UsageError(nothingIn(name, isRecursive));
    return files.map((relative) => read(path.join(name, relative), relative));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read ${name}: ${systemReason(error)}`);
  }
}

function read(file: string, relative: string): ManifestFile {
  return { file, relative, text: readFileSync(file, "utf8") };
}

function inside(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.has(path.extname(entry.name)))
    .map(({ name }) => name)
    .sort();
}

/** In the order of a walk: a directory's entries by name, each directory in its place. Links are not followed. */
function below(directory: string, prefix = ""): readonly string[] {
  return readdirSync(path.join(directory, prefix), { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const relative = path.join(prefix, entry.name);
      if (entry.isDirectory()) return below(directory, relative);
      return EXTENSIONS.has(path.extname(entry.name)) ? [relative] : [];
    });
}

function nothingIn(name: string, isRecursive: boolean): string {
  const text = `no manifests (${[...EXTENSIONS].map((extension) => `*${extension}`).join(", ")}) in directory ${name}`;
  const deeper = isRecursive ? [] : [...new Set(below(name).map((file) => path.join(name, path.dirname(file))))];
  if (deeper.length === 0) return text;
  const shown = deeper.slice(0, SHOWN_MAX).join(", ") + (deeper.length > SHOWN_MAX ? ", …" : "");
  return `${text}; there are some in ${shown}: add --recursive`;
}

const SHOWN_MAX = 3;

/** The system's words for why a file cannot be used. */
export function systemReason(error: unknown): string {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? String(error) : (getSystemErrorMap().get(errno)?.[1] ?? String(error));
}
