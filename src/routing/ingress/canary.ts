import type { StringMatch } from "../../api/istio.ts";
import { type Condition, describe, headerCondition, queryCondition } from "../match.ts";
import type { Location } from "./location.ts";

/** How the requests of one location are shared between its own backend and those of canary Ingresses. */
export interface Shares {
  /** Tried in this order; the first that holds decides. */
  readonly rules: readonly CanaryRule[];
  /** Of the requests that no rule takes. */
  readonly weights: readonly { readonly canary: Location; readonly weight: number }[];
  /** What `weights` are parts of; the rest is the location's own. */
  readonly total: number;
}

export interface CanaryRule {
  /** Such as `canary-by-header`: named in the access log and by explain. */
  readonly name: string;
  readonly conditions: readonly NamedCondition[];
  /** The canary Ingress that says so. */
  readonly canary: Location;
  /** Whether the canary gets the request; otherwise the location's own backend does. */
  readonly isForCanary: boolean;
}

export interface NamedCondition {
  readonly holds: Condition;
  readonly text: string;
}

export const WEIGHT_TOTAL = 100;

/** As in a VirtualService; no member set: the header is there. */
export function headerIs(name: string, match: StringMatch): NamedCondition {
  return { holds: headerCondition(name, match), text: describe(`headers[${name}]`, match) };
}

export function queryIs(name: string, match: StringMatch): NamedCondition {
  return { holds: queryCondition(name, match), text: describe(`queryParams[${name}]`, match) };
}

/** The first cookie of that name; `ignoreCase` as nginx compares names. */
export function cookieCondition(name: string, value: string, options: { ignoreCase: boolean }): NamedCondition {
  const wanted = options.ignoreCase ? name.toLowerCase() : name;
  const nameOf = (text: string) => (options.ignoreCase ? text.toLowerCase() : text);
  const holds: Condition = (facts) => {
    for (const pair of (facts.header("cookie") ?? "").split(";")) {
      const equals = pair.indexOf("=");
      if (equals > 0 && nameOf(pair.slice(0, equals).trim()) === wanted) return pair.slice(equals + 1).trim() === value;
    }
    return false;
  };
  return { holds, text: `cookie[${name}] exact ${JSON.stringify(value)}` };
}

/** For problems: which Ingress, and what about it. */
export type Report = (location: Location, message: string) => void;
