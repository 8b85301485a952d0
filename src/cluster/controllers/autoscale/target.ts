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

/** The target as its Scale shows it; a text says why there is none. */
export function findTarget(
  { apiVersion = "", kind, name }: CrossVersionReference,
  namespace: string,
  { cache, definitions }: { readonly cache: CacheReader; readonly definitions: readonly ResourceDefinition[] },
): Target | string {
  const { group } = splitApiVersion(apiVersion);
  const served = definitions.filter(({ type }) => type.group === group && type.kind === kind);
  const known = served.find(({ scale }) => scale !== null);
  if (!known?.scale) {
    if (served.length === 0) return `no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`;
    return `the server could not find the requested resource: ${kind} has no scale subresource`;
  }
  // The version that is watched: its objects are at hand, and a kind has its scale in all of its versions or is odd.
  const watched = served.find(({ type, scale }) => scale !== null && isWatched(type, cache)) ?? known;
  const object = cache.get(watched.type, { namespace, name });
  if (!object) return `${qualifiedPlural(watched.type)} ${JSON.stringify(name)} not found`;
  const { spec, status } = toScale(object, watched.scale!) as unknown as {
    spec: { replicas: number };
    status: { selector?: string };
  };
  return { type: watched.type, object, replicas: spec.replicas, selector: status.selector ?? "" };
}

function isWatched(type: ResourceType, cache: CacheReader): boolean {
  return cache.types().some((one) => qualifiedPlural(one) === qualifiedPlural(type) && one.version === type.version);
}
