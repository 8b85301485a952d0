import type { DestinationRule, SubsetSpec } from "../../api/istio.ts";
import { deepEqual } from "../../base/json.ts";

export interface DestinationRuleWish {
  /** The label that tells the versions' pods apart. */
  readonly hashLabel: string;
  /** Subset name to the hash whose pods it is to select; "" selects no version in particular. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Subsets that may carry the label without being ours to remove. */
  readonly kept: ReadonlySet<string>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The rule with the versions' hashes in its subsets. Foreign subsets, other labels and policies stay; the original drops
 * foreign subsets (ARC-905). A subset that only ever carried our label and is not wanted any more goes.
 */
export function editDestinationRule(
  rule: DestinationRule,
  { hashLabel, hashes, kept, annotations }: DestinationRuleWish,
): { readonly object: DestinationRule; readonly changed: boolean } {
  const present = (rule.spec?.subsets ?? []).filter((subset): subset is SubsetSpec => subset !== null);
  const staying = present.filter(
    ({ name, labels }) => hashes.has(name) || kept.has(name) || labels?.[hashLabel] === undefined,
  );
  const subsets = staying.map((subset) => {
    const hash = hashes.get(subset.name);
    return hash === undefined ? subset : withLabel(subset, hashLabel, hash);
  });
  const names = new Set(present.map(({ name }) => name));
  for (const [name, hash] of hashes) {
    if (!names.has(name)) subsets.push({ name, ...(hash === "" ? {} : { labels: { [hashLabel]: hash } }) });
  }
  const object: DestinationRule = {
    ...rule,
    metadata: { ...rule.metadata, annotations: { ...rule.metadata.annotations, ...annotations } },
    spec: { ...rule.spec, subsets },
  };
  const changed = !deepEqual(object, rule);
  return { object: changed ? object : rule, changed };
}

/** The hash that a subset selects now; null when there is no such subset. */
export function subsetHash(rule: DestinationRule, name: string, hashLabel: string): string | null {
  const subset = rule.spec?.subsets?.find((one) => one?.name === name);
  return subset ? (subset.labels?.[hashLabel] ?? "") : null;
}

function withLabel(subset: SubsetSpec, label: string, value: string): SubsetSpec {
  if ((subset.labels?.[label] ?? "") === value) return subset;
  const { [label]: _, ...others } = subset.labels ?? {};
  return { ...subset, labels: value === "" ? others : { ...others, [label]: value } };
}
