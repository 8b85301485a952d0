import { isRecord } from "../base/json.ts";
import { compile } from "../routing/compile.ts";
import { decide } from "../routing/decide.ts";
import { inboundLane } from "../routing/lane.ts";
import { TraceTable } from "../routing/trace-table.ts";
import type {
  Decision,
  Endpoint,
  Facts,
  ForwardDecision,
  LaneContext,
  LateFailure,
  RouteReference,
  RoutingConfig,
  Source,
  Table,
} from "../routing/types.ts";
import { callsOf } from "./call-graph.ts";
import { nearestOf, type Situation, whyOf } from "./why.ts";

/**
 * What one request would do, hop by hop, without sending anything (LANE-900…902). Every hop is decided by the same
 * `decide` as real traffic, over the objects and endpoints as they are; what the applications pass on and what the
 * pods' trace tables would hold is simulated. Where a hop could reach several pods, the first ready one goes on.
 */
export interface ExplainRequest {
  /** The gateway's proxy, or the pod that calls. */
  readonly source: Source;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ExplainOptions {
  /** Headers that every application copies from its inbound to its outbound calls; default: the group's trace header. */
  readonly propagates?: readonly string[];
  /** Calls by service (`namespace/name` to URLs); without, they are guessed from the pods' environment (LANE-904). */
  readonly calls?: Readonly<Record<string, readonly string[]>>;
}

export type HopDecision =
  | "lane"
  | "fallback:noinstances"
  | "fallback:noavailabled"
  | "fallback:unknown-lane"
  | `fallback:${LateFailure}`
  | "default"
  | "weighted"
  | "no-route(404)"
  | "no-cluster(503)"
  | "no-endpoint(503)"
  | "local-reply"
  | "bypass(no-proxy)";

export interface Hop {
  readonly n: number;
  readonly from: { readonly workload: string; readonly class: string };
  /** `namespace/name` of the service, or the host as written when no service has it. */
  readonly to: string;
  readonly laneRequested: string;
  readonly source: string;
  /** Null: no VirtualService decided. Where none matched: those that nearly did. */
  readonly rule: HopRule | NearMisses | null;
  readonly subset: string;
  readonly endpoints: readonly { readonly pod: string; readonly ready: boolean; readonly share: number }[];
  readonly decision: HopDecision;
  readonly headersOut: Readonly<Record<string, string>>;
  readonly contextAfter: string;
  readonly why: readonly string[];
}

export interface HopRule {
  readonly kind: "VirtualService" | "Ingress" | "HTTPRoute";
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly route: string;
}

export interface NearMisses {
  readonly nearest: readonly (HopRule & { readonly failed: string })[];
}

/** A call graph with a cycle ends here. */
const HOPS_MAX = 16;

export function explain(config: RoutingConfig, request: ExplainRequest, options: ExplainOptions = {}): readonly Hop[] {
  const walk = new Walk(config, options);
  walk.call(request, null);
  return walk.hops;
}

/** The pod that makes a call, and what its proxy remembers of the request that it serves. */
interface Caller {
  readonly source: Source;
  readonly traces: TraceTable;
}

class Walk {
  readonly hops: Hop[] = [];
  readonly #config: RoutingConfig;
  readonly #options: ExplainOptions;
  readonly #table: Table;

  constructor(config: RoutingConfig, options: ExplainOptions) {
    this.#config = config;
    this.#options = options;
    this.#table = compile(config);
  }

  call(request: ExplainRequest, caller: Caller | null): void {
    if (this.hops.length >= HOPS_MAX) return;
    const facts = factsOf(request, caller);
    const decision = decide(this.#table, facts);
    const headersOut = decision.kind === "forward" ? headersAfter(request, decision) : {};
    const served = decision.kind === "forward" ? (decision.cluster.endpoints[0] ?? null) : null;
    const contexts = this.#contextsOf(decision);
    const to = destinationOf(decision, request);
    const situation = { config: this.#config, table: this.#table, facts, decision, to, contexts };
    this.hops.push({
      n: this.hops.length + 1,
      from: { workload: nameOf(request.source), class: this.#classOf(request.source) },
      to,
      laneRequested: decision.lane?.requested ?? "",
      source: withTraceValue(decision.lane?.source ?? "none", request),
      rule: ruleOf(decision.route) ?? nearMisses(situation),
      subset: decision.kind === "forward" ? decision.cluster.subset : "",
      endpoints: decision.kind === "forward" ? endpointsOf(decision) : [],
      decision: decisionOf(decision),
      headersOut,
      contextAfter: this.#contextAfter(contexts, { ...request.headers, ...headersOut }),
      why: whyOf(situation),
    });
    if (served?.pod) this.#enter(served.pod, { ...request.headers, ...headersOut }, contexts);
  }

  /** The pod's proxy notes the lane, the application passes on what it propagates, and calls on. */
  #enter(pod: Source, headers: Readonly<Record<string, string>>, contexts: readonly LaneContext[]): void {
    const traces = new TraceTable();
    for (const context of contexts) {
      const record = inboundLane(context, pod.labels, (name) => headers[name] ?? null);
      if (record) traces.open(context.group, record.traceValue, record.lane, 0);
    }
    const kept = this.#propagated(contexts);
    const passedOn = Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name)));
    for (const url of this.#callsOf(pod, contexts)) {
      const port = url.port === "" ? 80 : Number(url.port);
      const call = {
        source: pod,
        host: url.host,
        port,
        path: url.pathname + url.search,
        method: "GET",
        headers: passedOn,
      };
      this.call(call, { source: pod, traces });
    }
  }

  #propagated(contexts: readonly LaneContext[]): readonly string[] {
    const declared = this.#options.propagates ?? contexts.map(({ traceHeader }) => traceHeader);
    return declared.map((name) => name.toLowerCase());
  }

  #callsOf(pod: Source, contexts: readonly LaneContext[]): readonly URL[] {
    const object = this.#config.pods.find(
      ({ metadata }) => metadata.name === pod.name && metadata.namespace === pod.namespace,
    );
    return object ? callsOf(object, { config: this.#config, contexts, declared: this.#options.calls }) : [];
  }

  #contextsOf(decision: Decision): readonly LaneContext[] {
    const cluster = decision.cluster;
    return cluster ? this.#table.lanesOf(cluster.serviceNamespace, cluster.serviceName) : [];
  }

  #classOf(source: Source): string {
    if (source.kind === "gateway") return "gateway";
    const service = this.#config.services.find(({ metadata, ["spec"]: spec }) => {
      const selector = isRecord(spec) && isRecord(spec["selector"]) ? Object.entries(spec["selector"]) : [];
      const isSelected = selector.length > 0 && selector.every(([key, value]) => source.labels[key] === value);
      return metadata.namespace === source.namespace && isSelected;
    });
    if (!service) return "";
    const [context] = this.#table.lanesOf(service.metadata.namespace ?? "", service.metadata.name);
    return context?.laneOfLabels(source.labels) ?? "";
  }

  /** Whether the lane outlives this service, given what its application passes on (LANE-250…252). */
  #contextAfter(contexts: readonly LaneContext[], headers: Readonly<Record<string, string>>): string {
    const [context] = contexts;
    if (!context || context.routeHeader === "") return "kept";
    const kept = this.#propagated(contexts);
    if (kept.includes(context.routeHeader)) return "kept";
    const traceValue = headers[context.traceHeader];
    if (context.traceHeader === context.routeHeader) return `lost(${context.routeHeader} is not passed on)`;
    if (traceValue === undefined) return `lost(the request has no ${context.traceHeader})`;
    return kept.includes(context.traceHeader) ? "restored(trace-map)" : `lost(${context.traceHeader} is not passed on)`;
  }
}

function factsOf(request: ExplainRequest, caller: Caller | null): Facts {
  const headers = new Map(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    source: request.source,
    port: request.port,
    scheme: "http",
    method: request.method,
    path: request.path,
    authority: request.host,
    header: (name) => headers.get(name) ?? null,
    draw: 0,
    traceLane: (group, value) => caller?.traces.lane(group, value, 0) ?? null,
    isEjected: () => false,
  };
}

/** What the hop adds to the request's headers: the rule's edits and the lane header. */
function headersAfter(request: ExplainRequest, decision: ForwardDecision): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const { set, add } of decision.requestHeaders) for (const [name, value] of [...set, ...add]) out[name] = value;
  if (decision.laneHeader) out[decision.laneHeader[0]] = decision.laneHeader[1];
  // A header that already says the same is not news.
  return Object.fromEntries(Object.entries(out).filter(([name, value]) => request.headers[name] !== value));
}

function nameOf(source: Source): string {
  return source.kind === "gateway" ? "gateway" : `${source.namespace}/${source.name}`;
}

function destinationOf(decision: Decision, request: ExplainRequest): string {
  const { cluster } = decision;
  if (!cluster)
    return decision.kind === "local" && decision.clusterName ? hostOfCluster(decision.clusterName) : request.host;
  return cluster.serviceNamespace === "" ? request.host : `${cluster.serviceNamespace}/${cluster.serviceName}`;
}

/** `outbound|8000||mocka.default.svc.cluster.local` → `default/mocka`. */
function hostOfCluster(clusterName: string): string {
  const host = clusterName.split("|")[3] ?? "";
  const [name, namespace] = host.split(".");
  return host.endsWith(".svc.cluster.local") ? `${namespace}/${name}` : host;
}

function withTraceValue(source: string, request: ExplainRequest): string {
  const header = source.startsWith("trace-map:") ? source.slice("trace-map:".length) : "";
  return header === "" ? source : `${source}=${request.headers[header] ?? ""}`;
}

function ruleOf(route: RouteReference | null): HopRule | null {
  if (route?.object) return { ...route.object, route: route.name };
  if (!route?.virtualService) return null;
  const match = route.matchIndex === null ? "" : `.match[${route.matchIndex}]`;
  return {
    kind: "VirtualService",
    ...route.virtualService,
    path: `spec.http[${route.httpIndex}]${match}`,
    route: route.name,
  };
}

function nearMisses(situation: Situation): NearMisses | null {
  const nearest = nearestOf(situation) ?? [];
  const rules = nearest.flatMap(({ route, failed }) => {
    const rule = ruleOf(route);
    return rule === null ? [] : [{ ...rule, failed }];
  });
  return rules.length === 0 ? null : { nearest: rules };
}

function endpointsOf({ cluster }: ForwardDecision): Hop["endpoints"] {
  const name = ({ pod, address }: Endpoint) => pod?.name ?? address;
  return cluster.endpoints.map((endpoint) => ({
    pod: name(endpoint),
    ready: endpoint.ready,
    share: 1 / cluster.endpoints.length,
  }));
}

function decisionOf(decision: Decision): HopDecision {
  if (decision.kind === "local") {
    const byFlag: Readonly<Record<string, HopDecision>> = {
      NR: "no-route(404)",
      NC: "no-cluster(503)",
      UH: "no-endpoint(503)",
    };
    return byFlag[decision.flags] ?? "local-reply";
  }
  if (decision.cluster.name === "PassthroughCluster") return "bypass(no-proxy)";
  const reason = decision.lane?.reason ?? "no-lane";
  return reason === "no-lane" || reason === "fallback:connect" ? "default" : reason;
}

/** The text form (LANE-902): one line a hop. It names callers by their service; the pod is at the end of the line before. */
export function renderExplain(hops: readonly Hop[]): string {
  return hops.map((hop) => renderHop(hop, callerOf(hop, hops))).join("\n");
}

/** Where the walk ends, somebody has to mend something: the line says what. */
const UNSERVED: ReadonlySet<HopDecision> = new Set<HopDecision>([
  "no-route(404)",
  "no-cluster(503)",
  "bypass(no-proxy)",
]);

function renderHop(hop: Hop, caller: string): string {
  const { n, decision, endpoints, contextAfter } = hop;
  const lane = `lane=${hop.laneRequested || "-"} (${hop.source})`;
  const isFallback = decision.startsWith("fallback");
  const absent = isFallback && decision !== "fallback:noavailabled" ? `subset ${hop.laneRequested} absent ` : "";
  const pods = endpoints.map(({ pod }) => pod).join(", ");
  const target = endpoints.length === 0 ? "" : `${absent}-> ${hop.subset || shortName(hop.to)} [${pods}]`;
  const isLost = contextAfter.startsWith("lost");
  // Worth a word where the lane could have got lost: at a fallback, or when it really does.
  const context = isLost ? `context ${contextAfter}` : isFallback ? "context kept" : "";
  const why = UNSERVED.has(decision) ? `(${hop.why.join("; ")})` : "";
  const parts = [`${n} ${caller} -> ${shortName(hop.to)}`, lane, renderRule(hop.rule), target, decision, context, why];
  return parts.filter((part) => part !== "").join("  ");
}

function renderRule(rule: Hop["rule"]): string {
  if (rule === null || "nearest" in rule) return "no rule";
  const name = rule.route === "" || rule.route === "default" ? "" : ` "${rule.route}"`;
  const kind = rule.kind === "VirtualService" ? "VS" : rule.kind;
  return `${kind} ${rule.namespace}/${rule.name} ${httpIndexOf(rule)}${name}`;
}

function httpIndexOf({ path }: HopRule): string {
  return path.replace(/^spec\./, "").replace(/\.match\[\d+\]$/, "");
}

/** The service whose pod makes the call, as an earlier hop reached it; for the first hop the pod or gateway itself. */
function callerOf({ n, from: { workload, class: lane } }: Hop, hops: readonly Hop[]): string {
  const reached = hops.find((hop) => {
    const namespace = hop.to.slice(0, hop.to.indexOf("/"));
    return hop.n < n && hop.endpoints.some(({ pod }) => `${namespace}/${pod}` === workload);
  });
  const name = shortName(reached?.to ?? workload);
  return lane === "" || lane === "gateway" ? name : `${name}(${lane})`;
}

function shortName(name: string): string {
  return name.slice(name.indexOf("/") + 1);
}
