/** What may stand in a request line or a `location`: nothing that would end it and begin another line. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass.
const NOT_IN_TARGET = /[\x00-\x20\x7f]|[^\x00-\xff]+/g;

/** A rewrite or redirect is configuration and may hold anything: what cannot be sent is escaped. */
export function escapeTarget(text: string): string {
  return text.replace(NOT_IN_TARGET, (unsendable) => encodeURIComponent(unsendable.toWellFormed()));
}
