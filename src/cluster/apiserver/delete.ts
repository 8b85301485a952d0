import type { KubeObject } from "../../api/meta.ts";
import { addSeconds, formatTime, parseTime } from "../../base/time.ts";
import { requireDeletable, runPlugins } from "./admission.ts";
import type { WriteContext } from "./context.ts";
import { isFinished, namespaceFinalizers } from "./kind-rules.ts";
import { type ParsedDeleteOptions, parseDeleteOptions } from "./query.ts";
import { toServed } from "./registry.ts";
import type { ApiResult } from "./request.ts";
import { parseSelection } from "./selection.ts";
import { notFound, preconditionFailed, success } from "./statuses.ts";
import { answer, editableCopy } from "./write.ts";

export function deleteObject(context: WriteContext): ApiResult {
  const { kind, request } = context;
  const options = parseDeleteOptions(request.body, request.query);
  const stored = context.transaction.get(kind.table, request.namespace, request.name);
  if (!stored) throw notFound(kind.definition.type, request.name);
  const { object, isGone } = removeObject(context, stored, options);
  // K8S-103: pods always answer the Pod.
  if (!isGone || kind.table === "pods") return answer(context, 200, object);
  const { name, uid } = object.metadata;
  return { code: 200, object: success(kind.definition.type, name, uid), definition: null, warnings: context.warnings };
}

/** K8S-118: all or nothing, unlike the original, which stops half-way at the first refusal. */
export function deleteCollection(context: WriteContext): ApiResult {
  const { kind, request, transaction } = context;
  const { definition } = kind;
  const options = parseDeleteOptions(request.body, request.query);
  const selection = parseSelection(definition, request.query);
  const deleted = transaction
    .list(kind.table, request.namespace === "" ? null : request.namespace)
    .filter((stored) => selection.matches(toServed(kind, stored)))
    .map((stored) => removeObject(context, stored, options).object);
  const { group, version } = definition.type;
  const list = {
    kind: definition.listKind,
    apiVersion: group === "" ? version : `${group}/${version}`,
    metadata: { resourceVersion: String(context.store.revision) },
    items: deleted,
  };
  return answer(context, 200, list as unknown as KubeObject);
}

/**
 * Removes the object, or marks it as being deleted while finalizers or a grace period hold it (K8S-115…117).
 * Answers the last or the marked state in the version of the request.
 */
export function removeObject(
  context: WriteContext,
  stored: KubeObject,
  options: ParsedDeleteOptions,
): { readonly object: KubeObject; readonly isGone: boolean } {
  const { kind, transaction } = context;
  const { name, namespace = "" } = stored.metadata;
  const current = toServed(kind, stored);
  requirePreconditions(context, stored, options);
  requireDeletable(context, name);
  for (const plugins of ["mutating", "validating"] as const) {
    runPlugins(context, plugins, "DELETE", { name, object: null, oldObject: current });
  }
  const marked = markDeleted(context, stored, options);
  if (options.dryRun) return { object: toServed(kind, marked), isGone: isFinished(marked) };
  if (isFinished(marked)) {
    return {
      object: toServed(kind, transaction.delete(kind.table, namespace, name, unmarked(marked, stored))),
      isGone: true,
    };
  }
  if (marked === stored) return { object: current, isGone: false };
  return { object: toServed(kind, transaction.put(kind.table, marked)), isGone: false };
}

/** An object that goes at once is last seen as it was stored, without a deletion time of its own. */
function unmarked(marked: KubeObject, stored: KubeObject): KubeObject {
  return stored.metadata.deletionTimestamp === undefined ? stored : marked;
}

function requirePreconditions({ kind }: WriteContext, stored: KubeObject, options: ParsedDeleteOptions): void {
  const { name, uid, resourceVersion } = stored.metadata;
  const { type } = kind.definition;
  if (options.uid !== null && options.uid !== uid) {
    const detail = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw preconditionFailed(type, name, detail);
  }
  if (options.resourceVersion !== null && options.resourceVersion !== resourceVersion) {
    const detail = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw preconditionFailed(type, name, detail);
  }
}

/** The object with deletion time, grace and propagation finalizers; the stored object itself when nothing changes. */
function markDeleted(context: WriteContext, stored: KubeObject, options: ParsedDeleteOptions): KubeObject {
  const { kind, clock } = context;
  const marked = editableCopy(stored);
  const { metadata } = marked;
  const graceSeconds = kind.table === "pods" ? podGrace(stored, options) : 0;
  const former = stored.metadata.deletionTimestamp;
  const finalizers = propagationFinalizers(stored, options);
  if (former === undefined) {
    metadata.deletionTimestamp = formatTime(addSeconds(clock.now(), graceSeconds));
    metadata.deletionGracePeriodSeconds = graceSeconds;
    if (kind.definition.generation !== "none") metadata.generation = (metadata.generation ?? 0) + 1;
    if (namespaceFinalizers(stored).length > 0) {
      marked["status"] = { ...(stored["status"] as object | undefined), phase: "Terminating" };
    }
  } else {
    const formerGrace = metadata.deletionGracePeriodSeconds ?? 0;
    const isShorter = graceSeconds < formerGrace;
    // The propagation of an object that is on its way out may still be changed; its deletion time only moves earlier.
    if (!isShorter && finalizers === (stored.metadata.finalizers ?? none)) return stored;
    if (isShorter) {
      metadata.deletionTimestamp = formatTime(addSeconds(parseTime(former) ?? clock.now(), graceSeconds - formerGrace));
      metadata.deletionGracePeriodSeconds = graceSeconds;
    }
  }
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  return marked;
}

const POD_GRACE_SECONDS = 30;

/** K8S-116: nothing runs of a pod without a node or past its end, so there is nothing to wait for. */
function podGrace(pod: KubeObject, { gracePeriodSeconds }: ParsedDeleteOptions): number {
  const spec = (pod["spec"] ?? {}) as { nodeName?: string; terminationGracePeriodSeconds?: number };
  const { phase } = (pod["status"] ?? {}) as { phase?: string };
  if (!spec.nodeName || phase === "Succeeded" || phase === "Failed") return 0;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (gracePeriodSeconds === null && deletionTimestamp !== undefined) return deletionGracePeriodSeconds ?? 0;
  return gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? POD_GRACE_SECONDS;
}

const none: readonly string[] = [];

/** K8S-117. The stored list itself when nothing changes. */
function propagationFinalizers(stored: KubeObject, { propagation }: ParsedDeleteOptions): readonly string[] {
  const finalizers = stored.metadata.finalizers ?? none;
  if (propagation === null) return finalizers;
  const wanted = propagation === "Orphan" ? "orphan" : propagation === "Foreground" ? "foregroundDeletion" : null;
  const others = finalizers.filter((finalizer) => finalizer !== "orphan" && finalizer !== "foregroundDeletion");
  const next = wanted === null ? others : [...others, wanted];
  const isSame = next.length === finalizers.length && next.every((finalizer) => finalizers.includes(finalizer));
  return isSame ? finalizers : next;
}
