import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import type { ApiError } from "../../kube/errors.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import { decodeMetadata } from "./metadata.ts";
import type { FieldValidation } from "./query.ts";
import type { ResourceDefinition } from "./resource.ts";
import { checkTypes, dropNulls, pruneUnknown } from "./schema/index.ts";
import { badRequest, invalid } from "./statuses.ts";

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation;
  readonly duplicateFields: readonly string[];
  /** Texts for Warning headers are added here. */
  readonly warnings: string[];
}

/** A request body as an object of the kind: the right types, no unknown fields. Section 4, K8S-78…81, and K8S-120. */
export function decodeObject(definition: ResourceDefinition, body: unknown, options: DecodeOptions): KubeObject {
  const { kind } = definition.type;
  if (!isRecord(body)) {
    const found = body === undefined ? "unexpected end of JSON input" : "the body is not a JSON object";
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${found}`,
    );
  }
  checkKind(definition, body);
  const { metadata: rawMetadata, apiVersion: _apiVersion, kind: _kind, ...rest } = body;
  const { metadata, unknownFields } = decodeMetadata(rawMetadata, definition);
  const typeProblem = definition.isCustom ? null : checkTypes(definition.schema, rest, kind);
  if (typeProblem !== null) throw badRequest(`${cannotHandle(definition)}: ${typeProblem}`);
  const pruned = pruneUnknown(definition.schema, rest);
  report([...unknownFields, ...pruned.unknownFields], definition, options);
  const object = dropNulls(definition.schema, pruned.object);
  return { kind, apiVersion: apiVersionOf(definition.type), metadata, ...object };
}

function report(unknownFields: readonly string[], definition: ResourceDefinition, options: DecodeOptions): void {
  if (options.fieldValidation === "Ignore") return;
  const texts = [
    ...unknownFields.map((field) => `unknown field "${field}"`),
    ...options.duplicateFields.map((field) => `duplicate field "${field}"`),
  ];
  if (texts.length === 0) return;
  if (options.fieldValidation === "Strict") {
    throw badRequest(`${cannotHandle(definition)}: strict decoding error: ${texts.join(", ")}`);
  }
  options.warnings.push(...texts);
}

function cannotHandle({ type }: ResourceDefinition): string {
  return `${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}`;
}

/** Built-in bodies may leave kind and apiVersion out; custom ones may not (K8S-79). */
function checkKind(definition: ResourceDefinition, body: Record<string, unknown>): void {
  const expected = apiVersionOf(definition.type);
  const { kind } = definition.type;
  const { apiVersion: foundVersion, kind: foundKind } = body;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  if (definition.isCustom) {
    if (text(foundKind) === "") throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(body)}'`);
    if (foundVersion !== expected) {
      throw badRequest(
        `the API version in the data (${text(foundVersion)}) does not match the expected API version (${expected})`,
      );
    }
    if (foundKind !== kind) throw wrongKind(definition, text(foundKind));
    return;
  }
  if ((foundKind === undefined || foundKind === kind) && (foundVersion === undefined || foundVersion === expected)) {
    return;
  }
  const found = `${text(foundKind)} in version "${text(foundVersion) || expected}"`;
  throw badRequest(`${found} cannot be handled as a ${kind}: expected apiVersion "${expected}" and kind "${kind}"`);
}

function wrongKind({ type }: ResourceDefinition, found: string): ApiError {
  const message = `Invalid value: ${JSON.stringify(found)}: must be ${type.kind}`;
  return invalid(type, "", [{ field: "kind", reason: "FieldValueInvalid", message }]);
}
