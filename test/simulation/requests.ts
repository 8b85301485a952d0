import { decide } from "../../src/routing/decide.ts";
import { inboundLane } from "../../src/routing/lane.ts";
import type { Endpoint, Facts, ForwardDecision, Source, Table, TraceLane } from "../../src/routing/types.ts";

/** Where a request would go now: the chain mocka → mockb → mockc of the seed, asked of the table that the mesh runs. */

export const GATEWAY: Source = {
  kind: "gateway",
  namespace: "istio-system",
  name: "istio-ingressgateway",
  labels: { istio: "ingressgateway" },
  workload: "istio-ingressgateway",
};

const ROUTE_HEADER = "x-asm-prefer-tag";
const TRACE_HEADER = "my-request-id";
/** Services after the first, which the gateway's route chooses. */
const NEXT_SERVICES = ["mockb", "mockc"];

export interface Hop {
  readonly service: string;
  /** The lane rules' word on this hop; null where none applied. */
  readonly served: string | null;
  /** Every endpoint that the balancer may choose. */
  readonly endpoints: readonly Endpoint[];
}

export interface Walk {
  readonly tag: string;
  readonly hops: readonly Hop[];
  /** A local answer ended the walk, e.g. `503 UH`; null when it reached the end of the chain. */
  readonly failure: string | null;
}

/** All walks of a request with this tag: the balancer's choice branches, and each branch is followed. */
export function walks(table: Table, tag: string): readonly Walk[] {
  const headers: Record<string, string> = { [TRACE_HEADER]: "10002" };
  if (tag !== "") headers[ROUTE_HEADER] = tag;
  const start = { table, tag, hops: [], services: ["", ...NEXT_SERVICES] };
  return follow(start, { source: GATEWAY, headers, remembered: new Map() });
}

/** A call from inside the mesh that carries nothing: what a pod does on its own. */
export function untaggedCall(table: Table, source: Source): readonly Walk[] {
  const start = { table, tag: "", hops: [], services: NEXT_SERVICES };
  return follow(start, { source, headers: {}, remembered: new Map() });
}

interface Progress {
  readonly table: Table;
  readonly tag: string;
  readonly hops: readonly Hop[];
  /** Still to be called; "" is the gateway's first hop. */
  readonly services: readonly string[];
}

interface Call {
  readonly source: Source;
  readonly headers: Readonly<Record<string, string>>;
  /** What the calling pod's proxy remembers of its inbound request, by lane group. */
  readonly remembered: ReadonlyMap<string, TraceLane>;
}

function follow(progress: Progress, call: Call): readonly Walk[] {
  const { table, tag, hops } = progress;
  const [service, ...services] = progress.services;
  if (service === undefined) return [{ tag, hops, failure: null }];
  const decision = decide(table, factsOf(service, call));
  if (decision.kind === "local") {
    return [{ tag, hops, failure: `${decision.status} ${decision.flags} ${decision.clusterName}` }];
  }
  const hop = hopOf(decision);
  const inbound = headersAfter(call.headers, decision);
  return decision.cluster.endpoints.flatMap((endpoint) => {
    const next = nextCall(table, decision, endpoint, inbound);
    if (next === null) return [{ tag, hops: [...hops, hop], failure: `an endpoint without pod, ${endpoint.address}` }];
    return follow({ ...progress, services, hops: [...hops, hop] }, next);
  });
}

function hopOf({ cluster, lane }: ForwardDecision): Hop {
  return { service: cluster.serviceName, served: lane?.served ?? null, endpoints: cluster.endpoints };
}

/** The application forwards only the trace header; its proxy remembers the lane (LANE-260). */
function nextCall(
  table: Table,
  { cluster }: ForwardDecision,
  { pod }: Endpoint,
  inbound: Call["headers"],
): Call | null {
  if (pod === null) return null;
  const remembered = new Map<string, TraceLane>();
  for (const context of table.lanesOf(cluster.serviceNamespace, cluster.serviceName)) {
    const known = inboundLane(context, pod.labels, (name) => inbound[name.toLowerCase()] ?? null);
    if (known) remembered.set(context.group, { lane: known.lane, ambiguous: false });
  }
  const trace = inbound[TRACE_HEADER];
  return { source: pod, headers: trace === undefined ? {} : { [TRACE_HEADER]: trace }, remembered };
}

function headersAfter(before: Call["headers"], { requestHeaders, laneHeader }: ForwardDecision): Call["headers"] {
  const after: Record<string, string> = { ...before };
  for (const { remove, set, add } of requestHeaders) {
    for (const name of remove) delete after[name.toLowerCase()];
    for (const [name, value] of [...set, ...add]) after[name.toLowerCase()] = value;
  }
  if (laneHeader) after[laneHeader[0].toLowerCase()] = laneHeader[1];
  return after;
}

function factsOf(service: string, { source, headers, remembered }: Call): Facts {
  return {
    source,
    port: service === "" ? 80 : 8000,
    scheme: "http",
    method: "GET",
    path: service === "" ? "/mock" : "/",
    authority: service === "" ? "gateway.example.com" : `${service}:8000`,
    header: (name) => headers[name.toLowerCase()] ?? null,
    draw: 0,
    traceLane: (group) => remembered.get(group) ?? null,
    isEjected: () => false,
  };
}
