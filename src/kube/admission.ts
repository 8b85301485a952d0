import type { KubeObject, StatusCause } from "../api/meta.ts";
import type { ObjectKey, ResourceType } from "./resource.ts";

/**
 * Admission as pure functions (K8S-168). A plugin sees the request and a snapshot of what it asked to read, and
 * answers with a changed object or a refusal; it never writes. The embedded API server runs plugins in its own
 * process; the same functions can answer a webhook on a real cluster.
 */
export interface AdmissionRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly type: ResourceType;
  /** Empty for the object itself, else "status", "scale", … */
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The object as it would be stored; null on DELETE. In the version of the request. */
  readonly object: KubeObject | null;
  /** The stored object; null on CREATE. */
  readonly oldObject: KubeObject | null;
  readonly userAgent: string;
  readonly dryRun: boolean;
}

/** Reads of the current state, synchronous: the embedded server answers from memory, a webhook from its cache. */
export interface AdmissionReader {
  get(type: ResourceType, key: ObjectKey): KubeObject | null;
  list(type: ResourceType, namespace?: string): readonly KubeObject[];
}

export type AdmissionResult =
  | { readonly allowed: true; readonly object?: KubeObject; readonly warnings?: readonly string[] }
  | {
      readonly allowed: false;
      /** Default 403. */
      readonly code?: number;
      /** Default "Forbidden"; "Invalid" for validation. */
      readonly reason?: string;
      readonly message: string;
      readonly causes?: readonly StatusCause[];
    };

export interface AdmissionPlugin {
  readonly name: string;
  /** Mutating plugins run first, in the order given; then validating ones. */
  readonly kind: "mutating" | "validating";
  admit(request: AdmissionRequest, reader: AdmissionReader): AdmissionResult;
}

/** Converts one object between two served versions of its kind (K8S-160), without I/O. Metadata stays as it is. */
export type Converter = (object: KubeObject, toVersion: string) => KubeObject;
