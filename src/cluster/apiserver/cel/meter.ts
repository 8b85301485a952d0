/** The expression took more work than it may (Kubernetes: a rule 1,000,000 units, an object 10,000,000). */
export class CostExceeded extends Error {
  override readonly name = "CostExceeded";
  override readonly message = "operation cancelled: actual cost limit exceeded";
}

/** Kubernetes' price of walking a string, per character. */
export const CHARACTER_COST = 0.1;

/**
 * Counts work. Every step pays before it works, so that the time of an evaluation is bounded whatever the expression:
 * the API server has one thread.
 */
export class Meter {
  readonly #limit: number;
  #spent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Refuses work whose price is known afterwards only, when the most that it can cost is too much. */
  requireAffordable(cost: number): void {
    if (this.#spent + cost > this.#limit) throw new CostExceeded();
  }

  spend(cost: number): void {
    this.#spent += cost;
    if (this.#spent > this.#limit) throw new CostExceeded();
  }
}
