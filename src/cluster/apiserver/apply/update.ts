import { formatTime, type Instant } from "../../../base/time.ts";
import { difference, type FieldSet, isEmpty, union } from "./field-set.ts";
import { foldOldOwners, identityOf, type Owner, type Owners, withOwner } from "./owners.ts";
import { type Change, transfer, writableFields } from "./transfer.ts";
import { NEVER_OWNED } from "./versions.ts";

/** Who makes a change. */
export interface Writer {
  readonly manager: string;
  readonly subresource: string;
  readonly now: Instant;
}

/**
 * The owners after a plain write (K8S-146): what changed is the writer's, on top of what it owned; nobody can refuse.
 * A write that changes nothing leaves them as they are.
 */
export function ownersAfterUpdate(change: Change, owners: Owners, { manager, subresource, now }: Writer): Owners {
  const { apiVersion } = change.versions.current;
  const identity = { manager, operation: "Update", apiVersion, subresource } as const;
  // The writer's own entry loses what the change takes, as any other, and gets it back with the new value.
  const { owners: remaining, comparison } = transfer(change, owners, "");
  const written = ownable(writableFields(change.versions.current, union(comparison.modified, comparison.added)));
  if (isEmpty(written)) return remaining;
  const former = remaining.get(identityOf(identity));
  const fields = former ? union(former.fields, written) : written;
  return foldOldOwners(withOwner(remaining, { ...identity, time: formatTime(now), fields }));
}

/** A set without what no manager owns. */
export function ownable(fields: FieldSet): FieldSet {
  return difference(fields, NEVER_OWNED);
}

/** The entry of someone who wrote these fields before anyone kept count. */
export function formerOwner(manager: string, apiVersion: string, fields: FieldSet, now: Instant): Owner {
  return { manager, operation: "Update", apiVersion, subresource: "", time: formatTime(now), fields: ownable(fields) };
}
