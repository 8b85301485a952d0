/** Who may use an object: the `exportTo` list (MESH-017). */
export interface Visibility {
  /** The order in which gateways take objects: own namespace only, then a list, then everyone (MESH-045). */
  readonly rank: 0 | 1 | 2;
  isVisibleTo(namespace: string): boolean;
}

const everyone: Visibility = { rank: 2, isVisibleTo: () => true };
const nobody: Visibility = { rank: 0, isVisibleTo: () => false };

export function compileVisibility(exportTo: readonly string[] | undefined, ownNamespace: string): Visibility {
  if (!exportTo || exportTo.length === 0 || exportTo.includes("*")) return everyone;
  if (exportTo.includes("~")) return nobody;
  const namespaces = new Set(exportTo.map((entry) => (entry === "." ? ownNamespace : entry)));
  const isPrivate = namespaces.size === 1 && namespaces.has(ownNamespace);
  return { rank: isPrivate ? 0 : 1, isVisibleTo: (namespace) => namespaces.has(namespace) };
}
