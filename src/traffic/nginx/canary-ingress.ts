import type { Ingress } from "../../api/networking.ts";
import { hasRuleFor, serviceOfPath } from "../ingress-rules.ts";
import type { Release, ServiceParties } from "../parties.ts";

/** The second Ingress, which takes a share of the first one's requests (ARC-400). */

export const DEFAULT_PREFIX = "nginx.ingress.kubernetes.io";

const SUFFIX = "-canary";
const NAME_LENGTH_MAX = 253; // of a DNS subdomain

export function canaryIngressName(release: string, stableIngress: string): string {
  return `${release}-${stableIngress}`.slice(0, NAME_LENGTH_MAX - SUFFIX.length) + SUFFIX;
}

export interface NginxSettings {
  readonly parties: ServiceParties;
  readonly release: Release;
  /** Of the annotations. */
  readonly prefix: string;
  /** Get the prefix where they have none. */
  readonly additionalAnnotations: Readonly<Record<string, string>>;
  /** Taken as they are. */
  readonly canaryAnnotations: Readonly<Record<string, string>>;
  /** The whole, where it is not 100; null: not said. */
  readonly total: number | null;
}

/** Keeps what the stable Ingress says of hosts, paths and TLS; null when none of its rules leads to the stable Service. */
export function canaryIngress(
  stable: Ingress,
  present: Ingress | null,
  { settings, weight }: { readonly settings: NginxSettings; readonly weight: number },
): Ingress | null {
  const { parties, release } = settings;
  if (!hasRuleFor(stable, parties.stable)) return null;
  const rules = (stable.spec?.rules ?? []).flatMap((rule) => {
    const paths = rule.http?.paths ?? [];
    if (!paths.some((path) => serviceOfPath(path) === parties.stable)) return [];
    const turned = paths.map((path) =>
      serviceOfPath(path) === parties.stable
        ? { ...path, backend: { ...path.backend, service: { ...path.backend?.service, name: parties.canary } } }
        : path,
    );
    return [{ ...rule, http: { ...rule.http, paths: turned } }];
  });
  const { ingressClassName, tls } = stable.spec ?? {};
  const spec = { ...(ingressClassName === undefined ? {} : { ingressClassName }), ...(tls ? { tls } : {}), rules };
  const wanted = annotationsOf(stable, settings, weight);
  if (present) {
    const annotations = { ...present.metadata.annotations, ...wanted };
    return { ...present, metadata: { ...present.metadata, annotations }, spec };
  }
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      name: canaryIngressName(release.name, stable.metadata.name),
      namespace: release.namespace,
      annotations: wanted,
      ownerReferences: [release.reference],
    },
    spec,
  };
}

const CLASS = "kubernetes.io/ingress.class";

function annotationsOf(stable: Ingress, settings: NginxSettings, weight: number): Record<string, string> {
  const { prefix, additionalAnnotations, canaryAnnotations, total } = settings;
  const ingressClass = stable.metadata.annotations?.[CLASS];
  const prefixed = Object.entries(additionalAnnotations).map(([key, value]) => [
    key.startsWith(prefix) ? key : `${prefix}/${key}`,
    value,
  ]);
  return {
    ...(ingressClass === undefined ? {} : { [CLASS]: ingressClass }),
    ...Object.fromEntries(prefixed),
    ...canaryAnnotations,
    [`${prefix}/canary`]: "true",
    [`${prefix}/canary-weight`]: String(weight),
    ...(total === null ? {} : { [`${prefix}/canary-weight-total`]: String(total) }),
  };
}

/** In units of `total`; the Ingress may state another whole. */
export function shareOf({ metadata }: Ingress, prefix: string, total: number): number {
  const read = (name: string, none: number) => {
    const value = Number(metadata.annotations?.[`${prefix}/${name}`] ?? none);
    return Number.isFinite(value) ? value : none;
  };
  const whole = read("canary-weight-total", 100);
  return whole > 0 ? Math.ceil((read("canary-weight", 0) * total) / whole) : 0;
}
