import type { StringMatch } from "../../api/istio.ts";
import { compareText } from "../age.ts";
import type { Condition } from "../match.ts";
import { compileRegex, REGEX_LENGTH_MAX } from "../regex.ts";
import {
  type CanaryRule,
  cookieCondition,
  headerIs,
  type NamedCondition,
  queryIs,
  type Report,
  type Shares,
  WEIGHT_TOTAL,
} from "./canary.ts";
import type { Location } from "./location.ts";

/**
 * The canary rules of MSE, Higress and ALB (MESH-340…345): any number of canaries; one with a header, query or cookie is
 * a rule of its own, whose weight does not count; the others share by weight.
 */
export function mseShares(canaries: readonly Location[], report: Report): Shares {
  const rules: CanaryRule[] = [];
  const weights: { canary: Location; weight: number }[] = [];
  for (const canary of canaries) {
    const rule = ruleOf(canary, report);
    if (rule !== null) rules.push(rule);
    else if (!isByRule(canary))
      weights.push({ canary, weight: canary.ingress.annotations.count("canary-weight") ?? 0 });
  }
  // Headers and query before cookies; else the older canary first (MESH-345).
  rules.sort((left, right) => compareText(RANKS[left.name] ?? "", RANKS[right.name] ?? ""));
  const total = weights[0]?.canary.ingress.annotations.count("canary-weight-total") || WEIGHT_TOTAL;
  return { rules, weights, total };
}

const RANKS: Readonly<Record<string, string>> = {
  "canary-by-header": "1",
  "canary-by-query": "1",
  "canary-by-cookie": "2",
};

function isByRule({ ingress: { annotations } }: Location): boolean {
  return ["canary-by-header", "canary-by-query", "canary-by-cookie"].some((key) => annotations.text(key)?.trim());
}

/** Null: it has none, or one that can hold for no request. */
function ruleOf(canary: Location, report: Report): CanaryRule | null {
  const { annotations } = canary.ingress;
  const header = annotations.text("canary-by-header")?.trim();
  const query = annotations.text("canary-by-query")?.trim();
  const cookie = annotations.text("canary-by-cookie")?.trim();
  if (header || query) {
    const conditions: NamedCondition[] = [];
    // Both on one Ingress must hold (MESH-343).
    const asked = [
      ["canary-by-header", header, headerIs],
      ["canary-by-query", query, queryIs],
    ] as const;
    for (const [key, name, is] of asked) {
      if (!name) continue;
      const condition = valueCondition(canary, key, { name, is, report });
      if (condition === null) return null;
      conditions.push(condition);
    }
    return { name: header ? "canary-by-header" : "canary-by-query", conditions, canary, isForCanary: true };
  }
  if (!cookie) return null;
  const value = annotations.text("canary-by-cookie-value") || "always";
  const conditions = [cookieCondition(cookie, value, { ignoreCase: false })];
  return { name: "canary-by-cookie", conditions, canary, isForCanary: true };
}

/** `always`, the value, or the pattern anywhere in the text (MESH-341, MESH-343). Null: the pattern is none. */
function valueCondition(canary: Location, key: string, context: ValueContext): NamedCondition | null {
  const { name, is, report } = context;
  const { annotations, dialect } = canary.ingress;
  const value = annotations.text(`${key}-value`);
  if (value) {
    const [isValue, isAlways] = [is(name, { exact: value }), is(name, { exact: "always" })];
    if (!dialect.takesAlwaysBesideValue || key !== "canary-by-header") return isValue;
    const holds: Condition = (facts, path) => isValue.holds(facts, path) || isAlways.holds(facts, path);
    return { holds, text: `${isValue.text} or "always"` };
  }
  const pattern = annotations.text(`${key}-pattern`);
  if (!pattern) return is(name, { exact: "always" });
  const regex = `.*(?:${pattern}).*`;
  const error = expressionError(pattern, regex);
  if (error === null) return is(name, { regex });
  report(canary, `${key}-pattern ${JSON.stringify(pattern)} is no regular expression: ${error}`);
  return null;
}

interface ValueContext {
  readonly name: string;
  readonly is: (name: string, match: StringMatch) => NamedCondition;
  readonly report: Report;
}

function expressionError(pattern: string, wrapped: string): string | null {
  if (pattern.length > REGEX_LENGTH_MAX) return "it is too long";
  const compiled = compileRegex(wrapped);
  return "error" in compiled ? compiled.error : null;
}
