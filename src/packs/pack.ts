import type { KubeObject } from "../api/meta.ts";
import type { AdmissionPlugin, Converter } from "../kube/admission.ts";

/**
 * A resource pack: the CRDs of one dialect, with the in-process functions that the original runs as webhooks.
 * Packs are enabled one by one, so that a short name means what the user installed (SEED-090).
 */
export interface Pack {
  readonly name: "istio" | "kruise" | "lanes" | "argo";
  /** apiextensions.k8s.io/v1 CustomResourceDefinition objects. */
  readonly crds: readonly KubeObject[];
  /** By `plural.group`. */
  readonly converters: Readonly<Record<string, Converter>>;
  readonly admission: readonly AdmissionPlugin[];
}
