import type { KubeObject } from "../../api/meta.ts";
import { deepEqual, isRecord } from "../../base/json.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { ServiceParties } from "../parties.ts";
import { type Decision, NOTHING, type Router, refused, type Wish } from "../router.ts";

export const traefikServices: ResourceType = {
  group: "traefik.io",
  version: "v1alpha1",
  kind: "TraefikService",
  plural: "traefikservices",
  namespaced: true,
};

export interface TraefikSettings {
  readonly name: string;
  readonly object: KubeObject | null;
  readonly parties: ServiceParties;
  readonly total: number;
}

interface WeightedService {
  readonly name?: string;
  readonly weight?: number;
}

/** The weights of two services of a TraefikService (ARC-403). */
export function traefikRouter(settings: TraefikSettings): Router {
  const { object, parties, total } = settings;
  const services = (object && servicesOf(object)) ?? [];
  const weightOf = (service: string) => services.find(({ name }) => name === service)?.weight ?? 0;
  const whole = weightOf(parties.canary) + weightOf(parties.stable);
  return {
    name: "traefik",
    usesServices: true,
    carriers: [{ type: traefikServices, object }],
    share: whole > 0 ? Math.ceil((weightOf(parties.canary) * total) / whole) : 0,
    standing: new Set(),
    decide: (wish) => decide(settings, wish),
  };
}

function servicesOf(object: KubeObject): readonly WeightedService[] | null {
  const { weighted } = (object["spec"] ?? {}) as { weighted?: { services?: unknown } };
  const services = weighted?.services;
  return Array.isArray(services) && services.every(isRecord) ? services : null;
}

function decide({ name, object, parties }: TraefikSettings, { weight, total }: Wish): Decision {
  if (!object) return refused(`traefikservices.traefik.io "${name}" not found`);
  const services = servicesOf(object);
  if (!services) return refused("spec.weighted.services was not found in traefik service manifest");
  const names = new Set(services.map((service) => service.name));
  if (!names.has(parties.canary)) return refused("traefik canary service was not found");
  if (!names.has(parties.stable)) return refused("traefik stable service was not found");
  const weights = new Map([
    [parties.canary, weight],
    [parties.stable, total - weight],
  ]);
  const edited = services.map((service) => {
    const wanted = weights.get(service.name ?? "");
    return wanted === undefined ? service : { ...service, weight: wanted };
  });
  if (deepEqual(edited, services)) return NOTHING;
  const spec = object["spec"] as { weighted: Record<string, unknown> };
  const after = { ...object, spec: { ...spec, weighted: { ...spec.weighted, services: edited } } };
  return { writes: [{ op: "update", type: traefikServices, object: after }], events: [], problem: null };
}
