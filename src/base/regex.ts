import { type Assertion, type CharacterTest, type Node, parsePattern, RegexSyntaxError } from "./regex-syntax.ts";

/**
 * Regular expressions with RE2's promise (MESH-082): time grows linearly with the text, whatever the pattern, so that
 * neither a route's author nor a client can make the proxy hang. All threads of a small automaton walk the text
 * together (Pike's method); the first alternative wins, as in RE2 and Perl.
 */
export interface Regex {
  /** Whether the whole text matches. */
  matches(text: string): boolean;
}

/** Nested counted repetitions multiply; RE2 bounds its programs too. */
const PROGRAM_SIZE_MAX = 20_000;

export function compileRegex(pattern: string): Regex | { readonly error: string } {
  try {
    const { root } = parsePattern(pattern);
    const whole: Node = { kind: "sequence", items: [root, { kind: "assertion", assertion: "text-end" }] };
    const automaton = new Automaton(whole, 0);
    return { matches: (text) => automaton.run(text, 0) !== null };
  } catch (error) {
    if (error instanceof RegexSyntaxError) return { error: error.message };
    throw error;
  }
}

/** Looks for the first match anywhere, as `grep` does; like `Regex` linear in the text. */
export interface RegexSearch {
  /** What one character of the text can cost at most. */
  readonly programSize: number;
  /** Start and end of the leftmost match at or behind `from`. */
  find(text: string, from: number): readonly [start: number, end: number] | null;
  /** Where the last `find` stopped to look. */
  readonly walkedTo: number;
}

export function compileSearch(pattern: string): RegexSearch | { readonly error: string } {
  try {
    const automaton = searchFor(parsePattern(pattern).root, 0);
    return {
      programSize: automaton.size,
      find(text, from) {
        const found = automaton.run(text, from);
        return found && [found[0]!, found[1]!];
      },
      get walkedTo() {
        return automaton.walkedTo;
      },
    };
  } catch (error) {
    if (error instanceof RegexSyntaxError) return { error: error.message };
    throw error;
  }
}

/**
 * Replaces every occurrence; `\1` in the replacement stands for a group, `\0` for the whole match (MESH-122). The
 * pattern has passed validation. One walk finds the next occurrence, so that text without any costs one walk.
 */
export function compileReplacement(pattern: string, replacement: string): (text: string) => string {
  const { root, groupCount } = parsePattern(pattern);
  const automaton = searchFor(root, groupCount);
  const parts = replacement.split(/\\(\d|\\)/);
  const expand = (text: string, found: Captures) =>
    parts
      .map((part, index) => (index % 2 === 0 ? part : part === "\\" ? "\\" : groupText(text, found, Number(part))))
      .join("");
  return (text) => {
    let result = "";
    let from = 0;
    for (let at = 0; at <= text.length; ) {
      const found = automaton.run(text, at);
      if (found === null) break;
      const [start, end] = [found[0]!, found[1]!];
      result += text.slice(from, start) + expand(text, found);
      from = end;
      // An empty match is replaced and the next character kept, or there would be no end.
      at = end > start ? end : end + 1;
    }
    return result + text.slice(from);
  };
}

/** A lazy "anything" in front is the least preferred thread, so that the leftmost match wins in one walk. */
function searchFor(root: Node, groupCount: number): Automaton {
  const anything: Node = { kind: "character", test: () => true };
  const skipped: Node = { kind: "repeat", item: anything, min: 0, max: null, isGreedy: false };
  const whole: Node = { kind: "group", item: root, index: 0 };
  return new Automaton({ kind: "sequence", items: [skipped, whole] }, groupCount + 1);
}

/** Start and end of each group, by twice its number; undefined where it took no part. */
type Captures = readonly (number | undefined)[];

function groupText(text: string, found: Captures, group: number): string {
  const [start, end] = [found[2 * group], found[2 * group + 1]];
  return start === undefined || end === undefined ? "" : text.slice(start, end);
}

type Instruction =
  | { readonly op: "character"; readonly test: CharacterTest }
  | { readonly op: "assertion"; readonly assertion: Assertion }
  /** Both ways at once; what the first finds counts before what the second finds. */
  | { op: "split"; first: number; second: number }
  | { op: "jump"; to: number }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "match" };

interface Thread {
  readonly at: number;
  readonly captures: Captures;
}

/** Code points behind this one take two units of a JavaScript string. */
const LAST_SINGLE_UNIT = 0xffff;

class Automaton {
  readonly #program: Instruction[] = [];
  readonly #slotCount: number;
  /** The text position plus one at which an instruction was last reached: each runs once per position. */
  readonly #reached: Int32Array;
  /** Where the last run ended. */
  walkedTo = 0;

  constructor(root: Node, groupCount: number) {
    this.#slotCount = 2 * groupCount;
    this.#emit(root);
    this.#add({ op: "match" });
    this.#reached = new Int32Array(this.#program.length);
  }

  get size(): number {
    return this.#program.length;
  }

  /** Matches at exactly `start`; the captures of the preferred match, null when there is none. */
  run(text: string, start: number): Captures | null {
    this.#reached.fill(0);
    let found: Captures | null = null;
    let threads: Thread[] = [];
    this.#follow(threads, { at: 0, captures: [] }, { text, position: start });
    for (let position = start; threads.length > 0; ) {
      const next: Thread[] = [];
      const code = position < text.length ? text.codePointAt(position)! : -1;
      const after = position + (code > LAST_SINGLE_UNIT ? 2 : 1);
      for (const { at, captures } of threads) {
        const instruction = this.#program[at]!;
        if (instruction.op === "match") {
          found = captures;
          // Threads behind this one are less preferred.
          break;
        }
        if (code >= 0 && instruction.op === "character" && instruction.test(code)) {
          this.#follow(next, { at: at + 1, captures }, { text, position: after });
        }
      }
      threads = next;
      position = after;
      this.walkedTo = after;
    }
    return found;
  }

  /** Adds the thread and all that it reaches without a character, in order of preference. */
  #follow(threads: Thread[], from: Thread, place: { text: string; position: number }): void {
    const pending = [from];
    for (let thread = pending.pop(); thread !== undefined; thread = pending.pop()) {
      const { at, captures } = thread;
      if (this.#reached[at] === place.position + 1) continue;
      this.#reached[at] = place.position + 1;
      const instruction = this.#program[at]!;
      switch (instruction.op) {
        case "jump":
          pending.push({ at: instruction.to, captures });
          break;
        case "split":
          pending.push({ at: instruction.second, captures }, { at: instruction.first, captures });
          break;
        case "save":
          pending.push({ at: at + 1, captures: this.#saved(captures, instruction.slot, place.position) });
          break;
        case "assertion":
          if (holds(instruction.assertion, place)) pending.push({ at: at + 1, captures });
          break;
        default:
          threads.push(thread);
      }
    }
  }

  #saved(captures: Captures, slot: number, position: number): Captures {
    if (slot >= this.#slotCount) return captures;
    const copy = captures.slice();
    copy[slot] = position;
    return copy;
  }

  #add(instruction: Instruction): number {
    if (this.#program.length >= PROGRAM_SIZE_MAX) throw new RegexSyntaxError("the expression is too large");
    return this.#program.push(instruction) - 1;
  }

  #emit(node: Node): void {
    switch (node.kind) {
      case "character":
        this.#add({ op: "character", test: node.test });
        break;
      case "assertion":
        this.#add({ op: "assertion", assertion: node.assertion });
        break;
      case "sequence":
        for (const item of node.items) this.#emit(item);
        break;
      case "choice":
        this.#emitChoice(node.items);
        break;
      case "group":
        if (node.index !== null) this.#add({ op: "save", slot: 2 * node.index });
        this.#emit(node.item);
        if (node.index !== null) this.#add({ op: "save", slot: 2 * node.index + 1 });
        break;
      case "repeat":
        this.#emitRepeat(node);
    }
  }

  #emitChoice(items: readonly Node[]): void {
    const jumps: { op: "jump"; to: number }[] = [];
    items.forEach((item, index) => {
      const split = { op: "split" as const, first: 0, second: 0 };
      const isLast = index === items.length - 1;
      if (!isLast) split.first = this.#add(split) + 1;
      this.#emit(item);
      if (isLast) return;
      const jump = { op: "jump" as const, to: 0 };
      this.#add(jump);
      jumps.push(jump);
      split.second = this.#program.length;
    });
    for (const jump of jumps) jump.to = this.#program.length;
  }

  #emitRepeat({ item, min, max, isGreedy }: Extract<Node, { kind: "repeat" }>): void {
    for (let count = 0; count < min; count++) {
      const sizeBefore = this.#program.length;
      this.#emit(item);
      // What is empty is as good once as a thousand times; nested, it would take for ever without growing too large.
      if (this.#program.length === sizeBefore) break;
    }
    if (max === null) {
      const loop = this.#emitSplit(isGreedy, () => this.#emit(item));
      this.#add({ op: "jump", to: loop.at });
      loop.leave();
      return;
    }
    const optional = Array.from({ length: max - min }, () => this.#emitSplit(isGreedy, () => this.#emit(item)));
    for (const { leave } of optional) leave();
  }

  /** A split into `body` or, once `leave` is called, to the place reached by then. */
  #emitSplit(isGreedy: boolean, body: () => void): { at: number; leave: () => void } {
    const split = { op: "split" as const, first: 0, second: 0 };
    const at = this.#add(split);
    const [into, past] = isGreedy ? (["first", "second"] as const) : (["second", "first"] as const);
    split[into] = at + 1;
    body();
    const leave = () => {
      split[past] = this.#program.length;
    };
    return { at, leave };
  }
}

function holds(assertion: Assertion, { text, position }: { text: string; position: number }): boolean {
  switch (assertion) {
    case "text-start":
      return position === 0;
    case "text-end":
      return position === text.length;
    case "line-start":
      return position === 0 || text[position - 1] === "\n";
    case "line-end":
      return position === text.length || text[position] === "\n";
    case "word-boundary":
      return isWord(text, position - 1) !== isWord(text, position);
    case "no-word-boundary":
      return isWord(text, position - 1) === isWord(text, position);
  }
}

function isWord(text: string, position: number): boolean {
  return /^\w$/.test(text[position] ?? "");
}
