import type { Failure } from "./connection.ts";

/** Answers that the proxy itself gives: the outcome table of MESH section 10 as data. Pure. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  /** One flag; `joinFlags` puts several into Envoy's order. "-" for none. */
  readonly flag: string;
  readonly details: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** MESH-241. */
const FLAG_ORDER =
  "LH,UH,UT,LR,UR,UF,UC,UO,NR,DI,FI,RL,UAEX,RLSE,DC,URX,SI,IH,DPE,UMSDR,RFCF,NFCF,DT,UPE,NC,OM,DF,DO,DR".split(",");

export function joinFlags(...flags: readonly string[]): string {
  const set = new Set(flags.join(",").split(","));
  const joined = FLAG_ORDER.filter((flag) => set.has(flag)).join(",");
  return joined === "" ? "-" : joined;
}

/** MESH-222. */
export const noHealthyUpstream: LocalReply = {
  status: 503,
  body: "no healthy upstream",
  flag: "UH",
  details: "no_healthy_upstream",
};

/** MESH-230. */
export const routeTimeout: LocalReply = {
  status: 504,
  body: "upstream request timeout",
  flag: "UT",
  details: "response_timeout",
};

/** MESH-231. */
export const perTryTimeout: LocalReply = { ...routeTimeout, details: "upstream_per_try_timeout" };

/** MESH-227. */
export function overflow(isRetried: boolean): LocalReply {
  return {
    status: 503,
    body: resetBody("overflow", isRetried),
    flag: "UO",
    details: "upstream_reset_before_response_started{overflow}",
    headers: [["x-envoy-overloaded", "true"]],
  };
}

/** A decision or a stage of ours threw. Never the client's fault, never a reason to end the process. */
export const internalError: LocalReply = {
  status: 500,
  body: "the proxy failed to decide about this request; its log says why",
  flag: "-",
  details: "internal_error",
};

/** MESH-223…228. `isRetried`: there was more than one attempt. */
export function upstreamFailure({ kind, reason }: Failure, isRetried: boolean): LocalReply {
  switch (kind) {
    case "connect": {
      const text = `remote connection failure, transport failure reason: delayed connect error: ${describeConnectError(reason)}`;
      return reset(503, "UF", { reason: text, detail: "remote_connection_failure", isRetried });
    }
    case "connect-timeout":
      return reset(503, "UF", { reason: "connection timeout", detail: "connection_timeout", isRetried });
    case "closed":
      return reset(503, "UC", { reason: "connection termination", detail: "connection_termination", isRetried });
    case "protocol":
      return reset(502, "UPE", { reason: "protocol error", detail: "protocol_error", isRetried });
  }
}

/** MESH-019: no service has this host and it is no name that can be reached either. */
export function unknownHost(authority: string, reason: string): LocalReply {
  const why =
    reason === "ENOTFOUND" || reason === "EAI_AGAIN"
      ? "and the name cannot be resolved"
      : `and connecting to it failed (${reason})`;
  return {
    status: 503,
    body: `unknown host "${authority}": no service in the mesh has this name, ${why}`,
    flag: "UF",
    details: "unknown_host",
  };
}

function reset(
  status: number,
  flag: string,
  { reason, detail, isRetried }: { reason: string; detail: string; isRetried: boolean },
): LocalReply {
  return {
    status,
    body: resetBody(reason, isRetried),
    flag,
    details: `upstream_reset_before_response_started{${detail}}`,
  };
}

function resetBody(reason: string, isRetried: boolean): string {
  const prefix = isRetried ? "retried and the latest reset reason" : "reset reason";
  return `upstream connect error or disconnect/reset before headers. ${prefix}: ${reason}`;
}

function describeConnectError(code: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "Connection refused";
    case "EHOSTUNREACH":
      return "No route to host";
    case "ENETUNREACH":
      return "Network is unreachable";
    case "ECONNRESET":
      return "Connection reset by peer";
    default:
      return code;
  }
}
