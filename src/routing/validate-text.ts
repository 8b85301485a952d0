import { parseDurationMs } from "../base/duration.ts";

/** Checks of texts that several Istio kinds share. */

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

/** MESH-133. */
export function durationProblems(text: string | undefined): string[] {
  if (text === undefined) return [];
  const milliseconds = parseDurationMs(text);
  if (milliseconds === null) return [`invalid duration ${quote(text)}`];
  if (milliseconds === 0) return [];
  if (milliseconds < 1) return ["duration must be greater than 1ms"];
  return Number.isInteger(milliseconds) ? [] : ["only durations to ms precision are supported"];
}
