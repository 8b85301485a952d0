import type { PathModifier } from "../../api/gateway-api.ts";
import { onPath, type PathRewrite } from "../rewrite.ts";

/** How a rewrite or redirect changes the path (MESH-365); the query stays. Null: not at all. */
export function compilePathModifier(modifier: PathModifier | undefined, matchedPrefix: string): PathRewrite | null {
  switch (modifier?.type) {
    case "ReplaceFullPath":
      return onPath(() => modifier.replaceFullPath || "/");
    case "ReplacePrefixMatch":
      return onPath((path) => replacePrefix(path, matchedPrefix, modifier.replacePrefixMatch ?? ""));
    default:
      return null;
  }
}

/** A prefix is made of whole elements: a slash at its end, or the replacement's, stands for nothing of its own. */
function replacePrefix(path: string, prefix: string, replacement: string): string {
  const rest = path.slice(withoutSlash(prefix).length);
  return withoutSlash(replacement) + rest || "/";
}

export function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}
