import type { KubeObject } from "../api/meta.ts";
import { resources } from "../kube/resource.ts";
import { isLive, isTold } from "./data-plane.ts";

/**
 * Whether the data plane knows some of these pods as endpoints, so that a request for them finds one: written routes are
 * not enough, since it watches each kind on its own. Null when it does not tell.
 *
 * Some, not all: while pods come and go there is always one that is too new, and a release must not wait for that to end.
 */
export type Knowledge = "known" | "unlisted" | "not yet in the slices" | "not yet among the pods";

interface Endpoint {
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly name?: string };
}

export function knowledgeOf(
  configMap: KubeObject | null,
  slices: readonly KubeObject[],
  pods: readonly KubeObject[],
): Knowledge | null {
  if (!isTold(configMap, resources.endpointSlices) || !isTold(configMap, resources.pods)) return null;
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  let knowledge: Knowledge = "unlisted";
  for (const slice of slices) {
    const listed = ((slice["endpoints"] ?? []) as readonly Endpoint[])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ targetRef }) => byName.get(targetRef?.name ?? "") ?? []);
    if (listed.length === 0) continue;
    if (!isLive(configMap, resources.endpointSlices, slice)) {
      if (knowledge === "unlisted") knowledge = "not yet in the slices";
    } else if (listed.some((pod) => isLive(configMap, resources.pods, pod))) return "known";
    else knowledge = "not yet among the pods";
  }
  return knowledge;
}
