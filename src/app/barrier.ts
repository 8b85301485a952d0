import type { KubeObject } from "../api/meta.ts";
import type { Clock } from "../base/clock.ts";
import { type CacheReader, revisionOf } from "../kube/cache.ts";
import { qualifiedPlural, resources } from "../kube/resource.ts";
import type { MeshProcess } from "./mesh-process.ts";

/**
 * The propagation barrier of a leaving pod (design decision 3, MESH-211): its process gets SIGTERM only when every
 * EndpointSlice says that it takes no more requests and the mesh runs with that.
 */
export interface BarrierOptions {
  readonly mesh: MeshProcess;
  readonly cache: () => CacheReader;
  readonly clock: Clock;
}

/** A mesh that lives but lags (seen in simulation: 2 s behind) must not cost requests; one that hangs must not keep pods for ever. */
const WAIT_MS_MAX = 20_000;
const SLICES = qualifiedPlural(resources.endpointSlices);

export function drainBarrier({ mesh, cache, clock }: BarrierOptions): (pod: KubeObject) => Promise<void> {
  return (pod) =>
    new Promise((resolve) => {
      const isDrained = () => {
        const acknowledgement = mesh.acknowledged();
        if (acknowledgement === null) return true;
        const revision = leftAt(pod, cache());
        return revision !== null && Number(acknowledgement.kinds[SLICES] ?? 0) >= revision;
      };
      if (isDrained()) return resolve();
      const finish = () => {
        stopListening();
        cancel();
        resolve();
      };
      const stopListening = mesh.onAcknowledgement(() => {
        if (isDrained()) finish();
      });
      const cancel = clock.schedule(WAIT_MS_MAX, finish);
    });
}

/** The revision from which on no slice offers the pod; null while one does. */
function leftAt(pod: KubeObject, cache: CacheReader): number | null {
  let revision = 0;
  for (const slice of cache.list(resources.endpointSlices, pod.metadata.namespace)) {
    const endpoints = (slice["endpoints"] ?? []) as Endpoint[];
    const own = endpoints.find(({ targetRef }) => targetRef?.name === pod.metadata.name);
    if (own && own.conditions?.ready !== false) return null;
    const mayHaveHeldIt = pod.metadata.labels !== undefined;
    if (own || mayHaveHeldIt) revision = Math.max(revision, revisionOf(slice));
  }
  return revision;
}

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly name?: string };
}
