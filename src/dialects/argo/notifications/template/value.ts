import { isRecord } from "../../../../base/json.ts";
import { checkLength } from "./budget.ts";

/** What a template sees: JSON, as the API server answers it. */
export type Value = unknown;

/** Go: false, 0, nothing, and whatever is empty. */
export function isTrue(value: Value): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isRecord(value) || Object.keys(value).length > 0;
}

/** As Go's fmt prints it. */
export function show(value: Value): string {
  return value === null || value === undefined ? "<no value>" : shown(value, new Length());
}

/** As an argument of a function: nothing is an empty text. */
export function textOf(value: Value): string {
  return value === null || value === undefined ? "" : show(value);
}

export function jsonOf(value: Value, spaces = 0): string {
  const length = new Length();
  return JSON.stringify(
    value ?? null,
    (key, member) => {
      length.add(key.length + (typeof member === "string" ? member.length : 1));
      return member;
    },
    spaces,
  );
}

/** Texts in a row; their length is known before they are joined. */
export function joined(texts: readonly string[], by = ""): string {
  checkLength(texts.reduce((sum, text) => sum + text.length + by.length, 0));
  return texts.join(by);
}

/** Grows while a value is shown: one that holds another twice, and so on, is longer than anybody can wait for. */
class Length {
  #length = 0;

  add(characters: number): void {
    this.#length += characters;
    checkLength(this.#length);
  }
}

function shown(value: Value, length: Length): string {
  if (value === null || value === undefined) return "<nil>";
  length.add(1);
  if (Array.isArray(value)) return `[${value.map((one) => shown(one, length)).join(" ")}]`;
  if (isRecord(value)) {
    const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return `map[${entries.map(([key, member]) => `${key}:${shown(member, length)}`).join(" ")}]`;
  }
  const text = String(value);
  length.add(text.length);
  return text;
}
