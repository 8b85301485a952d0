/**
 * CRD patterns are written for RE2 (K8S-155). This translates them to JavaScript and refuses what RE2 does not have:
 * look-around and back-references.
 */

import { posixClasses } from "../../../base/posix-classes.ts";

export type Pattern = { readonly regExp: RegExp } | { readonly problem: string };

/** Patterns come from stored CRDs; the bound only guards against a client that creates CRDs for ever. */
const COMPILED_MAX = 4096;
const compiled = new Map<string, Pattern>();

export function compilePattern(pattern: string): Pattern {
  let known = compiled.get(pattern);
  if (!known) {
    known = compile(pattern);
    if (compiled.size >= COMPILED_MAX) compiled.clear();
    compiled.set(pattern, known);
  }
  return known;
}

function compile(pattern: string): Pattern {
  const translated = translate(pattern);
  if ("problem" in translated) return translated;
  try {
    return { regExp: new RegExp(translated.source, `u${translated.flags}`) };
  } catch (error) {
    // The engine's own words are the best there are for a person who wrote a pattern that neither engine can read.
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Escapes that mean the same in both, with `u` on the JavaScript side. */
const SHARED_ESCAPES = "dDsSwWbBtnrfv0";
const SYNTAX_CHARACTERS = "^$\\.*+?()[]{}|/";

type Translated = { readonly source: string; readonly flags: string } | { readonly problem: string };

function translate(pattern: string): Translated {
  let flags = "";
  let source = "";
  let inClass = false;
  let index = 0;
  const leading = /^\(\?([imsU]+)\)/.exec(pattern);
  if (leading) {
    flags = [...new Set(leading[1])].filter((flag) => "ims".includes(flag)).join("");
    index = leading[0].length;
  }
  while (index < pattern.length) {
    const rest = pattern.slice(index);
    const piece = rest.startsWith("\\")
      ? escapePiece(rest, inClass)
      : inClass
        ? classPiece(rest, source)
        : plainPiece(rest);
    if ("problem" in piece) return piece;
    if (piece.opensClass) inClass = true;
    else if (piece.closesClass) inClass = false;
    source += piece.text;
    index += piece.length;
  }
  return { source, flags };
}

type Piece =
  | { readonly text: string; readonly length: number; readonly opensClass?: boolean; readonly closesClass?: boolean }
  | { readonly problem: string };

function escapePiece(rest: string, inClass: boolean): Piece {
  const char = rest[1];
  if (char === undefined) return { problem: "trailing backslash at end of expression" };
  const quoted = /^\\Q(.*?)(?:\\E|$)/s.exec(rest);
  if (quoted) return { text: (quoted[1] ?? "").replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&"), length: quoted[0].length };
  const unicode = /^\\([pP])(?:\{(\^?)(\w+)\}|(\w))/.exec(rest);
  if (unicode) return unicodeClass(unicode);
  const hex = /^\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))/.exec(rest);
  if (hex) return { text: `\\u{${hex[1] ?? hex[2]}}`, length: hex[0].length };
  if (char === "A" && !inClass) return { text: "^", length: 2 };
  if (char === "z" && !inClass) return { text: "$", length: 2 };
  if (char === "a") return { text: "\\x07", length: 2 };
  if (/[1-9kc]/.test(char)) return { problem: `invalid escape sequence: \`\\${char}\`` };
  if (SHARED_ESCAPES.includes(char)) return { text: `\\${char}`, length: 2 };
  if (/[A-Za-z]/.test(char)) return { problem: `invalid escape sequence: \`\\${char}\`` };
  const needsEscape = SYNTAX_CHARACTERS.includes(char) || (inClass && char === "-");
  return { text: needsEscape ? `\\${char}` : char, length: 2 };
}

/** General categories are the same names; everything else in RE2 is a script. */
function unicodeClass([whole, letter, caret, name, short]: RegExpExecArray): Piece {
  const property = name ?? short ?? "";
  const isNegated = (letter === "P") !== (caret === "^");
  const expression = /^[A-Z][a-z]?$/.test(property) ? property : `Script=${property}`;
  return { text: `\\${isNegated ? "P" : "p"}{${expression}}`, length: whole.length };
}

function classPiece(rest: string, source: string): Piece {
  const posix = /^\[:(\^?)(\w+):\]/.exec(rest);
  if (posix) {
    const members = posixClasses[posix[2] ?? ""];
    if (!members || posix[1] === "^") return { problem: `invalid character class range: \`${posix[0]}\`` };
    return { text: members, length: posix[0].length };
  }
  // A bracket that comes first in a class stands for itself in RE2.
  if (rest.startsWith("]")) {
    return /(^|[^\\])\[\^?$/.test(source) ? { text: "\\]", length: 1 } : { text: "]", length: 1, closesClass: true };
  }
  // `[\w-.]`: after a class the hyphen can start no range; JavaScript wants that said.
  if (rest.startsWith("-") && /\\(?:[dDsSwW]|[pP]\{[^}]*\})$/.test(source)) return { text: "\\-", length: 1 };
  return { text: rest.startsWith("[") ? "\\[" : rest.slice(0, 1), length: 1 };
}

function plainPiece(rest: string): Piece {
  const char = rest.slice(0, 1);
  if (char === "[") return { text: "[", length: 1, opensClass: true };
  if (char === "]" || char === "}") return { text: `\\${char}`, length: 1 };
  if (char === "{") {
    const repeat = /^\{\d+(,\d*)?\}/.exec(rest);
    return repeat ? { text: repeat[0], length: repeat[0].length } : { text: "\\{", length: 1 };
  }
  const group = /^\(\?(P?<\w+>|<?[=!]|[-imsU]*:|[-imsU]+\))/.exec(rest);
  if (rest.startsWith("(?")) return groupPiece(rest, group?.[1]);
  return { text: char, length: 1 };
}

function groupPiece(rest: string, kind: string | undefined): Piece {
  if (kind === undefined || /^<?[=!]$/.test(kind)) {
    return { problem: `invalid or unsupported Perl syntax: \`${rest.slice(0, kind?.startsWith("<") ? 4 : 3)}\`` };
  }
  const length = 2 + kind.length;
  if (kind.endsWith(">")) return { text: `(?${kind.replace(/^P/, "")}`, length };
  if (kind.endsWith(")")) return { problem: "flags in the middle of an expression are not supported here" };
  return { text: `(?${kind.replace("U", "")}`, length };
}
