import type { HeaderOperationsSpec } from "../api/istio.ts";
import type { HeaderOperations } from "./types.ts";

/** The header edits of one level (rule or destination) in one direction. */
export interface CompiledHeaders {
  /** Null: nothing to do. */
  readonly operations: HeaderOperations | null;
  /** A `Host` or `:authority` in set or add rewrites the authority (MESH-112). */
  readonly authority: string | null;
}

const AUTHORITY_NAMES = new Set(["host", ":authority"]);

export function compileHeaders(spec: HeaderOperationsSpec | undefined): CompiledHeaders {
  const set = pairs(spec?.set);
  const add = pairs(spec?.add);
  const authority = [...set, ...add].find(([name]) => AUTHORITY_NAMES.has(name))?.[1] ?? null;
  const operations: HeaderOperations = {
    remove: (spec?.remove ?? []).map((name) => name.toLowerCase()),
    set: set.filter(([name]) => !AUTHORITY_NAMES.has(name)),
    add: add.filter(([name]) => !AUTHORITY_NAMES.has(name)),
  };
  const isEmpty = operations.remove.length + operations.set.length + operations.add.length === 0;
  return { operations: isEmpty ? null : operations, authority };
}

function pairs(values: Record<string, string> | undefined): (readonly [string, string])[] {
  return Object.entries(values ?? {}).map(
    ([name, value]) => [name.toLowerCase(), value.replaceAll("%%", "%")] as const,
  );
}

/**
 * The order of the two levels (MESH-111): with one destination the rule's edits go first and the destination's win;
 * with several the destination's go first and the rule's win.
 */
export function orderHeaders(
  rule: HeaderOperations | null,
  destination: HeaderOperations | null,
  destinationCount: number,
): readonly HeaderOperations[] {
  const ordered = destinationCount > 1 ? [destination, rule] : [rule, destination];
  return ordered.filter((operations) => operations !== null);
}

/** What tells where a body ends is the proxy's: another length would make one message two (MESH-263). */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** Whether no edit may touch the header. */
export function isFraming(name: string): boolean {
  return FRAMING.has(name.toLowerCase());
}

/** Applies response edits to the headers of a local reply (MESH-114). */
export function applyToReply(
  headers: readonly (readonly [string, string])[],
  levels: readonly HeaderOperations[],
): readonly (readonly [string, string])[] {
  let result = headers;
  for (const { remove, set, add } of levels) {
    const gone = new Set([...remove, ...set.map(([name]) => name)]);
    const added = [...set, ...add].filter(([name]) => !isFraming(name));
    result = [...result.filter(([name]) => !gone.has(name)), ...added];
  }
  return result;
}
