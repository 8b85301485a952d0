import { formatAge, parseTime } from "../../../base/time.ts";
import { compileJsonPath, type JsonPath } from "../../../kube/json-path.ts";
import type { TableColumn } from "../resource.ts";
import { ageColumn, type Cell, nameColumn } from "./cells.ts";

/** `additionalPrinterColumns` of a CRD version, as they stand in the object. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

/** K8S-161: the name, then what the CRD asks for; the age where it asks for nothing. */
export function crdColumns(printerColumns: readonly PrinterColumn[] | undefined): readonly TableColumn[] {
  if (!printerColumns || printerColumns.length === 0) return [nameColumn, ageColumn];
  return [nameColumn, ...printerColumns.map(crdColumn)];
}

function crdColumn(printer: PrinterColumn): TableColumn {
  const path = compileJsonPath(printer.jsonPath);
  const type = columnTypes.find((known) => known === printer.type) ?? "string";
  return {
    name: printer.name,
    // The age of a date is text by the time it leaves the server, but clients are told the declared type.
    type,
    format: printer.format ?? "",
    description: printer.description || `Custom resource definition column (in JSONPath format): ${printer.jsonPath}`,
    priority: printer.priority ?? 0,
    cell: path ? cellOf(path, type) : () => null,
  };
}

const columnTypes = ["string", "integer", "number", "boolean", "date"] as const;

/** Only the first value that the path reaches is shown (surprise 17). */
function cellOf(path: JsonPath, type: TableColumn["type"]): Cell {
  return (object, now) => {
    const value = path.first(object);
    if (value === undefined || value === null) return null;
    switch (type) {
      case "integer":
        return typeof value === "number" ? Math.trunc(value) : null;
      case "number":
        return typeof value === "number" ? value : null;
      case "boolean":
        return typeof value === "boolean" ? value : null;
      case "date": {
        if (typeof value !== "string" || value === "") return "<unknown>";
        const instant = parseTime(value);
        return instant === null ? "<invalid>" : formatAge(now - instant);
      }
      case "string":
        return typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  };
}
