import type { KubeObject } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import { gatherRollout, podTemplates } from "../dialects/argo/gather.ts";
import { Pass } from "../dialects/argo/pass.ts";
import type { Rollout } from "../dialects/argo/types.ts";
import type { FieldError } from "../dialects/argo/validate/field-error.ts";
import { validateReferences } from "../dialects/argo/validate/references.ts";
import { validateSpec } from "../dialects/argo/validate.ts";
import type { RolloutView, ServiceView } from "../dialects/argo/view.ts";
import { CacheSet } from "../kube/cache.ts";
import { keyOf, type ResourceType, resources } from "../kube/resource.ts";

interface RolloutProblem {
  readonly rollout: Rollout;
  readonly problem: FieldError;
}

/** What Argo's controller would say of the Rollouts among the objects, before it sees them (CL-072). */
export function rolloutProblems(objects: readonly KubeObject[]): readonly RolloutProblem[] {
  const caches = cachesOf(objects.map(asApplied));
  const inFileOrder = objects.filter(({ kind }) => kind === "Service").map(({ metadata }) => metadata.name);
  return caches.list<Rollout>(resources.argoRollouts).flatMap((rollout) => {
    const view = gatherRollout(keyOf(rollout), caches, { now: 0, assumedPropagationSeconds: 0 });
    const problem = view && (validateSpec(view) ?? problemOfReferences(view, inFileOrder));
    // A workload outside of the files: without its pod template there is nothing to look at.
    if (problem?.path === "spec.workloadRef" && problem.detail.endsWith(" not found")) return [];
    return problem ? [{ rollout, problem }] : [];
  });
}

/** What the files do not have may be in the cluster: only what they have is looked at, Services in the files' order. */
function problemOfReferences(view: RolloutView, serviceNames: readonly string[]): FieldError | null {
  for (const name of serviceNames) {
    const problem = view.services.get(name) ? problemWith(view, (other) => other === name) : null;
    if (problem?.path.endsWith("Service")) return problem;
  }
  return problemWith(view, () => true);
}

function problemWith(view: RolloutView, isLookedAt: (service: string) => boolean): FieldError | null {
  const services = new Map(
    [...view.services].map(([name, found]) => [name, (isLookedAt(name) && found) || anyService(name)]),
  );
  const found = view.routeObjects.found.filter(({ object }) => object !== null);
  const routeObjects = { ...view.routeObjects, found };
  const virtualServices = view.virtualServices.filter(({ object }) => object !== null);
  const problem = validateReferences(new Pass({ ...view, services, virtualServices, routeObjects }));
  return problem && MISSING_TEMPLATE.test(problem.detail) ? null : problem;
}

const MISSING_TEMPLATE = /AnalysisTemplate '.*' not found$/;

/** Nothing can be said against it. */
function anyService(name: string): ServiceView {
  return { service: { apiVersion: "v1", kind: "Service", metadata: { name } }, endpointHashes: new Set(), slices: [] };
}

/** With what kubectl adds, and with the one member that every Rollout has. */
function asApplied(object: KubeObject): KubeObject {
  const spec = object.kind === "Rollout" && !isRecord(object["spec"]) ? { spec: {} } : {};
  return { ...object, ...spec, metadata: { namespace: "default", ...object.metadata } };
}

/** The objects as if they were a cluster. Kinds that no Rollout refers to are left out. */
function cachesOf(objects: readonly KubeObject[]): CacheSet {
  const caches = new CacheSet();
  const types: readonly ResourceType[] = [...Object.values(resources), podTemplates];
  for (const type of types) {
    const ofType = objects.filter((object) => groupOf(object) === type.group && object.kind === type.kind);
    const named = type.namespaced ? ofType : ofType.map(clusterWide);
    caches.add(type).replace(named, 0);
  }
  return caches;
}

function groupOf({ apiVersion }: KubeObject): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

function clusterWide(object: KubeObject): KubeObject {
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
