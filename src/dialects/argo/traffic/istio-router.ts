import { resources } from "../../../kube/resource.ts";
import type { Write } from "../../../runtime/plan.ts";
import { isLive } from "../../../traffic/data-plane.ts";
import { editDestinationRule, subsetHash } from "../../../traffic/istio/destination-rule.ts";
import type { Parties, RouteSelection } from "../../../traffic/istio/parties.ts";
import { canaryShare, editVirtualService, type VirtualServiceWish } from "../../../traffic/istio/virtual-service.ts";
import {
  type Decision,
  joined,
  NOTHING,
  type Router,
  type RouterEvent,
  refused,
  type Steering,
  type Wish,
} from "../../../traffic/router.ts";
import { annotations, POD_TEMPLATE_HASH } from "../keys.ts";
import { isAvailable, type Pass } from "../pass.ts";
import { hashOf } from "../replica-sets/replica-sets.ts";
import type { IstioVirtualService } from "../types.ts";
import type { VirtualServiceView } from "../view.ts";
import { experimentShares, formerShares } from "./experiment-shares.ts";
import { takesEveryRoute } from "./istio-routes.ts";
import { awaitVersion, isKnown, versionKnowledge } from "./known-versions.ts";
import { managedNamesOf } from "./managed-routes.ts";
import { rolesOf } from "./roles.ts";
import { hasWaited } from "./settling.ts";

/** VirtualServices, by host or by subsets of a DestinationRule (ARC-300…335). */
export function istioRouter(pass: Pass): Router {
  const { view, canary } = pass;
  const rule = canary?.trafficRouting?.istio?.destinationRule;
  const additional = experimentShares(pass).map(({ serviceName = "", weight }) => ({ service: serviceName, weight }));
  const atRest: Wish = { weight: 0, total: pass.maxWeight, additional, managed: [] };
  const shares = view.virtualServices.map(({ object, config }) =>
    object ? (canaryShare(object, virtualServiceWish(pass, config, atRest)) ?? 0) : 0,
  );
  const router: Router = {
    name: "istio",
    usesServices: rule === undefined,
    carriers: view.virtualServices.map(({ object }) => ({ type: resources.virtualServices, object })),
    share: Math.max(0, ...shares),
    standing: new Set(
      view.virtualServices.flatMap(({ object }) => (object?.spec?.http ?? []).map(({ name }) => name ?? "")),
    ),
    decide: (wish) => joined(view.virtualServices.map((one) => decideVirtualService(pass, one, wish))),
  };
  if (!rule) return router;
  const subsets = view.destinationRule?.spec?.subsets ?? [];
  return {
    ...router,
    namedHashes: new Set(subsets.flatMap((subset) => subset?.labels?.[POD_TEMPLATE_HASH] ?? [])),
    steer: ({ isCanaryIdle }) => steerSubsets(pass, isCanaryIdle),
    knowledgeOf: (hash) => versionKnowledge(pass, view.ruleSlices, hash),
    leadsCanaryTo: (hash) =>
      !view.destinationRule || subsetHash(view.destinationRule, rule.canarySubsetName, POD_TEMPLATE_HASH) === hash,
    leadsStableTo: (hash) => {
      const object = view.destinationRule;
      if (!object) return true;
      if (subsetHash(object, rule.stableSubsetName, POD_TEMPLATE_HASH) !== hash) return false;
      return isLive(view.dataPlane, resources.destinationRules, object) !== false;
    },
  };
}

function virtualServiceWish(
  pass: Pass,
  config: IstioVirtualService,
  { weight, additional, managed }: Wish,
): VirtualServiceWish {
  const rule = pass.canary?.trafficRouting?.istio?.destinationRule;
  return {
    parties: partiesOf(pass),
    selection: selectionOf(pass, config),
    split: { weight, additional },
    managed,
    managedNames: managedNamesOf(pass),
    formerly: formerShares(pass),
    ruleHost: rule ? (pass.view.destinationRule?.spec?.host ?? null) : null,
  };
}

export function partiesOf(pass: Pass): Parties {
  const rule = pass.canary?.trafficRouting?.istio?.destinationRule;
  const roles = rolesOf(pass, { prefersPingPong: false });
  return {
    canaryService: roles.canary,
    stableService: roles.stable,
    subsets: rule
      ? {
          canary: rule.canarySubsetName,
          stable: rule.stableSubsetName,
          additional: rule.additionalSubsetNames ?? [],
        }
      : null,
  };
}

export function selectionOf({ rollout }: Pass, config: IstioVirtualService): RouteSelection {
  const { routes = [], tlsRoutes = [], tcpRoutes = [] } = config;
  return { routes, tlsRoutes, tcpRoutes, takesEvery: takesEveryRoute(rollout) };
}

// VirtualServices -----------------------------------------------------------------------------------------------------

function decideVirtualService(pass: Pass, { object, config }: VirtualServiceView, wish: Wish): Decision {
  if (!object) return refused(`VirtualService \`${config.name}\` not found`, "VirtualServiceNotFound");
  const wanted = virtualServiceWish(pass, config, wish);
  const edit = editVirtualService(object, wanted);
  if (edit.error !== undefined) return refused(edit.error);
  if (!edit.changed) return NOTHING;
  const { name } = object.metadata;
  const own = wanted.managedNames;
  const events = managedEvents(name, routeNames(object, own), routeNames(edit.object, own), wish);
  if (canaryShare(object, wanted) !== canaryShare(edit.object, wanted)) {
    const message = `VirtualService \`${name}\` set to desiredWeight '${wish.weight}'`;
    events.push({ reason: "Updated VirtualService", message });
  }
  const write: Write = { op: "update", type: resources.virtualServices, object: edit.object };
  return { writes: [write], events, problem: null };
}

function routeNames(object: { spec?: { http?: { name?: string }[] } }, own: ReadonlySet<string>): Set<string> {
  return new Set((object.spec?.http ?? []).map(({ name = "" }) => name).filter((name) => own.has(name)));
}

/** ARC-313…315. */
function managedEvents(
  virtualService: string,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
  { managed }: Wish,
): RouterEvent[] {
  const reason = "Updated VirtualService";
  const subject = `VirtualService \`${virtualService}\``;
  const added = managed.filter(({ name }) => !before.has(name));
  const events = added.map(({ kind, name }) => ({ reason, message: `${subject} set ${kind}Route '${name}'` }));
  const areGone = before.size > 0 && after.size === 0;
  return areGone ? [...events, { reason, message: `${subject} removed all managed routes.` }] : events;
}

// DestinationRule -----------------------------------------------------------------------------------------------------

/**
 * Subsets to versions (ARC-320…323). A subset never moves to a version without available pods (ARC-902), the canary's only
 * while it gets no traffic (INV-04), and the stable one, which has some, only to pods that the data plane knows (INV-01).
 */
function steerSubsets(pass: Pass, isCanaryIdle: boolean): Steering {
  const { canary, newRS, stableRS, view } = pass;
  const rule = canary?.trafficRouting?.istio?.destinationRule;
  if (!rule) return { ...NOTHING, isSettled: true };
  const object = view.destinationRule;
  if (!object) {
    const reason = "DestinationRuleNotFound";
    const message = `DestinationRule \`${rule.name}\` not found`;
    const wait = `waiting for DestinationRule ${rule.name}, which does not exist`;
    return { ...NOTHING, problem: { reason, message, wait }, isSettled: false };
  }
  const goesBack = pass.isAborted && stableRS !== null;
  const canaryTarget = goesBack ? (newRS && isAvailable(newRS) ? newRS : stableRS) : newRS;
  const canaryNow = subsetHash(object, rule.canarySubsetName, POD_TEMPLATE_HASH);
  const stableNow = subsetHash(object, rule.stableSubsetName, POD_TEMPLATE_HASH);
  const mayMoveCanary = canaryTarget !== null && isAvailable(canaryTarget) && (canaryNow === "" || isCanaryIdle);
  const canaryHash = mayMoveCanary ? hashOf(canaryTarget) : (canaryNow ?? "");
  const stableTarget = stableRS && isAvailable(stableRS) ? hashOf(stableRS) : (stableNow ?? "");
  const isMoved = stableTarget === (stableNow ?? "");
  const knowledge = isMoved ? null : versionKnowledge(pass, view.ruleSlices, stableTarget);
  const mayMoveStable = isKnown(knowledge);
  awaitVersion(pass, stableTarget, knowledge);
  const stableHash = mayMoveStable ? stableTarget : (stableNow ?? "");
  const experiments = experimentShares(pass).map((one): [string, string] => [
    one.serviceName ?? "",
    one.podTemplateHash ?? "",
  ]);
  const edit = editDestinationRule(object, {
    hashLabel: POD_TEMPLATE_HASH,
    hashes: new Map([[rule.canarySubsetName, canaryHash], [rule.stableSubsetName, stableHash], ...experiments]),
    kept: new Set(rule.additionalSubsetNames ?? []),
    annotations: { [annotations.managedBy]: pass.rollout.metadata.name },
  });
  const isReached = mayMoveStable && (canaryTarget === null || canaryHash === hashOf(canaryTarget));
  if (edit.changed) {
    const message =
      `DestinationRule ${rule.name} subset updated (${rule.canarySubsetName}: ${canaryHash}, ` +
      `${rule.stableSubsetName}: ${stableHash})`;
    const write: Write = { op: "update", type: resources.destinationRules, object: edit.object };
    return {
      writes: [write],
      events: [{ reason: "UpdatedDestinationRule", message }],
      problem: null,
      isSettled: false,
    };
  }
  const live = isLive(view.dataPlane, resources.destinationRules, object);
  const isAssumed = pass.status.canary?.weights?.canary.podTemplateHash === canaryHash || hasWaited(pass);
  return { ...NOTHING, isSettled: isReached && (live ?? isAssumed) };
}
