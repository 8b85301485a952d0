import type { PodTemplate, ReplicaSet } from "../../../api/apps.ts";
import type { KubeObject, OwnerReference } from "../../../api/meta.ts";
import { POD_TEMPLATE_HASH } from "../keys.ts";
import { podTemplateHash } from "../pod-template/hash.ts";
import type { Experiment, ExperimentTemplate } from "../types.ts";

/** The objects of an Experiment's templates (XP-001, XP-002). */

export const EXPERIMENT_ANNOTATION = "experiment.argoproj.io/name";
export const TEMPLATE_ANNOTATION = "experiment.argoproj.io/template-name";

export function replicaSetName({ metadata }: Experiment, template: string): string {
  return `${metadata.name}-${template}`;
}

export function serviceName(experiment: Experiment, template: ExperimentTemplate): string {
  return template.service?.name || replicaSetName(experiment, template.name);
}

export function ownerOf({ apiVersion, kind, metadata }: Experiment): OwnerReference {
  const { name, uid = "" } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function renderReplicaSet(
  experiment: Experiment,
  template: ExperimentTemplate,
  { collisionCount, taken }: { readonly collisionCount: number | undefined; readonly taken: ReadonlySet<string> },
): ReplicaSet {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template.template.metadata?.labels ?? {};
  const pod: PodTemplate = { ...template.template, metadata: { ...template.template.metadata, labels } };
  const hash = freeHash(pod, collisionCount, taken);
  const withHash = { ...labels, [POD_TEMPLATE_HASH]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: replicaSetName(experiment, template.name),
      namespace: experiment.metadata.namespace ?? "",
      labels: { [POD_TEMPLATE_HASH]: hash },
      annotations: annotationsOf(experiment, template),
      ownerReferences: [ownerOf(experiment)],
    },
    spec: {
      // Scaled in a second step, so that a crash in between starts no pod twice.
      replicas: 0,
      ...(template.minReadySeconds === undefined ? {} : { minReadySeconds: template.minReadySeconds }),
      selector: {
        ...template.selector,
        matchLabels: { ...template.selector.matchLabels, [POD_TEMPLATE_HASH]: hash },
      },
      template: { ...pod, metadata: { ...pod.metadata, labels: withHash } },
    },
  };
}

/**
 * The same template gives the same hash, and a Rollout's Services select by it: an experiment's pods would serve the
 * requests of the version that they are measured against (INV-47). So theirs is another one.
 */
function freeHash(pod: PodTemplate, collisionCount: number | undefined, taken: ReadonlySet<string>): string {
  for (let count = collisionCount; ; count = (count ?? 0) + 1) {
    const hash = podTemplateHash(pod, count);
    if (!taken.has(hash)) return hash;
  }
}

function annotationsOf(experiment: Experiment, template: ExperimentTemplate): Record<string, string> {
  return { [EXPERIMENT_ANNOTATION]: experiment.metadata.name, [TEMPLATE_ANNOTATION]: template.name };
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

/** Null: the containers declare no port, so there is nothing to serve. */
export function renderService(
  experiment: Experiment,
  template: ExperimentTemplate,
  replicaSet: ReplicaSet,
): KubeObject | null {
  const containers = (replicaSet.spec.template.spec["containers"] ?? []) as {
    readonly ports?: readonly ContainerPort[];
  }[];
  const ports = containers.flatMap((container) => container.ports ?? []);
  if (ports.length === 0) return null;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: serviceName(experiment, template),
      namespace: experiment.metadata.namespace ?? "",
      annotations: annotationsOf(experiment, template),
      ownerReferences: [ownerOf(experiment)],
    },
    spec: {
      selector: { ...replicaSet.metadata.labels },
      ports: ports.map(({ name, containerPort, protocol }) => ({
        ...(name ? { name } : {}),
        ...(protocol ? { protocol } : {}),
        port: containerPort,
        targetPort: containerPort,
      })),
    },
  };
}
