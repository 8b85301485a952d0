import { POD_TEMPLATE_HASH } from "../keys.ts";
import type { Pass } from "../pass.ts";

/**
 * ARC-170: pods of a new version keep away from the nodes of the stable one. The term is ours alone: users' terms beside it
 * stay, and it takes no part in the hash or in comparing templates (ARC-025, ARC-035).
 */

type PodSpec = Record<string, unknown>;
type Affinity = Record<string, Record<string, unknown> | undefined>;

const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";
const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";

export function withAntiAffinity(pass: Pass, spec: PodSpec): PodSpec {
  const { canary, blueGreen, rollout, status, newHash } = pass;
  const wanted = canary?.antiAffinity ?? blueGreen?.antiAffinity;
  const stable = status.stableRS ?? "";
  if (!wanted || stable === "" || stable === newHash) return spec;
  const term = {
    labelSelector: { matchExpressions: [{ key: POD_TEMPLATE_HASH, operator: "In", values: [stable] }] },
    namespaces: [rollout.metadata.namespace ?? ""],
    topologyKey: "kubernetes.io/hostname",
  };
  const { [PREFERRED]: preferred } = wanted;
  return preferred
    ? add(spec, PREFERRED, { weight: preferred.weight, podAffinityTerm: term })
    : add(spec, REQUIRED, term);
}

function add(spec: PodSpec, list: string, term: unknown): PodSpec {
  const affinity = (spec["affinity"] ?? {}) as Affinity;
  const anti = affinity["podAntiAffinity"] ?? {};
  const terms = [...((anti[list] as unknown[] | undefined) ?? []), term];
  return { ...spec, affinity: { ...affinity, podAntiAffinity: { ...anti, [list]: terms } } };
}

/** The spec as its user wrote it. */
export function withoutAntiAffinity(spec: PodSpec): PodSpec {
  const { podAntiAffinity, ...others } = (spec["affinity"] ?? {}) as Affinity;
  if (!podAntiAffinity) return spec;
  const left: Record<string, unknown> = {};
  for (const [list, terms] of Object.entries(podAntiAffinity)) {
    const others = Array.isArray(terms) ? terms.filter((term) => !isOurs(term)) : [];
    if (others.length > 0) left[list] = others;
  }
  const affinity = { ...others, ...(Object.keys(left).length > 0 ? { podAntiAffinity: left } : {}) };
  const { affinity: _, ...rest } = spec;
  return Object.keys(affinity).length > 0 ? { ...rest, affinity } : rest;
}

interface Term {
  readonly labelSelector?: { readonly matchExpressions?: readonly { readonly key?: string }[] };
  readonly podAffinityTerm?: Term;
}

function isOurs(term: unknown): boolean {
  const { labelSelector, podAffinityTerm } = term as Term;
  const { matchExpressions = [] } = podAffinityTerm?.labelSelector ?? labelSelector ?? {};
  return matchExpressions.length === 1 && matchExpressions[0]?.key === POD_TEMPLATE_HASH;
}
