import { deepEqual } from "../../../base/json.ts";
import { storageClassColumns, volumeClaimColumns, volumeColumns } from "../columns/core-columns.ts";
import type { ResourceDefinition, Schema } from "../resource.ts";
import { bool, list, listByKey, map, quantity, str, struct, time } from "../schema/dsl.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";
import { required } from "../schema/problems.ts";
import { builtin, ensure, fieldsOf, setDefaults, typeOf } from "./define.ts";
import { foreignVolumeFields, hostPathSource, nodeSelector, volumeClaimSpec } from "./pod-schema.ts";
import { condition, granularObjectReference } from "./shared-schema.ts";
import { immutable } from "./workload-rules.ts";

/** Claims, volumes and storage classes: stored and shown; nothing provisions them here. */

const claimStatus = struct("PersistentVolumeClaimStatus", {
  phase: str,
  accessModes: list(str),
  capacity: map(quantity),
  conditions: listByKey(condition("PersistentVolumeClaimCondition"), "type"),
  allocatedResources: map(quantity),
  allocatedResourceStatuses: map(str),
  currentVolumeAttributesClassName: str,
  modifyVolumeStatus: struct("ModifyVolumeStatus", { targetVolumeAttributesClassName: str, status: str }),
});

/** What a StatefulSet makes claims from. */
export const volumeClaimTemplate: Schema = struct("PersistentVolumeClaim", {
  apiVersion: str,
  kind: str,
  metadata: objectMetaSchema,
  spec: volumeClaimSpec,
  status: claimStatus,
});

const volumeClaims = builtin(typeOf("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"), {
  shortNames: ["pvc"],
  hasStatus: true,
  fields: { spec: volumeClaimSpec, status: claimStatus },
  columns: volumeClaimColumns,
  applyDefaults: (object) => {
    setDefaults(ensure(object, "spec"), { volumeMode: "Filesystem" });
    setDefaults(ensure(object, "status"), { phase: "Pending" });
  },
  validate: (object, old) => {
    const spec = fieldsOf(object, "spec") ?? {};
    const problems = [];
    if (!Array.isArray(spec["accessModes"]) || spec["accessModes"].length === 0) {
      problems.push(required("spec.accessModes", "at least 1 access mode is required"));
    }
    if (fieldsOf(fieldsOf(spec, "resources"), "requests")?.["storage"] === undefined) {
      problems.push(required("spec.resources[storage]"));
    }
    const oldSpec = old ? fieldsOf(old, "spec") : undefined;
    const isBound = oldSpec?.["volumeName"] !== undefined && !deepEqual(spec["volumeName"], oldSpec["volumeName"]);
    return [...problems, ...immutable(spec, oldSpec, isBound ? ["accessModes", "volumeName"] : ["accessModes"])];
  },
});

const volumes = builtin(typeOf("", "v1", "PersistentVolume", "persistentvolumes", false), {
  shortNames: ["pv"],
  hasStatus: true,
  fields: {
    spec: struct("PersistentVolumeSpec", {
      capacity: map(quantity),
      accessModes: list(str),
      claimRef: granularObjectReference,
      persistentVolumeReclaimPolicy: str,
      storageClassName: str,
      mountOptions: list(str),
      volumeMode: str,
      nodeAffinity: struct("VolumeNodeAffinity", { required: nodeSelector }),
      volumeAttributesClassName: str,
      hostPath: hostPathSource,
      local: struct("LocalVolumeSource", { path: str, fsType: str }, ["path"]),
      ...foreignVolumeFields,
    }),
    status: struct("PersistentVolumeStatus", { phase: str, message: str, reason: str, lastPhaseTransitionTime: time }),
  },
  columns: volumeColumns,
  applyDefaults: (object) => {
    setDefaults(ensure(object, "spec"), { volumeMode: "Filesystem", persistentVolumeReclaimPolicy: "Retain" });
    setDefaults(ensure(object, "status"), { phase: "Pending" });
  },
});

const storageClasses = builtin(typeOf("storage.k8s.io", "v1", "StorageClass", "storageclasses", false), {
  shortNames: ["sc"],
  fields: {
    provisioner: str,
    parameters: map(str),
    reclaimPolicy: str,
    mountOptions: list(str),
    allowVolumeExpansion: bool,
    volumeBindingMode: str,
    allowedTopologies: list(
      struct("TopologySelectorTerm", {
        matchLabelExpressions: list(
          struct("TopologySelectorLabelRequirement", { key: str, values: list(str) }, ["key", "values"]),
        ),
      }),
    ),
  },
  columns: storageClassColumns,
  applyDefaults: (object) => setDefaults(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
  validate: (object) => (object["provisioner"] ? [] : [required("provisioner")]),
});

export const volumeDefinitions: readonly ResourceDefinition[] = [volumeClaims, volumes];
export const storageDefinitions: readonly ResourceDefinition[] = [storageClasses];
