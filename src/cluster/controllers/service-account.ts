import type { KubeObject } from "../../api/meta.ts";
import { deepEqual } from "../../base/json.ts";
import { isTerminating } from "../../kube/pods.ts";
import { resources } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan, type Write } from "../../runtime/plan.ts";

const CONFIG_MAP_NAME = "kube-root-ca.crt";

export interface NamespaceDefaultsView {
  readonly namespace: KubeObject;
  readonly serviceAccount: KubeObject | null;
  readonly configMap: KubeObject | null;
}

/** Every active namespace has ServiceAccount `default` and the cluster's CA certificate at hand (K8S-202). */
export function namespaceDefaultsController(rootCertificate: string): Controller<NamespaceDefaultsView> {
  const namespaceIfNamed = (name: string) => (object: KubeObject) =>
    object.metadata.name === name ? [object.metadata.namespace ?? ""] : [];
  return {
    name: "namespace-defaults-controller",
    watches: [
      { type: resources.namespaces, keysOf: ({ metadata }) => [metadata.name] },
      { type: resources.serviceAccounts, keysOf: namespaceIfNamed("default") },
      { type: resources.configMaps, keysOf: namespaceIfNamed(CONFIG_MAP_NAME) },
    ],
    gather({ name }, cache) {
      const namespace = cache.get(resources.namespaces, { namespace: "", name });
      if (!namespace || isTerminating(namespace)) return null;
      return {
        namespace,
        serviceAccount: cache.get(resources.serviceAccounts, { namespace: name, name: "default" }),
        configMap: cache.get(resources.configMaps, { namespace: name, name: CONFIG_MAP_NAME }),
      };
    },
    reconcile: (view) => reconcile(view, rootCertificate),
  };
}

function reconcile({ namespace, serviceAccount, configMap }: NamespaceDefaultsView, rootCertificate: string): Plan {
  const writes: Write[] = [];
  if (!serviceAccount) {
    const metadata = { name: "default", namespace: namespace.metadata.name };
    const object = { apiVersion: "v1", kind: "ServiceAccount", metadata };
    writes.push({ op: "create", type: resources.serviceAccounts, object });
  }
  const data = { "ca.crt": rootCertificate };
  if (!configMap) {
    const object = makeConfigMap(namespace.metadata.name, data);
    writes.push({ op: "create", type: resources.configMaps, object });
  } else if (!deepEqual(configMap["data"], data)) {
    writes.push({ op: "update", type: resources.configMaps, object: { ...configMap, data } });
  }
  return { ...emptyPlan, writes };
}

function makeConfigMap(namespace: string, data: Record<string, string>): KubeObject {
  const annotations = {
    "kubernetes.io/description":
      "Holds the certificate authority with which clients in this namespace check the API server.",
  };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: CONFIG_MAP_NAME, namespace, annotations }, data };
}
