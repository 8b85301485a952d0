import { disruptionBudgetColumns } from "../columns/workload-columns.ts";
import type { ResourceDefinition } from "../resource.ts";
import { int, intOrString, listByKey, long, map, str, struct, time } from "../schema/dsl.ts";
import { invalid } from "../schema/problems.ts";
import { builtin, fieldsOf, typeOf } from "./define.ts";
import { condition, labelSelector } from "./shared-schema.ts";
import { intOrPercent } from "./workload-rules.ts";

const disruptionBudgets = builtin(typeOf("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"), {
  shortNames: ["pdb"],
  hasStatus: true,
  generation: "spec",
  fields: {
    spec: struct("PodDisruptionBudgetSpec", {
      minAvailable: intOrString,
      selector: labelSelector,
      maxUnavailable: intOrString,
      unhealthyPodEvictionPolicy: str,
    }),
    status: struct("PodDisruptionBudgetStatus", {
      observedGeneration: long,
      disruptedPods: map(time),
      disruptionsAllowed: int,
      currentHealthy: int,
      desiredHealthy: int,
      expectedPods: int,
      conditions: listByKey(condition("Condition"), "type"),
    }),
  },
  columns: disruptionBudgetColumns,
  validate: (object) => {
    const spec = fieldsOf(object, "spec");
    const both = spec?.["minAvailable"] !== undefined && spec["maxUnavailable"] !== undefined;
    return [
      ...(both ? [invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")] : []),
      ...intOrPercent(spec, "minAvailable", "spec"),
      ...intOrPercent(spec, "maxUnavailable", "spec"),
    ];
  },
});

export const policyDefinitions: readonly ResourceDefinition[] = [disruptionBudgets];
