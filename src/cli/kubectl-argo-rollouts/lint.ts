import type { KubeObject } from "../../api/meta.ts";
import { gatherRollout, podTemplates } from "../../dialects/argo/gather.ts";
import { Pass } from "../../dialects/argo/pass.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { type FieldError, formatFieldError, validateSpec } from "../../dialects/argo/validate.ts";
import { validateReferences } from "../../dialects/argo/validate-references.ts";
import type { RolloutView, ServiceView } from "../../dialects/argo/view.ts";
import { CacheSet } from "../../kube/cache.ts";
import { keyOf, type ResourceType, resources } from "../../kube/resource.ts";
import { CommandError } from "../plugin/command.ts";
import { groupOf, readManifests } from "./manifest.ts";

/** What the controller would say of the file's Rollouts, before it sees them (CL-072). Silence is approval. */
export function lint(file: string): void {
  const objects = readManifests(file).map(inNamespace);
  const caches = cachesOf(objects);
  for (const rollout of caches.list<Rollout>(resources.argoRollouts)) {
    const view = gatherRollout(keyOf(rollout), caches, { now: 0, assumedPropagationSeconds: 0 });
    const problem = view && (validateSpec(view) ?? problemOfReferences(view));
    if (problem) throw new CommandError(formatFieldError(problem));
  }
}

/** What the file does not have may be in the cluster: only what it has is looked at. */
function problemOfReferences(view: RolloutView): FieldError | null {
  const services = new Map([...view.services].map(([name, found]) => [name, found ?? anyService(name)]));
  const virtualServices = view.virtualServices.filter(({ object }) => object !== null);
  const problem = validateReferences(new Pass({ ...view, services, virtualServices }));
  return problem && MISSING_TEMPLATE.test(problem.detail) ? null : problem;
}

const MISSING_TEMPLATE = /AnalysisTemplate '.*' not found$/;

/** Nothing can be said against it. */
function anyService(name: string): ServiceView {
  return { service: { apiVersion: "v1", kind: "Service", metadata: { name } }, endpointHashes: new Set() };
}

function inNamespace(object: KubeObject): KubeObject {
  return { ...object, metadata: { namespace: "default", ...object.metadata } };
}

/** The file as if it were a cluster. Kinds that no Rollout refers to are left out. */
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

function clusterWide(object: KubeObject): KubeObject {
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
