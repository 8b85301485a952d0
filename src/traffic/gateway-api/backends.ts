import type { HttpBackendRef } from "../../api/gateway-api.ts";
import type { ServiceParties } from "../parties.ts";

/** How the requests of one rule are shared between its backends. */

/** A temporary backend. */
export interface ExtraBackend {
  readonly service: string;
  readonly weight: number;
  readonly port: number;
}

export interface BackendSplit {
  readonly parties: ServiceParties;
  readonly weight: number;
  readonly total: number;
  readonly additional: readonly ExtraBackend[];
  /** Services of earlier splits: their backends are ours, and go. */
  readonly formerly: ReadonlySet<string>;
  /** Where the Services are. */
  readonly namespace: string;
}

/** Absent means 1 (Gateway API). */
export function weightOf({ weight = 1 }: HttpBackendRef): number {
  return weight;
}

/** A rule that leads to both versions. */
export function carriesSplit(backends: readonly HttpBackendRef[] | undefined, parties: ServiceParties): boolean {
  const names = new Set((backends ?? []).map(({ name }) => name));
  return names.has(parties.canary) && names.has(parties.stable);
}

/** In place; others' backends keep their weights (INV-37). */
export function splitBackends(backends: readonly HttpBackendRef[], split: BackendSplit): HttpBackendRef[] {
  const { parties, weight, total, additional, formerly, namespace } = split;
  const taken = additional.reduce((sum, one) => sum + one.weight, 0);
  const weights = new Map([
    [parties.canary, weight],
    [parties.stable, Math.max(0, total - weight - taken)],
    ...additional.map((one): [string, number] => [one.service, one.weight]),
  ]);
  const ports = new Map(additional.map((one) => [one.service, one.port]));
  const kept = backends.filter(({ name = "" }) => weights.has(name) || !formerly.has(name));
  const present = new Set(kept.map(({ name }) => name));
  const missing = additional.filter(({ service }) => !present.has(service));
  return [
    ...kept.map((backend) => {
      const port = ports.get(backend.name ?? "");
      const weighted = withWeight(backend, weights.get(backend.name ?? ""));
      return port === undefined || weighted.port === port ? weighted : { ...weighted, port };
    }),
    ...missing.map(({ service, weight: share, port }) => ({
      group: "",
      kind: "Service",
      name: service,
      namespace,
      port,
      weight: share,
    })),
  ];
}

function withWeight(backend: HttpBackendRef, weight: number | undefined): HttpBackendRef {
  return weight === undefined || backend.weight === weight ? backend : { ...backend, weight };
}

/** In units of `total`, rounded up: what a hand has set need not sum to it. */
export function shareOf(backends: readonly HttpBackendRef[], split: BackendSplit): number {
  const { parties, total, additional, formerly } = split;
  const ours = new Set([parties.canary, parties.stable, ...formerly, ...additional.map(({ service }) => service)]);
  const sum = (accepts: (name: string) => boolean) =>
    backends.reduce((whole, backend) => whole + (accepts(backend.name ?? "") ? weightOf(backend) : 0), 0);
  const whole = sum((name) => ours.has(name));
  return whole > 0 ? Math.ceil((sum((name) => name === parties.canary) * total) / whole) : 0;
}
