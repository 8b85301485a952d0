import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { apiVersionOf, type ResourceType } from "../../kube/resource.ts";
import { isControlledBy, type Release, type ServiceParties } from "../parties.ts";
import { type Additional, type Decision, NOTHING, type Router, refused, type Wish } from "../router.ts";

/** In the order of preference: the first is the original's default. */
export const trafficSplits: readonly ResourceType[] = ["v1alpha1", "v1alpha2", "v1alpha3"].map((version) => ({
  group: "split.smi-spec.io",
  version,
  kind: "TrafficSplit",
  plural: "trafficsplits",
  namespaced: true,
}));

interface TrafficSplit extends KubeObject {
  spec?: { service?: string; backends?: { service?: string; weight?: string | number }[] };
}

export interface SmiSettings {
  readonly name: string;
  /** The version that is served. */
  readonly type: ResourceType;
  readonly object: KubeObject | null;
  readonly rootService: string;
  readonly parties: ServiceParties;
  readonly release: Release;
  readonly total: number;
}

/** A TrafficSplit of the Service Mesh Interface, which belongs to the release (ARC-402). */
export function smiRouter(settings: SmiSettings): Router {
  const object = settings.object as TrafficSplit | null;
  const { type, release, parties, total } = settings;
  const isOwn = object !== null && isControlledBy(object, release);
  return {
    name: "smi",
    usesServices: true,
    carriers: [{ type, object }],
    share: isOwn ? shareOf(object, parties, total) : 0,
    standing: new Set(),
    decide: (wish) => decide(object, settings, wish),
  };
}

function decide(object: TrafficSplit | null, settings: SmiSettings, wish: Wish): Decision {
  const { name, type, release, rootService, parties } = settings;
  const spec = { ...object?.spec, service: rootService, backends: backendsOf(parties, type, wish) };
  if (!object) {
    const metadata = { name, namespace: release.namespace, ownerReferences: [release.reference] };
    const created = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec };
    return {
      writes: [{ op: "create", type, object: created }],
      events: [{ reason: "TrafficSplitCreated", message: `TrafficSplit \`${name}\` created` }],
      problem: null,
    };
  }
  if (!isControlledBy(object, release)) return refused(`Rollout does not own TrafficSplit \`${name}\``);
  if (deepEqual(object.spec, spec)) return NOTHING;
  return { writes: [{ op: "update", type, object: { ...object, spec } }], events: [], problem: null };
}

/** Canary first, stable last. Weights are quantities in v1alpha1, numbers since. */
function backendsOf(parties: ServiceParties, type: ResourceType, { weight, total, additional }: Wish) {
  const taken = additional.reduce((sum, one) => sum + one.weight, 0);
  const shares: Additional[] = [
    { service: parties.canary, weight },
    ...additional,
    { service: parties.stable, weight: Math.max(0, total - weight - taken) },
  ];
  const spelt = (share: number) => (type.version === "v1alpha1" ? String(share) : share);
  return shares.map((one) => ({ service: one.service, weight: spelt(one.weight) }));
}

function shareOf({ spec }: TrafficSplit, { canary }: ServiceParties, total: number): number {
  const weights = (spec?.backends ?? []).map(({ service, weight }) => ({ service, weight: Number(weight ?? 0) || 0 }));
  const whole = weights.reduce((sum, { weight }) => sum + weight, 0);
  const own = weights.reduce((sum, { service, weight }) => sum + (service === canary ? weight : 0), 0);
  return whole > 0 ? Math.ceil((own * total) / whole) : 0;
}
