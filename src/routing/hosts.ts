/** Host names: short-name expansion, wildcards, intersection, and the index that finds a virtual host (MESH section 2). */

const CLUSTER_DOMAIN = "svc.cluster.local";

/** The name under which a service is known to routes and clusters. */
export function serviceHost(namespace: string, name: string): string {
  return `${name}.${namespace}.${CLUSTER_DOMAIN}`;
}

/** A name without a dot belongs to the namespace of the object that writes it; all others are literal (MESH-010). */
export function expandHost(host: string, namespace: string): string {
  const name = host.toLowerCase();
  return name === "*" || name === "" || name.includes(".") || name.includes(":") ? name : serviceHost(namespace, name);
}

/** What a client may write for a service, for clients of any namespace; the bare name is the caller's affair (MESH-011). */
export function serviceAliases(namespace: string, name: string): readonly string[] {
  const full = serviceHost(namespace, name);
  return [full, `${full}.`, `${name}.${namespace}.svc`, `${name}.${namespace}`];
}

/** The Host header without port, in lower case: what virtual hosts are compared with (MESH-012, MESH-013). */
export function hostOfAuthority(authority: string): string {
  const colon = authority.lastIndexOf(":");
  // "[::1]:80" has a port after the bracket; "[::1]" has none.
  const end = colon > authority.lastIndexOf("]") ? colon : authority.length;
  return authority.slice(0, end).toLowerCase();
}

export function isWildcard(host: string): boolean {
  return host.startsWith("*") || host.endsWith("*");
}

/** Whether `host` (which may be a wildcard itself) lies within `pattern`; `*` stands for at least one character (MESH-014). */
export function hostMatches(pattern: string, host: string): boolean {
  if (pattern === "*" || pattern === host) return true;
  if (pattern.startsWith("*")) return host.length >= pattern.length && host.endsWith(pattern.slice(1));
  if (pattern.endsWith("*")) return host.length >= pattern.length && host.startsWith(pattern.slice(0, -1));
  return false;
}

/** The wildcards of whole labels within which a host (or another such wildcard) lies, the narrowest first, `*` last. */
export function wildcardsAround(host: string): readonly string[] {
  const wildcards: string[] = [];
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) wildcards.push(`*${host.slice(dot)}`);
  return [...wildcards, "*"].filter((wildcard) => wildcard !== host);
}

/** The narrower of two hosts of which one covers the other; null when they have nothing in common (MESH-015). */
export function intersectHosts(left: string, right: string): string | null {
  if (hostMatches(left, right)) return right;
  return hostMatches(right, left) ? left : null;
}

/** The order of wildcards when several cover a name: suffix before prefix, the longer first, `*` last (MESH-014). */
export function compareWildcards(left: string, right: string): number {
  return wildcardRank(left) - wildcardRank(right) || right.length - left.length;
}

function wildcardRank(host: string): number {
  if (host === "*") return 2;
  return host.startsWith("*") ? 0 : 1;
}

/** Finds the one value whose domain fits a host best: exact, longest suffix, longest prefix, then `*` (MESH-014). */
export class HostIndex<Value> {
  readonly #exact = new Map<string, Value>();
  readonly #wildcards = new Map<string, Value>();
  /** Best first; null: to be sorted, when the first host asks. */
  #sorted: readonly (readonly [domain: string, value: Value])[] | null = null;

  get(domain: string): Value | undefined {
    return (isWildcard(domain) ? this.#wildcards : this.#exact).get(domain);
  }

  set(domain: string, value: Value): void {
    (isWildcard(domain) ? this.#wildcards : this.#exact).set(domain, value);
    this.#sorted = null;
  }

  find(host: string): Value | null {
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    this.#sorted ??= [...this.#wildcards].sort(([left], [right]) => compareWildcards(left, right));
    for (const [domain, value] of this.#sorted) if (hostMatches(domain, host)) return value;
    return null;
  }
}
