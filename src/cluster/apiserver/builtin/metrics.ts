import { formatMilli } from "../../../base/quantity.ts";
import { column, nameColumn, text } from "../columns/cells.ts";
import type { ResourceDefinition, TableColumn } from "../resource.ts";
import { list, map, quantity, str, struct, time } from "../schema/dsl.ts";
import { builtin, listOf, typeOf } from "./define.ts";

/** What pods and nodes use (K8S-29): read only, and measured when it is read instead of stored. */

const measured = { timestamp: time, window: str };
const usage = map(quantity);

const windowColumn = column("Window", (object) => text(object, "window"));

/** Of a node, or of a pod's containers together; in the object they are whole billionths and kibibytes. */
function usageColumn(name: string, resource: "cpu" | "memory"): TableColumn {
  return column(name, (object) => {
    const parts = object["usage"] === undefined ? listOf(object, "containers") : [object];
    const total = parts.reduce((sum, part) => sum + Number.parseInt(text(part, `usage.${resource}`, "0"), 10), 0);
    return resource === "cpu" ? formatMilli(Math.ceil(total / 1e6)) : `${total}Ki`;
  });
}

const columns = [nameColumn, usageColumn("CPU", "cpu"), usageColumn("Memory", "memory"), windowColumn];

export const metricsDefinitions: readonly ResourceDefinition[] = [
  builtin(typeOf("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", false), {
    verbs: ["get", "list"],
    fields: { ...measured, usage },
    columns,
  }),
  builtin(typeOf("metrics.k8s.io", "v1beta1", "PodMetrics", "pods"), {
    verbs: ["get", "list"],
    fields: { ...measured, containers: list(struct("ContainerMetrics", { name: str, usage }, ["name"])) },
    columns,
  }),
];
