import type { KubeObject } from "../../api/meta.ts";
import { GROUP, VERSION } from "../../dialects/argo/keys.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { type GetOptions, getExperiment, getRollout } from "./get.ts";
import { groupOf, readManifest } from "./manifest.ts";

/** The kinds that `create -f` takes (CL-070). */
const creatable: readonly ResourceType[] = [
  resources.argoRollouts,
  resources.experiments,
  resources.analysisTemplates,
  resources.clusterAnalysisTemplates,
  resources.analysisRuns,
];

export async function create(context: CommandContext, files: readonly string[], options: GetOptions): Promise<void> {
  if (files.length > 1 && options.isWatching) throw new CommandError("Cannot watch multiple resources");
  for (const file of files) {
    const object = readManifest(file);
    const created = await createOne(context, object);
    if (!options.isWatching) continue;
    const inItsNamespace = { ...context, namespace: created.metadata.namespace ?? context.namespace };
    if (created.kind === "Rollout") await getRollout(inItsNamespace, created.metadata.name, options);
    else if (created.kind === "Experiment") await getExperiment(inItsNamespace, created.metadata.name, options);
    else throw new CommandError("Can only watch resources of type Rollout or Experiment");
  }
}

async function createOne(context: CommandContext, object: KubeObject): Promise<KubeObject> {
  const group = groupOf(object);
  const type = creatable.find((candidate) => candidate.group === group && candidate.kind === object.kind);
  if (!type) throw new CommandError(`creates of ${group}/${object.kind} unsupported`);
  const metadata = type.namespaced ? { namespace: context.namespace, ...object.metadata } : object.metadata;
  const created = await context.client.create(type, { ...object, metadata });
  context.print(`${type.kind.toLowerCase()}.${GROUP}/${created.metadata.name} created\n`);
  return { ...created, apiVersion: `${GROUP}/${VERSION}`, kind: type.kind };
}
