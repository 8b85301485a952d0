import type { KubeObject, LabelSelector } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import { formatAge, type Instant, parseTime } from "../../../base/time.ts";
import { formatLabelSelector } from "../../../kube/selector.ts";
import type { TableColumn } from "../resource.ts";

/** What the columns of all kinds are made of. Cells read objects of any shape and never fail. */

export type Cell = TableColumn["cell"];
export type Members = Record<string, unknown>;

interface ColumnOptions {
  readonly type?: TableColumn["type"];
  /** Shown only with `-o wide`. */
  readonly wide?: boolean;
}

export function column(name: string, cell: Cell, { type = "string", wide = false }: ColumnOptions = {}): TableColumn {
  return { name, type, format: "", description: "", priority: wide ? 1 : 0, cell };
}

export function wide(name: string, cell: Cell): TableColumn {
  return column(name, cell, { wide: true });
}

export function integer(name: string, path: string): TableColumn {
  return column(name, (object) => count(object, path), { type: "integer" });
}

export const nameColumn: TableColumn = {
  ...column("Name", (object) => object.metadata.name),
  format: "name",
  description: "Name must be unique within a namespace.",
};

export const ageColumn = column("Age", (object, now) => ageSince(object.metadata.creationTimestamp, now));

/** The raw time: kinds without an Age column leave it to the client (RBAC, CRDs). */
export const createdAtColumn = column("Created At", (object) => object.metadata.creationTimestamp ?? null, {
  type: "date",
});

export function ageSince(time: string | undefined, now: Instant): string {
  const instant = parseTime(time);
  return instant === null ? "<unknown>" : formatAge(now - instant);
}

/** The value at a path of members such as `status.loadBalancer.ingress`; undefined when anything is missing. */
export function at(object: unknown, path: string): unknown {
  let value = object;
  for (const name of path.split(".")) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

export function text(object: unknown, path: string, fallback = ""): string {
  const value = at(object, path);
  return value === undefined || value === null || value === "" ? fallback : String(value);
}

export function count(object: unknown, path: string): number {
  const value = at(object, path);
  return typeof value === "number" ? value : 0;
}

export function items(object: unknown, path: string): readonly Members[] {
  const value = at(object, path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function texts(object: unknown, path: string): readonly string[] {
  const value = at(object, path);
  return Array.isArray(value) ? value.map(String) : [];
}

export function sizeOf(object: unknown, path: string): number {
  const value = at(object, path);
  if (Array.isArray(value)) return value.length;
  return isRecord(value) ? Object.keys(value).length : 0;
}

export function orNone(text: string): string {
  return text === "" ? "<none>" : text;
}

/** At most three of a list, and how many more there are (K8S-193). */
export function firstThree(list: readonly string[], none: string): string {
  if (list.length === 0) return none;
  const more = list.length > 3 ? ` + ${list.length - 3} more...` : "";
  return list.slice(0, 3).join(",") + more;
}

export function labelsText(object: unknown, path: string): string {
  const labels = at(object, path);
  if (!isRecord(labels)) return "<none>";
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
  return orNone(pairs.sort().join(","));
}

export function selectorText(object: KubeObject, path: string): string {
  const selector = at(object, path);
  return isRecord(selector) ? orNone(formatLabelSelector(selector as LabelSelector)) : "<none>";
}

/** Containers, images and selector of a workload, all for `-o wide`. */
export function workloadColumns(
  templateSpec: string,
  selector: (object: KubeObject) => string,
): readonly TableColumn[] {
  const list = (object: KubeObject, member: string) =>
    items(object, `${templateSpec}.containers`)
      .map((container) => text(container, member))
      .join(",");
  return [
    wide("Containers", (object) => list(object, "name")),
    wide("Images", (object) => list(object, "image")),
    wide("Selector", selector),
  ];
}
