import { isRecord } from "../../../base/json.ts";
import { type FieldSet, isEmpty, union } from "./field-set.ts";
import { decodeFields, encodeFields, type FieldsV1 } from "./fields-v1.ts";

/** One entry of managedFields: what one manager owns in one way (K8S-143). */
export interface Owner {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** "" for the object itself. */
  readonly subresource: string;
  /** Absent in entries that a client wrote without it. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By identity. Never changed: each step of a write makes the next state. */
export type Owners = ReadonlyMap<string, Owner>;

export const NO_OWNERS: Owners = new Map();

export function identityOf({ manager, operation, apiVersion, subresource }: Omit<Owner, "fields" | "time">): string {
  // A manager that applies has one set whatever version it speaks, so that an upgrade does not leave the old one behind.
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/** Sets that were just written or read, so that an owner who keeps its fields keeps the stored object too. */
const encoded = new WeakMap<FieldSet, FieldsV1>();

/** Null when the entries are not what managedFields may hold; then the stored ones stay (K8S-146). */
export function decodeOwners(entries: unknown): Owners | null {
  if (entries === undefined || entries === null) return NO_OWNERS;
  if (!Array.isArray(entries)) return null;
  const owners = new Map<string, Owner>();
  for (const entry of entries) {
    const owner = decodeOwner(entry);
    if (!owner) return null;
    owners.set(identityOf(owner), owner);
  }
  return owners;
}

function decodeOwner(entry: unknown): Owner | null {
  if (!isRecord(entry)) return null;
  const { manager = "", operation, apiVersion, subresource = "", time, fieldsType, fieldsV1 = {} } = entry;
  if (operation !== "Apply" && operation !== "Update") return null;
  if (typeof manager !== "string" || typeof subresource !== "string") return null;
  if (typeof apiVersion !== "string" || apiVersion === "" || fieldsType !== "FieldsV1") return null;
  const fields = decodeFields(fieldsV1);
  if (!fields) return null;
  if (Object.isFrozen(fieldsV1)) encoded.set(fields, fieldsV1 as FieldsV1);
  return { manager, operation, apiVersion, subresource, time: typeof time === "string" ? time : undefined, fields };
}

/** Undefined when nobody owns anything: then the object has no managedFields at all. */
export function encodeOwners(owners: Owners): unknown[] | undefined {
  if (owners.size === 0) return undefined;
  return [...owners.values()].sort(compareOwners).map((owner) => {
    const { manager, operation, apiVersion, subresource, time, fields } = owner;
    let fieldsV1 = encoded.get(fields);
    if (!fieldsV1) {
      fieldsV1 = encodeFields(fields);
      encoded.set(fields, fieldsV1);
    }
    return {
      manager,
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1,
      ...(subresource === "" ? {} : { subresource }),
    };
  });
}

function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

/** Those who apply first, then the oldest first. */
function compareOwners(left: Owner, right: Owner): number {
  return (
    compareText(left.operation, right.operation) ||
    compareText(left.time ?? "", right.time ?? "") ||
    compareText(left.manager, right.manager) ||
    compareText(left.apiVersion, right.apiVersion) ||
    compareText(left.subresource, right.subresource)
  );
}

/** Of those who update; K8S-143. */
const UPDATE_OWNERS_MAX = 10;
const FOLDED_MANAGER = "ancient-changes";

/** The oldest entries of one version become one when there are too many, so that the list cannot grow without end. */
export function foldOldOwners(owners: Owners): Owners {
  const updates = [...owners].filter(([, { operation }]) => operation === "Update");
  let surplus = updates.length - UPDATE_OWNERS_MAX;
  if (surplus <= 0) return owners;
  const folded = new Map(owners);
  const oldestFirst = updates.sort(
    ([leftId, left], [rightId, right]) =>
      compareText(left.time ?? "", right.time ?? "") || compareText(leftId, rightId),
  );
  const firsts = new Map<string, string>();
  for (const [id, owner] of oldestFirst) {
    if (surplus <= 0) break;
    const { apiVersion } = owner;
    const firstId = firsts.get(apiVersion);
    if (firstId === undefined) {
      firsts.set(apiVersion, id);
      continue;
    }
    const target = { ...owner, manager: FOLDED_MANAGER, subresource: "" };
    const targetId = identityOf(target);
    const first = folded.get(firstId);
    const fields = [first?.fields, folded.get(targetId)?.fields].reduce<FieldSet>(
      (sum, more) => (more ? union(sum, more) : sum),
      owner.fields,
    );
    folded.delete(firstId);
    folded.delete(id);
    folded.set(targetId, { ...target, fields });
    firsts.set(apiVersion, targetId);
    surplus--;
  }
  return folded;
}

export function withOwner(owners: Owners, owner: Owner): Owners {
  const next = new Map(owners);
  if (isEmpty(owner.fields)) next.delete(identityOf(owner));
  else next.set(identityOf(owner), owner);
  return next;
}
