import type { KubeObject, Status, StatusCause } from "../../api/meta.ts";
import { type ApiError, failure } from "../../kube/errors.ts";
import { qualifiedPlural, type ResourceType } from "../../kube/resource.ts";
import type { FieldProblem } from "./resource.ts";

/**
 * The refusals of section 4, text by text. `details.kind` is the plural for NotFound, AlreadyExists, Conflict and
 * Forbidden, but the Kind for Invalid: clients compare it.
 */

type Details = NonNullable<Status["details"]>;

function resourceDetails(type: ResourceType, name: string): Details {
  return { name, ...(type.group === "" ? {} : { group: type.group }), kind: type.plural };
}

export function notFound(type: ResourceType, name: string): ApiError {
  return failure(404, "NotFound", `${qualifiedPlural(type)} "${name}" not found`, resourceDetails(type, name));
}

/** K8S-71: the group version is served, this resource or subresource is not. */
export function unknownResource(): ApiError {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(type: ResourceType, name: string): ApiError {
  const message = `${qualifiedPlural(type)} "${name}" already exists`;
  return failure(409, "AlreadyExists", message, resourceDetails(type, name));
}

export function conflict(type: ResourceType, name: string, detail: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedPlural(type)} "${name}": ${detail}`;
  return failure(409, "Conflict", message, resourceDetails(type, name));
}

/** K8S-75. */
export const MODIFIED = "the object has been modified; please apply your changes to the latest version and try again";

/** K8S-76 names the Kind where every other conflict names the plural. */
export function preconditionFailed(type: ResourceType, name: string, detail: string): ApiError {
  const message = `Operation cannot be fulfilled on ${type.kind} "${name}": ${detail}`;
  return failure(409, "Conflict", message, resourceDetails(type, name));
}

export function forbidden(
  type: ResourceType,
  name: string,
  detail: string,
  causes: readonly StatusCause[] = [],
): ApiError {
  const details = resourceDetails(type, name);
  if (causes.length > 0) details.causes = [...causes];
  return failure(403, "Forbidden", `${qualifiedPlural(type)} "${name}" is forbidden: ${detail}`, details);
}

/** K8S-77. */
export function invalid(
  type: { readonly group: string; readonly kind: string },
  name: string,
  problems: readonly FieldProblem[],
): ApiError {
  const lines = [...new Set(problems.map(({ field, message }) => `${field}: ${message}`))];
  const kind = type.group === "" ? type.kind : `${type.kind}.${type.group}`;
  const text = lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`;
  return failure(422, "Invalid", `${kind} "${name}" is invalid: ${text}`, {
    ...(name === "" ? {} : { name }),
    ...(type.group === "" ? {} : { group: type.group }),
    kind: type.kind,
    causes: problems.map(({ field, reason, message }) => ({ reason, message, field })),
  });
}

const optionReasons = [
  ["Unsupported value", "FieldValueNotSupported"],
  ["Required value", "FieldValueRequired"],
  ["Invalid value", "FieldValueInvalid"],
  ["Too long", "FieldValueTooLong"],
] as const;

/** K8S-94, K8S-95: `kind` is CreateOptions, DeleteOptions, ListOptions, … */
export function invalidOptions(kind: string, field: string, message: string): ApiError {
  const reason = optionReasons.find(([start]) => message.startsWith(start))?.[1] ?? "FieldValueForbidden";
  return invalid({ group: "meta.k8s.io", kind }, "", [{ field, reason, message }]);
}

export function badRequest(message: string): ApiError {
  return failure(400, "BadRequest", message);
}

export function methodNotAllowed(): ApiError {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** K8S-90; strategic merge patches are for built-in kinds only. */
export function unsupportedPatch(isCustom: boolean): ApiError {
  const accepted = ["application/json-patch+json", "application/merge-patch+json"];
  if (!isCustom) accepted.push("application/strategic-merge-patch+json");
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`;
  return failure(415, "UnsupportedMediaType", message);
}

/** K8S-102. */
export function internal(text: string): ApiError {
  return failure(500, "InternalError", `Internal error occurred: ${text}`, { causes: [{ message: text }] });
}

/** K8S-103. */
export function success(type: ResourceType, name: string, uid: string | undefined): KubeObject {
  const details = { ...resourceDetails(type, name), ...(uid === undefined ? {} : { uid }) };
  return { kind: "Status", apiVersion: "v1", metadata: {} as KubeObject["metadata"], status: "Success", details };
}

/** A Status without details: what pods/binding and pods/eviction answer. */
export function plainSuccess(code: number): KubeObject {
  return { kind: "Status", apiVersion: "v1", metadata: {} as KubeObject["metadata"], status: "Success", code };
}
