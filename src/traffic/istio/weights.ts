import type { HttpRouteDestination } from "../../api/istio.ts";
import { type Parties, type Split, serviceOfHost } from "./parties.ts";

type Role = "canary" | "stable" | "experiment" | "additional" | "foreign";

/** Which side of the split a destination is on (ARC-305). */
export function roleOf({ destination }: HttpRouteDestination, parties: Parties, split: Split): Role {
  const service = serviceOfHost(destination?.host);
  const subset = destination?.subset;
  const { subsets } = parties;
  if ((service !== "" && service === parties.canaryService) || (subset !== undefined && subset === subsets?.canary)) {
    return "canary";
  }
  if ((service !== "" && service === parties.stableService) || (subset !== undefined && subset === subsets?.stable)) {
    return "stable";
  }
  if (split.additional.some((one) => one.service === service)) return "experiment";
  if (subset !== undefined && subsets?.additional.includes(subset)) return "additional";
  return "foreign";
}

/**
 * The weights of a route's destinations for a split, in place; services of the split that are not there yet come after
 * them. Destinations that somebody else added keep their share, and the two sides of the release split what is left
 * (the original deletes them, ARC-905); so the weights sum to 100 (INV-05).
 *
 * `formerly` are services of earlier splits: their destinations are ours, and go.
 */
export function splitDestinations(
  destinations: readonly HttpRouteDestination[],
  parties: Parties,
  split: Split,
  formerly: ReadonlySet<string>,
): HttpRouteDestination[] {
  const roles = destinations.map((destination) => roleOf(destination, parties, split));
  const kept = destinations.flatMap((destination, index) => {
    const isFormer = roles[index] === "foreign" && formerly.has(serviceOfHost(destination.destination?.host));
    return isFormer ? [] : [{ destination, role: roles[index] as Role }];
  });
  const sum = (role: Role) =>
    kept.reduce((total, one) => total + (one.role === role ? (one.destination.weight ?? 0) : 0), 0);
  const free = Math.max(0, 100 - sum("foreign"));
  const share = (percent: number) => Math.round((percent * free) / 100);
  const experiments = split.additional.reduce((total, { weight }) => total + share(weight), 0);
  const canary = Math.min(share(split.weight), Math.max(0, free - experiments));
  const stable = Math.max(0, free - canary - experiments - sum("additional"));
  const weightOf = (role: Role, service: string): number | null => {
    if (role === "canary") return canary;
    if (role === "stable") return stable;
    const wanted = split.additional.find((one) => one.service === service);
    return role === "experiment" && wanted ? share(wanted.weight) : null;
  };
  const result = kept.map(({ destination, role }) =>
    withWeight(destination, weightOf(role, serviceOfHost(destination.destination?.host))),
  );
  const present = new Set(kept.map(({ destination }) => serviceOfHost(destination.destination?.host)));
  const missing = split.additional.filter(({ service }) => !present.has(service));
  return [
    ...result,
    ...missing.map(({ service, weight }) => ({ destination: { host: service }, weight: share(weight) })),
  ];
}

/** An absent weight counts as 0 and stays absent (ARC-307). */
function withWeight(destination: HttpRouteDestination, weight: number | null): HttpRouteDestination {
  return weight === null || (destination.weight ?? 0) === weight ? destination : { ...destination, weight };
}
