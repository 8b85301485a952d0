import type { HttpRouteMatch, NamedMatch } from "../../api/gateway-api.ts";
import { type CompiledMatch, type Condition, matchEverything, queryValue } from "../match.ts";
import { compileRegex } from "../regex.ts";
import { withoutSlash } from "./path.ts";

/** One entry of a rule's `matches` (MESH-362). The rule has no problems, so that every expression compiles. */
export function compileRouteMatch(spec: HttpRouteMatch): CompiledMatch {
  const { method, headers = [], queryParams = [] } = spec;
  const { type = "PathPrefix", value = "/" } = spec.path ?? {};
  const conditions: { test: Condition; text: string }[] = [];
  const path = pathCondition(type, value);
  if (path !== null) conditions.push({ test: path, text: `path ${type} ${JSON.stringify(value)}` });
  if (method) conditions.push({ test: (facts) => facts.method === method, text: `method ${method}` });
  for (const header of firstOfEachName(headers, (name) => name.toLowerCase())) {
    conditions.push(headerCondition(header));
  }
  for (const param of firstOfEachName(queryParams, (name) => name)) conditions.push(queryCondition(param));
  return {
    ...matchEverything,
    pathKind: type === "Exact" ? "exact" : type === "RegularExpression" ? "regex" : "prefix",
    prefix: type === "PathPrefix" ? value : "",
    isCatchAll: conditions.length === 0,
    conditions: conditions.map(({ test }) => test),
    conditionTexts: conditions.map(({ text }) => text),
  };
}

/** Null: every path. */
function pathCondition(type: string, value: string): Condition | null {
  if (type === "Exact") return (_facts, path) => path === value;
  if (type === "RegularExpression") {
    const test = textTest(type, value);
    return (_facts, path) => test(path);
  }
  const prefix = withoutSlash(value);
  if (prefix === "") return null;
  const below = `${prefix}/`;
  return (_facts, path) => path === prefix || path.startsWith(below);
}

/** Of a name that is there twice, only the first entry counts. */
function firstOfEachName(list: readonly NamedMatch[], nameOf: (name: string) => string): readonly NamedMatch[] {
  const byName = new Map<string, NamedMatch>();
  for (const match of list) {
    const name = nameOf(match.name ?? "");
    if (!byName.has(name)) byName.set(name, { ...match, name });
  }
  return [...byName.values()];
}

function headerCondition({ name = "", type = "Exact", value = "" }: NamedMatch): { test: Condition; text: string } {
  const test = textTest(type, value);
  return {
    test(facts) {
      const found = facts.header(name);
      return found !== null && test(found);
    },
    text: `headers[${name}] ${type} ${JSON.stringify(value)}`,
  };
}

function queryCondition({ name = "", type = "Exact", value = "" }: NamedMatch): { test: Condition; text: string } {
  const test = textTest(type, value);
  return {
    test(facts) {
      const found = queryValue(facts.path, name);
      return found !== null && test(found);
    },
    text: `queryParams[${name}] ${type} ${JSON.stringify(value)}`,
  };
}

function textTest(type: string, value: string): (text: string) => boolean {
  if (type !== "RegularExpression") return (text) => text === value;
  const compiled = compileRegex(value);
  if ("error" in compiled) throw new RangeError(`regex ${JSON.stringify(value)}: ${compiled.error}`);
  return (text) => compiled.matches(text);
}
