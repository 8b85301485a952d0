import type { Condition, KubeObject } from "../../api/meta.ts";
import { deepCopy, isRecord } from "../../base/json.ts";
import { memberPath } from "../../kube/json-path.ts";
import { setCondition } from "../../kube/pods.ts";
import { resources } from "../../kube/resource.ts";
import { formatLabelSelector } from "../../kube/selector.ts";
import type { WriteContext } from "./context.ts";
import { toServed } from "./registry.ts";
import type { ApiResult } from "./request.ts";
import type { ScalePaths } from "./resource.ts";
import { badRequest, conflict, MODIFIED, notFound, plainSuccess, unknownResource } from "./statuses.ts";
import { editableCopy, finishUpdate } from "./write.ts";

/**
 * Subresources with a shape of their own, besides evictions (eviction.ts). `/status` is not here: it is an update of the
 * object (write.ts).
 */

/** K8S-113: autoscaling/v1 Scale, read from the paths that the kind names. */
export function toScale(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selectorText = paths.labelSelector === null ? "" : selectorTextOf(readPath(object, paths.labelSelector));
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject["metadata"];
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata,
    spec: { replicas: countAt(object, paths.specReplicas) },
    status: {
      replicas: countAt(object, paths.statusReplicas),
      ...(selectorText === "" ? {} : { selector: selectorText }),
    },
  };
}

/** Custom kinds hold a text; built-in ones a label selector, or the bare labels of a ReplicationController. */
function selectorTextOf(selector: unknown): string {
  if (typeof selector === "string") return selector;
  if (!isRecord(selector)) return "";
  const isBare = Object.values(selector).every((value) => typeof value === "string");
  return formatLabelSelector(isBare ? { matchLabels: selector as Record<string, string> } : selector);
}

/** PUT or PATCH of `/scale`: nothing but the replica count changes. */
export function updateScale(context: WriteContext, bodyOf: (scale: KubeObject) => unknown): ApiResult {
  const { kind, request } = context;
  const { definition } = kind;
  const { stored, current } = requireObject(context);
  const paths = definition.scale;
  if (!paths) throw unknownResource();
  const body = bodyOf(toScale(current, paths));
  if (!isRecord(body)) throw badRequest("the object provided is unrecognized (must be of type Scale)");
  const sent = (isRecord(body["metadata"]) ? body["metadata"] : {}) as Partial<KubeObject["metadata"]>;
  if (sent.name !== undefined && sent.name !== request.name) {
    throw badRequest(`the name of the object (${sent.name}) does not match the name on the URL (${request.name})`);
  }
  if (sent.resourceVersion && sent.resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(definition.type, request.name, MODIFIED);
  }
  const replicas = isRecord(body["spec"]) ? (body["spec"]["replicas"] ?? 0) : 0;
  if (!Number.isInteger(replicas)) throw badRequest("Scale.spec.replicas must be an integer");
  const next = deepCopy(current);
  writePath(next, paths.specReplicas, replicas);
  const result = finishUpdate(context, { stored, current, next });
  return { ...result, object: toScale(result.object, paths), definition: null };
}

/** POST pods/NAME/binding: the scheduler's choice of a node. */
export function bindPod(context: WriteContext): ApiResult {
  const { request, clock } = context;
  const { stored, current } = requireObject(context);
  const target = isRecord(request.body) && isRecord(request.body["target"]) ? request.body["target"] : {};
  const node = target["name"];
  if (typeof node !== "string" || node === "") throw badRequest("target.name: Required value");
  const spec = current["spec"] as { nodeName?: string };
  const { name, deletionTimestamp } = current.metadata;
  const refuse = (detail: string) => conflict({ ...resources.pods, plural: "pods/binding" }, name, detail);
  if (deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node "${spec.nodeName}"`);
  const status = current["status"] as { conditions?: readonly Condition[] } | undefined;
  const conditions = setCondition(status?.conditions, { type: "PodScheduled", status: "True" }, clock.now());
  const next = {
    ...editableCopy(current),
    spec: { ...spec, nodeName: node },
    status: { ...status, conditions },
  };
  // Stored without validation: a pod's spec is immutable to everyone but the scheduler.
  if (!context.dryRun) context.transaction.put(context.kind.table, { ...next, metadata: { ...stored.metadata } });
  return { code: 201, object: plainSuccess(201), definition: null, warnings: context.warnings };
}

/** PUT namespaces/NAME/finalize: only `spec.finalizers` changes; the last one to go takes the namespace with it. */
export function finalizeNamespace(context: WriteContext, bodyOf: (current: KubeObject) => unknown): ApiResult {
  const { stored, current } = requireObject(context);
  const body = bodyOf(current);
  const sent = (isRecord(body) && isRecord(body["metadata"]) ? body["metadata"] : {}) as Partial<
    KubeObject["metadata"]
  >;
  if (sent.resourceVersion && sent.resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(context.kind.definition.type, context.request.name, MODIFIED);
  }
  const spec = isRecord(body) && isRecord(body["spec"]) ? body["spec"] : {};
  const { finalizers: _dropped, ...otherSpec } = (current["spec"] ?? {}) as Record<string, unknown>;
  const finalizers = Array.isArray(spec["finalizers"]) ? spec["finalizers"] : [];
  const next = {
    ...editableCopy(current),
    spec: finalizers.length === 0 ? otherSpec : { ...otherSpec, finalizers },
  };
  return finishUpdate(context, { stored, current, next });
}

export function requireObject({ kind, request, transaction }: WriteContext): {
  stored: KubeObject;
  current: KubeObject;
} {
  const stored = transaction.get(kind.table, request.namespace, request.name);
  if (!stored) throw notFound(kind.definition.type, request.name);
  return { stored, current: toServed(kind, stored) };
}

function countAt(object: KubeObject, path: string): number {
  const value = readPath(object, path);
  return typeof value === "number" ? value : 0;
}

function readPath(object: KubeObject, path: string): unknown {
  let value: unknown = object;
  for (const part of memberPath(path) ?? []) value = isRecord(value) ? value[part] : undefined;
  return value;
}

export function writePath(object: KubeObject, path: string, value: unknown): void {
  const parts = memberPath(path) ?? [];
  let target: Record<string, unknown> = object;
  for (const part of parts.slice(0, -1)) {
    if (!isRecord(target[part])) target[part] = {};
    target = target[part] as Record<string, unknown>;
  }
  target[parts.at(-1)!] = value;
}
