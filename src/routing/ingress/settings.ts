import type { CompiledCors } from "../cors.ts";
import type { PathRewrite } from "../rewrite.ts";
import type { Facts, HeaderOperations } from "../types.ts";
import type { NamedCondition } from "./canary.ts";
import type { Location, ServedIngress } from "./location.ts";
import { nginxSettings } from "./settings-nginx.ts";

/** What the annotations of a main Ingress change for the requests of a location, besides where they go. */
export interface Settings {
  /** Answered here instead of being forwarded; the first whose conditions hold. */
  readonly redirects: readonly Redirect[];
  readonly rewritePath: PathRewrite | null;
  /** The Host sent upstream; null: stays. */
  readonly authority: string | null;
  readonly cors: CompiledCors | null;
  readonly timeoutMs: number | null;
}

export interface Redirect {
  /** The annotation that asks for it. */
  readonly name: string;
  readonly conditions: readonly NamedCondition[];
  readonly status: number;
  readonly location: (facts: Facts) => string;
}

export const noSettings: Settings = { redirects: [], rewritePath: null, authority: null, cors: null, timeoutMs: null };

export function settingsOf(location: Location): Settings {
  return location.ingress.dialect.settings === "nginx" ? nginxSettings(location) : noSettings;
}

/** Header edits that an Ingress makes on requests to its own backend, and on their answers. */
export interface HeaderEdits {
  readonly request: readonly HeaderOperations[];
  readonly response: readonly HeaderOperations[];
}

const noEdits: HeaderEdits = { request: [], response: [] };

export function headerEditsOf(_ingress: ServedIngress): HeaderEdits {
  return noEdits;
}
