import type { ApiGateway } from "../../api/gateway-api.ts";
import { judgeListeners, type ListenerVerdict } from "./listeners.ts";

/** Why a Gateway of ours is not served at all (MESH-368): what no listener can make good. */
export interface GatewayRefusal {
  /** The condition that says so. */
  readonly type: "Accepted" | "Programmed";
  readonly reason: "InvalidParameters" | "UnsupportedAddress" | "AddressNotUsable" | "ListenersNotValid";
  readonly message: string;
}

/** The gateway proxy is for this machine alone. */
const LOOPBACK = "127.0.0.1";

/** Istio's Service name, which users write where a Gateway shall use the proxy that is there. */
const OWN_HOSTNAMES = /^istio-ingressgateway(\.istio-system(\.svc(\.cluster\.local)?)?)?$/;

/** `address` is the gateway proxy's. */
export function gatewayRefusal(gateway: ApiGateway, address = LOOPBACK): GatewayRefusal | null {
  const { addresses = [], infrastructure } = gateway.spec ?? {};
  if (infrastructure?.parametersRef) {
    const message = "infrastructure.parametersRef is not supported: every Gateway is served by the one gateway proxy";
    return { type: "Accepted", reason: "InvalidParameters", message };
  }
  for (const { type = "IPAddress", value = "" } of addresses) {
    if (type !== "IPAddress" && type !== "Hostname") {
      const message = `address type ${type} is not supported, only IPAddress and Hostname are`;
      return { type: "Accepted", reason: "UnsupportedAddress", message };
    }
    if (value === "" || value === address || (type === "Hostname" && OWN_HOSTNAMES.test(value))) continue;
    const message = `address ${value} cannot be had: the gateway proxy is at ${address}`;
    return { type: "Programmed", reason: "AddressNotUsable", message };
  }
  const listeners = judgeListeners(gateway);
  return listeners.length > 0 && listeners.every(({ problem }) => problem !== null)
    ? { type: "Accepted", reason: "ListenersNotValid", message: listenerProblems(listeners) }
    : null;
}

/** "" when every listener is served. */
export function listenerProblems(listeners: readonly ListenerVerdict[]): string {
  return listeners
    .flatMap(({ name, problem }) => (problem === null ? [] : [`listener ${name}: ${problem.message}`]))
    .join("; ");
}
