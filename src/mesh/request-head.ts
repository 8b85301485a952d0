import { escapeTarget } from "../routing/target.ts";
import type { ForwardDecision } from "../routing/types.ts";
import type { DataPlane } from "./data-plane.ts";
import { applyOperations, findHeader, setHeader } from "./headers.ts";
import { lanesOf } from "./record.ts";
import type { RequestFacts } from "./request.ts";
import { continueTrace } from "./trace-context.ts";

/** As Node's parser takes Host: one word. What configuration says instead may be anything. */
const AUTHORITY = /^[\x21-\x7e\x80-\xff]+$/;

/**
 * Applies the decision to the request's headers, once, and renders the head that every attempt sends; the caller adds
 * what is its own and the empty line. Afterwards `facts` shows the headers as the upstream gets them.
 */
export function prepareHead(plane: DataPlane, facts: RequestFacts, decision: ForwardDecision): string {
  const { headers, method } = facts;
  applyOperations(headers, decision.requestHeaders);
  // LANE-221: the lane goes on with the request; a value that is there was the client's or a rule's, and stays.
  const { laneHeader, path, authority } = decision;
  if (laneHeader !== null && findHeader(headers, laneHeader[0].toLowerCase()) === null) {
    headers.push(laneHeader[0].toLowerCase(), laneHeader[1]);
  }
  if (path !== facts.path) setHeader(headers, "x-envoy-original-path", facts.path); // MESH-123
  if (plane.tracing !== null) {
    const kept = lanesOf(plane, decision.cluster).map(({ traceHeader }) => traceHeader.toLowerCase());
    continueTrace(headers, plane.tracing, { random: plane.random, kept });
  }
  const host = authority === facts.authority || AUTHORITY.test(authority) ? authority : facts.authority;
  let head = `${method} ${targetOf(path)} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return head;
}

/** A rewrite to `v2` means `/v2`: without the slash no server would read the request line. */
function targetOf(path: string): string {
  return escapeTarget(path.startsWith("/") ? path : `/${path}`);
}
