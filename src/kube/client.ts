import type { KubeObject } from "../api/meta.ts";
import type { ApiError } from "./errors.ts";
import type { ObjectKey, ResourceType } from "./resource.ts";

/**
 * How all our code talks to an API server, embedded or real. Three implementations pass one suite
 * (`client.suite.ts`): over HTTP (`http-client.ts`), in the API server's own process
 * (`cluster/apiserver/local-client.ts`), and the simulation's faulty wrapper.
 *
 * Every call throws `ApiError` when the server refuses or cannot be reached. Objects handed out are read-only:
 * copy before changing.
 */
export interface KubeClient {
  get<T extends KubeObject = KubeObject>(type: ResourceType, key: ObjectKey): Promise<T>;
  list<T extends KubeObject = KubeObject>(type: ResourceType, options?: ListOptions): Promise<ListResult<T>>;
  create<T extends KubeObject = KubeObject>(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<T>;
  /** PUT. With `metadata.resourceVersion` in the object a stale write is a Conflict. */
  update<T extends KubeObject = KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options?: SubresourceOptions,
  ): Promise<T>;
  patch<T extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    patch: Patch,
    options?: SubresourceOptions,
  ): Promise<T>;
  delete(type: ResourceType, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** Starts a watch; `stop` ends it without a call to `onEnd`. */
  watch(type: ResourceType, options: WatchOptions, handler: WatchHandler): WatchHandle;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** Kubernetes' selector syntax, e.g. `app=web,tier!=db`. */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** The store's revision at the read: where a watch goes on. */
  readonly resourceVersion: string;
}

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
}

export interface SubresourceOptions extends WriteOptions {
  /** "binding" and "eviction" are made below their pod (POST), whatever the verb. */
  readonly subresource?: "status" | "scale" | "binding" | "eviction" | "finalize";
}

export type Patch =
  | { readonly kind: "merge"; readonly body: Record<string, unknown> }
  | { readonly kind: "strategic"; readonly body: Record<string, unknown> }
  | { readonly kind: "json"; readonly body: readonly JsonPatchOperation[] };

export interface JsonPatchOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

export interface DeleteOptions {
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  readonly gracePeriodSeconds?: number;
  /** The delete is refused (409) unless the stored object has this uid / revision. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface WatchOptions extends ListOptions {
  /** Events after this revision are delivered. */
  readonly resourceVersion: string;
}

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  /** Nothing changed up to this revision (`object.metadata.resourceVersion`). */
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

export interface WatchHandler {
  onEvent(event: WatchEvent): void;
  /** The stream ended: null when the server closed it in order, else why. The caller starts anew (410: lists anew). */
  onEnd(error: ApiError | null): void;
}

export interface WatchHandle {
  stop(): void;
}
