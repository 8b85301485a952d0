import { matchesLabelSelector } from "../../kube/selector.ts";
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration } from "./pod.ts";

/** Why a pod cannot go to a node, in the scheduler's words (K8S-251); null: it can. */
export function findMisfit(pod: Pod, { node, podCount }: { node: Node; podCount: number }): string | null {
  const tolerations = pod.spec.tolerations ?? [];
  const cordon: Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  if (node.spec?.unschedulable && !isTolerated(cordon, tolerations)) return "node(s) were unschedulable";

  const taint = node.spec?.taints?.find(
    (each) => each.effect !== "PreferNoSchedule" && !isTolerated(each, tolerations),
  );
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
  if (!matchesNodeSelection(pod, node)) return "node(s) didn't match Pod's node affinity/selector";

  const podsMax = node.status?.allocatable?.["pods"];
  return podsMax !== undefined && podCount >= Number(podsMax) ? "Too many pods" : null;
}

function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(({ key, operator = "Equal", value = "", effect }) => {
    if (effect && effect !== taint.effect) return false;
    if (!key) return operator === "Exists";
    return key === taint.key && (operator === "Exists" || value === (taint.value ?? ""));
  });
}

function matchesNodeSelection({ spec }: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!matchesLabelSelector({ matchLabels: spec.nodeSelector ?? {} }, labels)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node, labels));
}

/** All requirements of a term; an empty term matches nothing. */
function matchesTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  node: Node,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { "metadata.name": node.metadata.name };
  return (
    matchExpressions.every((requirement) => meets(requirement, labels)) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

/** Gt and Lt are of node selectors alone; the rest is what label selectors mean too. */
function meets(
  { key, operator, values = [] }: NodeSelectorRequirement,
  from: Readonly<Record<string, string>>,
): boolean {
  if (operator !== "Gt" && operator !== "Lt") {
    return matchesLabelSelector({ matchExpressions: [{ key, operator, values }] }, from);
  }
  const value = from[key];
  if (value === undefined) return false;
  return operator === "Gt" ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
}
