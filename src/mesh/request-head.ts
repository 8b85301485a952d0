import type { ForwardDecision } from "../routing/types.ts";
import { applyOperations, findHeader, setHeader } from "./headers.ts";
import type { RequestFacts } from "./request.ts";

/** A rewrite is configuration and may hold anything; a blank in the request line would start a second request. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass.
const NOT_IN_TARGET = /[\x00-\x20\x7f]|[^\x00-\xff]+/g;

/**
 * Applies the decision to the request's headers, once, and renders the head that every attempt sends; the caller adds
 * what is its own and the empty line. Afterwards `facts` shows the headers as the upstream gets them.
 */
export function prepareHead(facts: RequestFacts, decision: ForwardDecision): string {
  const { headers, method } = facts;
  applyOperations(headers, decision.requestHeaders);
  // LANE-221: the lane goes on with the request; a value that is there was the client's or a rule's, and stays.
  const { laneHeader, path, authority } = decision;
  if (laneHeader !== null && findHeader(headers, laneHeader[0].toLowerCase()) === null) {
    headers.push(laneHeader[0].toLowerCase(), laneHeader[1]);
  }
  if (path !== facts.path) setHeader(headers, "x-envoy-original-path", facts.path); // MESH-123
  let head = `${method} ${path.replace(NOT_IN_TARGET, encodeURIComponent)} HTTP/1.1\r\nhost: ${authority}\r\n`;
  for (let index = 0; index < headers.length; index += 2) head += `${headers[index]}: ${headers[index + 1]}\r\n`;
  return head;
}
