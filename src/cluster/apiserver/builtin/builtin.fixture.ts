import type { KubeObject } from "../../../api/meta.ts";
import { assert } from "../../../base/assert.ts";
import { deepCopy } from "../../../base/json.ts";
import { apiVersionOf } from "../../../kube/resource.ts";
import type { ResourceDefinition } from "../resource.ts";
import { checkTypes, dropNulls, pruneUnknown } from "../schema/index.ts";
import { builtinDefinitions } from "./index.ts";

/** For tests: the definition of a kind by its plural. */
export function definitionOf(plural: string, version = "v1", group?: string): ResourceDefinition {
  const found = builtinDefinitions.find(
    ({ type }) => type.plural === plural && type.version === version && (group === undefined || type.group === group),
  );
  assert(found, `no built-in kind ${plural}/${version}`);
  return found;
}

/** A body as the write pipeline would see it: decoded, defaulted, its metadata in place. */
export function decoded(definition: ResourceDefinition, body: object): KubeObject {
  const type = definition.type;
  const { metadata = {}, ...rest } = deepCopy(body) as { metadata?: object };
  const object = {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: { name: "x", namespace: "t", ...metadata },
    ...rest,
  };
  assert(
    checkTypes(definition.schema, object, type.kind) === null,
    checkTypes(definition.schema, object, type.kind) ?? "",
  );
  const pruned = pruneUnknown(definition.schema, object);
  assert(pruned.unknownFields.length === 0, `unknown fields: ${pruned.unknownFields.join(", ")}`);
  const result = deepCopy(dropNulls(definition.schema, pruned.object)) as KubeObject;
  definition.applyDefaults(result);
  return result;
}

/** `field: message` of every problem of a new or changed body. */
export function problemsOf(definition: ResourceDefinition, body: object, old: object | null = null): readonly string[] {
  const before = old === null ? null : decoded(definition, old);
  return definition.validate(decoded(definition, body), before).map(({ field, message }) => `${field}: ${message}`);
}
