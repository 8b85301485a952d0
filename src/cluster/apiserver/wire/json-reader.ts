/**
 * Finds members that stand twice in one JSON object (K8S-81): `JSON.parse` keeps the last and tells nothing. The text
 * is known to be valid JSON when this runs, so that the walk needs no checks of its own.
 *
 * Answers paths as Kubernetes prints them: `data.a`, `spec.containers[0].image`; each once, in order of appearance.
 */
export function findDuplicateFields(text: string): string[] {
  const duplicates: string[] = [];
  let position = 0;

  function walkValue(path: string): void {
    skipSpace();
    const first = text.charCodeAt(position);
    if (first === OPEN_BRACE) walkObject(path);
    else if (first === OPEN_BRACKET) walkArray(path);
    else if (first === QUOTE) skipString();
    else while (position < text.length && !isDelimiter(text.charCodeAt(position))) position++;
  }

  function walkObject(path: string): void {
    const seen = new Set<string>();
    position++;
    for (skipSpace(); text.charCodeAt(position) !== CLOSE_BRACE; skipSpace()) {
      const start = position;
      skipString();
      const raw = text.slice(start, position);
      const key = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
      const member = path === "" ? key : `${path}.${key}`;
      if (seen.has(key) && !duplicates.includes(member)) duplicates.push(member);
      seen.add(key);
      skipSpace();
      position++; // the colon
      walkValue(member);
      skipSpace();
      if (text.charCodeAt(position) === COMMA) position++;
    }
    position++;
  }

  function walkArray(path: string): void {
    position++;
    let index = 0;
    for (skipSpace(); text.charCodeAt(position) !== CLOSE_BRACKET; skipSpace()) {
      walkValue(`${path}[${index++}]`);
      skipSpace();
      if (text.charCodeAt(position) === COMMA) position++;
    }
    position++;
  }

  function skipString(): void {
    for (;;) {
      position = text.indexOf('"', position + 1);
      let backslashes = 0;
      while (text.charCodeAt(position - 1 - backslashes) === BACKSLASH) backslashes++;
      if (backslashes % 2 === 0) break;
    }
    position++;
  }

  function skipSpace(): void {
    while (isSpace(text.charCodeAt(position))) position++;
  }

  walkValue("");
  return duplicates;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDelimiter(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code);
}
