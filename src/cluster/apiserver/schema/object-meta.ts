import type { Schema } from "../resource.ts";
import { any, atomic, bool, list, listByKey, long, map, setOf, str, struct, time } from "./dsl.ts";

const ownerReferenceSchema = atomic(
  struct(
    "OwnerReference",
    { apiVersion: str, kind: str, name: str, uid: str, controller: bool, blockOwnerDeletion: bool },
    ["apiVersion", "kind", "name", "uid"],
  ),
);

const managedFieldsSchema = struct("ManagedFieldsEntry", {
  manager: str,
  operation: str,
  apiVersion: str,
  time,
  fieldsType: str,
  fieldsV1: any,
  subresource: str,
});

/** What every kind's metadata is pruned to (K8S-153). */
export const objectMetaSchema: Schema = struct("ObjectMeta", {
  name: str,
  generateName: str,
  namespace: str,
  selfLink: str,
  uid: str,
  resourceVersion: str,
  generation: long,
  creationTimestamp: time,
  deletionTimestamp: time,
  deletionGracePeriodSeconds: long,
  labels: map(str),
  annotations: map(str),
  ownerReferences: listByKey(ownerReferenceSchema, "uid"),
  finalizers: setOf(str),
  managedFields: list(managedFieldsSchema),
});
