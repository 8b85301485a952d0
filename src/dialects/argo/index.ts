import type { DestinationRule } from "../../api/istio.ts";
import type { KubeObject } from "../../api/meta.ts";
import { type Index, typeKey } from "../../kube/cache.ts";
import { formatKey, keyOf, type ObjectKey, type ResourceType, resources } from "../../kube/resource.ts";
import type { AnyController, CacheReader, Controller } from "../../runtime/controller.ts";
import { DATA_PLANE_KEY, isLive, isTold } from "../../traffic/data-plane.ts";
import { analysisRunController } from "./analysis-run/index.ts";
import { destinationRuleCleanup, serviceCleanup } from "./cleanup.ts";
import { rolloutEvents } from "./comings.ts";
import { experimentController } from "./experiment/index.ts";
import {
  destinationRuleNames,
  gatherRollout,
  podTemplates,
  ruledServiceKeys,
  serviceKeys,
  virtualServiceNames,
  workloadType,
} from "./gather.ts";
import { ofInstance } from "./instance.ts";
import { reconcileRollout } from "./reconcile.ts";
import { customRouteKinds, rolloutsOfKind, rolloutsOfRouteObject, routeObjectKinds } from "./traffic/route-objects.ts";
import type { Rollout } from "./types.ts";
import type { RolloutView } from "./view.ts";

/** Argo Rollouts: the controllers of argoproj.io. The CRDs are in packs/argo.ts. */

export interface ArgoOptions {
  /** How long a change of routes is taken to need where no data plane tells when it is in force. */
  readonly assumedPropagationSeconds?: number;
  /** The original's `--instance-id` (ARC-805); "": the objects without that label. */
  readonly instanceId?: string;
}

const ASSUMED_PROPAGATION_SECONDS = 1; // design decision 3

export function argoControllers({
  assumedPropagationSeconds = ASSUMED_PROPAGATION_SECONDS,
  instanceId = "",
}: ArgoOptions = {}): AnyController[] {
  return [
    ofInstance(rolloutController(assumedPropagationSeconds), { type: resources.argoRollouts, instanceId }),
    serviceCleanup,
    destinationRuleCleanup,
    ofInstance(analysisRunController, { type: resources.analysisRuns, instanceId }),
    ofInstance(experimentController, { type: resources.experiments, instanceId }),
  ];
}

function rolloutController(assumedPropagationSeconds: number): Controller<RolloutView> {
  return {
    name: "argo-rollout",
    component: "rollouts-controller",
    watches: [
      { type: resources.argoRollouts, keysOf: (rollout) => [formatKey(keyOf(rollout))] },
      { type: resources.replicaSets, keysOf: ownerOrWorkload(resources.replicaSets) },
      { type: resources.analysisRuns, keysOf: owningRollout },
      { type: resources.experiments, keysOf: owningRollout },
      { type: resources.services, keysOf: (service, cache) => indexed(cache, serviceKeys, keyOf(service)) },
      {
        type: resources.endpointSlices,
        keysOf: rolloutsOfSlice,
      },
      {
        type: resources.virtualServices,
        keysOf: (object, cache) => indexed(cache, virtualServiceNames, keyOf(object)),
      },
      {
        type: resources.destinationRules,
        keysOf: (object, cache) => indexed(cache, destinationRuleNames, keyOf(object)),
      },
      ...routeObjectKinds.map((type) => ({
        type,
        isOptional: customRouteKinds.includes(type),
        keysOf: (object: KubeObject, cache: CacheReader) => rolloutsOfRouteObject(type, object, cache),
      })),
      { type: resources.customResourceDefinitions, keysOf: rolloutsOfKind },
      { type: resources.configMaps, keysOf: rolloutsAwaitingDataPlane },
      { type: resources.analysisTemplates, keysOf: (template, cache) => analysed(cache, template.metadata.namespace) },
      { type: resources.clusterAnalysisTemplates, keysOf: (_, cache) => analysed(cache, undefined) },
      { type: resources.deployments, keysOf: rolloutsOfWorkload(resources.deployments) },
      { type: podTemplates, keysOf: rolloutsOfWorkload(podTemplates) },
      { type: resources.podDisruptionBudgets, keysOf: restartingRollouts },
    ],
    reads: [resources.pods],
    eventsOf: rolloutEvents,
    gather: (key, cache, now) => gatherRollout(key, cache, { now, assumedPropagationSeconds }),
    reconcile: reconcileRollout,
  };
}

const SERVICE_NAME = "kubernetes.io/service-name";

function rolloutsIn(cache: CacheReader, namespace: string | undefined): readonly Rollout[] {
  return cache.list<Rollout>(resources.argoRollouts, namespace);
}

function keys(rollouts: readonly Rollout[]): string[] {
  return rollouts.map((rollout) => formatKey(keyOf(rollout)));
}

function owningRollout({ metadata }: KubeObject): string[] {
  return (metadata.ownerReferences ?? [])
    .filter(
      (owner) => owner.controller === true && owner.kind === "Rollout" && owner.apiVersion.startsWith("argoproj.io/"),
    )
    .map(({ name }) => formatKey({ namespace: metadata.namespace ?? "", name }));
}

function ownerOrWorkload(type: ResourceType): (object: KubeObject, cache: CacheReader) => string[] {
  const asWorkload = rolloutsOfWorkload(type);
  return (object, cache) => [...owningRollout(object), ...asWorkload(object, cache)];
}

function indexed(cache: CacheReader, index: Index<Rollout>, key: ObjectKey): string[] {
  return keys(cache.indexedBy<Rollout>(resources.argoRollouts, index, formatKey(key)));
}

/** Those that name its Service, and those whose subsets choose among its endpoints. */
function rolloutsOfSlice({ metadata }: KubeObject, cache: CacheReader): string[] {
  const name = metadata.labels?.[SERVICE_NAME];
  if (name === undefined) return [];
  const service = { namespace: metadata.namespace ?? "", name };
  const rules = cache.indexedBy<DestinationRule>(resources.destinationRules, ruledServiceKeys, formatKey(service));
  const byRule = rules.flatMap((rule) => indexed(cache, destinationRuleNames, keyOf(rule)));
  return [...indexed(cache, serviceKeys, service), ...byRule];
}

function isSame(left: ObjectKey, right: ObjectKey): boolean {
  return left.namespace === right.namespace && left.name === right.name;
}

/** What the mesh runs changes often; only a Rollout that waits for it, before or after the change, cares. */
function rolloutsAwaitingDataPlane(object: KubeObject, cache: CacheReader): string[] {
  if (!isSame(keyOf(object), DATA_PLANE_KEY)) return [];
  const waiting = (type: ResourceType, keysOf: (waited: KubeObject) => string[]) =>
    cache
      .list(type)
      .filter((waited) => isLive(object, type, waited) !== true)
      .flatMap(keysOf);
  const watched = new Set(cache.types().map(typeKey));
  return [
    ...routeObjectKinds
      .filter((type) => watched.has(typeKey(type)) && isTold(object, type))
      .flatMap((type) => waiting(type, (routes) => rolloutsOfRouteObject(type, routes, cache))),
    ...waiting(resources.virtualServices, (routes) => indexed(cache, virtualServiceNames, keyOf(routes))),
    ...waiting(resources.destinationRules, (rule) => indexed(cache, destinationRuleNames, keyOf(rule))),
    // Where nobody tells of endpoints, nobody waits for them.
    ...(isTold(object, resources.endpointSlices)
      ? waiting(resources.endpointSlices, (slice) => rolloutsOfSlice(slice, cache))
      : []),
  ];
}

function analysed(cache: CacheReader, namespace: string | undefined): string[] {
  return keys(
    rolloutsIn(cache, namespace).filter(({ spec }) => {
      const { canary, blueGreen } = spec.strategy ?? {};
      const isStep = canary?.steps?.some(({ analysis, experiment }) => analysis || experiment);
      return canary?.analysis || isStep || blueGreen?.prePromotionAnalysis || blueGreen?.postPromotionAnalysis;
    }),
  );
}

/** A restart goes on as soon as a budget has something to give again. */
function restartingRollouts({ metadata }: KubeObject, cache: CacheReader): string[] {
  return keys(cache.indexedBy<Rollout>(resources.argoRollouts, restarting, metadata.namespace ?? ""));
}

/** Index: the namespace of a Rollout that restarts. */
function restarting({ metadata, spec, status }: Rollout): readonly string[] {
  const isRestarting = spec.restartAt !== undefined && spec.restartAt !== status?.restartedAt;
  return isRestarting ? [metadata.namespace ?? ""] : [];
}

function rolloutsOfWorkload(type: ResourceType): (object: KubeObject, cache: CacheReader) => string[] {
  const workloadKeys: Index<Rollout> = ({ spec: { workloadRef }, metadata }) =>
    workloadRef?.name !== undefined && workloadType(workloadRef) === type
      ? [formatKey({ namespace: metadata.namespace ?? "", name: workloadRef.name })]
      : [];
  return (object, cache) => indexed(cache, workloadKeys, keyOf(object));
}
