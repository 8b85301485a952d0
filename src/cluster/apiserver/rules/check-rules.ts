import { isRecord } from "../../../base/json.ts";
import type { FieldProblem, Schema } from "../resource.ts";
import { forbidden, invalid, notSupported, required } from "../schema/problems.ts";
import { isEmbeddedResource, mapMemberPathOf } from "../schema/walk.ts";
import { type CompiledRule, compileRules } from "./compile-rules.ts";
import { normalizeFieldPath } from "./field-path.ts";
import { REASONS, readRule } from "./rule.ts";

/**
 * What is wrong with the rules of a CRD's schema (K8S-157). The schema is structural already. `path` is where it
 * stands, e.g. `spec.versions[0].schema.openAPIV3Schema`.
 */
export function checkRules(schema: Schema, path: string): readonly FieldProblem[] {
  return problemsOf({ schema, rules: schema, path, isResource: true, uncorrelatable: null });
}

interface Place {
  /** The schema of the values, and the one that holds the rules: another one in `allOf`. */
  readonly schema: Schema;
  readonly rules: Schema;
  readonly path: string;
  readonly isResource: boolean;
  /** The schema above in which old and new values cannot be matched. */
  readonly uncorrelatable: string | null;
}

function problemsOf(place: Place): readonly FieldProblem[] {
  const { schema, rules, path, uncorrelatable } = place;
  const problems: FieldProblem[] = [];
  const { properties = {}, additionalProperties, items, allOf = [] } = rules;
  for (const [name, property] of Object.entries(properties)) {
    const spine = schema.properties?.[name];
    if (spine) {
      problems.push(...problemsOf(below(place, spine, property, mapMemberPathOf(`${path}.properties`, name))));
    }
  }
  if (typeof additionalProperties === "object" && typeof schema.additionalProperties === "object") {
    const next = below(place, schema.additionalProperties, additionalProperties, `${path}.additionalProperties`);
    problems.push(...problemsOf(next));
  }
  if (items && schema.items) {
    const next = below(place, schema.items, items, `${path}.items`);
    // Items of other lists have no past.
    const isMatched = schema["x-kubernetes-list-type"] === "map";
    problems.push(...problemsOf({ ...next, uncorrelatable: isMatched ? uncorrelatable : (uncorrelatable ?? path) }));
  }
  allOf.forEach((part, index) => {
    problems.push(...problemsOf({ ...place, rules: part, path: `${path}.allOf[${index}]` }));
  });
  problems.push(...ownProblems(place), ...misplacedRules(rules, path));
  return problems;
}

function below(place: Place, schema: Schema, rules: Schema, path: string): Place {
  return { schema, rules, path, isResource: isEmbeddedResource(schema), uncorrelatable: place.uncorrelatable };
}

/** Which alternative holds is not decided when rules run. */
function misplacedRules({ anyOf = [], oneOf = [], not }: Schema, path: string): readonly FieldProblem[] {
  const parts = [
    ...anyOf.map((part, index) => [`${path}.anyOf[${index}]`, part] as const),
    ...oneOf.map((part, index) => [`${path}.oneOf[${index}]`, part] as const),
    ...(not ? [[`${path}.not`, not] as const] : []),
  ];
  return parts
    .filter(([, part]) => (part["x-kubernetes-validations"]?.length ?? 0) > 0)
    .map(([partPath]) => forbidden(`${partPath}.x-kubernetes-validations`, "must be empty to be structural"));
}

function ownProblems({ schema, rules, path, isResource, uncorrelatable }: Place): readonly FieldProblem[] {
  const entries: unknown = rules["x-kubernetes-validations"] ?? [];
  const rulesPath = `${path}.x-kubernetes-validations`;
  if (!Array.isArray(entries)) return [invalid(rulesPath, entries, "must be a list of rules")];
  const shape = entries.flatMap((entry, index) => checkShape(entry, `${rulesPath}[${index}]`, schema));
  if (shape.length > 0) return shape;
  return compileRules(schema, isResource, rules).flatMap((compiled, index) =>
    checkCompiled(compiled, `${rulesPath}[${index}]`, uncorrelatable),
  );
}

const TEXT_MEMBERS = ["rule", "message", "messageExpression", "reason", "fieldPath"] as const;

function checkShape(entry: unknown, path: string, schema: Schema): readonly FieldProblem[] {
  if (!isRecord(entry)) return [invalid(path, entry, "must be a rule")];
  const wrong = TEXT_MEMBERS.filter((key) => entry[key] !== undefined && typeof entry[key] !== "string");
  if (wrong.length > 0) return wrong.map((key) => invalid(`${path}.${key}`, entry[key], "must be a string"));
  const { rule, message, fieldPath } = readRule(entry);
  const problems: FieldProblem[] = [];
  if (rule.trim() === "") problems.push(required(`${path}.rule`, "rule is not specified"));
  else if (isBlank(entry["message"]))
    problems.push(invalid(`${path}.message`, message, "must be non-empty if specified"));
  else if (/[\n\r]/.test(message.trim()))
    problems.push(invalid(`${path}.message`, message, "must not contain line breaks"));
  else if (/[\n\r]/.test(rule.trim()) && message.trim() === "") {
    problems.push(required(`${path}.message`, "message must be specified if rule contains line breaks"));
  }
  if (isBlank(entry["messageExpression"])) {
    problems.push(required(`${path}.messageExpression`, "must be non-empty if specified"));
  }
  const { reason } = entry;
  if (reason !== undefined && !REASONS.some((known) => known === reason)) {
    problems.push(notSupported(`${path}.reason`, reason, REASONS));
  }
  if (isBlank(entry["fieldPath"]))
    problems.push(invalid(`${path}.fieldPath`, fieldPath, "must be non-empty if specified"));
  if (/[\n\r]/.test(fieldPath)) problems.push(invalid(`${path}.fieldPath`, fieldPath, "must not contain line breaks"));
  if (fieldPath !== "" && normalizeFieldPath(fieldPath, schema) === null) {
    problems.push(invalid(`${path}.fieldPath`, fieldPath, "must be a valid path"));
  }
  return problems;
}

function isBlank(text: unknown): boolean {
  return typeof text === "string" && text !== "" && text.trim() === "";
}

function checkCompiled(
  { rule, problem, messageProblem, usesOldSelf }: CompiledRule,
  path: string,
  uncorrelatable: string | null,
): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (problem !== "") problems.push(invalid(`${path}.rule`, shown(rule), problem));
  if (messageProblem !== "") problems.push(invalid(`${path}.messageExpression`, shown(rule), messageProblem));
  if (usesOldSelf && uncorrelatable !== null) {
    const detail = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
    problems.push(invalid(`${path}.rule`, rule.rule, detail));
  }
  if (problem === "" && !usesOldSelf && rule.optionalOldSelf !== undefined) {
    const detail = "may not be set if oldSelf is not used in rule";
    problems.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, detail));
  }
  return problems;
}

/** The names of Go's struct, which Kubernetes prints. */
function shown({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: CompiledRule["rule"]): object {
  return {
    Rule: rule,
    Message: message,
    MessageExpression: messageExpression,
    Reason: reason ?? null,
    FieldPath: fieldPath,
    OptionalOldSelf: optionalOldSelf ?? null,
  };
}
