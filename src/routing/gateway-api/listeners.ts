import type { ApiGateway, ListenerSpec, RouteKind } from "../../api/gateway-api.ts";
import { GATEWAY_API_GROUP } from "./objects.ts";

/** Which listeners of a Gateway the data plane serves, and why not the others (MESH-368). Decided from the Gateway alone. */
export interface ListenerVerdict {
  readonly name: string;
  readonly port: number;
  /** `*` when the listener takes every host. */
  readonly hostname: string;
  readonly spec: ListenerSpec;
  /** Null: it is served. */
  readonly problem: ListenerProblem | null;
  /** The kinds that it asks for and we have; absent kinds are what `invalidKinds` names. */
  readonly supportedKinds: readonly RouteKind[];
  readonly invalidKinds: readonly string[];
}

export interface ListenerProblem {
  readonly reason: "UnsupportedProtocol" | "ProtocolConflict" | "HostnameConflict";
  readonly message: string;
}

const HTTP_ROUTE: RouteKind = { group: GATEWAY_API_GROUP, kind: "HTTPRoute" };

/** Protocols of Gateway API that need what this data plane does not have. */
const WHY_NOT: Readonly<Record<string, string>> = {
  HTTPS: "the data plane ends no TLS",
  TLS: "the data plane ends no TLS",
  TCP: "the data plane speaks HTTP only",
  UDP: "the data plane speaks HTTP only",
};

export function judgeListeners(gateway: ApiGateway): readonly ListenerVerdict[] {
  const listeners = gateway.spec?.listeners ?? [];
  return listeners.map((spec): ListenerVerdict => {
    const kinds = spec.allowedRoutes?.kinds ?? [];
    return {
      name: spec.name ?? "",
      port: spec.port ?? 0,
      hostname: hostnameOf(spec),
      spec,
      problem: conflictOf(spec, listeners) ?? protocolProblem(spec),
      supportedKinds: kinds.length === 0 || kinds.some(isHttpRoute) ? supportedBy(spec) : [],
      invalidKinds: kinds.filter((kind) => !isHttpRoute(kind)).map((kind) => kind.kind ?? ""),
    };
  });
}

function hostnameOf({ hostname }: ListenerSpec): string {
  return hostname ? hostname.toLowerCase() : "*";
}

/** Which routes a protocol we do not serve could have is nothing we can tell. */
function supportedBy({ protocol }: ListenerSpec): readonly RouteKind[] {
  return protocol === "HTTP" || protocol === "HTTPS" ? [HTTP_ROUTE] : [];
}

function isHttpRoute({ group = GATEWAY_API_GROUP, kind }: RouteKind): boolean {
  return group === GATEWAY_API_GROUP && kind === "HTTPRoute";
}

function protocolProblem({ protocol = "" }: ListenerSpec): ListenerProblem | null {
  if (protocol === "HTTP") return null;
  const why = WHY_NOT[protocol] ?? "this protocol is not known";
  return { reason: "UnsupportedProtocol", message: `protocol ${protocol} is not served: ${why}` };
}

/** Listeners of one port must agree on the protocol and differ in the hostname. */
function conflictOf(spec: ListenerSpec, listeners: readonly ListenerSpec[]): ListenerProblem | null {
  const others = listeners.filter((other) => other !== spec && other.port === spec.port);
  const rival = others.find((other) => other.protocol !== spec.protocol);
  if (rival) {
    const message = `listener ${rival.name} uses port ${spec.port} with protocol ${rival.protocol}`;
    return { reason: "ProtocolConflict", message };
  }
  const twin = others.find((other) => hostnameOf(other) === hostnameOf(spec));
  if (!twin) return null;
  const message = `listener ${twin.name} has the same port ${spec.port} and hostname`;
  return { reason: "HostnameConflict", message };
}
