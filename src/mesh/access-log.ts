import type { Instant } from "../base/time.ts";
import type { LaneOutcome, RouteReference } from "../routing/types.ts";

/** One finished request, as the console, `explain --live` and the log line show it (MESH-412 and the lane, LANE-212). */
export interface AccessEntry {
  readonly startedAt: Instant;
  /** The proxy that wrote it: `namespace/name` of the calling pod or of the gateway. */
  readonly proxy: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly code: number;
  readonly flags: string;
  readonly details: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly upstreamServiceTimeMs: number | null;
  readonly forwardedFor: string | null;
  readonly userAgent: string | null;
  readonly requestId: string;
  /** Value of the lane group's trace header; null when the destination is in no group or the header is absent. */
  readonly trace: string | null;
  readonly route: RouteReference | null;
  readonly cluster: string | null;
  /** `address:port`; null when no endpoint was chosen. */
  readonly upstreamHost: string | null;
  /** `namespace/name` of the pod that answered. */
  readonly upstreamPod: string | null;
  readonly attempts: number;
  readonly downstreamLocal: string;
  readonly downstreamRemote: string;
  readonly lane: LaneOutcome | null;
}

/** MESH-410. */
const ENTRIES_MAX = 10_000;

/** The newest entries; the oldest make room. */
export class AccessLog {
  readonly #ring: AccessEntry[] = [];
  readonly #entriesMax: number;
  readonly #print: ((line: string) => void) | null;
  #next = 0;

  constructor(print: ((line: string) => void) | null = null, entriesMax = ENTRIES_MAX) {
    this.#print = print;
    this.#entriesMax = entriesMax;
  }

  add(entry: AccessEntry): void {
    this.#ring[this.#next] = entry;
    this.#next = (this.#next + 1) % this.#entriesMax;
    this.#print?.(formatEntry(entry));
  }

  /** The newest `limit` entries that fit, oldest first. */
  find(filter: { requestId?: string | null; trace?: string | null; limit?: number }): readonly AccessEntry[] {
    const { requestId = null, trace = null, limit = this.#entriesMax } = filter;
    const found: AccessEntry[] = [];
    for (let back = 1; back <= this.#ring.length && found.length < limit; back++) {
      const entry = this.#ring[(this.#next - back + this.#entriesMax) % this.#entriesMax];
      if (entry === undefined) break;
      if (requestId !== null && entry.requestId !== requestId) continue;
      if (trace !== null && entry.trace !== trace) continue;
      found.push(entry);
    }
    return found.reverse();
  }
}

/** Envoy's default text format (MESH-411). */
export function formatEntry(entry: AccessEntry): string {
  const isConnectFailure = entry.flags.split(",").includes("UF");
  return [
    `[${new Date(entry.startedAt).toISOString()}]`,
    `"${entry.method} ${entry.path} HTTP/1.1"`,
    entry.code,
    entry.flags,
    entry.details,
    "-",
    isConnectFailure ? '"delayed connect error"' : '"-"',
    entry.bytesReceived,
    entry.bytesSent,
    entry.durationMs,
    entry.upstreamServiceTimeMs ?? "-",
    quote(entry.forwardedFor),
    quote(entry.userAgent),
    quote(entry.requestId),
    quote(entry.authority),
    quote(entry.upstreamHost),
    entry.cluster ?? "-",
    "-",
    entry.downstreamLocal,
    entry.downstreamRemote,
    "-",
    entry.route === null || entry.route.name === "" ? "-" : entry.route.name,
  ].join(" ");
}

function quote(value: string | null): string {
  return value === null ? '"-"' : `"${value.replaceAll('"', "'")}"`;
}
