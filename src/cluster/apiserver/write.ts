import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, deepEqual } from "../../base/json.ts";
import { randomName, randomUuid } from "../../base/random.ts";
import { formatTime } from "../../base/time.ts";
import { failure } from "../../kube/errors.ts";
import { requireActiveNamespace, runPlugins } from "./admission.ts";
import type { WriteContext } from "./context.ts";
import { decodeObject } from "./decode.ts";
import { dropsStatusOnCreate, isFinished, prepareByKind } from "./kind-rules.ts";
import { fieldOwnership } from "./lazy-apply.ts";
import { carryMetadata, changesGeneration, validateMetadata } from "./metadata.ts";
import { parseWriteOptions } from "./query.ts";
import { toServed, toStored } from "./registry.ts";
import type { ApiResult } from "./request.ts";
import type { FieldProblem, ResourceDefinition } from "./resource.ts";
import { applySchemaDefaults } from "./schema/index.ts";
import { alreadyExists, badRequest, conflict, invalid, MODIFIED, notFound } from "./statuses.ts";

/**
 * The write pipeline of objects of every kind (K8S-153):
 *
 *   decode ─▶ metadata ─▶ defaults ─▶ owners of fields ─▶ mutating admission ─▶ server's own values ─▶ validate ─▶ validating admission ─▶ store
 *
 * All of it runs inside one store transaction, so what is checked is what is written.
 */

/** `managedFields`: whose the fields of an object are that is applied into being (K8S-144). */
export function createObject(context: WriteContext, body: unknown, managedFields?: unknown[]): ApiResult {
  const { definition } = context.kind;
  let object = decode(context, body);
  fillNamespace(context, object);
  if (object.metadata.resourceVersion !== undefined) {
    throw failure(500, "", "resourceVersion should not be set on objects to be created");
  }
  nameObject(context, object);
  requireActiveNamespace(context, object.metadata.name);
  initializeMetadata(context, object);
  if (managedFields) object.metadata.managedFields = managedFields;
  if (dropsStatusOnCreate(context)) delete object["status"];
  object = applyDefaults(definition, object);
  object = mutate(context, "CREATE", object, null);
  const problems = prepareByKind(context, object, null);
  if (definition.generation !== "none") object.metadata.generation = 1;
  validate(context, object, null, problems);
  const { name } = object.metadata;
  if (context.transaction.get(context.kind.table, context.request.namespace, name)) {
    throw alreadyExists(definition.type, name);
  }
  runPlugins(context, "validating", "CREATE", { name, object, oldObject: null });
  if (context.dryRun) return answer(context, 201, object);
  return answer(context, 201, store(context, object));
}

/** PUT, or PATCH when `bodyOf` works the body out from the current object. Main endpoint and `/status`. */
export function updateObject(context: WriteContext, bodyOf: (current: KubeObject) => unknown): ApiResult {
  const { kind, request, transaction } = context;
  const { definition } = kind;
  const stored = transaction.get(kind.table, request.namespace, request.name);
  if (!stored) {
    if (request.verb !== "update" || request.subresource !== "" || !definition.createOnUpdate) {
      throw notFound(definition.type, request.name);
    }
    return createObject(context, request.body);
  }
  const current = toServed(kind, stored);
  const sent = decode(context, bodyOf(current));
  fillNamespace(context, sent);
  requireSameName(context, sent);
  requireRevision(context, sent, current);
  requireSameUid(context, sent, current);
  const problems = carryMetadata(sent, current);
  const next = request.subresource === "status" ? withStatusOf(definition, current, sent) : sent;
  if (request.subresource === "" && definition.hasStatus) carryStatus(next, current);
  if (request.patchType === "apply") carryManagedFields(next, sent);
  return finishUpdate(context, { stored, current, next: applyDefaults(definition, next), problems });
}

export interface PendingUpdate {
  readonly stored: KubeObject;
  /** The stored object in the version of the request. */
  readonly current: KubeObject;
  /** What it shall become: a private copy with complete metadata. */
  readonly next: KubeObject;
  readonly problems?: readonly FieldProblem[];
}

/** The part of the pipeline that every change of an object shares, whichever endpoint it came through. */
export function finishUpdate(context: WriteContext, update: PendingUpdate): ApiResult {
  const { kind, transaction, request } = context;
  const { current, stored } = update;
  const isTracked = (current.metadata.managedFields ?? update.next.metadata.managedFields) !== undefined;
  if (isTracked && request.patchType !== "apply") fieldOwnership().trackUpdate(context, current, update.next);
  const next = mutate(context, "UPDATE", update.next, current);
  const problems = [...(update.problems ?? []), ...prepareByKind(context, next, current)];
  const { name, namespace = "" } = current.metadata;
  if (request.subresource !== "status" && changesGeneration(kind.definition, next, current)) {
    next.metadata.generation = (current.metadata.generation ?? 0) + 1;
  }
  if (isTracked) fieldOwnership().keepIdleTimes(current, next);
  if (problems.length === 0 && deepEqual(toStored(kind, next), stored)) return answer(context, 200, current);
  validate(context, next, current, problems);
  runPlugins(context, "validating", "UPDATE", { name, object: next, oldObject: current });
  if (context.dryRun) return answer(context, 200, next);
  if (isFinished(next)) {
    const last = transaction.delete(kind.table, namespace, name, toStored(kind, next));
    return answer(context, 200, toServed(kind, last));
  }
  return answer(context, 200, store(context, next));
}

/** A copy that may be changed at the top and in its metadata; the rest is still shared with the stored object. */
export function editableCopy(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata } };
}

export function answer({ kind, warnings }: WriteContext, code: number, object: KubeObject): ApiResult {
  return { code, object, definition: kind.definition, warnings };
}

function store({ kind, transaction }: WriteContext, object: KubeObject): KubeObject {
  return toServed(kind, transaction.put(kind.table, toStored(kind, object)));
}

function decode({ kind, request, warnings }: WriteContext, body: unknown): KubeObject {
  const { fieldValidation } = parseWriteOptions(request);
  const { duplicateFields } = request;
  return decodeObject(kind.definition, body, { fieldValidation, duplicateFields, warnings });
}

/** K8S-82. */
function fillNamespace({ kind, request }: WriteContext, { metadata }: KubeObject): void {
  if (!kind.definition.type.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace !== undefined && metadata.namespace !== request.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata.namespace = request.namespace;
}

/** K8S-106: 63 characters less the five that are added. */
const GENERATED_PREFIX_CHARACTERS_MAX = 58;
const GENERATED_NAME_TRIES = 8;

function nameObject({ kind, request, random, transaction }: WriteContext, { metadata }: KubeObject): void {
  if (request.name !== "" && metadata.name !== undefined && metadata.name !== request.name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`);
  }
  if (request.name !== "") metadata.name = request.name;
  if (metadata.name !== undefined) return;
  if (metadata.generateName === undefined) {
    const message = "Required value: name or generateName is required";
    throw invalid(kind.definition.type, "", [{ field: "metadata.name", reason: "FieldValueRequired", message }]);
  }
  const prefix = metadata.generateName.slice(0, GENERATED_PREFIX_CHARACTERS_MAX);
  for (let tries = 0; tries < GENERATED_NAME_TRIES; tries++) {
    metadata.name = prefix + randomName(random);
    if (!transaction.get(kind.table, request.namespace, metadata.name)) return;
  }
  throw alreadyExists(kind.definition.type, metadata.name);
}

function requireSameName({ request }: WriteContext, { metadata }: KubeObject): void {
  if (metadata.name === request.name) return;
  if (metadata.name === undefined) {
    throw badRequest("name must be provided");
  }
  throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${request.name})`);
}

/** K8S-75, K8S-85, K8S-114. */
function requireRevision({ kind, request }: WriteContext, sent: KubeObject, current: KubeObject): void {
  const { type, isCustom } = kind.definition;
  const { name, resourceVersion } = sent.metadata;
  if (resourceVersion === undefined) {
    if (request.verb !== "update" || !isCustom) return;
    // The original names the plural here, where every other Invalid names the Kind.
    const message = "Invalid value: 0: must be specified for an update";
    const problem = { field: "metadata.resourceVersion", reason: "FieldValueInvalid", message };
    throw invalid({ group: type.group, kind: type.plural }, name, [problem]);
  }
  if (resourceVersion !== current.metadata.resourceVersion) throw conflict(type, name, MODIFIED);
}

/** A PUT that names another uid means another object of the same name. A patch of the uid is refused as immutable. */
function requireSameUid({ kind, request }: WriteContext, sent: KubeObject, current: KubeObject): void {
  const { uid, name } = sent.metadata;
  if (request.verb !== "update" || uid === undefined || uid === current.metadata.uid) return;
  const detail = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
  throw conflict(kind.definition.type, name, detail);
}

/** K8S-105: what a client says about these is ignored on create. */
function initializeMetadata({ random, clock }: WriteContext, { metadata }: KubeObject): void {
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  delete metadata.managedFields;
  metadata.uid = randomUuid(random);
  metadata.creationTimestamp = formatTime(clock.now());
}

function carryManagedFields(next: KubeObject, from: KubeObject): void {
  if (from.metadata.managedFields === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = from.metadata.managedFields;
}

function carryStatus(next: KubeObject, current: KubeObject): void {
  if (current["status"] === undefined) delete next["status"];
  else next["status"] = deepCopy(current["status"]);
}

/** K8S-112: of a built-in the annotations and finalizers are stored with the status, of a custom kind the status alone. */
function withStatusOf(definition: ResourceDefinition, current: KubeObject, sent: KubeObject): KubeObject {
  const next = deepCopy(current);
  if (sent["status"] === undefined) delete next["status"];
  else next["status"] = sent["status"];
  if (definition.isCustom) return next;
  for (const field of ["annotations", "finalizers"] as const) {
    if (sent.metadata[field] === undefined) delete next.metadata[field];
    else Object.assign(next.metadata, { [field]: sent.metadata[field] });
  }
  return next;
}

export function applyDefaults(definition: ResourceDefinition, object: KubeObject): KubeObject {
  if (definition.isCustom) return applySchemaDefaults(definition.schema, object) as KubeObject;
  definition.applyDefaults(object);
  return object;
}

function mutate(
  context: WriteContext,
  operation: "CREATE" | "UPDATE",
  object: KubeObject,
  oldObject: KubeObject | null,
): KubeObject {
  const { name } = object.metadata;
  const changed = runPlugins(context, "mutating", operation, { name, object, oldObject });
  if (changed === null || changed === object) return object;
  // A plugin's answer may share parts with the stored object, which is frozen.
  return applyDefaults(context.kind.definition, deepCopy(changed));
}

function validate(
  { kind }: WriteContext,
  object: KubeObject,
  old: KubeObject | null,
  others: readonly FieldProblem[],
): void {
  const { definition } = kind;
  const problems = [...validateMetadata(definition, object, old), ...others, ...definition.validate(object, old)];
  if (problems.length > 0) throw invalid(definition.type, object.metadata.name, problems);
}
