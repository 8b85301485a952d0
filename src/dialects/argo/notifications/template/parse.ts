/**
 * The part of Go's text/template that notification templates are written in: text, pipelines, variables, if, range and
 * with. What is left out (define, template, block, call) is refused by name.
 */

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | Block
  | { readonly kind: "break" }
  | { readonly kind: "continue" };

export interface Block {
  readonly kind: "if" | "with" | "range";
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  /** Behind `{{else}}`. */
  readonly other: readonly Node[];
}

export interface Pipe {
  /** As written, for messages. */
  readonly source: string;
  /** Names without `$` that take the value; two only in a range (index, element). */
  readonly names: readonly string[];
  /** `=` instead of `:=`. */
  readonly isAssignment: boolean;
  /** Each but the first gets the value of the one before as its last argument. */
  readonly commands: readonly (readonly Operand[])[];
}

export type Operand =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "dot"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly path: readonly string[] }
  | { readonly kind: "function"; readonly name: string };

export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

interface Piece {
  readonly isAction: boolean;
  readonly text: string;
  readonly line: number;
}

export function parseTemplate(source: string): readonly Node[] {
  const parser = new BlockParser(split(source));
  return parser.whole();
}

/** Texts and actions in turn; `{{-` and `-}}` have eaten the white space beside them. */
function split(source: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let line = 1;
  let trimsNext = false;
  while (at < source.length) {
    const start = source.indexOf("{{", at);
    const rawText = start < 0 ? source.slice(at) : source.slice(at, start);
    const opensTrimmed = start >= 0 && /^\{\{-\s/.test(source.slice(start, start + 4));
    let text = trimsNext ? rawText.trimStart() : rawText;
    if (opensTrimmed) text = text.trimEnd();
    if (text !== "") pieces.push({ isAction: false, text, line });
    line += countLines(rawText);
    if (start < 0) break;
    const { end, inner, closesTrimmed } = actionAt(source, start, line, opensTrimmed);
    if (!/^\/\*[\s\S]*\*\/$/.test(inner.trim())) pieces.push({ isAction: true, text: inner.trim(), line });
    line += countLines(source.slice(start, end));
    trimsNext = closesTrimmed;
    at = end;
  }
  return pieces;
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

/** The action that opens at `start`; braces within strings and comments do not close it. */
function actionAt(source: string, start: number, line: number, opensTrimmed: boolean) {
  const from = start + (opensTrimmed ? 3 : 2);
  const token = /"(?:[^"\\]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)*'|\}\}|[\s\S]/g;
  token.lastIndex = commentEnd(source, from);
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    if (match[0] !== "}}") continue;
    const inner = source.slice(from, match.index);
    const closesTrimmed = /\s-$/.test(inner);
    return { end: token.lastIndex, inner: closesTrimmed ? inner.slice(0, -1) : inner, closesTrimmed };
  }
  throw new TemplateError(`line ${line}: unclosed action`);
}

/** Where the comment ends that the action consists of; `from` when it is none, or has no end. */
function commentEnd(source: string, from: number): number {
  const opens = /\s*\/\*/y;
  opens.lastIndex = from;
  const end = opens.test(source) ? source.indexOf("*/", opens.lastIndex) : -1;
  return end < 0 ? from : end + 2;
}

/** Of blocks and of parentheses. Messages have two or three; the stack has some thousand. */
const DEPTH_MAX = 100;

class BlockParser {
  readonly #pieces: readonly Piece[];
  #at = 0;
  #depth = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  whole(): readonly Node[] {
    const { nodes, end } = this.#list([]);
    if (end) throw new TemplateError(`line ${end.line}: unexpected {{${end.text}}}`);
    return nodes;
  }

  /** Nodes up to an action that begins with one of `ends`, which is taken too. */
  #list(ends: readonly string[]): { readonly nodes: readonly Node[]; readonly end: Piece | null } {
    const nodes: Node[] = [];
    for (let piece = this.#pieces[this.#at]; piece; piece = this.#pieces[this.#at]) {
      this.#at++;
      if (!piece.isAction) {
        nodes.push({ kind: "text", text: piece.text });
        continue;
      }
      const keyword = /^[a-z]+/.exec(piece.text)?.[0] ?? "";
      if (keyword === "end" || keyword === "else") {
        if (ends.includes(keyword)) return { nodes, end: piece };
        throw new TemplateError(`line ${piece.line}: unexpected {{${piece.text}}}`);
      }
      nodes.push(this.#action(piece, keyword));
    }
    if (ends.length > 0) throw new TemplateError("unexpected EOF: an {{if}}, {{range}} or {{with}} has no {{end}}");
    return { nodes, end: null };
  }

  #action(piece: Piece, keyword: string): Node {
    const { text, line } = piece;
    if (keyword === "if" || keyword === "with" || keyword === "range") {
      return this.#block(keyword, text.slice(keyword.length), line);
    }
    if (text === "break" || text === "continue") return { kind: text };
    if (["define", "template", "block"].includes(keyword)) {
      throw new TemplateError(`line ${line}: {{${keyword}}} is not supported in notification templates`);
    }
    return { kind: "action", pipe: parsePipe(text, line) };
  }

  #block(kind: "if" | "with" | "range", source: string, line: number): Block {
    if (++this.#depth > DEPTH_MAX) throw new TemplateError(`line ${line}: nested deeper than ${DEPTH_MAX}`);
    const block = this.#blockWithin(kind, source, line);
    this.#depth--;
    return block;
  }

  #blockWithin(kind: "if" | "with" | "range", source: string, line: number): Block {
    const pipe = parsePipe(source, line, kind === "range");
    const { nodes: body, end } = this.#list(["end", "else"]);
    const rest = end?.text.slice("else".length).trim() ?? "";
    if (end?.text.startsWith("end")) return { kind, pipe, body, other: [] };
    // `{{else if x}}` is an if within the else that shares its end.
    const chained = /^(if|with)\b/.exec(rest)?.[1] as "if" | "with" | undefined;
    if (chained) return { kind, pipe, body, other: [this.#block(chained, rest.slice(chained.length), end!.line)] };
    if (rest !== "") throw new TemplateError(`line ${end!.line}: unexpected "${rest}" in else`);
    return { kind, pipe, body, other: this.#list(["end"]).nodes };
  }
}

// Pipelines -----------------------------------------------------------------------------------------------------------

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|('(?:[^'\\]|\\.)+')|([-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?)|(\$[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\$(?:\.[A-Za-z_]\w*)*)|((?:\.[A-Za-z_]\w*)+)|(\.)|([A-Za-z_]\w*)|(:=|[=|(),]))/y;

interface Token {
  readonly kind: "string" | "number" | "variable" | "field" | "dot" | "word" | "sign";
  readonly text: string;
  /** White space stood before it: `(x).y` is a chain, `(x) .y` two operands. */
  readonly isApart: boolean;
}

function tokensOf(source: string, line: number): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (source.slice(at).trim() !== "") {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) {
      throw new TemplateError(
        `line ${line}: unexpected ${JSON.stringify(source.slice(at).trim()[0])} in {{${source.trim()}}}`,
      );
    }
    const [whole, quoted, raw, character, number, variable, field, dot, word, sign] = match;
    const isApart = /^\s/.test(whole);
    if (quoted !== undefined) tokens.push({ kind: "string", text: unquote(quoted, line), isApart });
    else if (raw !== undefined) tokens.push({ kind: "string", text: raw.slice(1, -1), isApart });
    else if (character !== undefined) tokens.push({ kind: "number", text: charCode(character), isApart });
    else if (number !== undefined) tokens.push({ kind: "number", text: number.replaceAll("_", ""), isApart });
    else if (variable !== undefined) tokens.push({ kind: "variable", text: variable, isApart });
    else if (field !== undefined) tokens.push({ kind: "field", text: field, isApart });
    else if (dot !== undefined) tokens.push({ kind: "dot", text: dot, isApart });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, isApart });
    else tokens.push({ kind: "sign", text: sign as string, isApart });
    at = TOKEN.lastIndex;
  }
  return tokens;
}

function unquote(text: string, line: number): string {
  try {
    return JSON.parse(text.replace(/\\(['a])/g, "$1").replace(/\t/g, "\\t")) as string;
  } catch {
    throw new TemplateError(`line ${line}: bad string ${text}`);
  }
}

function charCode(quoted: string): string {
  return String(
    quoted
      .slice(1, -1)
      .replace(/^\\(.)$/, "$1")
      .codePointAt(0),
  );
}

export function parsePipe(source: string, line: number, isRange = false): Pipe {
  const parser = new PipeParser(tokensOf(source, line), { source: source.trim(), line });
  return parser.whole(isRange);
}

class PipeParser {
  readonly #tokens: readonly Token[];
  readonly #where: { readonly source: string; readonly line: number };
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], where: { readonly source: string; readonly line: number }) {
    this.#tokens = tokens;
    this.#where = where;
  }

  whole(isRange: boolean): Pipe {
    const declared = this.#declaration(isRange);
    const commands = this.#commands();
    if (this.#peek()) this.#refuse(`unexpected "${this.#peek()?.text}"`);
    return { source: this.#where.source, ...declared, commands };
  }

  #declaration(isRange: boolean): { readonly names: readonly string[]; readonly isAssignment: boolean } {
    const [first, second, third, fourth] = this.#tokens;
    if (first?.kind !== "variable") return { names: [], isAssignment: false };
    if (second?.text === ":=" || second?.text === "=") {
      this.#at = 2;
      return { names: [first.text.slice(1)], isAssignment: second.text === "=" };
    }
    if (second?.text !== ",") return { names: [], isAssignment: false };
    if (!isRange || third?.kind !== "variable" || (fourth?.text !== ":=" && fourth?.text !== "=")) {
      this.#refuse("two variables stand only in a range: $index, $element :=");
    }
    this.#at = 4;
    return { names: [first.text.slice(1), third!.text.slice(1)], isAssignment: fourth!.text === "=" };
  }

  #commands(): (readonly Operand[])[] {
    const commands = [this.#command()];
    while (this.#peek()?.text === "|" && this.#peek()?.kind === "sign") {
      this.#at++;
      commands.push(this.#command());
    }
    return commands;
  }

  #command(): readonly Operand[] {
    const operands: Operand[] = [];
    for (let token = this.#peek(); token; token = this.#peek()) {
      if (token.kind === "sign" && token.text !== "(") break;
      operands.push(this.#operand(token));
    }
    if (operands.length === 0) this.#refuse("missing value");
    return operands;
  }

  #operand(token: Token): Operand {
    this.#at++;
    switch (token.kind) {
      case "string":
        return { kind: "literal", value: token.text };
      case "number":
        return { kind: "literal", value: Number(token.text) };
      case "dot":
        return { kind: "dot", path: [] };
      case "field":
        return { kind: "dot", path: token.text.slice(1).split(".") };
      case "variable": {
        const [name = "", ...path] = token.text.slice(1).split(".");
        return { kind: "variable", name, path };
      }
      case "word":
        return wordOperand(token.text);
      case "sign":
        return this.#parenthesis();
    }
  }

  #parenthesis(): Operand {
    if (++this.#depth > DEPTH_MAX) this.#refuse(`nested deeper than ${DEPTH_MAX}`);
    const commands = this.#commands();
    this.#depth--;
    if (this.#peek()?.text !== ")") this.#refuse("unclosed left paren");
    this.#at++;
    const next = this.#peek();
    const isChain = next?.kind === "field" && !next.isApart;
    if (isChain) this.#at++;
    const pipe = { source: this.#where.source, names: [], isAssignment: false, commands };
    return { kind: "pipe", pipe, path: isChain ? next.text.slice(1).split(".") : [] };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #refuse(problem: string): never {
    const { source, line } = this.#where;
    throw new TemplateError(`line ${line}: ${problem} in {{${source}}}`);
  }
}

function wordOperand(word: string): Operand {
  if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
  if (word === "nil") return { kind: "literal", value: null };
  return { kind: "function", name: word };
}
