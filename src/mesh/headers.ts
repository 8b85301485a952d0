import { isFraming } from "../routing/headers.ts";
import type { HeaderOperations } from "../routing/types.ts";

/**
 * Headers on the data path are flat lists, `[name, value, name, value, …]`, names in lower case (MESH-267): no object is
 * built for a request, and the order of the lines is kept.
 */
export type HeaderList = string[];

/** Headers that belong to one connection, never to the next (MESH-266). `te` is handled apart: `trailers` may pass. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "transfer-encoding",
  "upgrade",
  "te",
]);

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** The value of a header, repeated lines joined by "," (MESH-074); null when absent. `name` in lower case. */
export function findHeader(list: readonly string[], name: string): string | null {
  let found: string | null = null;
  for (let index = 0; index < list.length; index += 2) {
    if (list[index] !== name) continue;
    const value = list[index + 1] as string;
    found = found === null ? value : `${found},${value}`;
  }
  return found;
}

export function removeHeader(list: HeaderList, name: string): void {
  for (let index = list.length - 2; index >= 0; index -= 2) if (list[index] === name) list.splice(index, 2);
}

/** Overwrites the first line of that name and drops the others; appends when there is none. */
export function setHeader(list: HeaderList, name: string, value: string): void {
  for (let index = 0; index < list.length; index += 2) {
    if (list[index] !== name) continue;
    list[index + 1] = value;
    for (let later = list.length - 2; later > index; later -= 2) if (list[later] === name) list.splice(later, 2);
    return;
  }
  list.push(name, value);
}

/** Removals first, then additions (MESH-110); the levels in the order given (MESH-111). */
export function applyOperations(list: HeaderList, levels: readonly HeaderOperations[]): void {
  for (const { remove, set, add } of levels) {
    for (const name of remove) if (!isFraming(name)) removeHeader(list, name.toLowerCase());
    for (const [name, value] of set) if (isSendable(name, value)) setHeader(list, name.toLowerCase(), value);
    for (const [name, value] of add) if (isSendable(name, value)) list.push(name.toLowerCase(), value);
  }
}

/** A value from configuration that would end its line, or is not latin-1, must not reach the wire. */
function isSendable(name: string, value: string): boolean {
  return !isFraming(name) && /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && !/[^\t\x20-\x7e\x80-\xff]/.test(value);
}

/** Drops what the `connection` header nominates, besides the fixed hop-by-hop names (MESH-266). */
export function dropNominated(list: HeaderList, connection: string): void {
  for (const token of connection.split(",")) {
    const name = token.trim().toLowerCase();
    if (name !== "" && name !== "close" && name !== "keep-alive") removeHeader(list, name);
  }
}
