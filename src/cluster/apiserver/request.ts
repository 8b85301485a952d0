import type { KubeObject } from "../../api/meta.ts";
import type { WatchHandle } from "../../kube/client.ts";
import type { ApiError } from "../../kube/errors.ts";
import type { ResourceDefinition } from "./resource.ts";

/**
 * One API call after the wire is off: the HTTP server (`wire/`) and the local client both speak this. The answer is an
 * object or list in the requested version; turning it into JSON, a Table or bytes is the wire's work.
 */
export interface ApiRequest {
  readonly verb: "get" | "list" | "create" | "update" | "patch" | "delete" | "deletecollection";
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** "" for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  /** "" for collections. */
  readonly name: string;
  readonly subresource: string;
  readonly query: URLSearchParams;
  /** The decoded body (JSON value), undefined when there was none. */
  readonly body: unknown;
  /** `duplicate field` paths that the wire's JSON reader found (K8S-81). */
  readonly duplicateFields: readonly string[];
  readonly patchType: "merge" | "strategic" | "json" | "apply" | null;
  readonly userAgent: string;
}

export interface ApiResult {
  readonly code: number;
  /** An object, a `…List`, a Status or a Scale. */
  readonly object: KubeObject;
  /** For Table printing; null for a Status. */
  readonly definition: ResourceDefinition | null;
  /** Texts for `Warning: 299` headers. */
  readonly warnings: readonly string[];
}

export interface WatchRequest {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  /** resourceVersion, labelSelector, fieldSelector, timeoutSeconds, allowWatchBookmarks, sendInitialEvents, … */
  readonly query: URLSearchParams;
}

export interface ServerWatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  /** In the requested version. Shared between watchers: never change it. */
  readonly object: KubeObject;
}

export interface ServerWatchHandler {
  onEvent(event: ServerWatchEvent): void;
  /** Null: an orderly end (time limit, server stop, slow reader). Expired (410) goes to the client as an ERROR event. */
  onEnd(error: ApiError | null): void;
}

/** What the wire and the local client call. Failures are thrown as `ApiError`. */
export interface ApiHandler {
  /** The served kind; null when the group, version or plural is not served. */
  definition(group: string, version: string, plural: string): ResourceDefinition | null;
  /** Every served kind, in discovery order: core, built-in groups, then custom groups. */
  definitions(): readonly ResourceDefinition[];
  handle(request: ApiRequest): Promise<ApiResult>;
  /** Throws ApiError when the request itself is refused; later failures go to `onEnd`. */
  watch(request: WatchRequest, handler: ServerWatchHandler): { readonly definition: ResourceDefinition } & WatchHandle;
  /** The revision of the newest committed write. */
  currentRevision(): number;
  /** Changes whenever `definitions()` changes: the discovery ETag. */
  discoveryRevision(): number;
}
