import type { ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { RolloutParts } from "../../dialects/argo/summary.ts";
import type { AnalysisRun, Experiment } from "../../dialects/argo/types.ts";
import type { CacheReader } from "../../kube/cache.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";

/** Kinds whose objects hang below a Rollout or an Experiment. */
export const partTypes: readonly ResourceType[] = [
  resources.replicaSets,
  resources.pods,
  resources.experiments,
  resources.analysisRuns,
];

export async function listParts({ client, namespace }: CommandContext): Promise<RolloutParts> {
  const all = async <T extends KubeObject>(type: ResourceType): Promise<readonly T[]> =>
    (await client.list<T>(type, { namespace })).items;
  const [replicaSets, pods, experiments, analysisRuns] = await Promise.all([
    all<ReplicaSet>(resources.replicaSets),
    all(resources.pods),
    all<Experiment>(resources.experiments),
    all<AnalysisRun>(resources.analysisRuns),
  ]);
  return { replicaSets, pods, experiments, analysisRuns };
}

export function cachedParts(caches: CacheReader, namespace: string): RolloutParts {
  return {
    replicaSets: caches.list<ReplicaSet>(resources.replicaSets, namespace),
    pods: caches.list(resources.pods, namespace),
    experiments: caches.list<Experiment>(resources.experiments, namespace),
    analysisRuns: caches.list<AnalysisRun>(resources.analysisRuns, namespace),
  };
}

/** Reading commands name the kind in the singular when there is no such object (CL-004). */
export async function getToRead<T extends KubeObject>(
  { client, namespace }: CommandContext,
  type: ResourceType,
  name: string,
): Promise<T> {
  try {
    return await client.get<T>(type, { namespace, name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new CommandError(`${type.kind.toLowerCase()}.${type.group} "${name}" not found`);
  }
}
