import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { isRecord } from "../../base/json.ts";
import { apiVersionOf, qualifiedPlural, type ResourceType, resources } from "../../kube/resource.ts";
import { CommandError, type Target } from "../plugin/command.ts";
import { readText } from "../plugin/files.ts";

export interface TargetOptions {
  readonly namespace: string;
  readonly filenames: readonly string[];
  readonly recursive: boolean;
}

function kruise(kind: string, plural: string, version: string): ResourceType {
  return { group: "apps.kruise.io", version, kind, plural, namespaced: true };
}

/** Types by every name that users give them. `rollout` is Kruise's here, whatever else the cluster has (SEED-090). */
const types: readonly (readonly [ResourceType, readonly string[]])[] = [
  [resources.kruiseRollouts, ["rollout", "rollouts"]],
  [resources.deployments, ["deployment", "deployments", "deploy"]],
  [resources.replicaSets, ["replicaset", "replicasets", "rs"]],
  [{ ...resources.deployments, kind: "StatefulSet", plural: "statefulsets" }, ["statefulset", "statefulsets", "sts"]],
  [{ ...resources.deployments, kind: "DaemonSet", plural: "daemonsets" }, ["daemonset", "daemonsets", "ds"]],
  [kruise("CloneSet", "clonesets", "v1alpha1"), ["cloneset", "clonesets", "clone"]],
  [kruise("StatefulSet", "statefulsets", "v1beta1"), ["asts"]],
  [kruise("DaemonSet", "daemonsets", "v1alpha1"), ["daemon", "ads"]],
  [resources.pods, ["pod", "pods", "po"]],
  [resources.services, ["service", "services", "svc"]],
];

export function resourceType(word: string): ResourceType {
  const wanted = word.toLowerCase();
  for (const [type, names] of types) {
    const qualified = [type.plural, type.kind.toLowerCase()].flatMap((name) => [
      `${name}.${type.group}`,
      `${name}.${type.version}.${type.group}`,
    ]);
    if (names.includes(wanted) || qualified.includes(wanted)) return type;
  }
  throw new CommandError(`the server doesn't have a resource type "${word}"`);
}

/** The type of an object that names its own: a workloadRef or a manifest. */
export function typeOfKind(apiVersion: string, kind: string): ResourceType {
  const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
  for (const [type] of types) if (type.group === group && type.kind === kind) return type;
  throw new CommandError(`no matches for kind "${kind}" in version "${apiVersion}"`);
}

/** Which objects a command is about: `TYPE NAME…`, `TYPE/NAME…` or files, as in kubectl (KRUISE section 14). */
export function targetsOf(args: readonly string[], options: TargetOptions): Target[] {
  return [...targetsOfArguments(args, options), ...options.filenames.flatMap((path) => targetsOfFile(path, options))];
}

function targetsOfArguments(args: readonly string[], { namespace }: TargetOptions): Target[] {
  const [first] = args;
  if (first === undefined) return [];
  if (args.some((word) => word.includes("/"))) return args.map((word) => pairedTarget(word, namespace));
  const names = args.slice(1);
  const found = first.split(",").map(resourceType);
  if (names.length === 0) throw new CommandError("resource(s) were provided, but no name was specified");
  return found.flatMap((type) => names.map((name) => ({ type, namespace, name })));
}

function pairedTarget(word: string, namespace: string): Target {
  const [type = "", name = "", ...rest] = word.split("/");
  if (!word.includes("/")) {
    throw new CommandError(
      "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
    );
  }
  if (type === "" || name === "" || rest.length > 0) {
    throw new CommandError("arguments in resource/name form must have a single resource and name");
  }
  return { type: resourceType(type), namespace, name };
}

function targetsOfFile(path: string, options: TargetOptions): Target[] {
  return filesAt(path, options.recursive).flatMap((file) =>
    parseAllDocuments(readText(file)).flatMap((document) => {
      const [problem] = document.errors;
      if (problem) throw new CommandError(`error parsing ${file}: ${problem.message}`);
      const value: unknown = document.toJS();
      return value === null ? [] : [targetOfManifest(value, file, options.namespace)];
    }),
  );
}

function targetOfManifest(value: unknown, file: string, namespace: string): Target {
  const metadata = isRecord(value) && isRecord(value["metadata"]) ? value["metadata"] : {};
  const { name, namespace: own } = metadata;
  const [apiVersion, kind] = isRecord(value) ? [value["apiVersion"], value["kind"]] : [];
  if (typeof apiVersion !== "string" || typeof kind !== "string" || typeof name !== "string") {
    throw new CommandError(`error validating ${file}: apiVersion, kind and metadata.name must be set`);
  }
  return { type: typeOfKind(apiVersion, kind), namespace: typeof own === "string" ? own : namespace, name };
}

function filesAt(path: string, recursive: boolean): string[] {
  if (path === "-") return [path];
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`the path "${path}" does not exist`);
  if (!stat.isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) return recursive ? filesAt(inner, true) : [];
      return /\.(ya?ml|json)$/.test(entry.name) ? [inner] : [];
    });
}

/** `rollout.rollouts.kruise.io/x`: how kubectl names an object that it changed. */
export function shownName({ type, name }: Target): string {
  const singular = type.kind.toLowerCase();
  return `${type.group === "" ? singular : `${singular}.${type.group}`}/${name}`;
}

/** Equal for the same object. */
export function targetKey({ type, namespace, name }: Target): string {
  return `${qualifiedPlural(type)} ${apiVersionOf(type)} ${namespace}/${name}`;
}
