/**
 * The choice among weighted destinations (MESH-091…094). A single destination takes everything whatever its weight;
 * among several, those with weight 0 or none take nothing, and the sum need not be 100.
 */
export interface WeightedChoice<Item> {
  readonly items: readonly Item[];
  /** The running sum up to and including the item of the same index; the last one is the total. */
  readonly cumulative: readonly number[];
}

export function compileWeights<Item>(entries: readonly { item: Item; weight: number }[]): WeightedChoice<Item> {
  const candidates =
    entries.length === 1
      ? entries.map(({ item }) => ({ item, weight: 1 }))
      : entries.filter(({ weight }) => weight > 0);
  let total = 0;
  const cumulative = candidates.map(({ weight }) => {
    total += weight;
    return total;
  });
  return { items: candidates.map(({ item }) => item), cumulative };
}

/** `draw` in [0, 1). Null only when there is nothing to choose from. */
export function choose<Item>({ items, cumulative }: WeightedChoice<Item>, draw: number): Item | null {
  if (items.length <= 1) return items[0] ?? null;
  const point = draw * cumulative[cumulative.length - 1]!;
  for (let index = 0; index < items.length; index++) if (point < cumulative[index]!) return items[index]!;
  return items[items.length - 1]!;
}
