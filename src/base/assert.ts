/** Our own mistakes. Never used for input: a person's mistake is a `Problem`, the world's refusal an `ApiError`. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

export function assert(condition: unknown, message = "assertion failed"): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the end of a `switch` over a union: the compiler refuses a forgotten member, the run time names it. */
export function unreachable(value: never): never {
  throw new AssertionError(`unexpected value: ${JSON.stringify(value)}`);
}
