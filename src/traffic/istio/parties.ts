/**
 * Between whom an Istio object splits traffic, and how. Dialect-neutral: a release engine says what it wants, this
 * folder turns Istio objects into what is wanted and leaves everything else in them as it was (INV-37).
 */
export interface Parties {
  /** Empty where the split goes by subset only. */
  readonly canaryService: string;
  readonly stableService: string;
  /** Null: split by host. */
  readonly subsets: {
    readonly canary: string;
    readonly stable: string;
    /** Further subsets that share the route with a weight of their own. */
    readonly additional: readonly string[];
  } | null;
}

/** Which routes of a VirtualService carry the split. */
export interface RouteSelection {
  /** Names of http routes; empty: the only one, or each that has both sides of the split when `takesEvery` is set. */
  readonly routes: readonly string[];
  readonly takesEvery?: boolean;
  readonly tlsRoutes: readonly { readonly port?: number; readonly sniHosts?: readonly string[] }[];
  readonly tcpRoutes: readonly { readonly port?: number }[];
}

export interface Split {
  /** Percent of requests that the canary gets. */
  readonly weight: number;
  /** Temporary services with a share of their own, in the order of their names. */
  readonly additional: readonly { readonly service: string; readonly weight: number }[];
}

/** `a.b.svc` is the service `a`; a host that begins with a dot is none (ARC-305). */
export function serviceOfHost(host: string | undefined): string {
  return (host ?? "").split(".")[0] ?? "";
}
