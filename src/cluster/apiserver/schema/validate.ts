import { canonicalJson, deepEqual, isRecord } from "../../../base/json.ts";
import type { FieldProblem, Schema } from "../resource.ts";
import { hasFormat, isInRange } from "./formats.ts";
import { compilePattern } from "./patterns.ts";
import { duplicate, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from "./problems.ts";
import { memberPathOf, schemasIn } from "./walk.ts";

/**
 * Validation of a custom resource against its structural schema, with the vocabulary and the texts of K8S-155 and
 * K8S-156. With an old object, problems of values that did not change are forgiven, so that a schema made stricter
 * does not lock the objects that are stored already.
 */
export function validateSchema(schema: Schema, object: object, old: object | null): readonly FieldProblem[] {
  const problems = problemsOf(schema, object, "", undefined);
  return problems.length > 0 && old ? problemsOf(schema, object, "", old) : problems;
}

/** Whether the schema holds CEL rules anywhere: without any, their evaluator is not needed. */
export function hasValidationRules(schema: Schema): boolean {
  let known = rulesKnown.get(schema);
  if (known === undefined) {
    known = [...schemasIn(schema)].some((part) => (part["x-kubernetes-validations"]?.length ?? 0) > 0);
    rulesKnown.set(schema, known);
  }
  return known;
}

const rulesKnown = new WeakMap<Schema, boolean>();

interface Visit {
  readonly schema: Schema;
  readonly value: unknown;
  readonly path: string;
  /** The value at the same place before, where places can be matched; undefined otherwise. */
  readonly old: unknown;
}

type Check = (visit: Visit) => readonly FieldProblem[];

function problemsOf(schema: Schema, value: unknown, path: string, old: unknown): readonly FieldProblem[] {
  if (old !== undefined && deepEqual(value, old)) return [];
  if (value === null && schema.nullable) return [];
  const visit: Visit = { schema, value, path, old };
  const typeProblems = checkType(visit);
  // Of a value of the wrong type nothing else is worth saying.
  if (typeProblems.length > 0) return typeProblems;
  return checks.flatMap((check) => check(visit));
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function checkType({ schema, value, path }: Visit): readonly FieldProblem[] {
  const actual = typeName(value);
  const mismatch = (type: string) => typeInvalid(path, actual, `${path} in body must be of type ${type}: "${actual}"`);
  if (schema["x-kubernetes-int-or-string"]) {
    if (actual === "integer" || actual === "string") return [];
    return [invalid("<nil>", "", `"${path}" must validate at least one schema (anyOf)`), mismatch("integer")];
  }
  const { type } = schema;
  if (type === undefined || type === actual || (type === "number" && actual === "integer")) return [];
  return [mismatch(type)];
}

const checkEnum: Check = ({ schema, value, path }) => {
  if (!schema.enum || schema.enum.some((item) => deepEqual(item, value))) return [];
  return [notSupported(path, value, schema.enum)];
};

const checkNumber: Check = ({ schema, value, path }) => {
  if (typeof value !== "number") return [];
  const problems: FieldProblem[] = [];
  const refuse = (detail: string) => problems.push(invalid(path, value, `${path} in body ${detail}`));
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, format } = schema;
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    refuse(`should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    refuse(`should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`);
  }
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) refuse(`should be a multiple of ${multipleOf}`);
  if (format !== undefined && !isInRange(value, format)) {
    problems.push(invalid(path, value, `Checked value must be of type integer with format ${format} in ${path}`));
  }
  return problems;
};

function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9;
}

const checkString: Check = ({ schema, value, path }) => {
  if (typeof value !== "string") return [];
  const problems: FieldProblem[] = [];
  const { minLength, maxLength, pattern, format } = schema;
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
  if (maxLength !== undefined && length > maxLength) problems.push(tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) {
    problems.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !matchesPattern(value, pattern)) {
    problems.push(invalid(path, value, `${path} in body should match '${pattern}'`));
  }
  if (format !== undefined && !hasFormat(value, format)) {
    problems.push(typeInvalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
  }
  return problems;
};

/** A pattern that cannot be read was refused with its CRD; one that slipped through restricts nothing. */
function matchesPattern(value: string, pattern: string): boolean {
  const compiled = compilePattern(pattern);
  return "problem" in compiled || compiled.regExp.test(value);
}

const checkArray: Check = ({ schema, value, path, old }) => {
  if (!Array.isArray(value)) return [];
  const { minItems, maxItems, uniqueItems, items } = schema;
  const problems: FieldProblem[] = [];
  if (maxItems !== undefined && value.length > maxItems) problems.push(tooMany(path, value.length, maxItems));
  if (minItems !== undefined && value.length < minItems) {
    problems.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (uniqueItems && repeatsOf(value.map(canonicalJson)).length > 0) {
    problems.push(invalid(path, value, `${path} in body shouldn't contain duplicates`));
  }
  if (items) {
    value.forEach((item, index) => {
      problems.push(...problemsOf(items, item, `${path}[${index}]`, matchingItem(schema, item, old)));
    });
  }
  problems.push(...checkListType(schema, value, path));
  return problems;
};

/** Items of a map list are told apart by their keys; items of other lists have no past. */
function matchingItem(schema: Schema, item: unknown, old: unknown): unknown {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(old)) return undefined;
  const key = canonicalJson(keysOf(schema, item));
  return old.find((other) => canonicalJson(keysOf(schema, other)) === key);
}

function keysOf(schema: Schema, item: unknown): Record<string, unknown> {
  const keys: Record<string, unknown> = {};
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    if (isRecord(item) && item[key] !== undefined) keys[key] = item[key];
  }
  return keys;
}

function checkListType(schema: Schema, items: readonly unknown[], path: string): readonly FieldProblem[] {
  const listType = schema["x-kubernetes-list-type"];
  if (listType !== "set" && listType !== "map") return [];
  const identities = listType === "set" ? items : items.map((item) => keysOf(schema, item));
  return repeatsOf(identities.map(canonicalJson)).map((index) => duplicate(`${path}[${index}]`, identities[index]));
}

function repeatsOf(texts: readonly string[]): readonly number[] {
  const seen = new Set<string>();
  return texts.flatMap((text, index) => {
    if (seen.has(text)) return [index];
    seen.add(text);
    return [];
  });
}

const checkObject: Check = ({ schema, value, path, old }) => {
  if (!isRecord(value)) return [];
  const { minProperties, maxProperties, properties = {}, additionalProperties } = schema;
  const problems: FieldProblem[] = [...checkEmbeddedResource(schema, value, path)];
  const count = minProperties === undefined && maxProperties === undefined ? 0 : Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) problems.push(tooMany(path, count, maxProperties));
  if (minProperties !== undefined && count < minProperties) {
    problems.push(invalid(path, count, `${path} in body should have at least ${minProperties} properties`));
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) problems.push(required(memberPathOf(path, key)));
  }
  for (const [key, member] of Object.entries(value)) {
    const next = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (typeof next !== "object") continue;
    const before = isRecord(old) && Object.hasOwn(old, key) ? old[key] : undefined;
    problems.push(...problemsOf(next, member, memberPathOf(path, key), before));
  }
  return problems;
};

function checkEmbeddedResource(schema: Schema, value: Record<string, unknown>, path: string): readonly FieldProblem[] {
  if (!schema["x-kubernetes-embedded-resource"]) return [];
  return ["apiVersion", "kind"]
    .filter((key) => typeof value[key] !== "string" || value[key] === "")
    .map((key) => required(memberPathOf(path, key), "must not be empty"));
}

const checkCombinations: Check = ({ schema, value, path }) => {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const problems: FieldProblem[] = [];
  const refuse = (detail: string) => problems.push(invalid("<nil>", "", `"${path}" ${detail}`));
  const outcomes = (parts: readonly Schema[]) => parts.map((part) => problemsOf(part, value, path, undefined));

  if (not && problemsOf(not, value, path, undefined).length === 0) refuse("must not validate the schema (not)");

  const failedAll = outcomes(allOf).filter((failed) => failed.length > 0);
  if (failedAll.length > 0) {
    problems.push(...failedAll.flat());
    refuse(`must validate all the schemas (allOf)${failedAll.length === allOf.length ? ". None validated" : ""}`);
  }

  const ofAny = outcomes(anyOf);
  if (anyOf.length > 0 && ofAny.every((failed) => failed.length > 0)) {
    refuse("must validate at least one schema (anyOf)");
    problems.push(...nearest(anyOf, ofAny, value));
  }

  const ofOne = outcomes(oneOf);
  const matchCount = ofOne.filter((failed) => failed.length === 0).length;
  if (oneOf.length > 0 && matchCount !== 1) {
    const found = matchCount === 0 ? "Found none valid" : `Found ${matchCount} valid alternatives`;
    refuse(`must validate one and only one schema (oneOf). ${found}`);
    if (matchCount === 0) problems.push(...nearest(oneOf, ofOne, value));
  }
  return problems;
};

/**
 * Of several alternatives the one that the value fits most says best what to mend: an object with `type: IPAddress` was
 * meant to be that of addresses. Of those that fit as much, the one with the fewest problems.
 */
function nearest(
  alternatives: readonly Schema[],
  outcomes: readonly (readonly FieldProblem[])[],
  value: unknown,
): readonly FieldProblem[] {
  const ranked = alternatives.map((schema, index) => ({
    problems: outcomes[index]!,
    fitting: fittingCount(schema, value),
  }));
  return ranked.reduce((best, other) => {
    const isNearer = other.fitting - best.fitting || best.problems.length - other.problems.length;
    return isNearer > 0 ? other : best;
  }).problems;
}

/** Members that are as the schema wants them. */
function fittingCount({ properties = {} }: Schema, value: unknown): number {
  if (!isRecord(value)) return 0;
  return Object.entries(properties).filter(
    ([key, schema]) => Object.hasOwn(value, key) && problemsOf(schema, value[key], "", undefined).length === 0,
  ).length;
}

const checks: readonly Check[] = [checkEnum, checkNumber, checkString, checkArray, checkObject, checkCombinations];
