import type { KubeObject } from "../../../api/meta.ts";
import type { TableColumn } from "../resource.ts";
import {
  ageColumn,
  column,
  count,
  firstThree,
  items,
  labelsText,
  nameColumn,
  orNone,
  selectorText,
  sizeOf,
  text,
  texts,
  wide,
} from "./cells.ts";

/** K8S-193: services, endpoints, ingresses, network policies. */

export const serviceColumns: readonly TableColumn[] = [
  nameColumn,
  column("Type", (object) => text(object, "spec.type")),
  column("Cluster-IP", (object) => texts(object, "spec.clusterIPs")[0] ?? text(object, "spec.clusterIP", "<none>")),
  column("External-IP", externalIps),
  column("Port(s)", (object) => orNone(items(object, "spec.ports").map(servicePort).join(","))),
  ageColumn,
  wide("Selector", (object) => labelsText(object, "spec.selector")),
];

function externalIps(service: KubeObject): string {
  const type = text(service, "spec.type");
  if (type === "ExternalName") return text(service, "spec.externalName");
  const external = texts(service, "spec.externalIPs");
  if (type !== "LoadBalancer") return orNone(external.join(","));
  const balancers = items(service, "status.loadBalancer.ingress").map((ingress) =>
    text(ingress, "ip", text(ingress, "hostname")),
  );
  const all = [...balancers, ...external];
  return all.length > 0 ? all.join(",") : "<pending>";
}

function servicePort(port: unknown): string {
  const nodePort = count(port, "nodePort");
  return `${count(port, "port")}${nodePort === 0 ? "" : `:${nodePort}`}/${text(port, "protocol", "TCP")}`;
}

export const endpointsColumns: readonly TableColumn[] = [
  nameColumn,
  column("Endpoints", (object) => firstThree(items(object, "subsets").flatMap(subsetAddresses), "<none>")),
  ageColumn,
];

function subsetAddresses(subset: unknown): readonly string[] {
  const addresses = items(subset, "addresses").map((address) => text(address, "ip"));
  const ports = items(subset, "ports");
  if (ports.length === 0) return addresses;
  return ports.flatMap((port) => addresses.map((ip) => `${ip.includes(":") ? `[${ip}]` : ip}:${count(port, "port")}`));
}

export const endpointSliceColumns: readonly TableColumn[] = [
  nameColumn,
  column("AddressType", (object) => text(object, "addressType")),
  column("Ports", (object) =>
    firstThree(
      items(object, "ports").map((port) => text(port, "port", text(port, "name"))),
      "<unset>",
    ),
  ),
  column("Endpoints", (object) =>
    firstThree(
      items(object, "endpoints").flatMap((endpoint) => texts(endpoint, "addresses")),
      "<unset>",
    ),
  ),
  ageColumn,
];

export const ingressColumns: readonly TableColumn[] = [
  nameColumn,
  column("Class", (object) => text(object, "spec.ingressClassName", "<none>")),
  column("Hosts", (object) =>
    firstThree(
      items(object, "spec.rules")
        .map((rule) => text(rule, "host"))
        .filter((host) => host !== ""),
      "*",
    ),
  ),
  column("Address", (object) =>
    items(object, "status.loadBalancer.ingress")
      .map((ingress) => text(ingress, "ip", text(ingress, "hostname")))
      .join(","),
  ),
  column("Ports", (object) => (sizeOf(object, "spec.tls") > 0 ? "80, 443" : "80")),
  ageColumn,
];

export const ingressClassColumns: readonly TableColumn[] = [
  nameColumn,
  column("Controller", (object) => text(object, "spec.controller")),
  column("Parameters", (object) => {
    const kind = text(object, "spec.parameters.kind");
    if (kind === "") return "<none>";
    const group = text(object, "spec.parameters.apiGroup");
    return `${kind}${group === "" ? "" : `.${group}`}/${text(object, "spec.parameters.name")}`;
  }),
  ageColumn,
];

export const networkPolicyColumns: readonly TableColumn[] = [
  nameColumn,
  column("Pod-Selector", (object) => selectorText(object, "spec.podSelector")),
  ageColumn,
];
