import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual, isRecord } from "../../../base/json.ts";
import type { WriteContext } from "../context.ts";
import { managerOf } from "../query.ts";
import { decodeOwners, encodeOwners, NO_OWNERS, type Owners } from "./owners.ts";
import { ownersAfterUpdate } from "./update.ts";
import { versionsOf } from "./versions.ts";

/**
 * Ownership through a write that is no apply: sets what the next state has in managedFields. Objects that have none
 * stay without (the decision's page says why).
 */
export function trackUpdate(context: WriteContext, current: KubeObject, next: KubeObject): void {
  const { kind, registry, request, clock } = context;
  const owners = ownersSent(context, current, next);
  delete next.metadata.managedFields;
  if (owners.size === 0) return;
  const { subresource } = request;
  const change = { versions: versionsOf(kind, registry, subresource), old: current, next };
  const writer = { manager: managerOf(request), subresource, now: clock.now() };
  const entries = encodeOwners(ownersAfterUpdate(change, owners, writer));
  if (entries) next.metadata.managedFields = entries;
}

/** A client may hand ownership over, or throw it away, by writing managedFields; what nobody can read is ignored. */
function ownersSent({ request }: WriteContext, current: KubeObject, next: KubeObject): Owners {
  const stored = decodeOwners(current.metadata.managedFields) ?? NO_OWNERS;
  const sent = next.metadata.managedFields;
  if (request.subresource !== "" || sent === undefined || deepEqual(sent, current.metadata.managedFields))
    return stored;
  if (isReset(sent)) return NO_OWNERS;
  return decodeOwners(sent) ?? stored;
}

function isReset(entries: readonly unknown[]): boolean {
  const [first] = entries;
  return entries.length === 0 || (entries.length === 1 && isRecord(first) && Object.keys(first).length === 0);
}

/** A write that changes nothing but the time in managedFields changes nothing: the former times stay. */
export function keepIdleTimes(current: KubeObject, next: KubeObject): void {
  const { managedFields: before, ...formerMetadata } = current.metadata;
  const { managedFields: after, ...metadata } = next.metadata;
  if (!before || !after || !deepEqual(before.map(withoutTime), after.map(withoutTime))) return;
  if (!deepEqual({ ...current, metadata: formerMetadata }, { ...next, metadata })) return;
  next.metadata.managedFields = before;
}

function withoutTime(entry: unknown): unknown {
  if (!isRecord(entry)) return entry;
  const { time: _time, ...rest } = entry;
  return rest;
}
