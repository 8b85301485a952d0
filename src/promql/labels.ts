/** The label that holds a metric's name. */
export const METRIC_NAME = "__name__";

type Pair = readonly [name: string, value: string];

/** A lone surrogate occurs in no text that came as UTF-8, so keys of different label sets cannot collide. */
const SEPARATOR = "\ud800";

/**
 * An immutable set of labels, sorted by name, without empty values: to PromQL a missing label and an empty one are the
 * same (PQ-001).
 */
export class Labels {
  static readonly empty = new Labels([]);

  readonly pairs: readonly Pair[];
  #key: string | null = null;
  #nameless: Labels | null = null;

  private constructor(pairs: readonly Pair[]) {
    this.pairs = pairs;
  }

  static of(labels: Readonly<Record<string, string>> | Iterable<Pair>): Labels {
    const entries = Symbol.iterator in labels ? [...labels] : Object.entries(labels);
    return new Labels(entries.filter(([, value]) => value !== "").sort(byName));
  }

  /** Equal keys mean equal sets; their order is the order of results (PQ-013). */
  get key(): string {
    this.#key ??= this.pairs.map(([name, value]) => name + SEPARATOR + value).join(SEPARATOR);
    return this.#key;
  }

  get metricName(): string {
    return this.get(METRIC_NAME);
  }

  /** The value, or the empty string. */
  get(name: string): string {
    for (const [label, value] of this.pairs) if (label === name) return value;
    return "";
  }

  with(name: string, value: string): Labels {
    const others = this.pairs.filter(([label]) => label !== name);
    return new Labels(value === "" ? others : [...others, [name, value] as const].sort(byName));
  }

  only(names: ReadonlySet<string>): Labels {
    return new Labels(this.pairs.filter(([name]) => names.has(name)));
  }

  without(names: ReadonlySet<string>): Labels {
    return new Labels(this.pairs.filter(([name]) => !names.has(name)));
  }

  /** The same object each time: a range query asks at every step, and what is derived from it is remembered too. */
  withoutName(): Labels {
    this.#nameless ??= this.get(METRIC_NAME) === "" ? this : this.without(nameOnly);
    return this.#nameless;
  }

  toRecord(): Record<string, string> {
    return Object.fromEntries(this.pairs);
  }

  /** As error messages show it: `up{job="mesh"}` is `{__name__="up", job="mesh"}`. */
  toString(): string {
    return `{${this.pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")}}`;
  }
}

const nameOnly: ReadonlySet<string> = new Set([METRIC_NAME]);

function byName([left]: Pair, [right]: Pair): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function compareLabels(left: Labels, right: Labels): number {
  return left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
}

/** Takes a set of labels to some of them; of the same set to the same object, as long as both live. */
export type Projection = (labels: Labels) => Labels;

export function projection(keeps: "only" | "without", names: readonly string[]): Projection {
  const set = new Set(names);
  const known = new WeakMap<Labels, Labels>();
  return (labels) => {
    let projected = known.get(labels);
    if (projected === undefined) {
      projected = keeps === "only" ? labels.only(set) : labels.without(set);
      known.set(labels, projected);
    }
    return projected;
  };
}
