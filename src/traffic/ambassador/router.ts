import type { KubeObject } from "../../api/meta.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { Release, ServiceParties } from "../parties.ts";
import { type Decision, joined, NOTHING, type Router, refused } from "../router.ts";

/** In the order of preference: the first is the original's default. */
export const mappings: readonly ResourceType[] = ["v2", "v3alpha1"].map((version) => ({
  group: "getambassador.io",
  version,
  kind: "Mapping",
  plural: "mappings",
  namespaced: true,
}));

export interface Mapping extends KubeObject {
  spec?: { service?: string; weight?: number; [field: string]: unknown };
}

const SUFFIX = "-canary";
const NAME_LENGTH_MAX = 246;

export function canaryMappingName(name: string): string {
  return name.slice(0, NAME_LENGTH_MAX) + SUFFIX;
}

/** A Mapping of the user's, and the one for the canary beside it; null: does not exist. */
export interface MappingPair {
  readonly name: string;
  readonly base: Mapping | null;
  readonly canary: Mapping | null;
}

export interface AmbassadorSettings {
  /** The version that is served. */
  readonly type: ResourceType;
  readonly parties: ServiceParties;
  readonly release: Release;
  /** It is known that no request obeys a weight above zero any more. */
  readonly isZeroInForce: boolean;
}

/**
 * A second Mapping with a weight, for as long as the canary has one (ARC-404). It goes when weight 0 is in force; the
 * original sleeps five seconds in its reconciler instead (ARC-928).
 */
export function ambassadorRouter(pairs: readonly MappingPair[], settings: AmbassadorSettings): Router {
  const { type } = settings;
  return {
    name: "ambassador",
    usesServices: true,
    carriers: pairs.flatMap(({ base, canary }) => [
      { type, object: base },
      ...(canary ? [{ type, object: canary }] : []),
    ]),
    share: Math.max(0, ...pairs.map(({ canary }) => canary?.spec?.weight ?? 0)),
    standing: new Set(),
    decide: ({ weight }) => {
      const decision = joined(pairs.map((pair) => decidePair(pair, settings, weight)));
      if (decision.writes.length === 0 || decision.isTidying) return decision;
      const event = { reason: "CanaryMappingWeightUpdate", message: `Set canary mapping weight to ${weight}` };
      return { ...decision, events: [event] };
    },
  };
}

function decidePair({ name, base, canary }: MappingPair, settings: AmbassadorSettings, weight: number): Decision {
  const { type, isZeroInForce } = settings;
  if (!base) return refused(`Ambassador mapping "${name}" not found`, "AmbassadorMappingNotFound");
  if ((base.spec?.weight ?? 0) !== 0) {
    return refused(`Ambassador mapping "${name}" can not define weight`, "AmbassadorMappingConfigError");
  }
  if (!canary) {
    if (weight === 0) return NOTHING;
    return { ...NOTHING, writes: [{ op: "create", type, object: canaryMapping(base, settings, weight) }] };
  }
  if ((canary.spec?.weight ?? 0) !== weight) {
    const edited = { ...canary, spec: { ...canary.spec, weight } };
    return { ...NOTHING, writes: [{ op: "update", type, object: edited }] };
  }
  if (weight > 0 || !isZeroInForce) return NOTHING;
  return { ...NOTHING, writes: [{ op: "delete", type, object: canary }], isTidying: true };
}

/** `service` may have a scheme, a namespace or a port around the name. */
function canaryMapping(base: Mapping, { parties, release }: AmbassadorSettings, weight: number): Mapping {
  const service = (base.spec?.service ?? "").replace(parties.stable, () => parties.canary);
  return {
    apiVersion: base.apiVersion,
    kind: base.kind,
    metadata: {
      name: canaryMappingName(base.metadata.name),
      namespace: release.namespace,
      ownerReferences: [release.reference],
    },
    spec: { ...base.spec, service, weight },
  };
}
