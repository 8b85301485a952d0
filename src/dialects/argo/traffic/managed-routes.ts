import type { ManagedRoute, Router } from "../../../traffic/router.ts";
import { isAvailable, type Pass } from "../pass.ts";

/** ARC-904: derived from all steps up to the current one, each time. */
export function wantedManagedRoutes(
  pass: Pass,
  routers: readonly Router[],
  { isReady }: { readonly isReady: boolean },
): readonly ManagedRoute[] {
  const { steps, stepIndex, newRS, canary, status } = pass;
  const isOver = pass.isFullyPromoted || pass.isAborted || !isAvailable(newRS) || status.promoteFull === true;
  if (isOver || stepIndex === null || pass.revision <= 1) return [];
  const routes = new Map<string, ManagedRoute>();
  for (const { setHeaderRoute, setMirrorRoute } of steps.slice(0, stepIndex + 1)) {
    if (setHeaderRoute) {
      const { name = "", match } = setHeaderRoute;
      if (match?.length) routes.set(name, { kind: "header", name, match });
      else routes.delete(name);
    }
    if (setMirrorRoute) {
      const { name, match, percentage = 100 } = setMirrorRoute;
      if (match?.length) routes.set(name, { kind: "mirror", name, match, percentage });
      else routes.delete(name);
    }
  }
  // A route to pods that are not behind the name yet would lead nowhere (INV-09); one that stands already stays.
  const isStanding = (name: string) => routers.some(({ standing }) => standing.has(name));
  const order = (canary?.trafficRouting?.managedRoutes ?? []).map(({ name }) => name);
  return [...routes.values()]
    .filter(({ name }) => isReady || isStanding(name))
    .sort((left, right) => order.indexOf(left.name) - order.indexOf(right.name));
}

/** Every name that a managed route of this release may have. */
export function managedNamesOf({ canary, steps }: Pass): ReadonlySet<string> {
  const names = new Set((canary?.trafficRouting?.managedRoutes ?? []).map(({ name }) => name));
  for (const { setHeaderRoute, setMirrorRoute } of steps) {
    if (setHeaderRoute?.name) names.add(setHeaderRoute.name);
    if (setMirrorRoute?.name) names.add(setMirrorRoute.name);
  }
  names.delete("");
  return names;
}
