import { assert } from "../base/assert.ts";
import { CompiledTable } from "./compile.ts";
import type { Facts, RouteReference, Table } from "./types.ts";

/** A rule of the request's host that did not match, and why not. */
export interface NearRule {
  readonly route: RouteReference;
  /** The first condition that does not hold, as the object has it. */
  readonly failed: string;
}

/** Rules that miss the request by the fewest conditions, in order; null when nobody answers for the host at all. */
export function nearestRules(table: Table, facts: Facts, limit: number): readonly NearRule[] | null {
  assert(table instanceof CompiledTable);
  const virtualHost = table.scopeOf(facts.source).routes.virtualHost(facts.authority, facts.port);
  if (virtualHost === null) return null;
  const [path = ""] = facts.path.split("?");
  const misses = virtualHost.routes.flatMap(({ match, reference }) => {
    const failed = match.conditionTexts.filter((_text, index) => !match.conditions[index]!(facts, path));
    return failed[0] === undefined ? [] : [{ route: reference, failed: failed[0], count: failed.length }];
  });
  misses.sort((left, right) => left.count - right.count);
  return misses.slice(0, limit).map(({ route, failed }) => ({ route, failed }));
}
