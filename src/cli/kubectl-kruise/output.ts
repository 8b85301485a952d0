import { stringify } from "yaml";
import type { KubeObject } from "../../api/meta.ts";
import { CommandError } from "./command.ts";
import { shownName, type Target } from "./targets.ts";

export const outputFormats = ["name", "yaml", "json"] as const;

/** What a command says of an object that it changed: `{type}/{name} {verb}`, or the object with `-o`. */
export function renderChange(target: Target, object: KubeObject, how: { verb: string; output?: string }): string {
  switch (how.output) {
    case undefined:
    case "":
      return `${shownName(target)} ${how.verb}\n`;
    case "name":
      return `${shownName(target)}\n`;
    case "json":
      return `${JSON.stringify(withoutManagedFields(object), null, 4)}\n`;
    case "yaml":
      return stringify(withoutManagedFields(object));
    default:
      throw new CommandError(
        `unable to match a printer suitable for the output format "${how.output}", allowed formats are: ${[...outputFormats].sort().join(",")}`,
      );
  }
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _fields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Columns padded to their widest cell, two blanks between, as Go's tabwriter sets them. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
