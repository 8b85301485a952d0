import { TemplateError } from "./parse.ts";
import type { Value } from "./value.ts";

/**
 * What one message may cost. Templates and the objects that they see are written by people who share this process with
 * the controllers: a range within ranges, or a text that is doubled again and again, must not hold those up.
 */

/** A message is short: chat services take some thousand characters. */
export const TEXT_MAX = 1_000_000;
const STEPS_MAX = 500_000;
/** How much of a text or list is looked at in a step's time. */
const PER_STEP = 16;

export class Budget {
  #steps = STEPS_MAX;
  #characters = TEXT_MAX;

  spend(steps = 1): void {
    this.#steps -= steps;
    // Not a number is too much as well.
    if (!(this.#steps >= 0)) throw new TemplateError(`more than ${STEPS_MAX} steps`);
  }

  /** For what is read or made by one call. */
  spendOn(values: readonly Value[]): void {
    let size = 0;
    for (const value of values) if (typeof value === "string" || Array.isArray(value)) size += value.length;
    this.spend(1 + size / PER_STEP);
  }

  spendOnOutput(text: string): void {
    this.#characters -= text.length;
    checkLength(this.#characters < 0 ? Number.POSITIVE_INFINITY : 0);
  }
}

/** Before a text of this length is made. */
export function checkLength(length: number): void {
  if (!(length <= TEXT_MAX)) throw new TemplateError(`a text of more than ${TEXT_MAX} characters`);
}
