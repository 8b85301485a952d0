import type { KubeObject } from "../../../api/meta.ts";
import type { Configuration } from "./configuration.ts";
import { mergeConfiguration } from "./merge.ts";
import { identityOf, type Owner, type Owners, withOwner } from "./owners.ts";
import { pruneLeftOut } from "./prune.ts";
import { type Conflict, transfer } from "./transfer.ts";
import type { KindVersions } from "./versions.ts";

export interface ApplyPlan {
  readonly object: KubeObject;
  /** Once the object is as planned: conflicts are decided for the one who applies. */
  readonly owners: Owners;
  /** What others own that gets another value. Without force the plan is not carried out. */
  readonly conflicts: readonly Conflict[];
}

/** What applying a configuration makes of an object, whose fields are `owners`'; `self` is the manager with its claim. */
export function planApply(
  live: KubeObject,
  config: Configuration,
  options: { readonly versions: KindVersions; readonly owners: Owners; readonly self: Owner },
): ApplyPlan {
  const { versions, self } = options;
  const id = identityOf(self);
  const claimed = withOwner(options.owners, self);
  const merged = mergeConfiguration(versions.current.place, live, config) as KubeObject;
  const object = pruneLeftOut(merged, { versions, owners: claimed, last: options.owners.get(id) });
  const { owners, conflicts } = transfer({ versions, old: live, next: object }, claimed, id);
  return { object, owners, conflicts };
}
