import type { StringMatch } from "../api/istio.ts";
import type { KubeObject } from "../api/meta.ts";
import type { ResourceType } from "../kube/resource.ts";
import type { Write } from "../runtime/plan.ts";
import type { Knowledge } from "./known-pods.ts";

/**
 * One way to split requests between two versions: objects of one kind (Istio's, an Ingress, a route of the Gateway
 * API, …) that a data plane obeys. A router is made of what the view shows of these objects and is pure: it says what
 * they do now and what to write for what is wanted. When to want what is not its business.
 */
export interface Router {
  /** How the user's configuration names it. */
  readonly name: string;
  /** The split goes by Services; false: by labels of pods, whatever the Services select. */
  readonly usesServices: boolean;
  /** What the split rests on: it holds once the data plane runs all of these. */
  readonly carriers: readonly Carrier[];
  /** The canary's share by the objects as they are, in the units of the wish. */
  readonly share: number;
  /** Names of the managed routes that stand in the objects now. */
  readonly standing: ReadonlySet<string>;
  /** What the data plane can say of the split beyond that it runs it; undefined: nothing (ARC-225). */
  readonly verified?: boolean;
  /** Brings the versions' hashes into the objects, before any share moves (ARC-323). Absent: it needs none. */
  steer?(situation: { readonly isCanaryIdle: boolean }): Steering;
  /** Whether the data plane knows pods behind the names that the objects have for this version; absent: Services name it. */
  knowledgeOf?(hash: string): Knowledge | null;
  /** The stable name leads to this version by this router's objects; absent: they name no version. */
  leadsStableTo?(hash: string): boolean;
  /** The same of the canary's name. */
  leadsCanaryTo?(hash: string): boolean;
  /** Versions that the objects name by their labels. */
  readonly namedHashes?: ReadonlySet<string>;
  decide(wish: Wish): Decision;
}

export interface Carrier {
  readonly type: ResourceType;
  /** Null: it does not exist. */
  readonly object: KubeObject | null;
}

export interface Wish {
  /** The canary's share. */
  readonly weight: number;
  /** The whole: what `weight` is a share of. */
  readonly total: number;
  readonly additional: readonly Additional[];
  /** In the order in which they come before all other routes (ARC-312). */
  readonly managed: readonly ManagedRoute[];
}

/** A temporary version, with a Service and a share of its own. */
export interface Additional {
  readonly service: string;
  readonly weight: number;
}

/** A route that the release adds on top of the user's: requests with a header, or copies of requests, to the canary. */
export type ManagedRoute = HeaderRoute | MirrorRoute;

export interface HeaderRoute {
  readonly kind: "header";
  readonly name: string;
  readonly match: readonly { readonly headerName: string; readonly headerValue: StringMatch }[];
}

export interface MirrorRoute {
  readonly kind: "mirror";
  readonly name: string;
  readonly match: readonly {
    readonly method?: StringMatch;
    readonly path?: StringMatch;
    readonly headers?: Readonly<Record<string, StringMatch>>;
  }[];
  readonly percentage: number;
}

export interface Decision {
  readonly writes: readonly Write[];
  readonly events: readonly RouterEvent[];
  /** Why the wish cannot be met; null: it can. */
  readonly problem: Problem | null;
  /** The writes only clear away what nothing depends on any more: no request is routed otherwise by them. */
  readonly isTidying?: boolean;
}

export interface Steering extends Decision {
  /** The names lead to the versions that they should lead to, and the data plane knows. */
  readonly isSettled: boolean;
}

export interface RouterEvent {
  readonly reason: string;
  readonly message: string;
}

export interface Problem extends RouterEvent {
  /** What the release waits for, in its status; absent: the message. */
  readonly wait?: string;
}

export const NOTHING: Decision = { writes: [], events: [], problem: null };

/** A decision about several objects: the first problem counts. */
export function joined(decisions: readonly Decision[]): Decision {
  return {
    writes: decisions.flatMap(({ writes }) => writes),
    events: decisions.flatMap(({ events }) => events),
    problem: decisions.find(({ problem }) => problem !== null)?.problem ?? null,
    isTidying: decisions.every(({ writes, isTidying }) => writes.length === 0 || isTidying === true),
  };
}

export function refused(message: string, reason = "TrafficRoutingError"): Decision {
  return { ...NOTHING, problem: { reason, message } };
}
