import { canonicalJson, isRecord } from "../../../base/json.ts";

/**
 * One step of a field path, as the text that FieldsV1 uses (K8S-143), so that equal steps are equal texts:
 *
 *   f:<field>            a member of an object
 *   k:{"name":"c"}       an element of a list that is a map, by its keys
 *   v:"a"                an element of a list that is a set
 *   i:0                  an element by its place; read for compatibility, never made
 */
export type PathElement = string;

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

export function keyElement(keys: Readonly<Record<string, unknown>>): PathElement {
  return `k:${canonicalJson(keys)}`;
}

export function valueElement(value: unknown): PathElement {
  return `v:${canonicalJson(value)}`;
}

/** The member's name; null for elements of lists. */
export function fieldNameOf(element: PathElement): string | null {
  return element.startsWith("f:") ? element.slice(2) : null;
}

/** The element in its one spelling; null when it is none. */
export function parsePathElement(text: string): PathElement | null {
  const body = text.slice(2);
  switch (text.slice(0, 2)) {
    case "f:":
      return text;
    case "i:":
      return /^\d+$/.test(body) ? text : null;
    case "k:": {
      const keys = parseJson(body);
      return isRecord(keys) ? keyElement(keys) : null;
    }
    case "v:": {
      const value = parseJson(body);
      return value === undefined ? null : valueElement(value);
    }
    default:
      return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As paths stand in messages: `.spec`, `[name="c"]`, `[="a"]`, `[0]`. */
export function formatPathElement(element: PathElement): string {
  const body = element.slice(2);
  switch (element.slice(0, 2)) {
    case "f:":
      return `.${body}`;
    case "k:": {
      const keys = Object.entries(JSON.parse(body) as Record<string, unknown>);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
    }
    case "v:":
      return `[=${body}]`;
    default:
      return `[${body}]`;
  }
}
