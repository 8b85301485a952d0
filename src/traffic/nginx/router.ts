import type { Ingress } from "../../api/networking.ts";
import { deepEqual } from "../../base/json.ts";
import { resources } from "../../kube/resource.ts";
import { isControlledBy } from "../parties.ts";
import { type Decision, joined, NOTHING, type Router, refused } from "../router.ts";
import { canaryIngress, canaryIngressName, type NginxSettings, shareOf } from "./canary-ingress.ts";

/** One Ingress of the user's, and the one that the release keeps beside it; null: does not exist. */
export interface IngressPair {
  readonly name: string;
  readonly stable: Ingress | null;
  readonly canary: Ingress | null;
}

/** ingress-nginx: a second Ingress with a weight. It stays, with weight 0, between releases (ARC-400). */
export function nginxRouter(pairs: readonly IngressPair[], settings: NginxSettings): Router {
  const { release, prefix, total } = settings;
  const own = pairs.flatMap(({ canary }) => (canary && isControlledBy(canary, release) ? [canary] : []));
  return {
    name: "nginx",
    usesServices: true,
    carriers: pairs.map(({ canary }) => ({ type: resources.ingresses, object: canary })),
    share: Math.max(0, ...own.map((canary) => shareOf(canary, prefix, total ?? 100))),
    standing: new Set(),
    decide: ({ weight }) => joined(pairs.map((pair) => decidePair(pair, settings, weight))),
  };
}

function decidePair({ name, stable, canary }: IngressPair, settings: NginxSettings, weight: number): Decision {
  const { release, parties } = settings;
  const canaryName = canaryIngressName(release.name, name);
  if (!stable) return refused(`ingress.networking.k8s.io "${name}" not found`);
  const wanted = canaryIngress(stable, canary, { settings, weight });
  if (!wanted) return refused(`ingress \`${name}\` has no rules using service ${parties.stable} backend`);
  if (!canary) {
    const message = `Creating canary ingress \`${canaryName}\` with weight \`${weight}\``;
    return {
      writes: [{ op: "create", type: resources.ingresses, object: wanted }],
      events: [{ reason: "CreatingCanaryIngress", message }],
      problem: null,
    };
  }
  if (!isControlledBy(canary, release)) {
    return refused(`canary ingress \`${canaryName}\` controlled by different object`);
  }
  if (deepEqual(canary, wanted)) return NOTHING;
  const message = `Updating Ingress \`${canaryName}\` to desiredWeight '${weight}'`;
  return {
    writes: [{ op: "update", type: resources.ingresses, object: wanted }],
    events: [{ reason: "PatchingCanaryIngress", message }],
    problem: null,
  };
}
