import { at, type Rule } from "../rule.ts";
import { deployments, member, nameOf, texts, title } from "../workloads.ts";

/** KRL-01 (SEED-010): a label without value, where the workloads beside it have one. */
export const emptyLabel: Rule = (manifests) => {
  const findings = [];
  for (const manifest of deployments(manifests)) {
    const labels = member(manifest.object, "metadata", "labels");
    for (const [label, value] of Object.entries((labels ?? {}) as Record<string, unknown>)) {
      if (value !== null && value !== "") continue;
      const path = ["metadata", "labels", label];
      const siblings = deployments(manifests).filter(
        (other) => other.namespace === manifest.namespace && labelValue(other, label) !== "",
      );
      const values = [...new Set(siblings.map((other) => labelValue(other, label)))];
      const [only] = values;
      const hint =
        values.length === 1
          ? `; ${siblings.map(nameOf).join(" and ")} use${siblings.length === 1 ? "s" : ""} "${only}" (did you mean "${only}"?)`
          : "";
      findings.push(
        at(manifest, path, {
          code: "KRL-01",
          level: "warning",
          message: `${title(manifest)}: label "${label}" is empty${hint}`,
          edit: values.length === 1 ? manifest.setScalar(path, only ?? "") : null,
        }),
      );
    }
  }
  return findings;
};

function labelValue(manifest: Parameters<typeof title>[0], label: string): string {
  return texts(member(manifest.object, "metadata", "labels"))[label] ?? "";
}
