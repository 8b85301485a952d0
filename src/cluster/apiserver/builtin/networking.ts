import type { KubeObject } from "../../../api/meta.ts";
import { ingressClassColumns, ingressColumns, networkPolicyColumns } from "../columns/network-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import { int, intOrString, list, str, struct } from "../schema/dsl.ts";
import { invalid, required } from "../schema/problems.ts";
import { builtin, ensure, type Fields, fieldsOf, listOf, setDefaults, typeOf } from "./define.ts";
import { PROTOCOLS, supported } from "./pod-validation.ts";
import { labelSelector, loadBalancerStatus, typedLocalReference } from "./shared-schema.ts";

const backend = struct("IngressBackend", {
  service: struct(
    "IngressServiceBackend",
    { name: str, port: struct("ServiceBackendPort", { name: str, number: int }) },
    ["name"],
  ),
  resource: typedLocalReference,
});

const ingresses = builtin(typeOf("networking.k8s.io", "v1", "Ingress", "ingresses"), {
  shortNames: ["ing"],
  hasStatus: true,
  generation: "spec",
  fields: {
    spec: struct("IngressSpec", {
      ingressClassName: str,
      defaultBackend: backend,
      tls: list(struct("IngressTLS", { hosts: list(str), secretName: str })),
      rules: list(
        struct("IngressRule", {
          host: str,
          http: struct(
            "HTTPIngressRuleValue",
            { paths: list(struct("HTTPIngressPath", { path: str, pathType: str, backend }, ["pathType", "backend"])) },
            ["paths"],
          ),
        }),
      ),
    }),
    status: struct("IngressStatus", { loadBalancer: loadBalancerStatus }),
  },
  columns: ingressColumns,
  applyDefaults: (object) => {
    ensure(object, "spec");
    ensure(ensure(object, "status"), "loadBalancer");
  },
  validate: validateIngress,
});

const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];

function validateIngress(ingress: KubeObject): readonly FieldProblem[] {
  const spec = fieldsOf(ingress, "spec") ?? {};
  const rules = listOf(spec, "rules");
  const defaultBackend = fieldsOf(spec, "defaultBackend");
  if (rules.length === 0 && !defaultBackend) {
    return [invalid("spec", rules, "either `defaultBackend` or `rules` must be specified")];
  }
  return [
    ...(defaultBackend ? validateBackend(defaultBackend, "spec.defaultBackend") : []),
    ...rules.flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)),
  ];
}

function validateRule(rule: Fields, path: string): readonly FieldProblem[] {
  const http = fieldsOf(rule, "http");
  if (!http) return [];
  const paths = listOf(http, "paths");
  if (paths.length === 0) return [required(`${path}.http.paths`)];
  return paths.flatMap((item, index) => {
    const itemPath = `${path}.http.paths[${index}]`;
    const { pathType, path: text } = item;
    const problems: FieldProblem[] = [];
    if (pathType === undefined) problems.push(required(`${itemPath}.pathType`, "pathType must be specified"));
    problems.push(...supported(item, "pathType", itemPath, PATH_TYPES));
    if (text !== undefined && text !== "" && !String(text).startsWith("/")) {
      problems.push(invalid(`${itemPath}.path`, text, "must be an absolute path"));
    }
    return [...problems, ...validateBackend(fieldsOf(item, "backend") ?? {}, `${itemPath}.backend`)];
  });
}

function validateBackend(value: Fields, path: string): readonly FieldProblem[] {
  const service = fieldsOf(value, "service");
  if (value["resource"] !== undefined) return [];
  if (!service) return [required(path, "resource or service backend is required")];
  const problems: FieldProblem[] = [];
  if (!service["name"]) problems.push(required(`${path}.service.name`));
  const port = fieldsOf(service, "port") ?? {};
  if (!port["name"] && !port["number"]) {
    problems.push(required(`${path}.service.port`, "port name or number is required"));
  }
  return problems;
}

const ingressClasses = builtin(typeOf("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false), {
  generation: "spec",
  fields: {
    spec: struct("IngressClassSpec", {
      controller: str,
      parameters: struct(
        "IngressClassParametersReference",
        { apiGroup: str, kind: str, name: str, scope: str, namespace: str },
        ["kind", "name"],
      ),
    }),
  },
  columns: ingressClassColumns,
  applyDefaults: (object) => {
    const parameters = fieldsOf(fieldsOf(object, "spec"), "parameters");
    if (parameters) setDefaults(parameters, { scope: "Cluster" });
  },
});

const peers = list(
  struct("NetworkPolicyPeer", {
    podSelector: labelSelector,
    namespaceSelector: labelSelector,
    ipBlock: struct("IPBlock", { cidr: str, except: list(str) }, ["cidr"]),
  }),
);
const policyPorts = list(struct("NetworkPolicyPort", { protocol: str, port: intOrString, endPort: int }));

const networkPolicies = builtin(typeOf("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"), {
  shortNames: ["netpol"],
  generation: "spec",
  fields: {
    spec: struct("NetworkPolicySpec", {
      podSelector: labelSelector,
      ingress: list(struct("NetworkPolicyIngressRule", { ports: policyPorts, from: peers })),
      egress: list(struct("NetworkPolicyEgressRule", { ports: policyPorts, to: peers })),
      policyTypes: list(str),
    }),
  },
  columns: networkPolicyColumns,
  applyDefaults: (object) => {
    const spec = ensure(object, "spec");
    spec["podSelector"] ??= {};
    spec["policyTypes"] ??= spec["egress"] === undefined ? ["Ingress"] : ["Ingress", "Egress"];
    for (const rule of [...listOf(spec, "ingress"), ...listOf(spec, "egress")]) {
      for (const port of listOf(rule, "ports")) setDefaults(port, { protocol: "TCP" });
    }
  },
  validate: (object) =>
    ["ingress", "egress"].flatMap((direction) =>
      listOf(fieldsOf(object, "spec"), direction).flatMap((rule, index) =>
        listOf(rule, "ports").flatMap((port, portIndex) =>
          supported(port, "protocol", `spec.${direction}[${index}].ports[${portIndex}]`, PROTOCOLS),
        ),
      ),
    ),
});

export const networkingDefinitions: readonly ResourceDefinition[] = [ingressClasses, ingresses, networkPolicies];
