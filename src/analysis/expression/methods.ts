import { parseTime } from "../../base/time.ts";
import { ExpressionError } from "./ast.ts";
import { type FunctionRule, functions } from "./functions.ts";
import { Duration, goType, Time, type Value } from "./values.ts";

/**
 * What triggers of notifications may call besides the functions (NO-004): those of `time` and `strings`, and methods of
 * times and durations, whose first argument is what stands before the dot. Conditions of metrics cannot.
 */
const methods: Readonly<Record<string, FunctionRule>> = {
  "time.Now": { arity: [0, 0], type: "time.Time", call: (_, { now }) => new Time(now) },
  "time.Parse": { arity: [1, 1], type: "time.Time", call: ([text]) => parsed(textOf(text!, "time.Parse")) },

  "strings.ToUpper": onText(1, (text) => text.toUpperCase()),
  "strings.ToLower": onText(1, (text) => text.toLowerCase()),
  "strings.TrimSpace": onText(1, (text) => text.trim()),
  "strings.Contains": onText(2, (text, part) => text.includes(part)),
  "strings.HasPrefix": onText(2, (text, prefix) => text.startsWith(prefix)),
  "strings.HasSuffix": onText(2, (text, suffix) => text.endsWith(suffix)),
  "strings.ReplaceAll": onText(3, (text, from, to) => text.replaceAll(from, () => to)),
  "strings.Split": onText(2, (text, by) => text.split(by)),

  ".Sub": onTimes((left, right) => new Duration(left.ms - right.ms)),
  ".Before": onTimes((left, right) => left.ms < right.ms),
  ".After": onTimes((left, right) => left.ms > right.ms),
  ".Unix": { arity: [1, 1], type: "int", call: ([time]) => BigInt(Math.floor(timeOf(time!).ms / 1000)) },
  ".Hours": inUnitsOf(3_600_000),
  ".Minutes": inUnitsOf(60_000),
  ".Seconds": inUnitsOf(1000),
};

/** The objects whose members are called as functions. */
const LIBRARIES: readonly string[] = ["time", "strings"];

export function isLibrary(name: string): boolean {
  return LIBRARIES.includes(name);
}

/** A function or method by the name that the parser gave it. */
export function lookUpFunction(name: string): FunctionRule | undefined {
  if (Object.hasOwn(functions, name)) return functions[name];
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

function onText(count: number, call: (...texts: [string, string, string]) => Value): FunctionRule {
  return {
    arity: [count, count],
    call: (args) =>
      call(...(args.map((argument) => textOf(argument, "a function of strings")) as [string, string, string])),
  };
}

function onTimes(call: (left: Time, right: Time) => Value): FunctionRule {
  return { arity: [2, 2], call: ([left, right]) => call(timeOf(left!), timeOf(right!)) };
}

function inUnitsOf(unitMs: number): FunctionRule {
  return {
    arity: [1, 1],
    type: "float64",
    call: ([duration]) => {
      if (duration instanceof Duration) return duration.ms / unitMs;
      throw new ExpressionError(`expected time.Duration, but got ${goType(duration!)}`);
    },
  };
}

function timeOf(value: Value): Time {
  if (value instanceof Time) return value;
  throw new ExpressionError(`expected time.Time, but got ${goType(value)}`);
}

function textOf(value: Value, what: string): string {
  if (typeof value === "string") return value;
  throw new ExpressionError(`cannot use ${goType(value)} as argument (type string) to call ${what}`);
}

function parsed(text: string): Time {
  const ms = parseTime(text);
  if (ms === null) throw new ExpressionError(`parsing time ${JSON.stringify(text)}: expected RFC 3339`);
  return new Time(ms);
}
