import { existsSync, statSync } from "node:fs";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../../../api/meta.ts";
import { isRecord } from "../../../base/json.ts";
import { annotations, POD_TEMPLATE_HASH } from "../../../dialects/argo/keys.ts";
import { type NotificationConfig, parseConfig } from "../../../dialects/argo/notifications/config.ts";
import type { Rollout } from "../../../dialects/argo/types.ts";
import { isNotFound } from "../../../kube/errors.ts";
import { type ResourceType, resources } from "../../../kube/resource.ts";
import { type CommandContext, CommandError } from "../../plugin/command.ts";
import { readText } from "../../plugin/files.ts";

/** Where the commands find what they try out: in files, or in the cluster, which is asked only when it must be (CL-076). */
export interface Sources {
  /** "" or absent: that of the cluster. */
  readonly configMap?: string;
  /** `:empty`: none. */
  readonly secret?: string;
  readonly session: <T>(act: (context: CommandContext) => Promise<T>) => Promise<T>;
}

const CONFIG_MAP = "argo-rollouts-notification-configmap";
const SECRET = "argo-rollouts-notification-secret";
/** Where the controller's own configuration is, unless the namespace has one. */
const CONTROLLER_NAMESPACE = "argo-rollouts";
const EMPTY = ":empty";

export interface Configuration {
  readonly config: NotificationConfig;
  /** As they are written, by name. */
  readonly templates: Readonly<Record<string, unknown>>;
  readonly triggers: Readonly<Record<string, unknown>>;
}

export async function loadConfiguration(sources: Sources): Promise<Configuration> {
  const configMap = sources.configMap
    ? fromFile(sources.configMap, "ConfigMap", CONFIG_MAP)
    : await sources.session((context) => inCluster(context, resources.configMaps, CONFIG_MAP));
  if (configMap === null) throw new CommandError(`configmaps "${CONFIG_MAP}" not found`);
  const config = parseConfig(configMap, await loadSecret(sources));
  return { config, templates: written(configMap, "template."), triggers: written(configMap, "trigger.") };
}

async function loadSecret({ secret, session }: Sources): Promise<KubeObject | null> {
  if (secret === EMPTY) return null;
  if (!secret) return session((context) => inCluster(context, resources.secrets, SECRET));
  const found = fromFile(secret, "Secret", SECRET);
  const texts = Object.entries((found["stringData"] ?? {}) as Record<string, string>);
  const encoded = texts.map(([key, text]) => [key, Buffer.from(text).toString("base64")] as const);
  return { ...found, data: { ...(found["data"] as object | undefined), ...Object.fromEntries(encoded) } };
}

/** That of the namespace, else the controller's. */
async function inCluster({ client, namespace }: CommandContext, type: ResourceType, name: string) {
  for (const one of [namespace, CONTROLLER_NAMESPACE]) {
    try {
      return await client.get(type, { namespace: one, name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return null;
}

function fromFile(file: string, kind: string, name: string): KubeObject {
  for (const value of documentsOf(file)) {
    if (!isRecord(value) || value["kind"] !== kind || value["apiVersion"] !== "v1") continue;
    const object = value as unknown as KubeObject;
    if (object.metadata?.name === name) return object;
  }
  throw new CommandError(`file '${file}' does not have '/${kind}/${name}'`);
}

function readNamed(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new CommandError(code === "ENOENT" ? `open ${file}: no such file or directory` : message);
  }
}

/** Its documents, all of them YAML or JSON. */
function documentsOf(file: string): readonly unknown[] {
  return parseAllDocuments(readNamed(file)).map((document) => {
    const [error] = document.errors;
    if (error) throw new CommandError(`${file}: ${error.message.split("\n", 1)[0]}`);
    return document.toJS();
  });
}

/** Entries with a mistake have been told of by then. */
function written(configMap: KubeObject, prefix: string): Readonly<Record<string, unknown>> {
  const entries = Object.entries((configMap["data"] ?? {}) as Record<string, string>)
    .filter(([key]) => key.startsWith(prefix))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, text]) => [key.slice(prefix.length), parsed(text)]));
}

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch {
    return text;
  }
}

export interface Subject {
  readonly object: KubeObject;
  readonly analysisRuns: readonly KubeObject[];
}

/** A file of this name, else a Rollout of the cluster with its runs. */
export async function loadSubject(name: string, { session }: Sources): Promise<Subject> {
  if (existsSync(name) && !statSync(name).isDirectory()) {
    const [value] = documentsOf(name);
    if (!isRecord(value)) throw new CommandError(`${name}: expected an object`);
    return { object: { ...value, metadata: value["metadata"] ?? {} } as unknown as KubeObject, analysisRuns: [] };
  }
  return session(async ({ client, namespace }) => {
    const object = await client.get<Rollout>(resources.argoRollouts, { namespace, name });
    const { items } = await client.list(resources.analysisRuns, { namespace });
    return { object, analysisRuns: presentRuns(object, items) };
  });
}

/** As the controller gives them to templates (NO-004). */
function presentRuns({ metadata, status }: Rollout, runs: readonly KubeObject[]): readonly KubeObject[] {
  const createdAt = (run: KubeObject) => run.metadata.creationTimestamp ?? "";
  return runs
    .filter(
      (run) =>
        status?.currentPodHash !== undefined &&
        run.metadata.labels?.[POD_TEMPLATE_HASH] === status.currentPodHash &&
        run.metadata.annotations?.[annotations.revision] === metadata.annotations?.[annotations.revision],
    )
    .sort((left, right) => createdAt(right).localeCompare(createdAt(left)));
}
