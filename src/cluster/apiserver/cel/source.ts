/** What is wrong with an expression, at a place in it; worded and drawn as Kubernetes' compiler does it. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  /** Offset in UTF-16 units. */
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** `ERROR: <input>:1:5: undefined field 'x'`, with the line and a caret under the place. */
export function drawError(source: string, { at, message }: SourceError): string {
  const before = source.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  const lineNumber = before.split("\n").length;
  const lineEnd = source.indexOf("\n", at);
  const line = source.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replaceAll("\t", " ");
  const lead = [...before.slice(lineStart)];
  const marker = [
    ...lead.map((character) => (isWide(character) ? "\uff0e" : ".")),
    isWide(line[lead.length]) ? "\uff3e" : "^",
  ];
  return `ERROR: <input>:${lineNumber}:${lead.length + 1}: ${message}\n | ${line}\n | ${marker.join("")}`;
}

function isWide(character: string | undefined): boolean {
  return (character?.charCodeAt(0) ?? 0) > 127;
}
