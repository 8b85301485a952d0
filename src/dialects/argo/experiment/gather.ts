import type { TemplateLookup } from "../../../analysis/compose.ts";
import type { AnalysisRun } from "../../../analysis/types.ts";
import type { ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject } from "../../../api/meta.ts";
import type { Instant } from "../../../base/time.ts";
import { type ObjectKey, resources } from "../../../kube/resource.ts";
import type { CacheReader } from "../../../runtime/controller.ts";
import type { Experiment } from "../types.ts";
import { replicaSetName, serviceName, TEMPLATE_ANNOTATION } from "./objects.ts";

/** What an Experiment is decided on. */
export interface ExperimentView {
  readonly experiment: Experiment;
  /** Its own, by template name. */
  readonly replicaSets: ReadonlyMap<string, ReplicaSet>;
  /** Names of templates whose ReplicaSet's name another owner has taken. */
  readonly collisions: ReadonlySet<string>;
  /** By the name that the template wants; whoever owns them. */
  readonly services: ReadonlyMap<string, KubeObject>;
  /** All runs of the namespace by name: a name may be taken by a foreign one. */
  readonly runs: ReadonlyMap<string, AnalysisRun>;
  readonly templates: TemplateLookup;
  /** The Rollout whose step this is: its events tell of the runs too (RA-030). */
  readonly rollout: KubeObject | null;
  readonly now: Instant;
}

export function gatherExperiment(key: ObjectKey, cache: CacheReader, now: Instant): ExperimentView | null {
  const experiment = cache.get<Experiment>(resources.experiments, key);
  if (!experiment) return null;
  const { namespace } = key;
  const owned = cache.ownedBy<ReplicaSet>(resources.replicaSets, experiment.metadata.uid ?? "");
  const byTemplate = new Map(owned.map((one) => [one.metadata.annotations?.[TEMPLATE_ANNOTATION] ?? "", one]));
  const isTaken = (name: string) =>
    cache.get(resources.replicaSets, { namespace, name: replicaSetName(experiment, name) });
  const names = experiment.spec.templates.map(({ name }) => name);
  const services = experiment.spec.templates.flatMap((template) => {
    const service = cache.get(resources.services, { namespace, name: serviceName(experiment, template) });
    return service ? [[service.metadata.name, service] as const] : [];
  });
  return {
    experiment,
    replicaSets: byTemplate,
    collisions: new Set(names.filter((name) => !byTemplate.has(name) && isTaken(name))),
    services: new Map(services),
    runs: new Map(cache.list<AnalysisRun>(resources.analysisRuns, namespace).map((run) => [run.metadata.name, run])),
    templates: {
      namespaced: (name) => cache.get(resources.analysisTemplates, { namespace, name }),
      cluster: (name) => cache.get(resources.clusterAnalysisTemplates, { namespace: "", name }),
    },
    rollout: rolloutOf(experiment, cache),
    now,
  };
}

function rolloutOf({ metadata }: Experiment, cache: CacheReader): KubeObject | null {
  const owner = metadata.ownerReferences?.find(({ kind, controller }) => kind === "Rollout" && controller === true);
  if (!owner) return null;
  return cache.get(resources.argoRollouts, { namespace: metadata.namespace ?? "", name: owner.name });
}
