import type { HttpRewriteSpec } from "../api/istio.ts";
import type { CompiledMatch } from "./match.ts";
import { compileReplacement } from "./regex.ts";

/** Changes path and query for upstream. */
export type PathRewrite = (pathWithQuery: string) => string;

/** How a rule's rewrite changes the path of requests that one of its matches let in; null: not at all (MESH-120…122). */
export function compileRewrite(spec: HttpRewriteSpec | undefined, match: CompiledMatch): PathRewrite | null {
  const { uri, uriRegexRewrite } = spec ?? {};
  if (uriRegexRewrite?.match !== undefined) {
    const replace = compileReplacement(uriRegexRewrite.match, uriRegexRewrite.rewrite ?? "");
    return onPath(replace);
  }
  if (uri === undefined || uri === "") return null;
  if (match.pathKind === "exact" || match.pathKind === "regex") return onPath(() => uri);
  // Without a path condition the rule counts as prefix "/" (MESH-121), hence /x becomes /v2x.
  const prefixLength = match.pathKind === "prefix" ? match.prefix.length : 1;
  return (pathWithQuery) => uri + pathWithQuery.slice(prefixLength);
}

/** The query stays as it is. */
export function onPath(change: (path: string) => string): PathRewrite {
  return (pathWithQuery) => {
    const question = pathWithQuery.indexOf("?");
    if (question < 0) return change(pathWithQuery);
    return change(pathWithQuery.slice(0, question)) + pathWithQuery.slice(question);
  };
}
