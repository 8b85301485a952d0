/** The URL grammar of the API (K8S-104): what a path names, decided from the path alone. */
export type Route = ResourceRoute | DiscoveryRoute | { readonly kind: "other"; readonly path: string };

export interface ResourceRoute {
  readonly kind: "resource";
  readonly group: string;
  readonly version: string;
  /** "" for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  /** `status`, or with a rest as in `proxy/a/b`. */
  readonly subresource: string;
  /** The old form `/api/v1/watch/…` (K8S-123). */
  readonly isWatch: boolean;
}

export type DiscoveryRoute =
  | { readonly kind: "core-versions" }
  | { readonly kind: "groups" }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "resources"; readonly group: string; readonly version: string };

/** Subresources of the Namespace kind itself; any other third segment names a kind inside the namespace. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** Null when the path is not well-formed. */
export function parsePath(path: string): Route | null {
  const segments = decodeSegments(path);
  if (segments === null) return null;
  const [root, ...rest] = segments;
  if (root === "api") {
    if (rest.length === 0) return { kind: "core-versions" };
    return parseVersion("", rest[0]!, rest.slice(1));
  }
  if (root === "apis") {
    const [group, version, ...tail] = rest;
    if (group === undefined) return { kind: "groups" };
    return version === undefined ? { kind: "group", group } : parseVersion(group, version, tail);
  }
  return { kind: "other", path };
}

/** One trailing slash is allowed, empty segments are not. */
function decodeSegments(path: string): string[] | null {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  try {
    const decoded = segments.map(decodeURIComponent);
    return decoded.some((segment) => segment === "") ? null : decoded;
  } catch {
    return null;
  }
}

function parseVersion(group: string, version: string, rest: readonly string[]): Route {
  if (rest.length === 0) return { kind: "resources", group, version };
  const isWatch = rest[0] === "watch" && rest.length > 1;
  const [first = "", second = "", third, fourth = "", ...fifth] = isWatch ? rest.slice(1) : rest;
  const base = { kind: "resource", group, version, isWatch } as const;
  if (first !== "namespaces" || third === undefined || (fourth === "" && NAMESPACE_SUBRESOURCES.has(third))) {
    const subresource = [third, fourth, ...fifth].filter((part) => part).join("/");
    return { ...base, namespace: "", plural: first, name: second, subresource };
  }
  return { ...base, namespace: second, plural: third, name: fourth, subresource: fifth.join("/") };
}
