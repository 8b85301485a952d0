import { isRecord } from "../../../base/json.ts";
import { failure } from "../../../kube/errors.ts";
import { apiVersionOf, type ResourceType, splitApiVersion } from "../../../kube/resource.ts";
import type { WriteContext } from "../context.ts";
import type { Schema } from "../resource.ts";
import { badRequest } from "../statuses.ts";
import { fieldElement, formatPathElement } from "./path-element.ts";
import { elementOf, isGranularList, isNamedField, itemPlace, memberPlace, type Place, rootPlace } from "./topology.ts";

/** The body of an apply request: what its manager wants to have its say about (K8S-144, K8S-147). */
export type Configuration = Readonly<Record<string, unknown>> & {
  readonly metadata: Readonly<Record<string, unknown>>;
};

export function requireConfiguration({ kind, request }: WriteContext): Configuration {
  const { type, schema } = kind.definition;
  const config = requireKind(request.body, type);
  const metadata = config["metadata"];
  if (!isRecord(metadata) || metadata["name"] === undefined) throw badRequest("name must be provided");
  if (metadata["managedFields"] !== undefined && metadata["managedFields"] !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const problems = configurationProblems(schema, config);
  if (problems.length > 0) {
    const text = problems.length === 1 ? problems[0] : ["errors:", ...problems.map((line) => `  ${line}`)].join("\n");
    const subject = `${request.namespace}/${request.name}; ${formatKind(type)}`;
    throw failure(400, "BadRequest", `failed to create typed patch object (${subject}): ${text}`);
  }
  return config as Configuration;
}

/** The body, when it is of the kind and version that the request is about. */
export function requireKind(
  body: unknown,
  type: Pick<ResourceType, "group" | "version" | "kind">,
): Record<string, unknown> {
  if (!isRecord(body)) throw badRequest("error decoding YAML: the configuration is not an object");
  const { apiVersion, kind } = body;
  if (apiVersion === apiVersionOf(type as ResourceType) && kind === type.kind) return body;
  const { group, version } = splitApiVersion(typeof apiVersion === "string" ? apiVersion : "");
  throw badRequest(
    `invalid object type: ${formatKind({ group, version, kind: typeof kind === "string" ? kind : "" })}`,
  );
}

function formatKind({ group, version, kind }: Pick<ResourceType, "group" | "version" | "kind">): string {
  return `${group}/${version}, Kind=${kind}`;
}

/** Why the value cannot be divided into fields: `.spec.foo: field not declared in schema`. */
export function configurationProblems(schema: Schema, config: unknown): readonly string[] {
  const problems: string[] = [];
  check(rootPlace(schema), config, "", problems);
  return problems;
}

function check(place: Place, value: unknown, path: string, problems: string[]): void {
  if (value === null || value === undefined) return;
  if (isRecord(value)) checkMembers(place, value, path, problems);
  else if (Array.isArray(value)) checkItems(place, value, path, problems);
  else {
    const problem = scalarProblem(place.schema, value);
    if (problem) problems.push(`${path}: ${problem}`);
  }
}

function checkMembers(place: Place, value: Record<string, unknown>, path: string, problems: string[]): void {
  const { schema } = place;
  if (schema?.type !== undefined && !["object", "array"].includes(schema.type)) {
    problems.push(`${path}: ${expectedText(schema.type)}, got map[string]interface {}`);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    const below = path + formatPathElement(fieldElement(key));
    if (isDeclared(place, key)) check(memberPlace(place, key), member, below, problems);
    else problems.push(`${below}: field not declared in schema`);
  }
}

function isDeclared(place: Place, key: string): boolean {
  const { schema } = place;
  if (!schema || schema["x-kubernetes-preserve-unknown-fields"] || isNamedField(place, key)) return true;
  return schema.additionalProperties !== undefined && schema.additionalProperties !== false;
}

function checkItems(place: Place, items: readonly unknown[], path: string, problems: string[]): void {
  const { schema } = place;
  if (schema?.type !== undefined && !["object", "array"].includes(schema.type)) {
    problems.push(`${path}: ${expectedText(schema.type)}, got []interface {}`);
    return;
  }
  const seen = new Set<string>();
  items.forEach((item, index) => {
    let below = `${path}[${index}]`;
    if (isGranularList(place, items)) {
      const result = elementOf(place, item);
      if ("problem" in result) {
        problems.push(`${path}: element ${index}: ${result.problem}`);
        return;
      }
      below = path + formatPathElement(result.element);
      if (seen.has(result.element))
        problems.push(`${path}: duplicate entries for key ${formatPathElement(result.element)}`);
      seen.add(result.element);
    }
    check(itemPlace(place), item, below, problems);
  });
}

function scalarProblem(schema: Schema | undefined, value: unknown): string | null {
  const type = schema?.type;
  if (type === undefined) return null;
  const found = typeof value === "number" ? (Number.isInteger(value) ? "int64" : "float64") : goNames[typeof value];
  if (type === "object") return `expected map, got &{${value}}`;
  if (type === "array") return `expected list, got &{${value}}`;
  const isRight = type === "integer" || type === "number" ? typeof value === "number" : typeof value === type;
  return isRight ? null : `${expectedText(type)}, got ${found}`;
}

const goNames: Readonly<Record<string, string>> = { string: "string", boolean: "bool" };

function expectedText(type: NonNullable<Schema["type"]>): string {
  if (type === "integer" || type === "number") return "expected numeric (int or float)";
  return `expected ${type}`;
}
