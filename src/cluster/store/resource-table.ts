import type { KubeObject } from "../../api/meta.ts";

/** The current objects of one resource, by namespace and name. Sorts only when somebody lists. */
export class ResourceTable {
  readonly #namespaces = new Map<string, NamespaceTable>();
  #sortedNamespaces: string[] | null = null;

  get(namespace: string, name: string): KubeObject | null {
    return this.#namespaces.get(namespace)?.objects.get(name) ?? null;
  }

  set(namespace: string, name: string, object: KubeObject): void {
    let table = this.#namespaces.get(namespace);
    if (!table) {
      table = { objects: new Map(), sorted: null };
      this.#namespaces.set(namespace, table);
      this.#sortedNamespaces = null;
    }
    // A changed object keeps its place in the Map; only the sorted copy is stale.
    table.objects.set(name, object);
    table.sorted = null;
  }

  delete(namespace: string, name: string): void {
    const table = this.#namespaces.get(namespace);
    if (!table?.objects.delete(name)) return;
    table.sorted = null;
    if (table.objects.size > 0) return;
    this.#namespaces.delete(namespace);
    this.#sortedNamespaces = null;
  }

  /** Sorted by namespace, then name (K8S-121). */
  list(namespace: string | null): readonly KubeObject[] {
    if (namespace !== null) return sortedObjects(this.#namespaces.get(namespace));
    this.#sortedNamespaces ??= [...this.#namespaces.keys()].sort();
    const { length } = this.#sortedNamespaces;
    if (length === 1) return sortedObjects(this.#namespaces.get(this.#sortedNamespaces[0]!));
    return this.#sortedNamespaces.flatMap((each) => sortedObjects(this.#namespaces.get(each)));
  }
}

interface NamespaceTable {
  readonly objects: Map<string, KubeObject>;
  sorted: readonly KubeObject[] | null;
}

function sortedObjects(table: NamespaceTable | undefined): readonly KubeObject[] {
  if (!table) return [];
  table.sorted ??= [...table.objects.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, object]) => object);
  return table.sorted;
}
