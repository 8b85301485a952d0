import { CONTROL_ESCAPES } from "../../../base/escapes.ts";
import type { Token } from "./lexer.ts";
import { SourceError } from "./source.ts";

/** Strings and bytes of CEL: raw ones, triple quotes, and the escapes of the rest. */

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  ...CONTROL_ESCAPES,
  "\\": "\\",
  "'": "'",
  '"': '"',
  "`": "`",
  "?": "?",
};

export function stringLiteral(source: string, at: number, start: string): { token: Token; end: number } {
  const prefix = start.replace(/['"]+$/, "").toLowerCase();
  const quote = start.slice(prefix.length);
  const bodyStart = at + start.length;
  const bodyEnd = endOfBody(source, bodyStart, { quote, isRaw: prefix.includes("r"), at });
  const body = source.slice(bodyStart, bodyEnd).replace(/\r\n?/g, "\n");
  const isBytes = prefix.includes("b");
  const end = bodyEnd + quote.length;
  const parts = prefix.includes("r") ? [body] : decodeEscapes(body, isBytes, at);
  if (!isBytes) return { token: { kind: "string", text: parts.map(partText).join(""), at }, end };
  const bytes = Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));
  return { token: { kind: "bytes", text: "", bytes: new Uint8Array(bytes), at }, end };
}

function endOfBody(
  source: string,
  from: number,
  { quote, isRaw, at }: { quote: string; isRaw: boolean; at: number },
): number {
  for (let index = from; index < source.length; index++) {
    if (source.startsWith(quote, index)) return index;
    const character = source[index];
    if (character === "\\" && !isRaw) index++;
    else if (character === "\n" && quote.length === 1) break;
  }
  throw new SourceError(at, `Syntax error: token recognition error at: '${source.slice(at, at + 20)}'`);
}

/** Text, and code points or bytes that an escape stands for. */
type Part = string | number;

function partText(part: Part): string {
  return typeof part === "number" ? String.fromCodePoint(part) : part;
}

const ESCAPE = /\\(?:([abfnrtv\\'"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2}))/y;

function decodeEscapes(body: string, isBytes: boolean, at: number): readonly Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (let index = body.indexOf("\\"); index >= 0; index = body.indexOf("\\", from)) {
    parts.push(body.slice(from, index));
    ESCAPE.lastIndex = index;
    const found = ESCAPE.exec(body);
    if (!found) throw new SourceError(at, "Syntax error: invalid escape sequence in a string");
    const [whole, simple, hex, short, long, octal] = found;
    if (isBytes && (short ?? long)) throw new SourceError(at, "Syntax error: \\u is no escape of bytes");
    if (simple !== undefined) parts.push(SIMPLE_ESCAPES[simple]!);
    else parts.push(octal === undefined ? codePoint(hex ?? short ?? long ?? "", at) : Number.parseInt(octal, 8));
    from = index + whole.length;
  }
  parts.push(body.slice(from));
  return parts;
}

function codePoint(digits: string, at: number): number {
  const code = Number.parseInt(digits, 16);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  if (code > 0x10ffff || isSurrogate) throw new SourceError(at, "Syntax error: invalid code point in a string");
  return code;
}
