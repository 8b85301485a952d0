import type { KubeObject } from "../api/meta.ts";
import type { AdmissionPlugin, Converter } from "../kube/admission.ts";
import type { ResourceType } from "../kube/resource.ts";

/**
 * A resource pack: the CRDs of one dialect, with the in-process functions that the original runs as webhooks.
 * Packs are enabled one by one, so that a short name means what the user installed (SEED-090).
 */
export interface Pack {
  readonly name: "istio" | "kruise" | "lanes" | "argo" | "gateway-api";
  /** apiextensions.k8s.io/v1 CustomResourceDefinition objects. */
  readonly crds: readonly KubeObject[];
  /** By `plural.group`. */
  readonly converters: Readonly<Record<string, Converter>>;
  readonly admission: readonly AdmissionPlugin[];
  /** What an installation brings besides its kinds: made at each start where it is missing. */
  readonly objects?: readonly { readonly type: ResourceType; readonly object: KubeObject }[];
}
