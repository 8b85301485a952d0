import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import type { ResourceDefinition, TableColumn } from "../resource.ts";

export type IncludeObject = "None" | "Metadata" | "Object";

export interface TableOptions {
  readonly includeObject: IncludeObject;
  readonly now: Instant;
  /** Later events of a watch leave the column definitions out (K8S-130). */
  readonly withColumns: boolean;
}

/** The rows of an object or list as kubectl prints them (K8S-2). Ages are texts made at `now`. */
export function renderTable(source: KubeObject, definition: ResourceDefinition, options: TableOptions): object {
  const objects = itemsOf(source) ?? [source];
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: tableMetadata(source),
    columnDefinitions: options.withColumns ? definition.columns.map(renderColumn) : null,
    rows: objects.map((object) => renderRow(object, definition, options)),
  };
}

/** A bookmark has a revision and nothing to show. */
export function renderTableBookmark(bookmark: KubeObject): object {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: bookmark.metadata.resourceVersion },
    columnDefinitions: null,
    rows: [],
  };
}

/** The same with metadata alone (K8S-44). */
export function renderMetadataOnly(source: KubeObject): object {
  const items = itemsOf(source);
  if (!items) return partialObject(source);
  return {
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata: source.metadata,
    items: items.map(partialObject),
  };
}

function itemsOf(source: KubeObject): readonly KubeObject[] | null {
  const items = source["items"];
  return source.kind.endsWith("List") && Array.isArray(items) ? (items as KubeObject[]) : null;
}

function partialObject(object: KubeObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}

/** Of a list: revision, continue token and remaining count; of an object: its revision. */
function tableMetadata({ metadata }: KubeObject): object {
  const list = metadata as unknown as Record<string, unknown>;
  const kept = ["resourceVersion", "continue", "remainingItemCount"].filter((name) => list[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, list[name]]));
}

function renderColumn({ name, type, format, description, priority }: TableColumn): object {
  return { name, type, format, description, priority };
}

function renderRow(object: KubeObject, definition: ResourceDefinition, { includeObject, now }: TableOptions): object {
  const cells = definition.columns.map((column) => column.cell(object, now));
  if (includeObject === "None") return { cells };
  return { cells, object: includeObject === "Object" ? object : partialObject(object) };
}
