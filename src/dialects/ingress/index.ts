import type { Ingress, IngressClass } from "../../api/networking.ts";
import { deepEqual } from "../../base/json.ts";
import type { CacheReader } from "../../kube/cache.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import { ingressClassifier } from "../../routing/ingress/classes.ts";
import type { AnyController, Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";

export interface IngressView {
  readonly ingress: Ingress;
  /** Whether the gateway takes its requests. */
  readonly isServed: boolean;
  /** Where the gateway answers. */
  readonly address: string;
}

/**
 * Says in an Ingress's status where it answers, as ingress controllers do: what `kubectl get ingress` shows as ADDRESS,
 * and what tools that wait for an Ingress look at.
 */
export function ingressControllers({ address }: { readonly address: string }): readonly AnyController[] {
  const controller: Controller<IngressView> = {
    name: "ingress-controller",
    watches: [
      { type: resources.ingresses, keysOf: (ingress) => [formatKey(keyOf(ingress))] },
      { type: resources.ingressClasses, keysOf: allIngresses },
    ],
    gather: (key, cache) => gather(key, cache, address),
    reconcile,
  };
  return [controller];
}

/** A class that comes or goes can concern every Ingress. */
function allIngresses(_class: unknown, cache: CacheReader): readonly string[] {
  return cache.list(resources.ingresses).map((ingress) => formatKey(keyOf(ingress)));
}

function gather(key: ObjectKey, cache: CacheReader, address: string): IngressView | null {
  const ingress = cache.get<Ingress>(resources.ingresses, key);
  if (!ingress || ingress.metadata.deletionTimestamp) return null;
  const classify = ingressClassifier(cache.list<IngressClass>(resources.ingressClasses));
  return { ingress, isServed: classify(ingress).dialect !== null, address };
}

export function reconcile({ ingress, isServed, address }: IngressView): Plan {
  const ours = [{ ip: address }];
  const current = ingress.status?.loadBalancer?.ingress ?? [];
  // What somebody else says about an Ingress that we do not serve is theirs.
  const wanted = isServed ? ours : deepEqual(current, ours) ? [] : current;
  if (deepEqual(current, wanted)) return emptyPlan;
  const loadBalancer = wanted.length === 0 ? {} : { ingress: wanted };
  return {
    ...emptyPlan,
    status: { type: resources.ingresses, object: ingress, status: { ...ingress.status, loadBalancer } },
  };
}
