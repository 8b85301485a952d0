import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import type { ServiceParties } from "../parties.ts";
import type { HeaderRoute } from "../router.ts";

/** The rules of an ApisixRoute (`spec.http`). Messages are the original's. */

export interface ApisixRoute extends KubeObject {
  spec?: { http?: ApisixRule[]; [field: string]: unknown };
}

export interface ApisixRule {
  name?: string;
  priority?: number;
  match?: Record<string, unknown>;
  backends?: ApisixBackend[];
}

interface ApisixBackend {
  serviceName?: string;
  weight?: number;
}

/** The named rules with both sides of the split, or what is wrong with them. */
export function splitRules(
  { spec }: ApisixRoute,
  names: readonly string[],
  { canary, stable }: ServiceParties,
): readonly ApisixRule[] | string {
  const http = spec?.http;
  if (!Array.isArray(http)) return "spec.http was not found in Apisix Route manifest";
  if (!http.every(isRecord)) return "Failed type assertion for Apisix http route";
  const rules: ApisixRule[] = [];
  for (const name of names) {
    const rule = http.find((one) => one.name === name);
    if (!rule) return `Apisix http route rule ${name} not found`;
    if (!Array.isArray(rule.backends)) return "Apisix http route backends not found";
    const services = new Set(rule.backends.map(({ serviceName }) => serviceName));
    const missing = [canary, stable].find((service) => !services.has(service));
    if (missing !== undefined) return `apisix route ${missing} backend was not found`;
    rules.push(rule);
  }
  return rules;
}

export function withWeights(rule: ApisixRule, weights: ReadonlyMap<string, number>): ApisixRule {
  const backends = (rule.backends ?? []).map((backend) => {
    const weight = weights.get(backend.serviceName ?? "");
    return weight === undefined ? backend : { ...backend, weight };
  });
  return { ...rule, backends };
}

/** Requests with the header, to the canary only, before the rule that it was made of. */
export function headerRule(rule: ApisixRule, { match }: HeaderRoute, { canary, stable }: ServiceParties): ApisixRule {
  const backends = (rule.backends ?? []).filter(({ serviceName }) => serviceName !== stable);
  return {
    ...withWeights({ ...rule, backends }, new Map([[canary, 100]])),
    priority: (rule.priority ?? 0) + 1,
    match: { ...rule.match, exprs: match.map(expression) },
  };
}

function expression({ headerName, headerValue: { exact, regex, prefix } }: HeaderRoute["match"][number]) {
  const subject = { scope: "Header", name: headerName };
  if (exact) return { subject, op: "Equal", value: exact };
  return { subject, op: "RegexMatch", value: prefix ? `^${prefix}.*` : (regex ?? "") };
}
