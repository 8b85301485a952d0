import type { Random } from "../base/random.ts";
import { findHeader, type HeaderList, removeHeader, setHeader } from "./headers.ts";

/**
 * Headers that tie the spans of a request together (MESH-290, MESH-424, MESH-425): B3 in both its forms, and W3C's. With
 * tracing on, each hop is a span: what came stays the trace, gets a span of its own, and goes on in every form. The
 * spans themselves are sent nowhere; whoever collects finds those of the programs linked as with Envoy in between.
 *
 * Where both came B3 counts, the single header before the others. What is malformed counts as absent.
 */
export interface Tracing {
  /** Of the requests about which nobody has decided yet (MESH-421). */
  readonly samplingPercent: number;
}

interface TraceContext {
  /** 16 or 32 hexadecimal digits. */
  readonly traceId: string;
  readonly spanId: string | null;
  /** Null: left to us. */
  readonly decision: Decision | null;
}

/** As in B3's single header: no, yes, yes and debugging. */
type Decision = "0" | "1" | "d";

/** Said without a trace: "0" means that there is to be none. */
interface Found {
  readonly context: TraceContext | null;
  readonly decision: Decision | null;
}

const TRACE_HEADERS: ReadonlySet<string> = new Set([
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "traceparent",
]);

/**
 * Makes `headers` those of the next hop. `kept` names headers that lanes are found by: where the request has them they
 * stay as they are (LANE-260).
 */
export function continueTrace(
  headers: HeaderList,
  { samplingPercent }: Tracing,
  { random, kept }: { random: Random; kept: readonly string[] },
): void {
  const keptHere = kept.filter((name) => TRACE_HEADERS.has(name) && findHeader(headers, name) !== null);
  const found = findContext(headers);
  // MC-322: nobody wants a trace; and what only lanes can read cannot be continued.
  if (found.context === null && (found.decision === "0" || keptHere.length > 0)) return;
  const { traceId, spanId } = found.context ?? { traceId: hexId(random, 32), spanId: null };
  const decision = found.decision ?? decide(headers, samplingPercent, random);
  const next = { traceId, spanId: hexId(random, 16), parentId: spanId, decision };
  const hadSingle = findHeader(headers, "b3") !== null;
  const isSameState = parseTraceparent(findHeader(headers, "traceparent"))?.traceId === traceId.padStart(32, "0");
  for (const [name, value] of rendered(next, hadSingle)) {
    if (keptHere.includes(name)) continue;
    if (value === null) removeHeader(headers, name);
    else setHeader(headers, name, value);
  }
  // W3C: it belongs to the trace that `traceparent` names.
  if (!isSameState) removeHeader(headers, "tracestate");
}

function rendered(
  next: { traceId: string; spanId: string; parentId: string | null; decision: Decision },
  hadSingle: boolean,
): readonly (readonly [name: string, value: string | null])[] {
  const { traceId, spanId, parentId, decision } = next;
  const isDebug = decision === "d";
  const parent = parentId === null ? "" : `-${parentId}`;
  const whole = `00-${traceId.toLowerCase().padStart(32, "0")}-${spanId}-${decision === "0" ? "00" : "01"}`;
  return [
    ["x-b3-traceid", traceId],
    ["x-b3-spanid", spanId],
    ["x-b3-parentspanid", parentId],
    // Debugging implies it.
    ["x-b3-sampled", isDebug ? null : decision],
    ["x-b3-flags", isDebug ? "1" : null],
    ["b3", hadSingle ? `${traceId}-${spanId}-${decision}${parent}` : null],
    ["traceparent", whole],
  ];
}

function findContext(headers: HeaderList): Found {
  const b3 = parseSingle(findHeader(headers, "b3")) ?? parseMultiple(headers);
  if (b3.context !== null || b3.decision !== null) return b3;
  const context = parseTraceparent(findHeader(headers, "traceparent"));
  return { context, decision: context?.decision ?? null };
}

const SINGLE = /^([0-9a-f]{32}|[0-9a-f]{16})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/i;

/** Null: absent or malformed. */
function parseSingle(value: string | null): Found | null {
  if (value === null) return null;
  if (value === "0" || value === "1" || value === "d") return { context: null, decision: value };
  const [, traceId = "", spanId = "", flag] = SINGLE.exec(value) ?? [];
  if (isZero(traceId) || isZero(spanId)) return null;
  const decision = (flag?.toLowerCase() ?? null) as Decision | null;
  return { context: { traceId, spanId, decision }, decision };
}

function parseMultiple(headers: HeaderList): Found {
  const traceId = findHeader(headers, "x-b3-traceid") ?? "";
  const spanId = findHeader(headers, "x-b3-spanid") ?? "";
  const decision = findHeader(headers, "x-b3-flags") === "1" ? "d" : sampledOf(findHeader(headers, "x-b3-sampled"));
  const isTrace = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/i.test(traceId) && !isZero(traceId);
  if (!isTrace) return { context: null, decision };
  const hasSpan = /^[0-9a-f]{16}$/i.test(spanId) && !isZero(spanId);
  return { context: { traceId, spanId: hasSpan ? spanId : null, decision }, decision };
}

/** Older programs write words. */
function sampledOf(value: string | null): Decision | null {
  if (value === "1" || value === "true") return "1";
  return value === "0" || value === "false" ? "0" : null;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Versions to come may add fields, `ff` is none (MESH-425). */
function parseTraceparent(value: string | null): TraceContext | null {
  const [, version = "", traceId = "", spanId = "", flags = "", more] = TRACEPARENT.exec(value ?? "") ?? [];
  const isVersion = version !== "ff" && (version !== "00" || more === undefined);
  if (!isVersion || isZero(traceId) || isZero(spanId)) return null;
  return { traceId, spanId, decision: (Number.parseInt(flags, 16) & 1) === 1 ? "1" : "0" };
}

/** Also of what is not there. */
function isZero(id: string): boolean {
  return /^0*$/.test(id);
}

/** MESH-421: at the edge the first of these has been removed already, where a client sent it. */
function decide(headers: HeaderList, samplingPercent: number, random: Random): Decision {
  const isForced =
    findHeader(headers, "x-envoy-force-trace") !== null || findHeader(headers, "x-client-trace-id") !== null;
  return isForced || random.next() * 100 < samplingPercent ? "1" : "0";
}

function hexId(random: Random, digits: 16 | 32): string {
  let id = "";
  while (id.length < digits) id += ((random.next() * 2 ** 32) >>> 0).toString(16).padStart(8, "0");
  return isZero(id) ? id.replace(/0$/, "1") : id; // All zeros mean that there is none.
}
