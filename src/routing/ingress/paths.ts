import type { Condition } from "../match.ts";
import { compileSearch, REGEX_LENGTH_MAX } from "../regex.ts";
import type { LocationPath } from "./location.ts";

/** How one path of an Ingress is compared with a request's (MESH-300, MESH-301). */
export interface CompiledPath {
  /** Null: every path. */
  readonly test: ((path: string) => boolean) | null;
  /** For explain. */
  readonly text: string;
  /** The longer path is tried first. */
  readonly length: number;
  /** Of paths of equal length the lower is tried first. */
  readonly rank: number;
}

/** Of equal length: Exact, Prefix, the rest. */
const RANKS: Readonly<Record<LocationPath["type"], number>> = { Exact: 0, Prefix: 1, ImplementationSpecific: 2 };

/** Behind every path of its host. */
export const anyPath: CompiledPath = { test: null, text: "any path", length: -1, rank: 3 };

export interface PathDialect {
  readonly implementationSpecific: "text-prefix" | "element-prefix" | "istio-wildcard";
  /** nginx tries every path of a host as an expression once one of them asks for it, whatever their types. */
  readonly isRegex: boolean;
}

export function compilePath(path: LocationPath, dialect: PathDialect): CompiledPath | { readonly error: string } {
  const { type, text } = path;
  if (dialect.isRegex) return compileExpression(path);
  const known = { text: `path ${type} ${JSON.stringify(text)}`, rank: RANKS[type] };
  if (type === "Exact") return { ...known, test: (asked) => asked === text, length: text.length };
  if (type === "Prefix" || dialect.implementationSpecific === "element-prefix") {
    return { ...known, ...elementPrefix(text) };
  }
  if (dialect.implementationSpecific === "text-prefix") return { ...known, ...textPrefix(text) };
  // Istio: a prefix when it ends in a wildcard, else exact.
  const prefix = /^(.*)\.\*$/.exec(text)?.[1] ?? /^(.*\/)\*$/.exec(text)?.[1];
  if (prefix !== undefined) return { ...known, ...textPrefix(prefix) };
  return { ...known, test: (asked) => asked === text, length: text.length };
}

/** Whole path elements: /foo takes /foo, /foo/ and /foo/bar, not /foobar; a slash at the rule's end says nothing. */
function elementPrefix(text: string): Pick<CompiledPath, "test" | "length"> {
  const prefix = withoutEndingSlashes(text);
  if (prefix === "") return { test: null, length: 1 };
  const inside = `${prefix}/`;
  return { test: (asked) => asked === prefix || asked.startsWith(inside), length: prefix.length };
}

/** Not by an expression: one that looks for the end again at each slash takes seconds for a path of slashes. */
export function withoutEndingSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}

function textPrefix(text: string): Pick<CompiledPath, "test" | "length"> {
  const test = text === "" || text === "/" ? null : (asked: string) => asked.startsWith(text);
  return { test, length: text.length };
}

function compileExpression({ type, text }: LocationPath): CompiledPath | { readonly error: string } {
  const search = text.length > REGEX_LENGTH_MAX ? { error: "it is too long" } : compileSearch(`(?i)^${text}`);
  if ("error" in search) return { error: `path ${JSON.stringify(text)} is no regular expression: ${search.error}` };
  const test = (asked: string) => search.find(asked, 0) !== null;
  return { test, text: `path matches ${JSON.stringify(`^${text}`)}`, length: text.length, rank: RANKS[type] };
}

/** The first to be tried comes first; for equals the caller's order stays. */
export function comparePaths(left: CompiledPath, right: CompiledPath): number {
  return right.length - left.length || left.rank - right.rank;
}

export function pathCondition({ test }: CompiledPath): Condition | null {
  return test === null ? null : (_facts, path) => test(path);
}
