import { compileSearch, type RegexSearch } from "../../../../base/regex.ts";
import { CHARACTER_COST, type Meter } from "../meter.ts";
import { functions } from "../signature.ts";
import { EvaluationError, ListValue } from "../values.ts";

/** RE2's syntax and its promise of linear time. A match anywhere counts. */
export const regexFunctions = functions({
  "string.matches(string): bool": (text: string, pattern: string, meter: Meter) =>
    paidSearch(text, pattern, meter)(0) !== null,
  "matches(string, string): bool": (text: string, pattern: string, meter: Meter) =>
    paidSearch(text, pattern, meter)(0) !== null,
  "string.find(string): string": (text: string, pattern: string, meter: Meter) => {
    const found = paidSearch(text, pattern, meter)(0);
    return found ? text.slice(...found) : "";
  },
  "string.findAll(string): list(string)": (text: string, pattern: string, meter: Meter) =>
    findAll(text, pattern, Infinity, meter),
  "string.findAll(string, int): list(string)": (text: string, pattern: string, limit: bigint, meter: Meter) =>
    findAll(text, pattern, limit < 0n ? Infinity : Number(limit), meter),
});

/** Patterns come from rules, but may also be made from data: the bound is for those. */
const COMPILED_MAX = 1024;
const compiled = new Map<string, RegexSearch>();

function searchOf(pattern: string, meter: Meter): RegexSearch {
  const known = compiled.get(pattern);
  if (known) return known;
  meter.spend(COMPILE_COST * (pattern.length + 1));
  const search = compileSearch(pattern);
  if ("error" in search) throw new EvaluationError(`error parsing regexp: ${search.error}`);
  meter.spend(search.programSize);
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(pattern, search);
  return search;
}

/** A class of characters asks JavaScript about each of ASCII. */
const COMPILE_COST = 20;

/** A state that a character may wake. */
const STATE_COST = 1;

/** Each character may wake every state of the automaton, so that a short pattern of nested counts is not cheap. */
function paidSearch(text: string, pattern: string, meter: Meter): (from: number) => readonly [number, number] | null {
  const search = searchOf(pattern, meter);
  const priceOf = (characters: number) =>
    Math.ceil((1 + characters) * CHARACTER_COST * search.programSize * STATE_COST);
  return (from) => {
    meter.requireAffordable(priceOf(text.length - from));
    const found = search.find(text, from);
    meter.spend(priceOf(search.walkedTo - from));
    return found;
  };
}

function findAll(text: string, pattern: string, limit: number, meter: Meter): ListValue {
  const find = paidSearch(text, pattern, meter);
  const items: string[] = [];
  let lastEnd = -1;
  for (let from = 0; from <= text.length && items.length < limit; ) {
    const found = find(from);
    if (!found) break;
    const [start, end] = found;
    // Go takes no empty match right behind a match.
    if (start !== end || start !== lastEnd) items.push(text.slice(start, end));
    lastEnd = end;
    from = end > start ? end : end + 1;
  }
  return new ListValue(items);
}
