import type { KubeObject } from "../api/meta.ts";
import { deepEqual } from "../base/json.ts";
import type { CacheSet } from "../kube/cache.ts";
import { revisionOf } from "../kube/cache.ts";
import type { JsonPatchOperation, KubeClient, Patch } from "../kube/client.ts";
import { type ApiError, failure, isAlreadyExists, isApiError, isNotFound } from "../kube/errors.ts";
import { controllerOf } from "../kube/owners.ts";
import { applyJsonPatch, applyMergePatch, diffMergePatch } from "../kube/patch.ts";
import { formatKey, keyOf, type ObjectKey, qualifiedPlural, type ResourceType } from "../kube/resource.ts";
import type { Absent, Plan, PlannedEvent, StatusWrite, Write } from "./plan.ts";

/**
 * Performs plans. Writes go out in order and the first failure stops the plan; writes that would change nothing stay
 * home. It keeps no state: what the cache must have seen before the key's next turn is in the answer.
 */
export interface ExecutorOptions {
  readonly client: KubeClient;
  readonly caches: CacheSet;
  record(component: string, event: PlannedEvent): void;
  /** Called after each write that the server accepted; what it throws ends the plan and is thrown on (tests). */
  readonly onWrite?: ((write: Write | StatusWrite) => void) | undefined;
  /** True once the runner stops: no further write is begun. */
  isStopped(): boolean;
}

/** What a cache must show before a decision that rests on it is fresh (design: no decision on a stale view). */
export interface Expectations {
  /** Highest revision written, by `plural.group`. */
  readonly revisions: Map<string, number>;
  /** Deletes answer no revision: the object must be gone, terminating or another one. */
  readonly deletions: { readonly type: ResourceType; readonly key: ObjectKey; readonly uid: string }[];
}

export interface Outcome {
  readonly expectations: Expectations;
  /** Writes that the server accepted. */
  readonly writeCount: number;
  /** Null when the whole plan was performed. */
  readonly failure: { readonly error: unknown; readonly write: Write | StatusWrite } | null;
}

/** Runs a plan for one controller: `fieldManager` names the writer, `component` the source of events. */
export async function execute(
  plan: Plan,
  controller: { readonly name: string; readonly component?: string },
  options: ExecutorOptions,
): Promise<Outcome> {
  const run = new Execution(controller.name, options);
  const record = (events: readonly PlannedEvent[]) => {
    for (const event of events) options.record(controller.component ?? controller.name, event);
  };
  for (const write of plan.writes) {
    const error = await run.attempt(write, () => run.write(write));
    if (error === null) continue;
    if (plan.onRefusal && isRefusal(error)) {
      const { status, events } = plan.onRefusal(write, error);
      if (status) await run.attempt(status, () => run.writeStatus(status));
      record(events);
    }
    return run.outcome({ error, write });
  }
  const { status } = plan;
  if (status) {
    const error = await run.attempt(status, () => run.writeStatus(status));
    if (error !== null) return run.outcome({ error, write: status });
  }
  record(plan.events);
  return run.outcome(null);
}

/** True when performing the plan would send nothing. */
export function isEmptyPlan({ writes, status, events }: Plan, caches: CacheSet): boolean {
  if (writes.some((write) => wouldChange(write, caches)) || events.length > 0) return false;
  return status === null || !wouldChangeStatus(status.object, status.status);
}

/** The server understood the write and said no because of what it says, not because of timing. */
function isRefusal(error: unknown): error is ApiError {
  return isApiError(error) && [400, 403, 422].includes(error.code);
}

class Execution {
  readonly #fieldManager: string;
  readonly #options: ExecutorOptions;
  readonly #expectations: Expectations = { revisions: new Map(), deletions: [] };
  #writeCount = 0;
  /** By uid: the revision that a first write of this plan turned the view's revision into. */
  #revisionsAfter = new Map<string, { readonly from: string; to: string }>();

  constructor(fieldManager: string, options: ExecutorOptions) {
    this.#fieldManager = fieldManager;
    this.#options = options;
  }

  outcome(failed: Outcome["failure"]): Outcome {
    return { expectations: this.#expectations, writeCount: this.#writeCount, failure: failed };
  }

  /** Null, or what went wrong. */
  async attempt(write: Write | StatusWrite, perform: () => Promise<boolean>): Promise<unknown> {
    if (this.#options.isStopped()) return new Error("the runner stopped");
    try {
      if (!(await perform())) return null;
    } catch (error) {
      return error;
    }
    this.#writeCount++;
    this.#options.onWrite?.(write);
    return null;
  }

  /** Each answers whether a request that changes something went out. */
  async write(write: Write): Promise<boolean> {
    switch (write.op) {
      case "create":
        return this.#create(write.type, write.object);
      case "update":
        return this.#update(write);
      case "patch":
        return this.#patch(write);
      case "delete":
        return this.#delete(write);
      case "evict":
        return this.#evict(write);
    }
  }

  /** A merge patch of what differs: it neither touches annotations nor what else `/status` would store (K8S-112). */
  async writeStatus({ type, object, status, isPlainField = false }: StatusWrite): Promise<boolean> {
    if (!wouldChangeStatus(object, status)) return false;
    const body = diffMergePatch({ status: object["status"] ?? {} }, { status });
    const revision = this.#currentRevision(object);
    const guarded = revision === undefined ? body : { ...body, metadata: { resourceVersion: revision } };
    const fieldManager = this.#fieldManager;
    const options = isPlainField ? { fieldManager } : ({ subresource: "status", fieldManager } as const);
    const after = await this.#options.client.patch(type, keyOf(object), { kind: "merge", body: guarded }, options);
    this.#wrote(type, object, after);
    return true;
  }

  async #create(type: ResourceType, object: KubeObject): Promise<boolean> {
    const { client } = this.#options;
    try {
      this.#wrote(type, null, await client.create(type, object, { fieldManager: this.#fieldManager }));
      return true;
    } catch (error) {
      if (isOutcomeUnknown(error) && (await this.#wasCreated(type, object))) return true;
      if (!isAlreadyExists(error)) throw error;
      // Names are derived, so this is most likely our own object, made before a crash or by a request whose answer was
      // lost. If it is, the plan goes on; if not, the reconciler must see it in its view before it decides again.
      const existing = await client.get(type, keyOf(object));
      this.#expect(type, existing);
      if (controllerOf(existing)?.uid !== controllerOf(object)?.uid || existing.metadata.deletionTimestamp) throw error;
      return false;
    }
  }

  /**
   * After an answer that was lost: is the object there? If nobody asked, a view that shows only some of the objects made
   * together would make one too many, under the name that follows from what it shows.
   */
  async #wasCreated(type: ResourceType, object: KubeObject): Promise<boolean> {
    try {
      const existing = await this.#options.client.get(type, keyOf(object));
      this.#expect(type, existing);
      return controllerOf(existing)?.uid === controllerOf(object)?.uid && !existing.metadata.deletionTimestamp;
    } catch {
      // The first error says what is wrong.
      return false;
    }
  }

  async #update(write: Extract<Write, { op: "update" }>): Promise<boolean> {
    const { type, object, subresource } = write;
    if (!wouldChange(write, this.#options.caches)) return false;
    for (const absent of write.absent ?? []) await this.#confirmAbsent(absent);
    const options = { fieldManager: this.#fieldManager, ...(subresource ? { subresource } : {}) };
    this.#wrote(type, object, await this.#options.client.update(type, object, options));
    return true;
  }

  async #patch(write: Extract<Write, { op: "patch" }>): Promise<boolean> {
    const { type, key, patch, basedOn, subresource } = write;
    if (!wouldChange(write, this.#options.caches)) return false;
    const revision = this.#currentRevision(basedOn);
    const guarded = revision === undefined ? patch : withRevision(patch, revision);
    const options = { fieldManager: this.#fieldManager, ...(subresource ? { subresource } : {}) };
    this.#wrote(type, basedOn, await this.#options.client.patch(type, key, guarded, options));
    return true;
  }

  async #delete(write: Extract<Write, { op: "delete" }>): Promise<boolean> {
    const { type, object, propagationPolicy, gracePeriodSeconds } = write;
    const { client } = this.#options;
    for (const absent of write.absent ?? []) await this.#confirmAbsent(absent);
    const { uid } = object.metadata;
    const key = keyOf(object);
    try {
      await client.delete(type, key, {
        ...(propagationPolicy ? { propagationPolicy } : {}),
        ...(gracePeriodSeconds !== undefined ? { gracePeriodSeconds } : {}),
        ...(uid !== undefined ? { preconditions: { uid } } : {}),
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    // An object that was terminating already stays as it is until its last finalizer goes: nothing to wait for.
    if (uid !== undefined && !object.metadata.deletionTimestamp) this.#expectations.deletions.push({ type, key, uid });
    return true;
  }

  async #evict({ type, object }: Extract<Write, { op: "evict" }>): Promise<boolean> {
    const { name, namespace, uid } = object.metadata;
    const eviction = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      deleteOptions: uid === undefined ? {} : { preconditions: { uid } },
    };
    try {
      await this.#options.client.update(type, eviction, { subresource: "eviction", fieldManager: this.#fieldManager });
    } catch (error) {
      if (isHeld(error)) return false;
      if (!isNotFound(error)) throw error;
    }
    if (uid !== undefined) this.#expectations.deletions.push({ type, key: keyOf(object), uid });
    return true;
  }

  async #confirmAbsent(absent: Absent): Promise<void> {
    const present = await this.#find(absent);
    if (present === null) return;
    this.#expect(absent.type, present);
    const name = `${qualifiedPlural(absent.type)} ${formatKey(keyOf(present))}`;
    throw failure(409, "Conflict", `${name} exists: the view was older than it`);
  }

  async #find(absent: Absent): Promise<KubeObject | null> {
    const { client } = this.#options;
    try {
      if (!("key" in absent)) {
        const { items } = await client.list(absent.type, { namespace: absent.namespace });
        return items[0] ?? null;
      }
      const found = await client.get(absent.type, absent.key);
      return found.metadata.uid === absent.uid ? found : null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  /** The revision to name as precondition: the view's, or the one that this plan itself made of it. */
  #currentRevision(object: KubeObject): string | undefined {
    const { uid, resourceVersion } = object.metadata;
    const ours = uid === undefined ? undefined : this.#revisionsAfter.get(uid);
    return ours !== undefined && ours.from === resourceVersion ? ours.to : resourceVersion;
  }

  #wrote(type: ResourceType, before: KubeObject | null, after: KubeObject): void {
    this.#expect(type, after);
    const { uid, resourceVersion: from } = before?.metadata ?? {};
    const to = after.metadata.resourceVersion;
    if (uid === undefined || from === undefined || to === undefined) return;
    const ours = this.#revisionsAfter.get(uid);
    if (ours) ours.to = to;
    else this.#revisionsAfter.set(uid, { from, to });
  }

  #expect(type: ResourceType, after: KubeObject): void {
    const { revisions } = this.#expectations;
    const resource = qualifiedPlural(type);
    revisions.set(resource, Math.max(revisions.get(resource) ?? 0, revisionOf(after)));
  }
}

/** A budget has nothing to give (429), or cannot tell: a pod of two budgets (500). */
function isHeld(error: unknown): boolean {
  return isApiError(error) && (error.code === 429 || (error.code === 500 && error.reason === "InternalError"));
}

/** The request may have been performed: the server failed on its way, or was never heard of again. */
function isOutcomeUnknown(error: unknown): boolean {
  return !isApiError(error) || error.code >= 500;
}

/** False for a write that is known to change nothing: it stays home. */
function wouldChange(write: Write, caches: CacheSet): boolean {
  if (write.op === "update" && !write.subresource) {
    const seen = caches.of(write.type)?.get(keyOf(write.object)) ?? null;
    const isSameRevision = seen?.metadata.resourceVersion === write.object.metadata.resourceVersion;
    return !isSameRevision || !deepEqual(seen, write.object);
  }
  if (write.op === "patch" && write.subresource !== "binding") {
    const { patch, basedOn } = write;
    // Strategic merge depends on the kind's list keys: the server tells, and a change of nothing costs it no revision.
    if (patch.kind === "strategic") return true;
    const after = patch.kind === "merge" ? applyMergePatch(basedOn, patch.body) : applyJsonPatch(basedOn, patch.body);
    return !deepEqual(after, basedOn);
  }
  return true;
}

function wouldChangeStatus(object: KubeObject, status: unknown): boolean {
  return !deepEqual(object["status"] ?? {}, status ?? {});
}

function withRevision(patch: Patch, resourceVersion: string): Patch {
  if (patch.kind === "json") {
    const guard: JsonPatchOperation = { op: "test", path: "/metadata/resourceVersion", value: resourceVersion };
    return { kind: "json", body: [guard, ...patch.body] };
  }
  const metadata = { ...((patch.body["metadata"] as Record<string, unknown> | undefined) ?? {}), resourceVersion };
  return { kind: patch.kind, body: { ...patch.body, metadata } };
}
