import type { ApiError } from "../../../kube/errors.ts";
import { failure } from "../../../kube/errors.ts";
import { type FieldSet, pathsOf } from "./field-set.ts";
import { identityOf, type Owner } from "./owners.ts";
import { formatPathElement, type PathElement } from "./path-element.ts";
import type { Conflict } from "./transfer.ts";

export function formatPath(path: readonly PathElement[]): string {
  return path.map(formatPathElement).join("");
}

/** K8S-145: the refusal of a configuration that would change what others own. */
export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const sorted = [...conflicts].sort((left, right) => (identityOf(left.owner) < identityOf(right.owner) ? -1 : 1));
  const named = sorted.map(({ owner, fields }) => ({ name: nameOf(owner), fields: formatPaths(fields) }));
  const causes = named.flatMap(({ name, fields }) =>
    fields.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${name}`, field })),
  );
  const [first] = causes;
  const message =
    causes.length === 1
      ? `Apply failed with 1 conflict: ${first!.message}: ${first!.field}`
      : `Apply failed with ${causes.length} conflicts: ${named
          .map(({ name, fields }) => [`conflicts with ${name}:`, ...fields.map((field) => `- ${field}`)].join("\n"))
          .join("\n")}`;
  return failure(409, "Conflict", message, { causes });
}

function formatPaths(fields: FieldSet): string[] {
  return [...pathsOf(fields)].map(formatPath);
}

function nameOf({ manager, operation, apiVersion, subresource }: Owner): string {
  const name = JSON.stringify(manager) + (subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Update" ? `${name} using ${apiVersion}` : name;
}
