import type { KubeObject } from "../api/meta.ts";
import { deepEqual, isRecord } from "../base/json.ts";
import type { RoutedPort, RoutedService } from "./services.ts";
import { sourceOfPod } from "./source.ts";
import type { Endpoint, Source } from "./types.ts";

/** Pods by `namespace/name`. A pod whose labels and workload are unchanged keeps its Source across compilations. */
export type PodSources = ReadonlyMap<string, { readonly object: KubeObject; readonly source: Source }>;

export function indexPods(pods: readonly KubeObject[], previous: PodSources | undefined): PodSources {
  const sources = new Map<string, { object: KubeObject; source: Source }>();
  for (const object of pods) {
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const known = previous?.get(key);
    if (known?.object === object) {
      sources.set(key, known);
      continue;
    }
    const source = sourceOfPod(object);
    // Most pod events change the status only; the same Source lets the clusters be re-used.
    sources.set(key, { object, source: known && deepEqual(known.source, source) ? known.source : source });
  }
  return sources;
}

/** EndpointSlices by the service they belong to, as `namespace/name`. */
export function indexSlices(slices: readonly KubeObject[]): ReadonlyMap<string, readonly KubeObject[]> {
  const index = new Map<string, KubeObject[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels?.["kubernetes.io/service-name"];
    if (!service) continue;
    const key = `${slice.metadata.namespace}/${service}`;
    const list = index.get(key);
    if (list) list.push(slice);
    else index.set(key, [slice]);
  }
  return index;
}

export interface EndpointContext {
  readonly slices: readonly KubeObject[];
  readonly pods: PodSources;
  /** `RoutingConfig.withheldAddresses`. */
  readonly withheld: ReadonlySet<string> | undefined;
}

/**
 * All endpoints of a service port, in any state: `ready` says which may get requests (MESH-210). An endpoint equal to
 * one of `previous` is that one, so that a balancer may keep its counts by identity.
 */
export function endpointsOf(
  service: RoutedService,
  port: RoutedPort,
  context: EndpointContext & { readonly previous: readonly Endpoint[] | undefined },
): readonly Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const slice of context.slices) {
    const number = portNumber(slice, port);
    if (number === null) continue;
    for (const entry of listOf(slice["endpoints"])) {
      const target = targetOf(entry, slice.metadata.namespace ?? "", context.pods);
      const pod = target?.source ?? null;
      const isServing = isReady(entry, service.publishNotReadyAddresses);
      for (const address of listOf<string>(entry["addresses"])) {
        const isReachable = target === null || (target.address === address && !context.withheld?.has(address));
        const ready = isServing && isReachable;
        // One address can stand in two slices while it moves from one to the other.
        const key = `${address}:${number}`;
        if (endpoints.get(key)?.ready) continue;
        endpoints.set(key, { address: String(address), port: number, ready, pod });
      }
    }
  }
  return [...endpoints.values()].map(
    (endpoint) => context.previous?.find((known) => isSame(known, endpoint)) ?? endpoint,
  );
}

function isSame(left: Endpoint, right: Endpoint): boolean {
  return (
    left.address === right.address && left.port === right.port && left.ready === right.ready && left.pod === right.pod
  );
}

/** The slice's port of the same name as the service's port. */
function portNumber(slice: KubeObject, port: RoutedPort): number | null {
  const found = listOf<Record<string, unknown>>(slice["ports"]).find(({ name }) => (name ?? "") === port.name);
  return typeof found?.["port"] === "number" ? found["port"] : null;
}

/**
 * The pod behind an endpoint; null for an endpoint that names none. Slices and pods are read independently: while the
 * pod, or its address, has not been read yet, nothing is known of its labels and its proxy does not listen (MESH-006),
 * so such an endpoint gets no request.
 */
function targetOf(
  entry: Record<string, unknown>,
  namespace: string,
  pods: PodSources,
): { readonly source: Source | null; readonly address: unknown } | null {
  const target = entry["targetRef"];
  if (!isRecord(target) || target["kind"] !== "Pod") return null;
  const known = pods.get(`${target["namespace"] ?? namespace}/${target["name"]}`);
  if (known === undefined) return { source: null, address: null };
  const status = known.object["status"];
  return { source: known.source, address: isRecord(status) ? status["podIP"] : null };
}

/** An unknown readiness counts as ready (EndpointSlice API); a terminating endpoint never is. */
function isReady(entry: Record<string, unknown>, publishNotReady: boolean): boolean {
  const conditions = isRecord(entry["conditions"]) ? entry["conditions"] : {};
  if (publishNotReady) return true;
  return conditions["ready"] !== false && conditions["terminating"] !== true;
}

function listOf<Item = Record<string, unknown>>(value: unknown): readonly Item[] {
  return Array.isArray(value) ? value : [];
}
