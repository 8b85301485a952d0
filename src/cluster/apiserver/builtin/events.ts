import type { KubeObject } from "../../../api/meta.ts";
import type { Converter } from "../../../kube/admission.ts";
import { resources } from "../../../kube/resource.ts";
import { eventColumns } from "../columns/core-columns.ts";
import type { ResourceDefinition } from "../resource.ts";
import { int, str, struct, time } from "../schema/dsl.ts";
import { invalid } from "../schema/problems.ts";
import { builtin, type Fields, fieldsOf, typeOf } from "./define.ts";
import { objectReference } from "./shared-schema.ts";

/** Events: one table that is served in two shapes, core/v1 (stored) and events.k8s.io/v1. */

const series = struct("EventSeries", { count: int, lastObservedTime: time });
const source = struct("EventSource", { component: str, host: str });

const coreEvents = builtin(resources.events, {
  shortNames: ["ev"],
  createOnUpdate: true,
  selectableFields: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  fields: {
    involvedObject: objectReference,
    reason: str,
    message: str,
    source,
    firstTimestamp: time,
    lastTimestamp: time,
    count: int,
    type: str,
    eventTime: time,
    series,
    action: str,
    related: objectReference,
    reportingComponent: str,
    reportingInstance: str,
  },
  columns: eventColumns,
  validate: (event) => {
    const involved = fieldsOf(event, "involvedObject")?.["namespace"] ?? "";
    const own = event.metadata.namespace ?? "";
    // Events of cluster-scoped objects live in the namespace `default`.
    const isHome = involved === own || (involved === "" && own === "default");
    return isHome ? [] : [invalid("involvedObject.namespace", involved, "does not match event.namespace")];
  },
});

const newEvents = builtin(typeOf("events.k8s.io", "v1", "Event", "events"), {
  shortNames: ["ev"],
  createOnUpdate: true,
  selectableFields: ["reason", "reportingController", "type", "regarding.kind", "regarding.name", "regarding.uid"],
  fields: {
    eventTime: time,
    series,
    reportingController: str,
    reportingInstance: str,
    action: str,
    reason: str,
    regarding: objectReference,
    related: objectReference,
    note: str,
    type: str,
    deprecatedSource: source,
    deprecatedFirstTimestamp: time,
    deprecatedLastTimestamp: time,
    deprecatedCount: int,
  },
  columns: eventColumns,
});

/** Names of the same field: in core/v1, and in events.k8s.io/v1. */
const renamedFields: readonly (readonly [core: string, renamed: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];

/** To the other of the two shapes: both call their version v1, so the object's own says which way to go. */
export const convertEvent: Converter = (object) => {
  const toCore = object.apiVersion !== "v1";
  const result: Fields = {};
  const names = new Map(renamedFields.map(([core, renamed]) => (toCore ? [renamed, core] : [core, renamed])));
  for (const [key, value] of Object.entries(object)) result[names.get(key) ?? key] = value;
  result["apiVersion"] = toCore ? "v1" : "events.k8s.io/v1";
  return result as KubeObject;
};

export const coreEventDefinitions: readonly ResourceDefinition[] = [coreEvents];
export const eventDefinitions: readonly ResourceDefinition[] = [newEvents];
