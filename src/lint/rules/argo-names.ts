import { isRecord } from "../../base/json.ts";
import type { Finding } from "../finding.ts";
import { type Manifest, ofKind } from "../manifest.ts";
import { nearestName } from "../near.ts";
import { at, type Rule } from "../rule.ts";
import { argoRollouts, nameOf, title } from "../workloads.ts";

/**
 * ARC-701: a Rollout names an object that no file has, while one of almost the same name is there. Of names that are like
 * none nothing is said: the object may be in the cluster.
 */
export const argoNameSlip: Rule = (manifests) =>
  argoRollouts(manifests).flatMap((rollout) =>
    [...references(rollout.object, [])].flatMap((reference) => slipOf(rollout, reference, manifests)),
  );

interface Reference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly path: readonly (string | number)[];
}

/** By the field that names it, where it needs it with the field around it. */
const NAMING: Readonly<Record<string, { readonly group: string; readonly kind: string }>> = {
  canaryService: { group: "", kind: "Service" },
  stableService: { group: "", kind: "Service" },
  activeService: { group: "", kind: "Service" },
  previewService: { group: "", kind: "Service" },
  templateName: { group: "argoproj.io", kind: "AnalysisTemplate" },
  "virtualService.name": { group: "networking.istio.io", kind: "VirtualService" },
  "virtualServices.name": { group: "networking.istio.io", kind: "VirtualService" },
  "destinationRule.name": { group: "networking.istio.io", kind: "DestinationRule" },
  stableIngress: { group: "networking.k8s.io", kind: "Ingress" },
};

function* references(value: unknown, path: readonly (string | number)[]): Generator<Reference> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* references(item, [...path, index]);
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, member] of Object.entries(value)) {
    const here = [...path, key];
    const owner = path.findLast((part) => typeof part === "string");
    const named = NAMING[key] ?? NAMING[`${owner}.${key}`];
    if (!named || typeof member !== "string") yield* references(member, here);
    else if (value["clusterScope"] === true)
      yield { ...named, kind: "ClusterAnalysisTemplate", name: member, path: here };
    else yield { ...named, name: member, path: here };
  }
}

function slipOf(rollout: Manifest, { group, kind, name, path }: Reference, manifests: readonly Manifest[]): Finding[] {
  const isClusterWide = kind.startsWith("Cluster");
  const known = ofKind(manifests, group, kind)
    .filter(({ namespace }) => isClusterWide || namespace === rollout.namespace)
    .map(nameOf);
  const similar = known.includes(name) ? undefined : nearestName(name, known);
  // `shop-v1` and `shop-v2` are two names, not a slip.
  if (similar === undefined || withoutDigits(similar) === withoutDigits(name)) return [];
  const message = `${title(rollout)}: no file has ${kind} ${name}; did you mean ${similar}?`;
  const edit = rollout.replaceWithin(path, name, similar);
  return [at(rollout, path, { code: "ARC-701", level: "warning", message, edit })];
}

function withoutDigits(name: string): string {
  return name.replace(/\d+/g, "");
}
