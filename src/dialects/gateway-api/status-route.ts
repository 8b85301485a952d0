import type { ParentReference, RouteParentStatus } from "../../api/gateway-api.ts";
import { deepEqual } from "../../base/json.ts";
import { judgeParents, type ParentVerdict } from "../../routing/gateway-api/attach.ts";
import { isOwnController } from "../../routing/gateway-api/objects.ts";
import {
  judgeRules,
  problemsOf,
  type RuleProblem,
  type RuleVerdict,
  unresolvedOf,
} from "../../routing/gateway-api/rules.ts";
import { conditionsOf, type Verdict } from "./conditions.ts";
import type { RouteView } from "./gather.ts";

/** `status` of an HTTPRoute (MESH-368): one entry per parent of ours, and those of other controllers as they are. */
export function routeStatus({ route, objects, now }: RouteView): { parents: RouteParentStatus[] } | null {
  const before = route.status?.parents ?? [];
  const parents = judgeParents(route, objects);
  const foreign = before.filter(({ controllerName }) => !isOwnController(controllerName));
  if (parents.length === 0 && foreign.length === before.length) return null;
  const rules = judgeRules(route, objects);
  const own = parents.map((parent): RouteParentStatus => {
    const { ref, controllerName } = parent;
    const known = before.find((entry) => entry.controllerName === controllerName && isSameParent(entry.parentRef, ref));
    return {
      parentRef: ref,
      controllerName,
      conditions: conditionsOf(verdictsOf(parent, rules), {
        before: known?.conditions ?? [],
        generation: route.metadata.generation,
        now,
      }),
    };
  });
  return { parents: [...own, ...foreign] };
}

function isSameParent(left: ParentReference, right: ParentReference): boolean {
  return deepEqual(left, right);
}

function verdictsOf(parent: ParentVerdict, rules: readonly RuleVerdict[]): readonly Verdict[] {
  const partial = partiallyInvalid(parent, rules);
  return [accepted(parent, rules), resolvedRefs(rules), ...(partial === null ? [] : [partial])];
}

function accepted({ refusal }: ParentVerdict, rules: readonly RuleVerdict[]): Verdict {
  const type = "Accepted";
  if (refusal !== null) return { type, status: "False", ...refusal };
  const [problem] = isWhollyInvalid(rules) ? rules.flatMap(({ problems }) => problems) : [];
  if (problem) return { type, status: "False", reason: problem.reason, message: joined(rules.flatMap(problemsOf)) };
  return { type, status: "True", reason: "Accepted", message: "the route is attached" };
}

function isWhollyInvalid(rules: readonly RuleVerdict[]): boolean {
  return rules.length > 0 && rules.every(({ problems }) => problems.length > 0);
}

/** The API prescribes how the message of a route begins that goes on without some of its rules. */
const DROPPED = "Dropped Rule: requests that it matches are answered 500: ";

function partiallyInvalid({ refusal }: ParentVerdict, rules: readonly RuleVerdict[]): Verdict | null {
  const problems = rules.flatMap(problemsOf);
  const [first] = problems;
  if (first === undefined || refusal !== null || isWhollyInvalid(rules)) return null;
  return { type: "PartiallyInvalid", status: "True", reason: first.reason, message: DROPPED + joined(problems) };
}

function joined(problems: readonly RuleProblem[]): string {
  return problems.map(({ message }) => message).join("; ");
}

function resolvedRefs(rules: readonly RuleVerdict[]): Verdict {
  const type = "ResolvedRefs";
  const unresolved = rules.flatMap(unresolvedOf);
  const [first] = unresolved;
  if (first === undefined) {
    return { type, status: "True", reason: "ResolvedRefs", message: "all references are resolved" };
  }
  const message = unresolved.map((reference) => reference.message).join("; ");
  return { type, status: "False", reason: first.reason, message };
}
