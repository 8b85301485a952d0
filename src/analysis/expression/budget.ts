import { ExpressionError } from "./ast.ts";
import { isList, isMap, type Value } from "./values.ts";

/**
 * What one evaluation may cost. Conditions are written by whoever may write a template, and run in the process of the
 * controllers: a list within lists within lists must not hold those up. expr-lang bounds only memory.
 */
const STEPS_MAX = 2_000_000; // measured: a quarter of a second

/** Elements and characters that are made, or looked through, in a step's time. */
const MADE_PER_STEP = 2;
const READ_PER_STEP = 64;

/** Of lists within lists; answers of providers have three or four. */
const DEPTH_MAX = 1000;

export class Budget {
  #left = STEPS_MAX;
  /** A list may hold another many times: what counts is how long it is when it is written out. */
  readonly #weights = new WeakMap<object, number>();

  spend(steps = 1): void {
    this.#left -= steps;
    if (!(this.#left >= 0)) throw new ExpressionError(`the expression takes more than ${STEPS_MAX} steps`);
  }

  spendOnMade(value: Value): void {
    this.spend(this.#weightOf(value) / MADE_PER_STEP);
  }

  spendOnRead(value: Value): void {
    this.spend(this.#weightOf(value) / READ_PER_STEP);
  }

  #weightOf(value: Value, depth = 0): number {
    if (depth > DEPTH_MAX) throw new ExpressionError(`a value is nested deeper than ${DEPTH_MAX}`);
    if (typeof value === "string") return value.length;
    if (!isList(value) && !isMap(value)) return 1;
    const known = this.#weights.get(value);
    if (known !== undefined) return known;
    const members: readonly Value[] = isList(value) ? value : Object.values(value);
    let weight = 1;
    for (const member of members) weight += this.#weightOf(member, depth + 1);
    this.#weights.set(value, weight);
    return weight;
  }
}
