import type { Meter } from "./meter.ts";
import { OPAQUE_TYPES, type SimpleKind, type Type } from "./types.ts";
import type { Value } from "./values.ts";

/** One form of a function: what it takes, what it yields, how it works and what that costs. */
export interface Overload {
  readonly name: string;
  readonly isMember: boolean;
  /** The target of a member call comes first. */
  readonly params: readonly Type[];
  readonly result: Type;
  readonly cost: Cost;
  apply(args: readonly Value[], meter: Meter): Value;
}

/** Units of work that a call pays before it is done. */
export type Cost = (args: readonly Value[]) => number;

/**
 * The arguments have the types of the signature when this is called, which TypeScript cannot see: the table says
 * `(text: string) => …` and the checker and the dispatch see to it. The meter comes last, for who has loops.
 */
export type Implementation = (...args: never[]) => Value;

/** Overloads from a table of signatures: `string.split(string, int): list(string)`, `ip.isCanonical(string): bool`. */
export function functions(table: Readonly<Record<string, Implementation>>, cost: Cost = () => 1): readonly Overload[] {
  return Object.entries(table).map(([signature, implementation]) => {
    const call = implementation as (...args: unknown[]) => Value;
    return { ...parseSignature(signature), cost, apply: (args, meter) => call(...args, meter) };
  });
}

function parseSignature(signature: string): Pick<Overload, "name" | "isMember" | "params" | "result"> {
  const open = openOf(signature);
  const close = signature.lastIndexOf("):");
  const head = signature.slice(0, open);
  const params = splitTypes(signature.slice(open + 1, close)).map(parseType);
  const result = parseType(signature.slice(close + 2).trim());
  const dot = head.lastIndexOf(".");
  const receiver = dot < 0 ? null : receiverOf(head.slice(0, dot));
  if (receiver === null) return { name: head, isMember: false, params, result };
  return { name: head.slice(dot + 1), isMember: true, params: [receiver, ...params], result };
}

/** The bracket of the parameters; the type of a receiver may have its own. */
function openOf(signature: string): number {
  let depth = 0;
  for (let at = signature.lastIndexOf("):"); at >= 0; at--) {
    if (signature[at] === ")") depth++;
    else if (signature[at] === "(" && --depth === 0) return at;
  }
  throw new Error(`no signature: ${signature}`);
}

function receiverOf(text: string): Type | null {
  try {
    return parseType(text);
  } catch {
    return null; // A namespace, such as `optional` in `optional.of`.
  }
}

const SIMPLE: ReadonlySet<string> = new Set<SimpleKind>([
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "null",
  "dyn",
  "duration",
  "timestamp",
]);

/** Opaque types are written with a capital, so that `URL.getHost()` and the function `url()` differ. */
const opaqueNames: Readonly<Record<string, string>> = {
  Quantity: OPAQUE_TYPES.quantity,
  URL: OPAQUE_TYPES.url,
  Semver: OPAQUE_TYPES.semver,
  Format: OPAQUE_TYPES.format,
  IP: OPAQUE_TYPES.ip,
  CIDR: OPAQUE_TYPES.cidr,
};

function parseType(text: string): Type {
  if (SIMPLE.has(text)) return { kind: text as SimpleKind };
  if (/^[A-Z]$/.test(text)) return { kind: "parameter", name: text };
  const opaque = opaqueNames[text];
  if (opaque !== undefined) return { kind: "opaque", name: opaque };
  const [, outer, inner = ""] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  const parts = splitTypes(inner).map(parseType);
  if (outer === "list" || outer === "optional") return { kind: outer, item: parts[0]! };
  if (outer === "map") return { kind: "map", key: parts[0]!, value: parts[1]! };
  if (outer === "type") return { kind: "type", of: parts[0]! };
  throw new Error(`no type: ${text}`);
}

function splitTypes(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    if (text[at] === "(") depth++;
    else if (text[at] === ")") depth--;
    else if ((text[at] === "," || at === text.length) && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return parts.filter((part) => part !== "");
}
