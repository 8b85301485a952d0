import { isIP } from "node:net";
import type { KubeObject } from "../../../api/meta.ts";
import { dnsLabelProblems } from "../../../kube/names.ts";
import { resources } from "../../../kube/resource.ts";
import { endpointSliceColumns, endpointsColumns, serviceColumns } from "../columns/network-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { atomic, bool, int, intOrString, list, listByKey, map, setOf, str, struct } from "../schema/dsl.ts";
import { duplicate, forbidden, invalid, required } from "../schema/problems.ts";
import { builtin, ensure, type Fields, fieldsOf, listOf, setDefaults } from "./define.ts";
import { protocol } from "./pod-schema.ts";
import { PROTOCOLS, portNumber, portReference, supported } from "./pod-validation.ts";
import { condition, loadBalancerStatus, objectReference } from "./shared-schema.ts";

const serviceSpec = struct("ServiceSpec", {
  ports: listByKey(
    struct(
      "ServicePort",
      { name: str, protocol, appProtocol: str, port: int, targetPort: intOrString, nodePort: int },
      ["port"],
    ),
    "port",
    "protocol",
  ),
  selector: atomic(map(str)),
  clusterIP: str,
  clusterIPs: list(str),
  type: str,
  externalIPs: list(str),
  sessionAffinity: str,
  loadBalancerIP: str,
  loadBalancerSourceRanges: list(str),
  externalName: str,
  externalTrafficPolicy: str,
  healthCheckNodePort: int,
  publishNotReadyAddresses: bool,
  sessionAffinityConfig: struct("SessionAffinityConfig", {
    clientIP: struct("ClientIPConfig", { timeoutSeconds: int }),
  }),
  ipFamilies: list(str),
  ipFamilyPolicy: str,
  allocateLoadBalancerNodePorts: bool,
  loadBalancerClass: str,
  internalTrafficPolicy: str,
  trafficDistribution: str,
});

const services = builtin(resources.services, {
  shortNames: ["svc"],
  categories: ["all"],
  hasStatus: true,
  nameRule: "dns1035-label",
  createOnUpdate: true,
  selectableFields: ["spec.clusterIP", "spec.type"],
  fields: {
    spec: serviceSpec,
    status: struct("ServiceStatus", {
      loadBalancer: loadBalancerStatus,
      conditions: listByKey(condition("Condition"), "type"),
    }),
  },
  columns: serviceColumns,
  applyDefaults: defaultService,
  validate: validateService,
});

/** Three hours: how long a client sticks to a pod under sessionAffinity ClientIP. */
const STICKY_SECONDS = 10_800;

/** K8S-188. Addresses and node ports are allocated elsewhere: they depend on the other Services. */
function defaultService(service: KubeObject): void {
  const spec = ensure(service, "spec");
  setDefaults(spec, { type: "ClusterIP", sessionAffinity: "None" });
  for (const port of listOf(spec, "ports")) {
    setDefaults(port, { protocol: "TCP" });
    if (port["targetPort"] === undefined || port["targetPort"] === 0 || port["targetPort"] === "") {
      port["targetPort"] = port["port"];
    }
  }
  if (spec["sessionAffinity"] === "ClientIP") {
    setDefaults(ensure(ensure(spec, "sessionAffinityConfig"), "clientIP"), { timeoutSeconds: STICKY_SECONDS });
  }
  const type = spec["type"];
  if (type !== "ExternalName") {
    setDefaults(spec, { internalTrafficPolicy: "Cluster", ipFamilyPolicy: "SingleStack" });
    spec["ipFamilies"] ??= ["IPv4"];
  }
  if (type === "NodePort" || type === "LoadBalancer") setDefaults(spec, { externalTrafficPolicy: "Cluster" });
  if (type === "LoadBalancer") setDefaults(spec, { allocateLoadBalancerNodePorts: true });
  ensure(ensure(service, "status"), "loadBalancer");
}

const SERVICE_TYPES = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

function validateService(service: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const spec = fieldsOf(service, "spec") ?? {};
  const oldSpec = old ? fieldsOf(old, "spec") : undefined;
  const problems: FieldProblem[] = [
    ...supported(spec, "type", "spec", SERVICE_TYPES),
    ...supported(spec, "sessionAffinity", "spec", ["ClientIP", "None"]),
    ...validatePorts(spec),
    ...validateClusterIp(spec, oldSpec),
  ];
  if (spec["type"] === "ExternalName" && !spec["externalName"]) problems.push(required("spec.externalName"));
  return problems;
}

function validatePorts(spec: Fields): readonly FieldProblem[] {
  const ports = listOf(spec, "ports");
  const isHeadless = spec["clusterIP"] === "None";
  if (ports.length === 0) {
    return isHeadless || spec["type"] === "ExternalName" ? [] : [required("spec.ports")];
  }
  const names = new Set<unknown>();
  const numbers = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = `spec.ports[${index}]`;
    const { name, protocol, targetPort, nodePort } = port;
    const problems: FieldProblem[] = [];
    if (!name) {
      if (ports.length > 1) problems.push(required(`${path}.name`));
    } else {
      problems.push(...dnsLabelProblems(String(name)).map((problem) => invalid(`${path}.name`, name, problem)));
      if (names.has(name)) problems.push(duplicate(`${path}.name`, name));
      names.add(name);
    }
    problems.push(...portNumber(port["port"] ?? 0, `${path}.port`), ...supported(port, "protocol", path, PROTOCOLS));
    if (targetPort !== undefined) problems.push(...portReference(targetPort, `${path}.targetPort`));
    if (nodePort && (spec["type"] === "ClusterIP" || spec["type"] === "ExternalName")) {
      problems.push(forbidden(`${path}.nodePort`, `may not be used when \`type\` is '${String(spec["type"])}'`));
    }
    const number = `${String(protocol)}/${String(port["port"])}`;
    if (numbers.has(number)) problems.push(duplicate(path, { port: port["port"], protocol }));
    numbers.add(number);
    return problems;
  });
}

function validateClusterIp(spec: Fields, old: Fields | undefined): readonly FieldProblem[] {
  const [address, addresses] = [spec["clusterIP"], spec["clusterIPs"]];
  const before = old?.["clusterIP"];
  const keepsAddress = spec["type"] !== "ExternalName" && old?.["type"] !== "ExternalName";
  if (keepsAddress && before && address !== before) {
    return [invalid("spec.clusterIPs[0]", addresses ?? [address], "may not change once set")];
  }
  if (spec["type"] === "ExternalName") {
    return address ? [forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'")] : [];
  }
  const list = Array.isArray(addresses) ? addresses : [];
  if (list.length > 0 && address !== undefined && list[0] !== address) {
    return [invalid("spec.clusterIPs", addresses, "first value must match `clusterIP`")];
  }
  return list
    .map((item, index) => ({ item, index }))
    .filter(({ item }) => item !== "None" && isIP(String(item)) === 0)
    .map(({ item, index }) =>
      invalid(`spec.clusterIPs[${index}]`, item, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
    );
}

const endpointAddress = struct(
  "EndpointAddress",
  { ip: str, hostname: str, nodeName: str, targetRef: objectReference },
  ["ip"],
);

const endpoints = builtin(resources.endpoints, {
  shortNames: ["ep"],
  createOnUpdate: true,
  fields: {
    subsets: list(
      struct("EndpointSubset", {
        addresses: list(endpointAddress),
        notReadyAddresses: list(endpointAddress),
        ports: list(struct("EndpointPort", { name: str, port: int, protocol: str, appProtocol: str }, ["port"])),
      }),
    ),
  },
  columns: endpointsColumns,
  applyDefaults: (object) => {
    for (const subset of listOf(object, "subsets")) {
      for (const port of listOf(subset, "ports")) setDefaults(port, { protocol: "TCP" });
    }
  },
});

const endpointSlices = builtin(resources.endpointSlices, {
  generation: "spec",
  fields: {
    addressType: str,
    endpoints: list(
      struct(
        "Endpoint",
        {
          addresses: setOf(str),
          conditions: struct("EndpointConditions", { ready: bool, serving: bool, terminating: bool }),
          hostname: str,
          targetRef: objectReference,
          deprecatedTopology: map(str),
          nodeName: str,
          zone: str,
          hints: struct("EndpointHints", {
            forZones: list(struct("ForZone", { name: str }, ["name"])),
            forNodes: list(struct("ForNode", { name: str }, ["name"])),
          }),
        },
        ["addresses"],
      ),
    ),
    ports: list(struct("EndpointPort", { name: str, protocol: str, port: int, appProtocol: str })),
  },
  columns: endpointSliceColumns,
  applyDefaults: (object) => {
    for (const port of listOf(object, "ports")) setDefaults(port, { name: "", protocol: "TCP" });
  },
  validate: (object, old) => {
    const problems = [...supported(object, "addressType", "", ["IPv4", "IPv6", "FQDN"])];
    if (!object["addressType"]) problems.push(required("addressType"));
    if (old && old["addressType"] !== object["addressType"]) {
      problems.push(invalid("addressType", object["addressType"], "field is immutable"));
    }
    listOf(object, "endpoints").forEach((endpoint, index) => {
      if (listOf(endpoint, "addresses").length === 0) {
        problems.push(required(`endpoints[${index}].addresses`, "must contain at least 1 address"));
      }
    });
    return problems;
  },
});

export const serviceDefinitions: readonly ResourceDefinition[] = [services, endpoints];
export const discoveryDefinitions: readonly ResourceDefinition[] = [endpointSlices];
