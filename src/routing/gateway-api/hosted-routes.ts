import { wildcardsAround } from "../hosts.ts";
import { type AttachedHost, compareHostnames } from "./attach.ts";
import type { JudgedRoute } from "./mesh-routes.ts";

/** A route's hosts on one listener. */
export interface Attached {
  readonly judged: JudgedRoute;
  readonly hosts: readonly AttachedHost[];
}

/** The routes of one listener by host: asked once for each host of the port, so that it must not look at every route. */
export class HostedRoutes {
  readonly #byDomain = new Map<string, { readonly judged: JudgedRoute; readonly own: string }[]>();

  constructor(attached: readonly Attached[]) {
    for (const { judged, hosts } of attached) {
      for (const { domain, own } of hosts) {
        const known = this.#byDomain.get(domain);
        if (known === undefined) this.#byDomain.set(domain, [{ judged, own }]);
        else known.push({ judged, own });
      }
    }
  }

  get domains(): Iterable<string> {
    return this.#byDomain.keys();
  }

  /** Every route that can answer for `domain`, with the most specific of its own hostnames that covers it. */
  covering(domain: string): ReadonlyMap<JudgedRoute, string> {
    const found = new Map<JudgedRoute, string>();
    for (const covering of [domain, ...wildcardsAround(domain)]) {
      for (const { judged, own } of this.#byDomain.get(covering) ?? []) {
        const known = found.get(judged);
        if (known === undefined || compareHostnames(own, known) < 0) found.set(judged, own);
      }
    }
    return found;
  }
}
