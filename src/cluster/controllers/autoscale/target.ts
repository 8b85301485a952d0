import type { CrossVersionReference } from "../../../api/autoscaling.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { CacheReader } from "../../../kube/cache.ts";
import { qualifiedPlural, type ResourceType, splitApiVersion } from "../../../kube/resource.ts";
import type { ResourceDefinition } from "../../apiserver/resource.ts";
import { toScale } from "../../apiserver/subresources.ts";

/** What an autoscaler scales: an object of any kind that has a scale subresource. */
export interface Target {
  readonly type: ResourceType;
  readonly object: KubeObject;
  /** `spec.replicas` of its Scale. */
  readonly replicas: number;
  /** `status.selector` of its Scale; "": it tells none. */
  readonly selector: string;
}

/** What can be scaled, by group and kind: worked out once for each set of served kinds. */
export type Scalables = ReadonlyMap<string, readonly ResourceDefinition[]>;

const known = new WeakMap<readonly ResourceDefinition[], Scalables>();

/** The server answers the same list until a kind comes or goes. */
export function scalablesOf(definitions: readonly ResourceDefinition[]): Scalables {
  let scalables = known.get(definitions);
  if (!scalables) {
    scalables = Map.groupBy(definitions, ({ type }) => `${type.group}/${type.kind}`);
    known.set(definitions, scalables);
  }
  return scalables;
}

/** The target as its Scale shows it; a text says why there is none. */
export function findTarget(
  { apiVersion = "", kind, name }: CrossVersionReference,
  namespace: string,
  { cache, scalables }: { readonly cache: CacheReader; readonly scalables: Scalables },
): Target | string {
  const { group } = splitApiVersion(apiVersion);
  const served = scalables.get(`${group}/${kind}`) ?? [];
  if (served.length === 0) return `no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`;
  const versions = served.filter(({ scale }) => scale !== null);
  // The version that is watched has its objects at hand; a kind is scaled in all of its versions alike.
  const definition = versions.length === 1 ? versions[0] : versions.find(({ type }) => isWatched(type, cache));
  if (!definition?.scale) {
    return `the server could not find the requested resource: ${kind} has no scale subresource`;
  }
  const { type, scale } = definition;
  const object = cache.get(type, { namespace, name });
  if (!object) return `${qualifiedPlural(type)} ${JSON.stringify(name)} not found`;
  const { spec, status } = toScale(object, scale) as unknown as {
    spec: { replicas: number };
    status: { selector?: string };
  };
  return { type, object, replicas: spec.replicas, selector: status.selector ?? "" };
}

function isWatched(type: ResourceType, cache: CacheReader): boolean {
  return cache.types().some((one) => qualifiedPlural(one) === qualifiedPlural(type) && one.version === type.version);
}
