import type { AdmissionPlugin } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { virtualServiceConfigs } from "./gather.ts";
import type { Rollout } from "./types.ts";

/** What is allowed in a Rollout and means something else than most people think: told when it is written. */
export const surpriseWarnings: AdmissionPlugin = {
  name: "surprises.argo.fairway.dev",
  kind: "validating",
  admit({ type, subresource, object, oldObject }) {
    const isRollout = type.group === resources.argoRollouts.group && type.kind === resources.argoRollouts.kind;
    if (!isRollout || subresource !== "" || !object) return { allowed: true };
    const [after, before] = [object as Rollout, (oldObject ?? null) as Rollout | null];
    const known = new Set(before ? surprisesOf(before) : []);
    const warnings = [...surprisesOf(after)].filter((text) => !known.has(text));
    if (before) warnings.push(...abandonedShares(before, after));
    return { allowed: true, ...(warnings.length > 0 ? { warnings } : {}) };
  },
};

export function surprisesOf({ spec }: Rollout): readonly string[] {
  // Validating plugins come after the schema, so what stands here has its type.
  const { canary, blueGreen } = spec.strategy ?? {};
  const bounds = [
    ["canary.maxSurge", canary?.maxSurge],
    ["canary.maxUnavailable", canary?.maxUnavailable],
    ["blueGreen.maxUnavailable", blueGreen?.maxUnavailable],
  ] as const;
  const delays = [
    ["canary", canary?.trafficRouting ? canary.abortScaleDownDelaySeconds : undefined],
    ["blueGreen", blueGreen?.abortScaleDownDelaySeconds],
  ] as const;
  return [
    // ARC-919
    ...bounds.flatMap(([field, value]) =>
      typeof value === "string" && /^\d+$/.test(value)
        ? [`spec.strategy.${field}: "${value}" is ${value} %; without quotes it is a number of pods`]
        : [],
    ),
    // ARC-908
    ...delays.flatMap(([strategy, delay]) =>
      delay === 0
        ? [`spec.strategy.${strategy}.abortScaleDownDelaySeconds: 0 keeps the pods of an aborted version for ever`]
        : [],
    ),
  ];
}

/** Routes that are the user's own: nothing puts them back when the Rollout names them no more. */
const OTHER_ROUTERS = ["alb", "traefik", "apisix", "plugins"] as const;

/** A release that has a share loses sight of the routes that give it (INV-32). */
function abandonedShares(before: Rollout, after: Rollout): readonly string[] {
  const { canary } = before.status?.canary?.weights ?? {};
  if (!canary || canary.weight === 0) return [];
  const left = routesOf(after);
  const whom = canary.serviceName ? `Service ${canary.serviceName}` : "the canary";
  return [...routesOf(before)]
    .filter((route) => !left.has(route))
    .map(
      (route) =>
        `spec.strategy: ${route} gives ${canary.weight} % to ${whom}, and nobody changes that any more; ` +
        "abort or finish a release before its routes are taken away",
    );
}

function routesOf(rollout: Rollout): ReadonlySet<string> {
  const routing = rollout.spec.strategy?.canary?.trafficRouting;
  return new Set([
    ...virtualServiceConfigs(rollout).map(({ config }) => `VirtualService ${config.name}`),
    ...OTHER_ROUTERS.filter((router) => routing?.[router] !== undefined).map((router) => `what ${router} names`),
  ]);
}
