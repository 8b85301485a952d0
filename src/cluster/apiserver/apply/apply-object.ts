import type { KubeObject } from "../../../api/meta.ts";
import { deepCopy } from "../../../base/json.ts";
import { formatTime } from "../../../base/time.ts";
import type { WriteContext } from "../context.ts";
import { parseApplyOptions } from "../query.ts";
import type { ApiResult } from "../request.ts";
import { notFound } from "../statuses.ts";
import { createObject, updateObject } from "../write.ts";
import { type Configuration, requireConfiguration } from "./configuration.ts";
import { applyConflict } from "./conflicts.ts";
import { fieldsOf } from "./fields-of.ts";
import { conflictsBesideLastApplied, ownersBeforeFirstApply, withLastApplied } from "./last-applied.ts";
import { decodeOwners, encodeOwners, NO_OWNERS, type Owner, type Owners, withOwner } from "./owners.ts";
import { planApply } from "./plan.ts";
import { writableFields } from "./transfer.ts";
import { ownable } from "./update.ts";
import { type KindVersions, versionsOf } from "./versions.ts";

/**
 * Server-side apply (K8S-142…147): the request says what its manager wants of the object, no more.
 *
 *   live ─▶ merge the configuration ─▶ take out what the manager left out ─▶ whose fields change? ─▶ the write pipeline
 */
export function applyObject(context: WriteContext): ApiResult {
  const { kind, request, transaction } = context;
  const config = requireConfiguration(context);
  const stored = transaction.get(kind.table, request.namespace, request.name);
  if (stored) return updateObject(context, (current) => applyConfiguration(context, current, config));
  if (request.subresource !== "") throw notFound(kind.definition.type, request.name);
  const versions = versionsOf(kind, context.registry, "");
  const owner = applier(context, versions, config);
  return createObject(context, { ...config }, encodeOwners(withOwner(NO_OWNERS, owner)));
}

/** The live object with the configuration in it, and with its new owners. */
export function applyConfiguration(context: WriteContext, live: KubeObject, config: Configuration): KubeObject {
  const { manager, force } = parseApplyOptions(context.request);
  const versions = versionsOf(context.kind, context.registry, context.request.subresource);
  const self = applier(context, versions, config);
  const plan = planApply(live, config, { versions, owners: ownersOf(context, versions, live), self });
  if (!force) {
    const unsettled = conflictsBesideLastApplied(context, { versions, live, manager }, plan.conflicts);
    if (unsettled.length > 0) throw applyConflict(unsettled);
  }
  const object = deepCopy(withLastApplied(plan.object, config, manager));
  const managedFields = encodeOwners(plan.owners);
  if (managedFields) object.metadata.managedFields = managedFields;
  else delete object.metadata.managedFields;
  return object;
}

/** The manager with all that it applies now. */
function applier({ request, clock }: WriteContext, { current }: KindVersions, config: Configuration): Owner {
  const { manager } = parseApplyOptions(request);
  const { apiVersion, place } = current;
  const fields = ownable(writableFields(current, fieldsOf(place, config)));
  const time = formatTime(clock.now());
  return { manager, operation: "Apply", apiVersion, subresource: request.subresource, time, fields };
}

function ownersOf(context: WriteContext, versions: KindVersions, live: KubeObject): Owners {
  const owners = decodeOwners(live.metadata.managedFields);
  return owners && owners.size > 0 ? owners : ownersBeforeFirstApply(context, versions, live);
}
