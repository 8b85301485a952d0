import type { BackendReference, HttpRoute } from "../../api/gateway-api.ts";
import { readService } from "../services.ts";
import { GATEWAY_API_GROUP, type GatewayApiObjects } from "./objects.ts";

/** A backendRef resolved, or why it cannot be (MESH-363, MESH-369). */
export type BackendVerdict =
  | { readonly kind: "service"; readonly host: string; readonly port: number }
  | { readonly kind: "unresolved"; readonly reason: UnresolvedReason; readonly message: string };

export type UnresolvedReason = "InvalidKind" | "RefNotPermitted" | "BackendNotFound";

export function judgeBackend(ref: BackendReference, route: HttpRoute, objects: GatewayApiObjects): BackendVerdict {
  const { group = "", kind = "Service", name = "", port } = ref;
  const own = route.metadata.namespace ?? "";
  const namespace = ref.namespace ?? own;
  const label = `${namespace}/${name}`;
  if (group !== "" || kind !== "Service") {
    const found = group === "" ? kind : `${kind}.${group}`;
    return unresolved("InvalidKind", `backendRef ${label}: kind ${found} is not supported, only Service is`);
  }
  if (namespace !== own && !isGranted({ namespace, name }, own, objects)) {
    const missing = `no ReferenceGrant in namespace ${namespace} lets HTTPRoutes of ${own} refer to Service ${name}`;
    return unresolved("RefNotPermitted", `backendRef ${label}: ${missing}`);
  }
  const service = objects.service({ namespace, name });
  if (service === null) return unresolved("BackendNotFound", `backendRef ${label}: the Service does not exist`);
  const { host, ports } = readService(service);
  if (port === undefined) return unresolved("BackendNotFound", `backendRef ${label}: a port is required for a Service`);
  if (!ports.some(({ number }) => number === port)) {
    const has = ports.map(({ number }) => number).join(", ") || "none";
    return unresolved("BackendNotFound", `backendRef ${label}: the Service has no port ${port}; its ports: ${has}`);
  }
  return { kind: "service", host, port };
}

function unresolved(reason: UnresolvedReason, message: string): BackendVerdict {
  return { kind: "unresolved", reason, message };
}

/** MESH-369: some grant of the target's namespace names both sides. */
function isGranted(target: { namespace: string; name: string }, from: string, objects: GatewayApiObjects): boolean {
  return objects.grants(target.namespace).some(({ spec }) => {
    const isFrom = (spec?.from ?? []).some(
      ({ group, kind, namespace }) => group === GATEWAY_API_GROUP && kind === "HTTPRoute" && namespace === from,
    );
    const isTo = (spec?.to ?? []).some(
      ({ group, kind, name }) => (group ?? "") === "" && kind === "Service" && (!name || name === target.name),
    );
    return isFrom && isTo;
  });
}
