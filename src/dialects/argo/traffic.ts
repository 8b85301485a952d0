import { isLive } from "../../traffic/data-plane.ts";
import { type Decision, joined, type Problem, type Router } from "../../traffic/router.ts";
import { type Pass, WAITING_FOR_DATA_PLANE } from "./pass.ts";
import { conditionOf, putCondition, removeCondition } from "./status/conditions.ts";
import { bearableWeight, canaryKnowledge, desiredWeight } from "./traffic/desired-weight.ts";
import { awaitExperiment, experimentShares, holdExperiment, letGoOfExperiments } from "./traffic/experiment-shares.ts";
import { awaitVersion, isKnown } from "./traffic/known-versions.ts";
import { wantedManagedRoutes } from "./traffic/managed-routes.ts";
import { pingPongRoles, rolesInUse } from "./traffic/roles.ts";
import { routersOf } from "./traffic/routers.ts";
import { selectedHash, serviceOf } from "./traffic/services.ts";
import { settle } from "./traffic/settling.ts";
import { recordWeights, weightsOf } from "./traffic/status-weights.ts";

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
  return areIdle(pass, routersOf(pass));
}

function areIdle({ view, status }: Pass, routers: readonly Router[]): boolean {
  if (routers.some(({ share }) => share > 0)) return false;
  const objects = routers.flatMap(({ carriers }) =>
    carriers.flatMap(({ type, object }) => (object ? { type, object } : [])),
  );
  return objects.every(
    ({ type, object }) => isLive(view.dataPlane, type, object) ?? (status.canary?.weights?.canary.weight ?? 0) === 0,
  );
}

export function reconcileTraffic(pass: Pass): Traffic {
  const { maxWeight, stableRS } = pass;
  const routers = routersOf(pass);
  if (routers.length === 0) {
    tellProblem(pass, null);
    letGoOfExperiments(pass);
    return NO_TRAFFIC;
  }
  const wanted = desiredWeight(pass, routers);
  const weight = stableRS ? bearableWeight(pass, wanted) : null;
  // ARC-221: nothing is written until the stable version can take its share.
  if (weight === null) {
    if (stableRS) pass.trafficWait = "waiting for the stable version to be available";
    return { weight: wanted, isSettled: false };
  }
  const steering = steer(pass, routers);
  const written = Math.max(...routers.map(({ share }) => share));
  // A share is raised only where the canary's pods are really behind its name, and after its name is known (INV-03).
  const knowledge = canaryKnowledge(pass, routers);
  const isReady = steering.isSettled && isKnown(knowledge);
  const next = weight > written && !isReady ? written : weight;
  const managed = wantedManagedRoutes(pass, routers, { isReady: next === weight && isReady });
  const isHeldBack = next !== weight || managed.length < wantedManagedRoutes(pass, routers, { isReady: true }).length;
  if (isHeldBack) awaitVersion(pass, pass.newHash, knowledge);
  const wish = {
    weight: next,
    total: maxWeight,
    additional: experimentShares(pass).map(({ serviceName = "", weight }) => ({ service: serviceName, weight })),
    managed,
  };
  holdExperiment(pass);
  awaitExperiment(pass);
  const decisions = routers.map((router) => router.decide(wish));
  for (const decision of decisions) perform(pass, decision);
  const weights = weightsOf(pass, next, verifiedBy(routers));
  const isInForce = settle(pass, {
    hasWritten: steering.hasWritten || decisions.some(({ writes, isTidying }) => writes.length > 0 && !isTidying),
    weights,
    carriers: routers.flatMap(({ carriers }) => carriers),
  });
  const problem = [steering, ...decisions].find((decision) => decision.problem !== null)?.problem ?? null;
  tellProblem(pass, problem);
  const isSettled = isInForce && problem === null && steering.isSettled && !isHeldBack;
  if (isInForce && problem === null) letGoOfExperiments(pass);
  if (isSettled) recordWeights(pass, weights);
  else pass.trafficWait ??= WAITING_FOR_DATA_PLANE;
  return { weight: next, isSettled };
}

/** ARC-225: absent where no router can tell. */
function verifiedBy(routers: readonly Router[]): boolean | undefined {
  const told = routers.flatMap(({ verified }) => verified ?? []);
  return told.length === 0 ? undefined : told.every((isVerified) => isVerified);
}

/** Names of versions before weights. */
function steer(pass: Pass, routers: readonly Router[]): { hasWritten: boolean; isSettled: boolean } & Decision {
  const situation = { isCanaryIdle: areIdle(pass, routers) };
  const steerings = routers.flatMap((router) => router.steer?.(situation) ?? []);
  for (const steering of steerings) perform(pass, steering);
  return {
    ...joined(steerings),
    hasWritten: steerings.some(({ writes }) => writes.length > 0),
    isSettled: steerings.every(({ isSettled }) => isSettled),
  };
}

function perform(pass: Pass, { writes, events }: Decision): void {
  for (const write of writes) pass.write(write);
  for (const { reason, message } of events) pass.event(reason, message);
}

/** A problem is told when it begins; from then on a condition keeps it, and with it the status' message. */
function tellProblem(pass: Pass, problem: Problem | null): void {
  const { next, now } = pass;
  const before = conditionOf(next, "TrafficRoutingError")?.message;
  if (!problem) {
    removeCondition(next, "TrafficRoutingError");
    return;
  }
  const { reason, message, wait = message } = problem;
  if (before === wait) return;
  putCondition(next, { type: "TrafficRoutingError", status: "True", reason, message: wait }, now);
  pass.event(reason, message, "Warning");
}

/** The version may lose its pods: no name that a route leads to stands for it, as far as the mesh knows (INV-02). */
export function isReferenced(pass: Pass, hash: string, traffic: Traffic): boolean {
  const { blueGreen, next } = pass;
  const roles = rolesInUse(pass).flatMap(({ canary, stable }) => [canary, stable]);
  // Between releases the second Service of ping-pong keeps the version that was, and no request leads to it.
  const resting =
    pass.isFullyPromoted && traffic.isSettled && traffic.weight === 0 ? pingPongRoles(pass)?.canary : null;
  const names = [...roles.filter((name) => name !== resting), blueGreen?.activeService, blueGreen?.previewService];
  for (const name of names) {
    const one = serviceOf(pass, name);
    if (one && (selectedHash(one.service) === hash || one.endpointHashes.has(hash))) return true;
  }
  if (hash === next.stableRS || hash === next.currentPodHash) return true;
  if (!pass.isRouted) return false;
  return !traffic.isSettled || routersOf(pass).some(({ namedHashes }) => namedHashes?.has(hash) === true);
}
