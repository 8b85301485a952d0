import { Histogram, renderLabels } from "../base/metrics.ts";
import type { Cluster, LaneOutcome, Source } from "../routing/types.ts";

/**
 * Istio's request metrics (MESH section 18), counted so that a request costs one map lookup and some additions.
 *
 * One `Series` holds the figures of all requests that share source, destination, code and flags. The source's and the
 * destination's reporter would count the same requests, so both are printed from it (MESH-388).
 */

/** MESH-386. */
const BUCKETS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
] as const;

/** Bounds on what labels may make: beyond them requests are counted in one series that says so. */
const SERIES_MAX = 20_000;
const LANE_SERIES_MAX = 2_000;

const REQUESTS = "istio_requests_total";
const DURATION = "istio_request_duration_milliseconds";
const REQUEST_BYTES = "istio_request_bytes";
const RESPONSE_BYTES = "istio_response_bytes";

/** What one finished request adds. */
export interface Measurement {
  readonly source: Source;
  readonly cluster: Cluster | null;
  /** For `destination_service_name` when there is no cluster of a service, e.g. `BlackHoleCluster`. */
  readonly clusterName: string;
  /** The pod that was reached; null when none was (MESH-399). */
  readonly destination: Source | null;
  /** 0: the client left before a response (MESH-232). */
  readonly code: number;
  readonly flags: string;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** A copy of a request (MESH-156): only its receiver reports it (MESH-399). */
  readonly isMirrored?: boolean;
}

interface Series {
  /** Null: a copy. */
  readonly sourceLabels: string | null;
  /** Null: nobody at the other end to report. */
  readonly destinationLabels: string | null;
  count: number;
  readonly durationMs: Histogram;
  readonly requestBytes: Histogram;
  readonly responseBytes: Histogram;
}

/** All sources with the same labels are one peer: pods of one version share their series. */
interface Peer {
  readonly id: number;
  readonly view: PeerView;
  readonly series: Map<string, Series>;
}

interface PeerView {
  readonly workload: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
}

const UNKNOWN: PeerView = {
  workload: "unknown",
  canonicalService: "unknown",
  canonicalRevision: "latest",
  namespace: "unknown",
  app: "unknown",
  version: "unknown",
  cluster: "unknown",
};

export class Telemetry {
  readonly #peerOfSource = new WeakMap<Source, Peer>();
  readonly #peers = new Map<string, Peer>();
  readonly #unknown: Peer = { id: 0, view: UNKNOWN, series: new Map() };
  readonly #series: Series[] = [];
  readonly #lanes = new Map<string, { readonly labels: string; count: number }>();
  #uncounted = 0;

  count(measured: Measurement): void {
    const series = this.#seriesOf(measured);
    if (series === null) {
      this.#uncounted += 1;
      return;
    }
    series.count += 1;
    series.durationMs.observe(measured.durationMs);
    series.requestBytes.observe(measured.requestBytes);
    series.responseBytes.observe(measured.responseBytes);
  }

  /** LANE-212. `requested` comes from the client, so the number of its values is bounded. */
  countLane(lane: LaneOutcome, service: string): void {
    let key = `${lane.group}\n${service}\n${lane.requested}\n${lane.served}\n${lane.reason}`;
    let counter = this.#lanes.get(key);
    if (counter === undefined) {
      const isFull = this.#lanes.size >= LANE_SERIES_MAX;
      const requested = isFull ? "(other)" : lane.requested;
      if (isFull) key = `${lane.group}\n${service}\n(other)\n${lane.served}\n${lane.reason}`;
      counter = this.#lanes.get(key);
      if (counter === undefined) {
        const labels = renderLabels([
          ["group", lane.group],
          ["service", service],
          ["requested", requested],
          ["served", lane.served],
          ["reason", lane.reason],
        ]);
        counter = { labels, count: 0 };
        this.#lanes.set(key, counter);
      }
    }
    counter.count += 1;
  }

  /** Prometheus text format 0.0.4 (MESH-387). `extra` are counters that others keep. */
  render(extra: readonly { readonly name: string; readonly value: number }[] = []): string {
    const lines: string[] = [];
    if (this.#series.length > 0) {
      lines.push(`# TYPE ${REQUESTS} counter`);
      this.#eachReporter((series, labels) => lines.push(`${REQUESTS}{${labels}} ${series.count}`));
      lines.push(`# TYPE ${DURATION} histogram`);
      this.#eachReporter((series, labels) => series.durationMs.render(DURATION, labels, lines));
      lines.push(`# TYPE ${REQUEST_BYTES} histogram`);
      this.#eachReporter((series, labels) => series.requestBytes.render(REQUEST_BYTES, labels, lines));
      lines.push(`# TYPE ${RESPONSE_BYTES} histogram`);
      this.#eachReporter((series, labels) => series.responseBytes.render(RESPONSE_BYTES, labels, lines));
    }
    if (this.#lanes.size > 0) lines.push("# TYPE lane_requests_total counter");
    for (const { labels, count } of this.#lanes.values()) lines.push(`lane_requests_total{${labels}} ${count}`);
    for (const { name, value } of [
      ...extra,
      { name: "fairway_mesh_uncounted_requests_total", value: this.#uncounted },
    ]) {
      lines.push(`# TYPE ${name} counter`, `${name} ${value}`);
    }
    return `${lines.join("\n")}\n`;
  }

  #eachReporter(visit: (series: Series, labels: string) => void): void {
    for (const series of this.#series) {
      if (series.sourceLabels !== null) visit(series, series.sourceLabels);
      if (series.destinationLabels !== null) visit(series, series.destinationLabels);
    }
  }

  #seriesOf(measured: Measurement): Series | null {
    const { source, cluster, clusterName, destination, code, flags, isMirrored = false } = measured;
    const from = this.#peer(source);
    const to = destination === null ? this.#unknown : this.#peer(destination);
    const key = `${cluster === null ? clusterName : cluster.host} ${to.id} ${code} ${flags}${isMirrored ? " mirrored" : ""}`;
    const known = from.series.get(key);
    if (known !== undefined) return known;
    if (this.#series.length >= SERIES_MAX) return null;
    const service = serviceLabels(cluster, clusterName);
    const labelsOf = (reporter: "source" | "destination") =>
      requestLabels({ reporter, from: from.view, to: to.view, service, code, flags });
    const series: Series = {
      sourceLabels: isMirrored ? null : labelsOf("source"),
      destinationLabels: destination === null ? null : labelsOf("destination"),
      count: 0,
      durationMs: new Histogram(BUCKETS),
      requestBytes: new Histogram(BUCKETS),
      responseBytes: new Histogram(BUCKETS),
    };
    this.#series.push(series);
    from.series.set(key, series);
    return series;
  }

  #peer(source: Source): Peer {
    const known = this.#peerOfSource.get(source);
    if (known !== undefined) return known;
    const view = viewOf(source);
    const key = JSON.stringify(view);
    let peer = this.#peers.get(key);
    if (peer === undefined) {
      peer = { id: this.#peers.size + 1, view, series: new Map() };
      this.#peers.set(key, peer);
    }
    this.#peerOfSource.set(source, peer);
    return peer;
  }
}

function viewOf({ labels, workload, namespace }: Source): PeerView {
  const canonicalName = labels["service.istio.io/canonical-name"] ?? labels["app.kubernetes.io/name"] ?? labels["app"];
  const canonicalRevision =
    labels["service.istio.io/canonical-revision"] ?? labels["app.kubernetes.io/version"] ?? labels["version"];
  return {
    workload,
    canonicalService: canonicalName ?? workload,
    canonicalRevision: canonicalRevision ?? "latest",
    namespace,
    app: labels["app"] ?? "unknown",
    version: labels["version"] ?? "unknown",
    cluster: "Kubernetes",
  };
}

interface ServiceLabels {
  readonly service: string;
  readonly name: string;
  readonly namespace: string;
}

/** The service of the chosen cluster, never the Host header (MESH 18.2). */
function serviceLabels(cluster: Cluster | null, clusterName: string): ServiceLabels {
  if (cluster !== null && cluster.serviceName !== "") {
    return { service: cluster.host, name: cluster.serviceName, namespace: cluster.serviceNamespace || "unknown" };
  }
  const isBuiltIn = clusterName === "PassthroughCluster" || clusterName === "BlackHoleCluster";
  return { service: "unknown", name: isBuiltIn ? clusterName : "unknown", namespace: "unknown" };
}

/** The labels in Istio's order (MESH 18.2). */
function requestLabels(series: {
  readonly reporter: "source" | "destination";
  readonly from: PeerView;
  readonly to: PeerView;
  readonly service: ServiceLabels;
  readonly code: number;
  readonly flags: string;
}): string {
  const { reporter, from, to, service, code, flags } = series;
  return renderLabels([
    ["reporter", reporter],
    ["source_workload", from.workload],
    ["source_canonical_service", from.canonicalService],
    ["source_canonical_revision", from.canonicalRevision],
    ["source_workload_namespace", from.namespace],
    ["source_principal", "unknown"],
    ["source_app", from.app],
    ["source_version", from.version],
    ["source_cluster", from.cluster],
    ["destination_workload", to.workload],
    ["destination_workload_namespace", to.namespace],
    ["destination_principal", "unknown"],
    ["destination_app", to.app],
    ["destination_version", to.version],
    ["destination_service", service.service],
    ["destination_canonical_service", to.canonicalService],
    ["destination_canonical_revision", to.canonicalRevision],
    ["destination_service_name", service.name],
    ["destination_service_namespace", service.namespace],
    ["destination_cluster", to.cluster],
    ["request_protocol", "http"],
    ["response_code", String(code)],
    ["grpc_response_status", ""],
    ["response_flags", flags],
    // MESH-205: plain HTTP between local processes, and nothing is claimed beyond it.
    ["connection_security_policy", reporter === "source" ? "unknown" : "none"],
  ]);
}
