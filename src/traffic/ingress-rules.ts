import type { Ingress, IngressPath } from "../api/networking.ts";

/** Rules of an Ingress, as far as a split needs them. */

export function serviceOfPath({ backend }: IngressPath): string {
  return backend?.service?.name ?? "";
}

export function hasRuleFor({ spec }: Ingress, service: string): boolean {
  return (spec?.rules ?? []).some(({ http }) => (http?.paths ?? []).some((path) => serviceOfPath(path) === service));
}
