import type { KubeObject } from "../../../api/meta.ts";
import { deepEqual } from "../../../base/json.ts";
import { configKeyProblems } from "../../../kube/names.ts";
import { resources } from "../../../kube/resource.ts";
import {
  configMapColumns,
  createdColumns,
  namespaceColumns,
  nodeColumns,
  resourceQuotaColumns,
  secretColumns,
  serviceAccountColumns,
} from "../columns/core-columns.ts";
import { replicationControllerColumns } from "../columns/workload-columns.ts";
import type { FieldProblem, ResourceDefinition } from "../resource.ts";
import {
  atomic,
  bool,
  bytes,
  int,
  list,
  listByKey,
  long,
  map,
  open,
  quantity,
  setOf,
  str,
  struct,
  time,
} from "../schema/dsl.ts";
import { forbidden, invalid, required, tooLong } from "../schema/problems.ts";
import { allVerbs, builtin, ensure, fieldsOf, replicaScale, setDefaults, typeOf } from "./define.ts";
import { podTemplate } from "./pod-schema.ts";
import { defaultTemplate } from "./pods.ts";
import { condition, localReference, objectReference } from "./shared-schema.ts";

/** core/v1 without pods, services, events and storage. */

/** core/v1 MaxSecretSize; ConfigMaps have the same limit. */
const DATA_BYTES_MAX = 1024 * 1024;

const configMaps = builtin(resources.configMaps, {
  shortNames: ["cm"],
  fields: { data: map(str), binaryData: map(bytes), immutable: bool },
  columns: configMapColumns,
  validate: (object, old) => [
    ...validateData(object, ["data", "binaryData"]),
    ...validateImmutable(object, old, ["data", "binaryData"]),
  ],
});

function validateData(object: KubeObject, fields: readonly string[]): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  let size = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(fieldsOf(object, field) ?? {})) {
      problems.push(...configKeyProblems(key).map((problem) => invalid(`${field}[${key}]`, key, problem)));
      size += Buffer.byteLength(String(value));
    }
  }
  if (size > DATA_BYTES_MAX) problems.push(tooLong("", DATA_BYTES_MAX));
  return problems;
}

/** K8S-100: once immutable, for ever immutable. */
function validateImmutable(
  object: KubeObject,
  old: KubeObject | null,
  fields: readonly string[],
): readonly FieldProblem[] {
  if (old?.["immutable"] !== true) return [];
  const text = "field is immutable when `immutable` is set";
  const problems = fields
    .filter((field) => !deepEqual(object[field] ?? {}, old[field] ?? {}))
    .map((field) => forbidden(field, text));
  return object["immutable"] === true ? problems : [forbidden("immutable", text), ...problems];
}

const secrets = builtin(resources.secrets, {
  selectableFields: ["type"],
  fields: { data: map(bytes), stringData: map(str), type: str, immutable: bool },
  columns: secretColumns,
  applyDefaults: defaultSecret,
  validate: validateSecret,
});

/** K8S-189: stringData is only a way to write data. */
function defaultSecret(object: KubeObject): void {
  setDefaults(object, { type: "Opaque" });
  const texts = fieldsOf(object, "stringData");
  delete object["stringData"];
  if (!texts) return;
  const data = ensure(object, "data");
  for (const [key, text] of Object.entries(texts)) data[key] = Buffer.from(String(text), "utf8").toString("base64");
}

/** Keys that secrets of a type must have. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
};

function validateSecret(object: KubeObject, old: KubeObject | null): readonly FieldProblem[] {
  const data = fieldsOf(object, "data") ?? {};
  const problems = [...validateData(object, ["data"]), ...validateImmutable(object, old, ["data"])];
  for (const key of requiredKeys[String(object["type"])] ?? []) {
    if (data[key] === undefined) problems.push(required(`data[${key}]`));
  }
  for (const [key, value] of Object.entries(data)) {
    if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(String(value))) {
      problems.push(invalid(`data[${key}]`, "<secret contents redacted>", "illegal base64 data"));
    }
  }
  if (old && old["type"] !== object["type"]) problems.push(invalid("type", object["type"], "field is immutable"));
  return problems;
}

const NAMESPACE_LABEL = "kubernetes.io/metadata.name";

const namespaces = builtin(resources.namespaces, {
  shortNames: ["ns"],
  // Deleting all namespaces in one request is not offered (section 12).
  verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
  hasStatus: true,
  subresources: ["finalize"],
  nameRule: "dns-label",
  selectableFields: ["status.phase"],
  fields: {
    spec: struct("NamespaceSpec", { finalizers: list(str) }),
    status: struct("NamespaceStatus", { phase: str, conditions: listByKey(condition("NamespaceCondition"), "type") }),
  },
  columns: namespaceColumns,
  applyDefaults: (object) => {
    const { metadata } = object;
    if (metadata.name) metadata.labels = { ...metadata.labels, [NAMESPACE_LABEL]: metadata.name };
    setDefaults(ensure(object, "status"), { phase: "Active" });
    // A namespace on its way out loses this finalizer once it is empty, and must not get it back.
    const isLeaving = metadata.deletionTimestamp !== undefined;
    const spec = ensure(object, "spec");
    if (!isLeaving) spec["finalizers"] ??= ["kubernetes"];
  },
});

const nodes = builtin(resources.nodes, {
  shortNames: ["no"],
  hasStatus: true,
  selectableFields: ["spec.unschedulable"],
  fields: {
    spec: struct("NodeSpec", {
      podCIDR: str,
      podCIDRs: setOf(str),
      providerID: str,
      unschedulable: bool,
      taints: list(struct("Taint", { key: str, value: str, effect: str, timeAdded: time }, ["key", "effect"])),
      configSource: open,
      externalID: str,
    }),
    status: struct("NodeStatus", {
      capacity: map(quantity),
      allocatable: map(quantity),
      phase: str,
      conditions: listByKey(condition("NodeCondition"), "type"),
      addresses: listByKey(struct("NodeAddress", { type: str, address: str }, ["type", "address"]), "type"),
      daemonEndpoints: struct("NodeDaemonEndpoints", {
        kubeletEndpoint: struct("DaemonEndpoint", { Port: int }, ["Port"]),
      }),
      nodeInfo: struct("NodeSystemInfo", {
        machineID: str,
        systemUUID: str,
        bootID: str,
        kernelVersion: str,
        osImage: str,
        containerRuntimeVersion: str,
        kubeletVersion: str,
        kubeProxyVersion: str,
        operatingSystem: str,
        architecture: str,
        swap: open,
      }),
      images: list(struct("ContainerImage", { names: list(str), sizeBytes: long })),
      volumesInUse: list(str),
      volumesAttached: list(open),
      config: open,
      runtimeHandlers: list(open),
      features: open,
    }),
  },
  columns: nodeColumns,
});

const serviceAccounts = builtin(resources.serviceAccounts, {
  shortNames: ["sa"],
  fields: {
    secrets: listByKey(objectReference, "name"),
    imagePullSecrets: list(localReference),
    automountServiceAccountToken: bool,
  },
  columns: serviceAccountColumns,
});

const replicationControllers = builtin(typeOf("", "v1", "ReplicationController", "replicationcontrollers"), {
  shortNames: ["rc"],
  categories: ["all"],
  hasStatus: true,
  scale: replicaScale,
  generation: "spec",
  selectableFields: ["status.replicas"],
  fields: {
    spec: struct("ReplicationControllerSpec", {
      replicas: int,
      minReadySeconds: int,
      selector: atomic(map(str)),
      template: podTemplate,
    }),
    status: struct("ReplicationControllerStatus", {
      replicas: int,
      fullyLabeledReplicas: int,
      readyReplicas: int,
      availableReplicas: int,
      observedGeneration: long,
      conditions: listByKey(condition("ReplicationControllerCondition"), "type"),
    }),
  },
  columns: replicationControllerColumns,
  applyDefaults: (object) => {
    const spec = ensure(object, "spec");
    setDefaults(spec, { replicas: 1 });
    const labels = fieldsOf(fieldsOf(fieldsOf(spec, "template"), "metadata"), "labels");
    if (labels) spec["selector"] ??= { ...labels };
    defaultTemplate(fieldsOf(spec, "template"));
  },
});

const resourceQuotas = builtin(typeOf("", "v1", "ResourceQuota", "resourcequotas"), {
  shortNames: ["quota"],
  hasStatus: true,
  fields: {
    spec: struct("ResourceQuotaSpec", { hard: map(quantity), scopes: list(str), scopeSelector: open }),
    status: struct("ResourceQuotaStatus", { hard: map(quantity), used: map(quantity) }),
  },
  columns: resourceQuotaColumns,
});

const limitRanges = builtin(typeOf("", "v1", "LimitRange", "limitranges"), {
  shortNames: ["limits"],
  createOnUpdate: true,
  fields: {
    spec: struct("LimitRangeSpec", {
      limits: list(
        struct("LimitRangeItem", {
          type: str,
          max: map(quantity),
          min: map(quantity),
          default: map(quantity),
          defaultRequest: map(quantity),
          maxLimitRequestRatio: map(quantity),
        }),
      ),
    }),
  },
  columns: createdColumns,
});

/** Only created, never stored: the older way to say pods/binding. */
const bindings = builtin(typeOf("", "v1", "Binding", "bindings"), {
  verbs: ["create"],
  fields: { target: objectReference },
});

export const coreDefinitions: readonly ResourceDefinition[] = [
  bindings,
  configMaps,
  limitRanges,
  namespaces,
  nodes,
  replicationControllers,
  resourceQuotas,
  secrets,
  serviceAccounts,
];
