import type { KubeObject } from "../../../api/meta.ts";
import { type Instant, parseTime } from "../../../base/time.ts";
import type { TableColumn } from "../resource.ts";
import {
  ageColumn,
  ageSince,
  at,
  column,
  count,
  createdAtColumn,
  integer,
  items,
  labelsText,
  nameColumn,
  orNone,
  sizeOf,
  text,
  texts,
  wide,
  workloadColumns,
} from "./cells.ts";

/** Columns of the core group's smaller kinds, and of the groups that are mostly lists of names. */

export const configMapColumns: readonly TableColumn[] = [
  nameColumn,
  column("Data", (object) => sizeOf(object, "data") + sizeOf(object, "binaryData")),
  ageColumn,
];

export const secretColumns: readonly TableColumn[] = [
  nameColumn,
  column("Type", (object) => text(object, "type")),
  column("Data", (object) => sizeOf(object, "data")),
  ageColumn,
];

export const namespaceColumns: readonly TableColumn[] = [
  nameColumn,
  column("Status", (object) => text(object, "status.phase")),
  ageColumn,
];

export const serviceAccountColumns: readonly TableColumn[] = [
  nameColumn,
  column("Secrets", (object) => sizeOf(object, "secrets")),
  ageColumn,
];

export const nodeColumns: readonly TableColumn[] = [
  nameColumn,
  column("Status", nodeStatus),
  column("Roles", nodeRoles),
  ageColumn,
  column("Version", (object) => text(object, "status.nodeInfo.kubeletVersion")),
  wide("Internal-IP", (object) => nodeAddress(object, "InternalIP")),
  wide("External-IP", (object) => nodeAddress(object, "ExternalIP")),
  wide("OS-Image", (object) => text(object, "status.nodeInfo.osImage", "<unknown>")),
  wide("Kernel-Version", (object) => text(object, "status.nodeInfo.kernelVersion", "<unknown>")),
  wide("Container-Runtime", (object) => text(object, "status.nodeInfo.containerRuntimeVersion", "<unknown>")),
];

function nodeStatus(node: KubeObject): string {
  const ready = items(node, "status.conditions").find(({ type }) => type === "Ready");
  const status = ready === undefined ? "Unknown" : ready["status"] === "True" ? "Ready" : "NotReady";
  return at(node, "spec.unschedulable") === true ? `${status},SchedulingDisabled` : status;
}

function nodeRoles({ metadata }: KubeObject): string {
  const prefix = "node-role.kubernetes.io/";
  const roles = Object.keys(metadata.labels ?? {})
    .filter((label) => label.startsWith(prefix))
    .map((label) => label.slice(prefix.length));
  return orNone(roles.sort().join(","));
}

function nodeAddress(node: KubeObject, type: string): string {
  const address = items(node, "status.addresses").find((entry) => entry["type"] === type);
  return text(address, "address", "<none>");
}

export const eventColumns: readonly TableColumn[] = [
  column("Last Seen", (event, now) => lastSeen(event, now)),
  column("Type", (event) => text(event, "type")),
  column("Reason", (event) => text(event, "reason")),
  column("Object", (event) => {
    const target = at(event, "involvedObject") ?? at(event, "regarding");
    return `${text(target, "kind").toLowerCase()}/${text(target, "name")}`;
  }),
  wide("Subobject", (event) => text(event, "involvedObject.fieldPath", text(event, "regarding.fieldPath"))),
  wide("Source", eventSource),
  column("Message", (event) => text(event, "message", text(event, "note")).trim()),
  wide("First Seen", (event, now) => firstSeen(event, now)),
  wide(
    "Count",
    (event) => count(event, "series.count") || count(event, "count") || count(event, "deprecatedCount") || 1,
  ),
  { ...wide("Name", (event) => event.metadata.name), format: "name" },
];

function firstSeen(event: KubeObject, now: Instant): string {
  const times = ["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"].map((path) => text(event, path));
  return ageSince(
    times.find((time) => parseTime(time) !== null),
    now,
  );
}

function lastSeen(event: KubeObject, now: Instant): string {
  const paths = ["series.lastObservedTime", "lastTimestamp", "deprecatedLastTimestamp", "eventTime"];
  const time = paths.map((path) => text(event, path)).find((text) => parseTime(text) !== null);
  return time === undefined ? firstSeen(event, now) : ageSince(time, now);
}

function eventSource(event: KubeObject): string {
  const component = text(
    event,
    "source.component",
    text(event, "deprecatedSource.component", text(event, "reportingComponent", text(event, "reportingController"))),
  );
  const host = text(event, "source.host", text(event, "reportingInstance"));
  return host === "" ? component : `${component}, ${host}`;
}

export const podTemplateColumns: readonly TableColumn[] = [
  nameColumn,
  ...workloadColumns("template.spec", () => "")
    .slice(0, 2)
    .map((item) => ({ ...item, priority: 0 })),
  column("Pod Labels", (object) => labelsText(object, "template.metadata.labels")),
];

export const resourceQuotaColumns: readonly TableColumn[] = [
  nameColumn,
  column("Request", (object) => quotaText(object, (name) => !name.startsWith("limits."))),
  column("Limit", (object) => quotaText(object, (name) => name.startsWith("limits."))),
  ageColumn,
];

function quotaText(quota: KubeObject, isWanted: (name: string) => boolean): string {
  const hard = at(quota, "status.hard") ?? at(quota, "spec.hard") ?? {};
  const used = (at(quota, "status.used") ?? {}) as Record<string, unknown>;
  return Object.entries(hard)
    .filter(([name]) => isWanted(name))
    .map(([name, value]) => `${name}: ${String(used[name] ?? 0)}/${String(value)}`)
    .sort()
    .join(", ");
}

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

const accessModes = (object: KubeObject, path: string) =>
  texts(object, path)
    .map((mode) => ACCESS_MODES[mode] ?? mode)
    .join(",");

export const volumeClaimColumns: readonly TableColumn[] = [
  nameColumn,
  column("Status", (object) =>
    object.metadata.deletionTimestamp === undefined ? text(object, "status.phase") : "Terminating",
  ),
  column("Volume", (object) => text(object, "spec.volumeName")),
  column("Capacity", (object) => text(object, "status.capacity.storage")),
  column("Access Modes", (object) => accessModes(object, "status.accessModes")),
  column("StorageClass", (object) => text(object, "spec.storageClassName")),
  column("VolumeAttributesClass", (object) => text(object, "spec.volumeAttributesClassName", "<unset>")),
  ageColumn,
  wide("VolumeMode", (object) => text(object, "spec.volumeMode", "<unset>")),
];

export const volumeColumns: readonly TableColumn[] = [
  nameColumn,
  column("Capacity", (object) => text(object, "spec.capacity.storage")),
  column("Access Modes", (object) => accessModes(object, "spec.accessModes")),
  column("Reclaim Policy", (object) => text(object, "spec.persistentVolumeReclaimPolicy")),
  column("Status", (object) => text(object, "status.phase")),
  column("Claim", (object) => {
    const name = text(object, "spec.claimRef.name");
    return name === "" ? "" : `${text(object, "spec.claimRef.namespace")}/${name}`;
  }),
  column("StorageClass", (object) => text(object, "spec.storageClassName")),
  column("VolumeAttributesClass", (object) => text(object, "spec.volumeAttributesClassName", "<unset>")),
  column("Reason", (object) => text(object, "status.reason")),
  ageColumn,
  wide("VolumeMode", (object) => text(object, "spec.volumeMode", "<unset>")),
];

const DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class";

export const storageClassColumns: readonly TableColumn[] = [
  {
    ...nameColumn,
    cell: ({ metadata }) => metadata.name + (metadata.annotations?.[DEFAULT_CLASS] === "true" ? " (default)" : ""),
  },
  column("Provisioner", (object) => text(object, "provisioner")),
  column("ReclaimPolicy", (object) => text(object, "reclaimPolicy", "Delete")),
  column("VolumeBindingMode", (object) => text(object, "volumeBindingMode", "Immediate")),
  column("AllowVolumeExpansion", (object) => at(object, "allowVolumeExpansion") === true, { type: "boolean" }),
  ageColumn,
];

export const leaseColumns: readonly TableColumn[] = [
  nameColumn,
  column("Holder", (object) => text(object, "spec.holderIdentity")),
  ageColumn,
];

export const priorityClassColumns: readonly TableColumn[] = [
  nameColumn,
  integer("Value", "value"),
  column("Global-Default", (object) => at(object, "globalDefault") === true, { type: "boolean" }),
  ageColumn,
  column("PreemptionPolicy", (object) => text(object, "preemptionPolicy")),
];

export const createdColumns: readonly TableColumn[] = [nameColumn, createdAtColumn];

export const roleBindingColumns: readonly TableColumn[] = [
  nameColumn,
  column("Role", (object) => `${text(object, "roleRef.kind")}/${text(object, "roleRef.name")}`),
  ageColumn,
  wide("Users", (object) => subjects(object, "User")),
  wide("Groups", (object) => subjects(object, "Group")),
  wide("ServiceAccounts", (object) => subjects(object, "ServiceAccount")),
];

function subjects(binding: KubeObject, kind: string): string {
  return items(binding, "subjects")
    .filter((subject) => subject["kind"] === kind)
    .map((subject) => (kind === "ServiceAccount" ? `${text(subject, "namespace")}/` : "") + text(subject, "name"))
    .join(", ");
}

export const webhookConfigurationColumns: readonly TableColumn[] = [
  nameColumn,
  column("Webhooks", (object) => sizeOf(object, "webhooks"), { type: "integer" }),
  ageColumn,
];

export const apiServiceColumns: readonly TableColumn[] = [
  nameColumn,
  column("Service", (object) => {
    const name = text(object, "spec.service.name");
    return name === "" ? "Local" : `${text(object, "spec.service.namespace")}/${name}`;
  }),
  column("Available", (object) => {
    const condition = items(object, "status.conditions").find(({ type }) => type === "Available");
    const status = text(condition, "status", "Unknown");
    return status === "True" ? status : `${status} (${text(condition, "reason")})`;
  }),
  ageColumn,
];
