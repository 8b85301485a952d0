import type { PodSelection } from "../clusters.ts";
import type { CompiledCors } from "../cors.ts";
import type { CompiledMirror } from "../mirror.ts";
import type { PathRewrite } from "../rewrite.ts";
import type { Facts, HeaderOperations } from "../types.ts";
import type { DestinationTarget } from "../virtual-service.ts";
import type { NamedCondition } from "./canary.ts";
import type { Location, ServedIngress } from "./location.ts";
import { mseHeaderEdits, mseSettings, podSelectionOf } from "./settings-mse.ts";
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
  /** Services that get copies. */
  readonly mirrors: readonly CompiledMirror<DestinationTarget>[];
}

export interface Redirect {
  /** The annotation that asks for it. */
  readonly name: string;
  readonly conditions: readonly NamedCondition[];
  readonly status: number;
  readonly location: (facts: Facts) => string;
}

const noSettings: Settings = {
  redirects: [],
  rewritePath: null,
  authority: null,
  cors: null,
  timeoutMs: null,
  mirrors: [],
};

export function settingsOf(location: Location): Settings {
  switch (location.ingress.dialect.settings) {
    case "nginx":
      return nginxSettings(location);
    case "mse":
      return mseSettings(location);
    case null:
      return noSettings;
  }
}

/** Header edits that an Ingress makes on requests to its own backend, and on their answers. */
export interface HeaderEdits {
  readonly request: readonly HeaderOperations[];
  readonly response: readonly HeaderOperations[];
}

const noEdits: HeaderEdits = { request: [], response: [] };

export function headerEditsOf({ dialect, annotations }: ServedIngress): HeaderEdits {
  return dialect.settings === "mse" ? mseHeaderEdits(annotations) : noEdits;
}

/** The part of its service that an Ingress means; null: all of it. */
export function podsOf({ dialect, annotations }: ServedIngress): PodSelection | null {
  return dialect.settings === "mse" ? podSelectionOf(annotations) : null;
}
