import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { collectTemplates, composeRunSpec, flattenTemplates } from "../analysis/compose.ts";
import { runPolicies } from "../analysis/policy.ts";
import { providers } from "../analysis/providers/index.ts";
import { AnalysisSpecError } from "../analysis/spec-error.ts";
import { type TriedMetric, tryOut } from "../analysis/try-out.ts";
import type { AnalysisRun, AnalysisTemplate, Argument } from "../analysis/types.ts";
import type { KubeObject } from "../api/meta.ts";
import { measuringContext } from "../app/measurer.ts";
import { systemClock } from "../base/clock.ts";
import type { KubeClient } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import { createHttpClient } from "../kube/http-client.ts";
import { loadKubeconfig } from "../kube/kubeconfig.ts";
import { type ResourceType, resources } from "../kube/resource.ts";
import { renderTrial } from "./analyze-output.ts";
import { UsageError } from "./errors.ts";
import { dataOption, requireInstance } from "./instance.ts";
import { readManifests } from "./kubectl-argo-rollouts/manifest.ts";
import { CommandError } from "./plugin/command.ts";
import { paint } from "./terminal.ts";

interface AnalyzeOptions {
  readonly data: string;
  readonly filename?: string;
  readonly namespace: string;
  readonly argument: readonly Argument[];
  readonly metric: readonly string[];
  readonly json?: boolean;
}

/** Fairway's own templates, for whoever has not applied them. */
const BUILT_IN = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "examples",
  "argo",
  "metrics.yaml",
);
const CONTROLLER_NAMESPACE = "argo-rollouts";

/** EC-024: what would a template say now? */
export function analyzeCommand(): Command {
  return new Command("analyze")
    .alias("analyse")
    .description(
      "measure each metric of an analysis template once, now, and say why; nothing is stored (exit code 1 unless all are Successful)",
    )
    .argument(
      "[template]",
      "name of an AnalysisTemplate, of a ClusterAnalysisTemplate or of a built-in one (fairway-request-success-rate, …)",
    )
    .addOption(dataOption())
    .option("-f, --filename <file>", "take the template from a manifest file instead of from the cluster")
    .option("-n, --namespace <name>", "namespace of the template and of its Secrets", "default")
    .addOption(
      new Option("-a, --argument <name=value>", "argument of the template; may be repeated")
        .argParser(collectArgument)
        .default([], "none"),
    )
    .addOption(
      new Option("--metric <name>", "measure only this one; may be repeated").argParser(collect).default([], "all"),
    )
    .option("--json", "print a JSON object")
    .action(runAnalyze);
}

function collectArgument(text: string, previous: readonly Argument[]): readonly Argument[] {
  const split = text.indexOf("=");
  if (split < 1) throw new InvalidArgumentError("expected name=value.");
  return [...previous, { name: text.slice(0, split), value: text.slice(split + 1) }];
}

function collect(text: string, previous: readonly string[]): readonly string[] {
  return [...previous, text];
}

async function runAnalyze(name: string | undefined, options: AnalyzeOptions): Promise<void> {
  const { instance } = requireInstance(options.data);
  const client = createHttpClient(loadKubeconfig(instance.kubeconfig));
  const { context, close } = measuringContext({
    client,
    clock: systemClock,
    prometheus: instance.prometheus ?? "",
    environment: process.env,
    controllerNamespace: CONTROLLER_NAMESPACE,
  });
  try {
    const template = await findTemplate(client, name, options);
    const run = await runOf(client, template, options);
    const metrics = await tryOut(run, { providers, context });
    print(template, metrics, options);
    if (metrics.some(({ phase }) => phase !== "Successful")) process.exitCode = 1;
  } catch (error) {
    if (error instanceof AnalysisSpecError) throw new UsageError(error.message);
    throw error;
  } finally {
    await Promise.all([client.close(), close()]);
  }
}

function print(template: AnalysisTemplate, metrics: readonly TriedMetric[], { json }: AnalyzeOptions): void {
  const { kind, metadata } = template;
  if (json) console.log(JSON.stringify({ template: { kind, name: metadata.name }, metrics }));
  else console.log(renderTrial(metrics, paint(process.stdout, process.env)));
}

// The template --------------------------------------------------------------------------------------------------------

const KINDS: ReadonlySet<string> = new Set(["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"]);

async function findTemplate(
  client: KubeClient,
  name: string | undefined,
  { filename, namespace }: AnalyzeOptions,
): Promise<AnalysisTemplate> {
  if (filename !== undefined) return inFile(filename, name);
  if (name === undefined) throw new UsageError("name a template, or a manifest file with -f FILE");
  if (existsSync(name)) return inFile(name, undefined);
  const found =
    (await getOrNull(client, resources.analysisTemplates, namespace, name)) ??
    (await getOrNull(client, resources.clusterAnalysisTemplates, "", name)) ??
    templatesOf(BUILT_IN).find(({ metadata }) => metadata.name === name);
  if (found) return found;
  throw new UsageError(
    `there is no AnalysisTemplate "${name}" in namespace ${namespace}, no ClusterAnalysisTemplate and no built-in template of that name; there are: ${(await knownNames(client, namespace)).join(", ")}`,
  );
}

async function getOrNull(client: KubeClient, type: ResourceType, namespace: string, name: string) {
  try {
    return await client.get<AnalysisTemplate>(type, { namespace, name });
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

async function knownNames(client: KubeClient, namespace: string): Promise<readonly string[]> {
  const lists = await Promise.all([listOrNone(client, namespace), listOrNone(client)]);
  return [...lists.flat(), ...templatesOf(BUILT_IN)].map(({ metadata }) => metadata.name);
}

/** Namespaced ones, or without a namespace the cluster's; none where the kind is not installed. */
async function listOrNone(client: KubeClient, namespace?: string): Promise<readonly AnalysisTemplate[]> {
  try {
    if (namespace === undefined) return (await client.list<AnalysisTemplate>(resources.clusterAnalysisTemplates)).items;
    return (await client.list<AnalysisTemplate>(resources.analysisTemplates, { namespace })).items;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function templatesOf(file: string): readonly AnalysisTemplate[] {
  let objects: readonly KubeObject[];
  try {
    objects = readManifests(file);
  } catch (error) {
    if (error instanceof CommandError) throw new UsageError(error.message);
    throw error;
  }
  return objects.filter((object): object is AnalysisTemplate => KINDS.has(object.kind));
}

function inFile(file: string, name: string | undefined): AnalysisTemplate {
  const templates = templatesOf(file);
  const named = name === undefined ? templates : templates.filter(({ metadata }) => metadata.name === name);
  const [only, ...others] = named;
  const names = templates.map(({ metadata }) => metadata.name).join(", ");
  if (!only) {
    throw new UsageError(
      names === ""
        ? `${file}: there is no analysis template`
        : `${file}: there is no template "${name}"; there are: ${names}`,
    );
  }
  if (others.length > 0) throw new UsageError(`${file}: name one of its templates: ${names}`);
  return only;
}

// The run -------------------------------------------------------------------------------------------------------------

/** As a controller would make it. */
async function runOf(
  client: KubeClient,
  template: AnalysisTemplate,
  { namespace, argument, metric, filename }: AnalyzeOptions,
): Promise<AnalysisRun> {
  const templates = [template, ...(await includedBy(client, template, { namespace, filename }))];
  requireArguments(flattenTemplates(templates).args, argument);
  const spec = composeRunSpec({ templates, args: argument });
  const unknown = metric.find((name) => !spec.metrics?.some((one) => one.name === name));
  if (unknown !== undefined) {
    const names = spec.metrics?.map(({ name }) => name).join(", ");
    throw new UsageError(`there is no metric "${unknown}"; there are: ${names}`);
  }
  const metrics = (spec.metrics ?? []).filter(({ name }) => metric.length === 0 || metric.includes(name));
  return {
    apiVersion: template.apiVersion,
    kind: "AnalysisRun",
    metadata: { name: template.metadata.name, namespace, annotations: policiesOf(templates, metrics) },
    spec: { ...spec, metrics },
  };
}

/** Of the metrics that are measured alone: a policy for another one is no mistake here. */
function policiesOf(templates: readonly AnalysisTemplate[], metrics: AnalysisRun["spec"]["metrics"]) {
  const names = new Set(metrics?.map(({ name }) => name));
  const part = templates.map((one) => {
    const kept = (one.spec.metrics ?? []).filter(({ name }) => names.has(name));
    return { ...one, spec: { ...one.spec, metrics: kept } };
  });
  // With a second template policies are written by metric.
  return runPolicies([...part, { ...part[0]!, spec: {} }]);
}

async function includedBy(
  client: KubeClient,
  { spec }: AnalysisTemplate,
  { namespace, filename }: { readonly namespace: string; readonly filename: string | undefined },
): Promise<readonly AnalysisTemplate[]> {
  if ((spec.templates ?? []).length === 0) return [];
  const own = filename === undefined ? [] : templatesOf(filename);
  const [namespaced, ofCluster] = await Promise.all([listOrNone(client, namespace), listOrNone(client)]);
  const lookup = (kind: string, stored: readonly AnalysisTemplate[]) => (name: string) =>
    [...own.filter((one) => one.kind === kind), ...stored].find(({ metadata }) => metadata.name === name) ?? null;
  return collectTemplates(spec.templates ?? [], {
    namespaced: lookup("AnalysisTemplate", namespaced),
    cluster: lookup("ClusterAnalysisTemplate", ofCluster),
  });
}

function requireArguments(declared: readonly Argument[], given: readonly Argument[]): void {
  const unknown = given.find(({ name }) => !declared.some((one) => one.name === name));
  if (unknown) {
    const names = declared.map(({ name }) => name).join(", ");
    throw new UsageError(`the template has no argument "${unknown.name}"; it has: ${names === "" ? "none" : names}`);
  }
  const missing = declared.filter(
    ({ name, value, valueFrom }) => value === undefined && !valueFrom && !given.some((one) => one.name === name),
  );
  if (missing.length === 0) return;
  const flags = missing.map(({ name }) => `-a ${name}=VALUE`).join(" ");
  throw new UsageError(`arguments without a value: ${missing.map(({ name }) => name).join(", ")}; add ${flags}`);
}
