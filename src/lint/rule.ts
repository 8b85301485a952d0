import type { Finding } from "./finding.ts";
import type { Manifest } from "./manifest.ts";

/** One kind of mistake. Pure: the objects of all files in, findings out. */
export type Rule = (manifests: readonly Manifest[]) => readonly Finding[];

/** A finding at a field of an object. */
export function at(
  manifest: Manifest,
  path: readonly (string | number)[],
  finding: Pick<Finding, "code" | "level" | "message"> & Partial<Pick<Finding, "edit">>,
): Finding {
  const { kind, metadata } = manifest.object;
  return { ...finding, file: manifest.file, line: manifest.lineOf(path), object: `${kind} ${metadata.name}` };
}
