import type { KubeObject } from "../api/meta.ts";
import type { Clock } from "../base/clock.ts";
import { hasManagedEndpoints, type Service, servicesOf } from "../cluster/controllers/endpoints/service.ts";
import { type CacheReader, revisionOf } from "../kube/cache.ts";
import { type ObjectKey, parseKey, qualifiedPlural, resources } from "../kube/resource.ts";
import type { MeshProcess } from "./mesh-process.ts";

/**
 * The propagation barrier of a leaving pod (design decision 3, MESH-211): its process gets SIGTERM only when every
 * EndpointSlice says that it takes no more requests and the mesh runs with that.
 */
export interface BarrierOptions {
  readonly mesh: Pick<MeshProcess, "acknowledged" | "onAcknowledgement">;
  readonly cache: () => CacheReader;
  readonly clock: Clock;
}

/** A mesh that lives but lags (seen in simulation: 2 s behind) must not cost requests; one that hangs must not keep pods for ever. */
const WAIT_MS_MAX = 20_000;
/** The mesh may acknowledge a slice before our own cache has it; nothing tells us when the cache follows. */
const LOOK_AGAIN_MS = 100;
const SLICES = qualifiedPlural(resources.endpointSlices);

export function drainBarrier({ mesh, cache, clock }: BarrierOptions): (pod: KubeObject) => Promise<void> {
  return (pod) =>
    new Promise((resolve) => {
      // Once known it stays: later changes of other Services are not the pod's concern.
      let revision: number | null = null;
      const isDrained = () => {
        const acknowledgement = mesh.acknowledged();
        if (acknowledgement === null) return true;
        revision ??= leftAt(pod, cache());
        return revision !== null && Number(acknowledgement.kinds[SLICES] ?? 0) >= revision;
      };
      if (isDrained()) return resolve();
      const giveUpAt = clock.now() + WAIT_MS_MAX;
      const look = () => {
        if (!isDrained() && clock.now() < giveUpAt) return;
        stopListening();
        cancel();
        resolve();
      };
      const lookLater = () =>
        clock.schedule(LOOK_AGAIN_MS, () => {
          cancel = lookLater();
          look();
        });
      let cancel = lookLater();
      const stopListening = mesh.onAcknowledgement(look);
    });
}

/**
 * The revision from which on no slice offers the pod; null while one does, or may yet: a pod that has only just become
 * ready can be on its way into a slice when it is told to go. So each Service that selects the pod must say that the pod
 * is terminating, after which no write of its slices offers the pod again. A slice that does not name the pod may have
 * lost it a moment ago, when its Service turned to other pods: so the mesh must know all slices as they are now.
 */
function leftAt(pod: KubeObject, cache: CacheReader): number | null {
  const { namespace = "", name } = pod.metadata;
  const selecting = new Set(
    servicesOf(pod, cache)
      .map(parseKey)
      .filter((key) => isKept(key, cache))
      .map(({ name }) => name),
  );
  const hasLeft = new Set<string>();
  let revision = 0;
  for (const slice of cache.list(resources.endpointSlices, namespace)) {
    const service = slice.metadata.labels?.[SERVICE_NAME] ?? "";
    const endpoints = (slice["endpoints"] ?? []) as Endpoint[];
    const own = endpoints.find(({ targetRef }) => targetRef?.name === name);
    const { ready = true, terminating = false } = own?.conditions ?? {};
    if (own && ready && !terminating) return null;
    if (terminating) hasLeft.add(service);
    revision = Math.max(revision, revisionOf(slice));
  }
  return [...selecting].every((service) => hasLeft.has(service)) ? revision : null;
}

/** Whether somebody keeps the slices of the Service up to date. */
function isKept(key: ObjectKey, cache: CacheReader): boolean {
  const service = cache.get<Service>(resources.services, key);
  return service !== null && hasManagedEndpoints(service) && service.metadata.deletionTimestamp === undefined;
}

const SERVICE_NAME = "kubernetes.io/service-name";

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly name?: string };
}
