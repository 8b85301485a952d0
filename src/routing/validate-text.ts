/** Checks of names that several Istio kinds share. Each gives one problem, or null. */

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/** A DNS name whose first label may be a wildcard (`*`, `*.a`, `*-a.b`). */
export function isWildcardDnsName(host: string): boolean {
  if (host === "*") return true;
  if (host.length === 0 || host.length > 255) return false;
  const [first = "", ...others] = host.replace(/\.$/, "").toLowerCase().split(".");
  const isFirstValid = first === "*" || isDnsLabel(first.startsWith("*") ? `a${first.slice(1)}` : first);
  return isFirstValid && others.every(isDnsLabel);
}

export function isIpAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}(\/\d+)?$/.test(text) || (text.includes(":") && /^[0-9a-fA-F:.]+(\/\d+)?$/.test(text));
}

/** RFC 9110 token. */
export function isHeaderName(text: string): boolean {
  return /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(text);
}

/** Go's %q for the texts that occur here. */
export function quote(text: string): string {
  return JSON.stringify(text);
}
