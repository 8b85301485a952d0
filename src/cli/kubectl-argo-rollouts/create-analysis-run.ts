import { collectTemplates, composeRunSpec } from "../../analysis/compose.ts";
import { runPolicies } from "../../analysis/policy.ts";
import type { AnalysisTemplate, Argument } from "../../analysis/types.ts";
import type { ObjectMeta } from "../../api/meta.ts";
import { GROUP, labels, VERSION } from "../../dialects/argo/keys.ts";
import { resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";
import { readManifest } from "./manifest.ts";

export interface CreateAnalysisRunOptions {
  readonly from?: string;
  readonly fromFile?: string;
  /** The template is a cluster-wide one. */
  readonly isGlobal: boolean;
  readonly args: readonly string[];
  readonly name?: string;
  readonly generateName?: string;
  readonly instanceId?: string;
}

/** A run of its own, outside any release (CL-071). */
export async function createAnalysisRun(context: CommandContext, options: CreateAnalysisRunOptions): Promise<void> {
  if ((options.from === undefined) === (options.fromFile === undefined)) {
    throw new CommandError("one of --from or --from-file must be specified");
  }
  const args = options.args.map(parseArgument);
  const template = await findTemplate(context, options);
  const templates = await withIncluded(context, template);
  const policies = runPolicies(templates);
  const annotations = Object.keys(policies).length > 0 ? { annotations: policies } : {};
  const metadata = { ...metadataOf(template, options, context.namespace), ...annotations };
  const spec = composeRunSpec({ templates, args });
  const run = { apiVersion: `${GROUP}/${VERSION}`, kind: "AnalysisRun", metadata, spec };
  const created = await context.client.create(resources.analysisRuns, run);
  context.print(`analysisrun.${GROUP}/${created.metadata.name} created\n`);
}

function parseArgument(text: string): Argument {
  const split = text.indexOf("=");
  if (split < 0) throw new CommandError("arguments must be in the form NAME=VALUE");
  return { name: text.slice(0, split), value: text.slice(split + 1) };
}

async function findTemplate(context: CommandContext, options: CreateAnalysisRunOptions): Promise<AnalysisTemplate> {
  const { from, fromFile = "", isGlobal } = options;
  if (from === undefined) return readManifest(fromFile) as AnalysisTemplate;
  if (isGlobal) return context.client.get(resources.clusterAnalysisTemplates, { namespace: "", name: from });
  return context.client.get(resources.analysisTemplates, { namespace: context.namespace, name: from });
}

/** The template and what it includes, which is looked for in the cluster. */
async function withIncluded({ client, namespace }: CommandContext, template: AnalysisTemplate) {
  const references = template.spec.templates ?? [];
  if (references.length === 0) return [template];
  const [ofNamespace, ofCluster] = await Promise.all([
    client.list<AnalysisTemplate>(resources.analysisTemplates, { namespace }),
    client.list<AnalysisTemplate>(resources.clusterAnalysisTemplates),
  ]);
  const byName = (items: readonly AnalysisTemplate[]) => (name: string) =>
    items.find(({ metadata }) => metadata.name === name) ?? null;
  const lookup = { namespaced: byName(ofNamespace.items), cluster: byName(ofCluster.items) };
  return [template, ...collectTemplates(references, lookup)];
}

function metadataOf(
  template: AnalysisTemplate,
  { name, generateName, instanceId }: CreateAnalysisRunOptions,
  namespace: string,
): ObjectMeta {
  const prefix = generateName ?? `${template.metadata.name ?? ""}-`;
  if (name === undefined && prefix === "-") throw new CommandError("name is invalid");
  return {
    ...(name === undefined ? { generateName: prefix } : { name }),
    namespace,
    ...(instanceId === undefined ? {} : { labels: { [labels.instanceId]: instanceId } }),
  } as ObjectMeta;
}
