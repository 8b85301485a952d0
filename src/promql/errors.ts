/** How the HTTP API classifies a failure (6.3 of the analysis contract). */
export type ErrorType = "bad_data" | "execution" | "timeout" | "canceled" | "not_found" | "internal";

/** A query that cannot be answered; the message is in Prometheus' words, for whoever wrote the query. */
export class QueryError extends Error {
  readonly type: ErrorType;

  constructor(type: ErrorType, message: string) {
    super(message);
    this.name = "QueryError";
    this.type = type;
  }
}

/** A text that is no PromQL. `message` starts with line and column, both from 1 (PQ-014). */
export class ParseError extends QueryError {
  constructor(text: string, offset: number, problem: string) {
    super("bad_data", `${position(text, offset)}: parse error: ${problem}`);
    this.name = "ParseError";
  }
}

export function position(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `${line}:${offset - (before.lastIndexOf("\n") + 1) + 1}`;
}
