/** Text by code points, which is how CEL counts. Text without surrogates, nearly all of it, needs no copy. */

const SURROGATE = /[\ud800-\udfff]/;

export function lengthOf(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length;
}

/** The characters from `start` up to `end`. */
export function sliceOf(text: string, start: number, end: number): string {
  return SURROGATE.test(text) ? [...text].slice(start, end).join("") : text.slice(start, end);
}

/** Turns an offset in units into one in code points. */
export function countUpTo(text: string, units: number): number {
  return units < 0 ? units : lengthOf(text.slice(0, units));
}

/** Turns an offset in code points into one in units. */
export function unitsUpTo(text: string, characters: number): number {
  return SURROGATE.test(text) ? [...text].slice(0, characters).join("").length : characters;
}
