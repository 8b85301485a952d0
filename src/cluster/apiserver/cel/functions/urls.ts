import { functions } from "../signature.ts";
import { OPAQUE_TYPES } from "../types.ts";
import { EvaluationError, ListValue, MapValue, type OpaqueValue } from "../values.ts";
import { walk } from "./costs.ts";

class Url implements OpaqueValue {
  readonly typeName = OPAQUE_TYPES.url;
  readonly isOpaque = true;
  readonly scheme: string;
  /** With the port, and IPv6 in brackets. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly #text: string;

  constructor(text: string, parts: { scheme: string; host: string; path: string; query: string }) {
    this.#text = text;
    this.scheme = parts.scheme;
    this.host = parts.host;
    this.path = parts.path;
    this.query = parts.query;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Url && other.#text === this.#text;
  }
}

export const urlFunctions = [
  ...functions(
    {
      "url(string): URL": (text: string) => {
        const found = parseUrl(text);
        if (typeof found !== "string") return found;
        throw new EvaluationError(`URL parse error during conversion from string: ${found}`);
      },
      "isURL(string): bool": (text: string) => typeof parseUrl(text) !== "string",
    },
    walk,
  ),
  ...functions({
    "URL.getScheme(): string": ({ scheme }: Url) => scheme,
    "URL.getHost(): string": ({ host }: Url) => host,
    "URL.getHostname(): string": ({ host }: Url) => host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1"),
    "URL.getPort(): string": ({ host }: Url) => /:(\d*)$/.exec(host)?.[1] ?? "",
    "URL.getEscapedPath(): string": ({ path }: Url) => escapePath(path),
    "URL.getQuery(): map(string, list(string))": ({ query }: Url) => parseQuery(query),
  }),
];

/** Go's reading of an absolute URI or an absolute path; a text says what is wrong. */
export function parseUrl(text: string): Url | string {
  const refuse = (why: string) => `parse ${JSON.stringify(text)}: ${why}`;
  if (text === "") return refuse("empty url");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\x00-\x1f\x7f]/.test(text)) return refuse("net/url: invalid control character in URL");
  const [, scheme, afterScheme = ""] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/.exec(text) ?? [];
  if (scheme === undefined && text.startsWith(":")) return refuse("missing protocol scheme");
  const rest = scheme === undefined ? text : afterScheme;
  if (!rest.startsWith("/")) {
    if (scheme === undefined) return refuse("invalid URI for request");
    return new Url(text, { scheme: scheme.toLowerCase(), host: "", path: "", query: "" });
  }
  const [, authority, location = ""] = scheme === undefined ? [null, undefined, rest] : splitAuthority(rest);
  const host = authority === undefined ? "" : hostOf(authority);
  if (host === null) return refuse(`invalid host or port in ${JSON.stringify(authority)}`);
  const [beforeFragment = ""] = location.split("#");
  const [path = "", ...query] = beforeFragment.split("?");
  const badEscape = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(path)?.[0];
  if (badEscape !== undefined) return refuse(`invalid URL escape ${JSON.stringify(badEscape)}`);
  return new Url(text, { scheme: scheme?.toLowerCase() ?? "", host, path, query: query.join("?") });
}

function splitAuthority(rest: string): readonly [null, string | undefined, string] {
  const [, authority, location = ""] = /^\/\/([^/?#]*)(.*)$/.exec(rest) ?? [];
  return authority === undefined ? [null, undefined, rest] : [null, authority, location];
}

/** Null: Go refuses it. */
function hostOf(authority: string): string | null {
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  if (at >= 0 && !/^(?:[\w\-.:~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})*$/.test(authority.slice(0, at))) return null;
  if (host.startsWith("[")) return /^\[[^\]\s]*\](?::\d*)?$/.test(host) ? host : null;
  return /^[^\s\\^`{}|%[\]:"<>]*(?::\d*)?$/.test(host) ? host : null;
}

/** What Go does not leave as it is in a path. */
function escapePath(path: string): string {
  return path.replace(/[^\w\-.~!$&'()*+,;=:@/%[\]]+/gu, (part) => encodeURIComponent(part));
}

function parseQuery(query: string): MapValue {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...(values.get(key) ?? []), value]);
  return MapValue.ofTexts([...values].map(([key, list]) => [key, new ListValue(list)]));
}
