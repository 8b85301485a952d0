import { deepEqual } from "../../base/json.ts";
import { parseTime } from "../../base/time.ts";
import { resources } from "../../kube/resource.ts";
import { isLive } from "../../traffic/data-plane.ts";
import { editDestinationRule, subsetHash } from "../../traffic/istio/destination-rule.ts";
import type { Parties, RouteSelection, Split } from "../../traffic/istio/parties.ts";
import {
  canaryShare,
  editVirtualService,
  type ManagedRoute,
  type VirtualServiceWish,
} from "../../traffic/istio/virtual-service.ts";
import { isAtDesired } from "./canary-counts.ts";
import { conditionOf, putCondition, removeCondition } from "./conditions.ts";
import { meetsThreshold } from "./counts.ts";
import { annotations, POD_TEMPLATE_HASH } from "./keys.ts";
import { isAvailable, type Pass, WAITING_FOR_DATA_PLANE } from "./pass.ts";
import { availableOf, hashOf } from "./replica-sets.ts";
import { selectedHash, servesOnly, serviceOf } from "./services.ts";
import { steppedAbortWeight } from "./stepped-weight.ts";
import { weightAt } from "./steps.ts";
import type { IstioVirtualService, TrafficWeights, WeightDestination } from "./types.ts";

/**
 * The traffic of a routed canary (sections 6.2 and 6.3). Nothing here throws: whatever keeps the wanted weight from
 * being set is a state that the rest of the pass goes on with, so abort, deadline and status always run (ARC-901).
 */
export interface Traffic {
  /** The share of the canary that was asked for in this pass. */
  readonly weight: number;
  /** Every request obeys it. */
  readonly isSettled: boolean;
}

export const NO_TRAFFIC: Traffic = { weight: 0, isSettled: true };

/** Before anything is decided: true when no request goes to the canary by the routes, and the mesh runs them. */
export function isCanaryIdle(pass: Pass): boolean {
  const wish = wishOf(pass, pass.view.virtualServices[0]?.config, 0, []);
  return pass.view.virtualServices.every(({ object }) => {
    if (!object) return true;
    if ((canaryShare(object, wish) ?? 0) > 0) return false;
    const live = isLive(pass.view.dataPlane, resources.virtualServices, object);
    return live ?? (pass.status.canary?.weights?.canary.weight ?? 0) === 0;
  });
}

export function reconcileTraffic(pass: Pass): Traffic {
  const { canary, stableRS, view } = pass;
  if (!canary?.trafficRouting?.istio) return NO_TRAFFIC;
  const wanted = desiredWeight(pass);
  const weight = stableRS ? bearable(pass, wanted) : null;
  // ARC-221: nothing is written until the stable version can take its share.
  if (weight === null) {
    if (stableRS) pass.trafficWait = "waiting for the stable version to be available";
    return { weight: wanted, isSettled: false };
  }

  const rule = reconcileRule(pass);
  const shares = view.virtualServices.map(({ object, config }) =>
    object ? (canaryShare(object, wishOf(pass, config, weight, [])) ?? 0) : 0,
  );
  const written = Math.max(0, ...shares);
  // A share is raised only where the canary's pods are really behind its name, and after its name is known (INV-03).
  const isReady = rule.isSettled && isCanaryReady(pass);
  const next = weight > written && !isReady ? written : weight;
  const managed = wantedManagedRoutes(pass, next === weight && isReady);
  const isWritten = view.virtualServices.map((one) => writeVirtualService(pass, one, next, managed));
  const weights = weightsOf(pass, next);
  const isSettled = settle(pass, {
    hasWritten: rule.hasWritten || isWritten.includes(true),
    weights,
    objects: view.virtualServices.flatMap(({ object }) => (object ? [object] : [])),
  });
  if (isSettled && rule.isSettled && next === weight) recordWeights(pass, weights);
  else pass.trafficWait ??= WAITING_FOR_DATA_PLANE;
  return { weight: next, isSettled: isSettled && rule.isSettled && next === weight };
}

// What is wanted ------------------------------------------------------------------------------------------------------

/** ARC-220. */
function desiredWeight(pass: Pass): number {
  const { steps, stepIndex, maxWeight, replicas, newRS, canary, status } = pass;
  const current = status.canary?.weights?.canary.weight ?? 0;
  const isDynamic = canary?.dynamicStableScale === true;
  if (pass.isFullyPromoted) {
    if (isDynamic && availableOf(newRS) < replicas) return steppedAbortWeight(pass);
    // The canary's name keeps the traffic until the stable one leads to the same pods.
    return current > 0 && isAvailable(newRS) && !isStableSwitched(pass) ? current : 0;
  }
  if (pass.isAborted) return isDynamic ? steppedAbortWeight(pass) : 0;
  if (!isAvailable(newRS)) return 0;
  if (status.promoteFull) {
    return isDynamic
      ? Math.min(maxWeight, Math.floor((maxWeight * availableOf(newRS)) / Math.max(1, replicas)))
      : current;
  }
  if (stepIndex === null) return 0;
  if (!isAtDesired(pass)) return weightAt(steps, stepIndex - 1);
  return stepIndex === steps.length ? maxWeight : weightAt(steps, stepIndex);
}

function isStableSwitched(pass: Pass): boolean {
  const { canary, newHash, view } = pass;
  const rule = canary?.trafficRouting?.istio?.destinationRule;
  if (rule && view.destinationRule) {
    if (subsetHash(view.destinationRule, rule.stableSubsetName, POD_TEMPLATE_HASH) !== newHash) return false;
    if (isLive(view.dataPlane, resources.destinationRules, view.destinationRule) === false) return false;
  }
  const stable = serviceOf(pass, canary?.stableService);
  return !stable || rule !== undefined || (selectedHash(stable.service) === newHash && servesOnly(stable, newHash));
}

/** ARC-221 and ARC-909: null while stable cannot take its share; when going back, what it can take is moved. */
function bearable(pass: Pass, wanted: number): number | null {
  const { maxWeight, replicas, stableRS, newRS, canary, status } = pass;
  const available = availableOf(stableRS);
  if (available >= Math.floor(((maxWeight - wanted) * replicas) / maxWeight)) return wanted;
  if (meetsThreshold(available, replicas, canary?.replicaProgressThreshold)) return wanted;
  const current = status.canary?.weights?.canary.weight ?? 0;
  const isGoingBack = pass.isAborted || pass.isFullyPromoted;
  if (!isGoingBack || current === 0) return null;
  if (!newRS || newRS === stableRS || !isAvailable(newRS)) return wanted;
  const carried = Math.floor((maxWeight * available) / Math.max(1, replicas));
  return Math.max(wanted, Math.min(current, maxWeight - carried));
}

/** Behind the canary's Service are the new version's pods only. */
function isCanaryReady(pass: Pass): boolean {
  const { canary, newHash } = pass;
  if (canary?.trafficRouting?.istio?.destinationRule) return true;
  const service = serviceOf(pass, canary?.canaryService);
  return !service || servesOnly(service, newHash);
}

/** ARC-904: derived from all steps up to the current one, each time. */
function wantedManagedRoutes(pass: Pass, isReady: boolean): readonly ManagedRoute[] {
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
  const present = new Set(
    pass.view.virtualServices.flatMap(({ object }) => (object?.spec?.http ?? []).map(({ name }) => name ?? "")),
  );
  const order = (canary?.trafficRouting?.managedRoutes ?? []).map(({ name }) => name);
  return [...routes.values()]
    .filter(({ name }) => isReady || present.has(name))
    .sort((left, right) => order.indexOf(left.name) - order.indexOf(right.name));
}

/** Temporary shares of a running experiment (ARC-224). */
function experimentShares(pass: Pass): readonly WeightDestination[] {
  const { status, currentStep } = pass;
  const name = status.canary?.currentExperiment;
  const experiment = pass.view.experiments.find(({ metadata }) => metadata.name === name);
  if (!currentStep?.experiment || experiment?.status?.phase !== "Running" || pass.isAborted) return [];
  const weights = new Map(currentStep.experiment.templates.map((template) => [template.name, template.weight]));
  return (experiment.status.templateStatuses ?? [])
    .flatMap(({ name: template, serviceName = "", podTemplateHash = "" }) => {
      const weight = weights.get(template);
      return weight === undefined || serviceName === "" ? [] : [{ weight, serviceName, podTemplateHash }];
    })
    .sort((left, right) => (left.serviceName < right.serviceName ? -1 : 1));
}

function wishOf(
  pass: Pass,
  config: IstioVirtualService | undefined,
  weight: number,
  managed: readonly ManagedRoute[],
): VirtualServiceWish {
  const rule = pass.canary?.trafficRouting?.istio?.destinationRule;
  const additional = experimentShares(pass).map((one) => ({ service: one.serviceName ?? "", weight: one.weight }));
  const names = pass.view.experiments.flatMap(({ status }) => status?.templateStatuses ?? []);
  return {
    parties: partiesOf(pass),
    selection: selectionOf(config),
    split: { weight, additional } satisfies Split,
    managed,
    managedNames: managedNamesOf(pass),
    formerly: new Set(names.flatMap(({ serviceName }) => (serviceName ? [serviceName] : []))),
    ruleHost: rule ? (pass.view.destinationRule?.spec?.host ?? null) : null,
  };
}

export function partiesOf({ canary }: Pass): Parties {
  const rule = canary?.trafficRouting?.istio?.destinationRule;
  return {
    canaryService: canary?.canaryService ?? "",
    stableService: canary?.stableService ?? "",
    subsets: rule
      ? {
          canary: rule.canarySubsetName,
          stable: rule.stableSubsetName,
          additional: rule.additionalSubsetNames ?? [],
        }
      : null,
  };
}

export function selectionOf(config: IstioVirtualService | undefined): RouteSelection {
  return { routes: config?.routes ?? [], tlsRoutes: config?.tlsRoutes ?? [], tcpRoutes: config?.tcpRoutes ?? [] };
}

export function managedNamesOf({ canary, steps }: Pass): ReadonlySet<string> {
  return new Set(
    [
      ...(canary?.trafficRouting?.managedRoutes ?? []).map(({ name }) => name),
      ...steps.flatMap(({ setHeaderRoute, setMirrorRoute }) => [
        setHeaderRoute?.name ?? "",
        setMirrorRoute?.name ?? "",
      ]),
    ].filter((name) => name !== ""),
  );
}

// What is written -----------------------------------------------------------------------------------------------------

/** True when a write goes out. */
function writeVirtualService(
  pass: Pass,
  { object, config }: Pass["view"]["virtualServices"][number],
  weight: number,
  managed: readonly ManagedRoute[],
): boolean {
  if (!object) {
    pass.event("VirtualServiceNotFound", `VirtualService \`${config.name}\` not found`, "Warning");
    return false;
  }
  const wish = wishOf(pass, config, weight, managed);
  const edit = editVirtualService(object, wish);
  if (edit.error !== undefined) {
    pass.event("TrafficRoutingError", edit.error, "Warning");
    return false;
  }
  if (!edit.changed) return false;
  pass.write({ op: "update", type: resources.virtualServices, object: edit.object });
  tellManaged(pass, object.metadata.name, routeNames(object, wish), routeNames(edit.object, wish), managed);
  const isWeightSet = canaryShare(object, wish) !== canaryShare(edit.object, wish);
  if (isWeightSet) {
    const name = object.metadata.name;
    pass.event("Updated VirtualService", `VirtualService \`${name}\` set to desiredWeight '${weight}'`);
  }
  return true;
}

function routeNames(
  object: { spec?: { http?: { name?: string }[] } },
  { managedNames }: VirtualServiceWish,
): Set<string> {
  return new Set((object.spec?.http ?? []).map(({ name = "" }) => name).filter((name) => managedNames.has(name)));
}

/** ARC-313…315. */
function tellManaged(
  pass: Pass,
  virtualService: string,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
  managed: readonly ManagedRoute[],
): void {
  const subject = `VirtualService \`${virtualService}\``;
  for (const { kind, name } of managed) {
    if (!before.has(name)) pass.event("Updated VirtualService", `${subject} set ${kind}Route '${name}'`);
  }
  if (before.size > 0 && after.size === 0) {
    pass.event("Updated VirtualService", `${subject} removed all managed routes.`);
  }
}

interface RuleState {
  readonly hasWritten: boolean;
  readonly isSettled: boolean;
}

/**
 * Subsets to versions (ARC-320…323). A subset never moves to a version without available pods (ARC-902), and the
 * canary's only while it gets no traffic (INV-04).
 */
function reconcileRule(pass: Pass): RuleState {
  const { canary, newRS, stableRS, view } = pass;
  const rule = canary?.trafficRouting?.istio?.destinationRule;
  if (!rule) return { hasWritten: false, isSettled: true };
  const object = view.destinationRule;
  if (!object) {
    pass.event("DestinationRuleNotFound", `DestinationRule \`${rule.name}\` not found`, "Warning");
    pass.trafficWait = `waiting for DestinationRule ${rule.name}, which does not exist`;
    return { hasWritten: false, isSettled: false };
  }
  const goesBack = pass.isAborted && stableRS !== null;
  const canaryTarget = goesBack ? (newRS && isAvailable(newRS) ? newRS : stableRS) : newRS;
  const canaryNow = subsetHash(object, rule.canarySubsetName, POD_TEMPLATE_HASH);
  const stableNow = subsetHash(object, rule.stableSubsetName, POD_TEMPLATE_HASH);
  const mayMoveCanary = canaryTarget !== null && isAvailable(canaryTarget) && (canaryNow === "" || isCanaryIdle(pass));
  const canaryHash = mayMoveCanary ? hashOf(canaryTarget) : (canaryNow ?? "");
  const stableHash = stableRS && isAvailable(stableRS) ? hashOf(stableRS) : (stableNow ?? "");
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
  const isReached = canaryTarget === null || canaryHash === hashOf(canaryTarget);
  if (edit.changed) {
    pass.write({ op: "update", type: resources.destinationRules, object: edit.object });
    pass.event(
      "UpdatedDestinationRule",
      `DestinationRule ${rule.name} subset updated (${rule.canarySubsetName}: ${canaryHash}, ` +
        `${rule.stableSubsetName}: ${stableHash})`,
    );
    return { hasWritten: true, isSettled: false };
  }
  const live = isLive(view.dataPlane, resources.destinationRules, object);
  const isKnown = pass.status.canary?.weights?.canary.podTemplateHash === canaryHash || hasWaited(pass);
  return { hasWritten: false, isSettled: isReached && (live ?? isKnown) };
}

// What is in force ----------------------------------------------------------------------------------------------------

interface Written {
  readonly hasWritten: boolean;
  readonly weights: TrafficWeights;
  readonly objects: readonly { metadata: { name: string } }[];
}

/**
 * True once the mesh runs what is written. Where nobody tells, the wait begins with the write and its start is kept in
 * a condition, so that a restart neither repeats nor shortens it; the weights in the status say that it is over.
 */
function settle(pass: Pass, { hasWritten, weights }: Written): boolean {
  const { next, now, view, status } = pass;
  if (hasWritten) {
    startWaiting(pass);
    return false;
  }
  const states = view.virtualServices.map(({ object }) =>
    object ? isLive(view.dataPlane, resources.virtualServices, object) : false,
  );
  if (states.includes(false)) return false;
  if (!states.includes(null)) {
    removeCondition(next, "TrafficSettling");
    return true;
  }
  if (deepEqual(status.canary?.weights, weights)) {
    removeCondition(next, "TrafficSettling");
    return true;
  }
  if (!conditionOf(next, "TrafficSettling")) {
    startWaiting(pass);
    return false;
  }
  if (!hasWaited(pass)) {
    const since = parseTime(conditionOf(next, "TrafficSettling")?.lastUpdateTime) ?? now;
    pass.wakeAt(since + view.assumedPropagationSeconds * 1000);
    return false;
  }
  removeCondition(next, "TrafficSettling");
  return true;
}

function startWaiting({ next, now, view }: Pass): void {
  if (view.dataPlane !== null && Object.keys(view.dataPlane["data"] ?? {}).length > 0) return;
  // Times have whole seconds: rounded up, so that the wait is never shorter than it says (INV-35).
  const message = `traffic was set; it is taken to be in force after ${view.assumedPropagationSeconds}s`;
  const change = { type: "TrafficSettling", status: "True", reason: "WaitingForDataPlane", message } as const;
  putCondition(next, change, now + 999);
}

function hasWaited({ next, now, view }: Pass): boolean {
  const since = parseTime(conditionOf(next, "TrafficSettling")?.lastUpdateTime);
  return since !== null && now >= since + view.assumedPropagationSeconds * 1000;
}

function weightsOf(pass: Pass, weight: number): TrafficWeights {
  const { canary, maxWeight, newHash, stableRS, status } = pass;
  const additional = experimentShares(pass);
  const sum = additional.reduce((total, one) => total + one.weight, 0);
  const named = (service: string | undefined, hash: string) => ({
    ...(service ? { serviceName: service } : {}),
    podTemplateHash: hash,
  });
  return {
    canary: { weight, ...named(canary?.canaryService, newHash) },
    stable: {
      weight: maxWeight - weight - sum,
      ...named(canary?.stableService, stableRS ? hashOf(stableRS) : (status.stableRS ?? "")),
    },
    ...(additional.length > 0 ? { additional: [...additional] } : {}),
  };
}

/** ARC-224. */
function recordWeights(pass: Pass, weights: TrafficWeights): void {
  const { next, status } = pass;
  const before = status.canary?.weights;
  next.canary = { ...next.canary, weights };
  if (deepEqual(before, weights)) return;
  const from = before ? `from ${describe(before)} ` : "";
  if (before && describe(before) === describe(weights)) return;
  pass.event("TrafficWeightUpdated", `Traffic weight updated ${from}to ${describe(weights)}`);
}

function describe({ canary, additional = [] }: TrafficWeights): string {
  const others = additional.map(({ serviceName, weight }) => `${serviceName}=${weight}`);
  return others.length === 0 ? String(canary.weight) : `${canary.weight}, additional: ${others.join(", ")}`;
}

/** The version may lose its pods: no name that a route leads to stands for it, as far as the mesh knows (INV-02). */
export function isReferenced(pass: Pass, hash: string, traffic: Traffic): boolean {
  const { view, canary, blueGreen, next } = pass;
  const names = [canary?.canaryService, canary?.stableService, blueGreen?.activeService, blueGreen?.previewService];
  for (const name of names) {
    const one = serviceOf(pass, name);
    if (one && (selectedHash(one.service) === hash || one.endpointHashes.has(hash))) return true;
  }
  if (hash === next.stableRS || hash === next.currentPodHash) return true;
  if (!pass.isRouted) return false;
  const subsets = view.destinationRule?.spec?.subsets ?? [];
  return !traffic.isSettled || subsets.some((subset) => subset?.labels?.[POD_TEMPLATE_HASH] === hash);
}
