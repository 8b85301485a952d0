import type { Condition } from "../match.ts";
import { compileSearch, REGEX_LENGTH_MAX } from "../regex.ts";
import {
  type CanaryRule,
  cookieCondition,
  headerIs,
  type NamedCondition,
  type Report,
  type Shares,
  WEIGHT_TOTAL,
} from "./canary.ts";
import { ingressName, type Location } from "./location.ts";

/** The canary rules of ingress-nginx: header, then cookie, then weight, of one canary Ingress (MESH-320…326). */
export function nginxShares(canaries: readonly Location[], report: Report): Shares {
  const [canary, ...others] = canaries;
  if (canary === undefined) return { rules: [], weights: [], total: WEIGHT_TOTAL };
  for (const other of others) {
    report(other, `is a second canary of its rule and has no effect: ${ingressName(canary.ingress)} is the first`);
  }
  const { annotations } = canary.ingress;
  const total = Math.max(annotations.count("canary-weight-total") ?? WEIGHT_TOTAL, WEIGHT_TOTAL); // MESH-326
  const rules = [...headerRules(canary, report), ...cookieRules(canary)];
  return { rules, weights: [{ canary, weight: Math.min(annotations.count("canary-weight") ?? 0, total) }], total };
}

function headerRules(canary: Location, report: Report): readonly CanaryRule[] {
  const { annotations } = canary.ingress;
  const header = annotations.text("canary-by-header")?.trim();
  if (!header) return [];
  const value = annotations.text("canary-by-header-value");
  const pattern = annotations.text("canary-by-header-pattern");
  const rule = (name: string, conditions: readonly NamedCondition[], isForCanary: boolean): CanaryRule => {
    return { name, conditions, canary, isForCanary };
  };
  const isExactly = (exact: string) => [headerIs(header, { exact })];
  // Once there is a value or a pattern, `always` and `never` are values like any other (MESH-323).
  if (value) return [rule("canary-by-header-value", isExactly(value), true)];
  if (pattern) {
    const name = "canary-by-header-pattern";
    const search = patternCondition(header, pattern);
    if (!("error" in search)) return [rule(name, [search], true)];
    report(canary, `canary-by-header-pattern ${JSON.stringify(pattern)} is no regular expression: ${search.error}`);
    // An expression that fails keeps the request on the main service, whatever the weight (MESH-324).
    return [rule(name, [headerIs(header, {})], false)];
  }
  return [rule("canary-by-header", isExactly("always"), true), rule("canary-by-header", isExactly("never"), false)];
}

/** Found anywhere in the value. */
function patternCondition(header: string, pattern: string): NamedCondition | { readonly error: string } {
  if (pattern.length > REGEX_LENGTH_MAX) return { error: "it is too long" };
  const search = compileSearch(pattern);
  if ("error" in search) return search;
  const key = header.toLowerCase();
  const holds: Condition = (facts) => {
    const value = facts.header(key);
    return value !== null && search.find(value, 0) !== null;
  };
  return { holds, text: `headers[${header}] contains a match of ${JSON.stringify(pattern)}` };
}

function cookieRules(canary: Location): readonly CanaryRule[] {
  const cookie = canary.ingress.annotations.text("canary-by-cookie")?.trim();
  if (!cookie) return [];
  const name = "canary-by-cookie";
  const has = (value: string) => [cookieCondition(cookie, value, { ignoreCase: true })];
  return [
    { name, conditions: has("always"), canary, isForCanary: true },
    { name, conditions: has("never"), canary, isForCanary: false },
  ];
}
