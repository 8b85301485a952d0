/**
 * The lane model: what a lane group means, independent of the resource that declares it. Pure; `dialects/asm` fills it
 * from its objects, `explain` and lint read it.
 *
 *   group ─ services: mocka, mockb, mockc
 *         └ lanes:    base (fallback) ASM_TRAFFIC_TAG=base
 *                     canary          ASM_TRAFFIC_TAG=canary
 */
export interface LaneGroupModel {
  readonly name: string;
  readonly services: readonly ServiceReference[];
  /** Fallback lane first, then by age, then by name (LANE-112). */
  readonly lanes: readonly LaneModel[];
  readonly isPermissive: boolean;
  /** "" in strict groups and while none is set. */
  readonly fallbackTarget: string;
  /** By `namespace/name` (LANE-015). */
  readonly serviceFallbacks: Readonly<Record<string, string>>;
  readonly traceHeader: string;
  readonly routeHeader: string;
  /** Lanes follow the pods (LANE-018). */
  readonly autoUpdate: boolean;
}

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
}

export interface LaneModel {
  readonly name: string;
  readonly labelSelector: Readonly<Record<string, string>>;
  /** The services that the lane itself lists; what counts without autoUpdate (LANE-033). */
  readonly services: readonly ServiceReference[];
}

export function serviceKey({ namespace, name }: ServiceReference): string {
  return `${namespace}/${name}`;
}

/** Where calls of a lane go when the lane has no usable pod of the service (LANE-207); "" for nowhere. */
export function fallbackOf(group: LaneGroupModel, service: ServiceReference): string {
  if (!group.isPermissive) return "";
  return group.serviceFallbacks[serviceKey(service)] || group.fallbackTarget;
}

export function lists(lane: LaneModel, service: ServiceReference): boolean {
  return lane.services.some(({ namespace, name }) => namespace === service.namespace && name === service.name);
}
