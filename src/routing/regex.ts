/**
 * RE2's syntax on JavaScript's engine (MESH-082): what RE2 does not have (look-around, back-references) is refused,
 * what JavaScript spells differently is translated, and a match always means the whole text.
 */
export interface Regex {
  matches(text: string): boolean;
}

export const REGEX_LENGTH_MAX = 1024; // MESH-446

/** Longer texts match no regex: bounds the work of patterns on which a backtracking engine is slow. */
const TEXT_LENGTH_MAX = 8192;

export function compileRegex(pattern: string): Regex | { readonly error: string } {
  const source = translate(pattern);
  if (typeof source !== "string") return source;
  try {
    const expression = new RegExp(`^(?:${source})$`);
    return { matches: (text) => text.length <= TEXT_LENGTH_MAX && expression.test(text) };
  } catch (error) {
    return { error: syntaxProblem(error) };
  }
}

/** Replaces every occurrence; `\1` in the replacement stands for a group (MESH-122). */
export function compileReplacement(pattern: string, replacement: string): (text: string) => string {
  const source = translate(pattern);
  if (typeof source !== "string") throw new RangeError(`regex ${JSON.stringify(pattern)}: ${source.error}`);
  const expression = new RegExp(source, "g");
  const template = replacement
    .replaceAll("$", "$$$$")
    .replace(/\\(\d)/g, (_match, digit) => (digit === "0" ? "$&" : `$${digit}`));
  return (text) => (text.length <= TEXT_LENGTH_MAX ? text.replace(expression, template) : text);
}

const REFUSED: readonly (readonly [syntax: RegExp, error: string])[] = [
  [/^\(\?<?[=!]/, "look-around is not supported"],
  [/^\\[1-9]/, "back-references are not supported"],
  [/^\\k/, "back-references are not supported"],
];

function translate(pattern: string): string | { readonly error: string } {
  let source = "";
  let isInClass = false;
  for (let index = 0; index < pattern.length; index++) {
    const rest = pattern.slice(index);
    const refused = isInClass ? undefined : REFUSED.find(([syntax]) => syntax.test(rest));
    if (refused) return { error: refused[1] };
    const character = pattern[index]!;
    if (character === "\\") {
      source += pattern.slice(index, index + 2);
      index++;
    } else if (rest.startsWith("(?P<") && !isInClass) {
      source += "(?<";
      index += 3;
    } else {
      if (character === "[") isInClass = true;
      if (character === "]") isInClass = false;
      source += character;
    }
  }
  return source;
}

function syntaxProblem(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^Invalid regular expression: .*: /, "");
}
