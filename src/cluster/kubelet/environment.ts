import type { KubeObject } from "../../api/meta.ts";
import type { ResolvedImage } from "./images.ts";
import type { Container, EnvFromSource, EnvVar, KeySelector, Pod } from "./pod.ts";

/** What the environment of a container is made of besides the pod (K8S-260). */
export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: ResolvedImage;
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
  /** The port of the mesh's outbound listener on the pod's address; null: no proxy. */
  readonly proxyPort: number | null;
  /** PATH, HOME and LANG of the node: nothing else of our own environment reaches a pod (K8S-283). */
  readonly host: Readonly<Record<string, string>>;
  /** Those that `referencedSources` names and that exist, by name. */
  readonly configMaps: ReadonlyMap<string, KubeObject>;
  readonly secrets: ReadonlyMap<string, KubeObject>;
  /** For service variables; the services of the pod's namespace. */
  readonly services: readonly KubeObject[];
}

export type EnvironmentResult =
  | { readonly ok: true; readonly env: Record<string, string> }
  /** Shown as the message of CreateContainerConfigError (K8S-255). */
  | { readonly ok: false; readonly message: string };

class ConfigProblem extends Error {}

/** The names of the ConfigMaps and Secrets that a container's environment reads. */
export function referencedSources(container: Container): { configMaps: Set<string>; secrets: Set<string> } {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) configMaps.add(configMapRef.name);
    if (secretRef) secrets.add(secretRef.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef) configMaps.add(valueFrom.configMapKeyRef.name);
    if (valueFrom?.secretKeyRef) secrets.add(valueFrom.secretKeyRef.name);
  }
  return { configMaps, secrets };
}

/**
 * The environment of a container's process. Later sources win: the node's basics, the cluster's own variables, service
 * variables, envFrom, env; last what the image has built in, since a manifest cannot change what a real image contains.
 */
export function containerEnvironment(input: EnvironmentInput): EnvironmentResult {
  try {
    const declared: Record<string, string> = { ...serviceVariables(input) };
    for (const source of input.container.envFrom ?? []) Object.assign(declared, valuesFrom(source, input));
    for (const variable of input.container.env ?? []) {
      const value = variableValue(variable, declared, input);
      if (value !== null) declared[variable.name] = value;
    }
    return {
      ok: true,
      env: { ...input.host, ...clusterVariables(input), ...declared, ...input.image.entry.environment },
    };
  } catch (error) {
    if (error instanceof ConfigProblem) return { ok: false, message: error.message };
    throw error;
  }
}

/** `$(NAME)` becomes the variable's value, `$$(NAME)` the text `$(NAME)`; an unknown name stays as it is (K8S-260). */
export function expandVariables(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) => {
    if (whole === "$$") return "$";
    return name !== undefined && Object.hasOwn(env, name) ? env[name]! : whole;
  });
}

/** What every pod gets: where to listen, what it runs, and the mesh as its way out (K8S-275, K8S-277, K8S-279). */
function clusterVariables({ pod, container, image, podIp, proxyPort }: EnvironmentInput): Record<string, string> {
  const port = container.ports?.[0]?.containerPort ?? image.entry.port;
  const proxy = proxyPort === null ? null : `http://${podIp}:${proxyPort}`;
  return {
    HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
    POD_IP: podIp,
    HOST: podIp,
    ...(port !== undefined && { PORT: String(port) }),
    IMAGE: container.image,
    IMAGE_TAG: image.tag,
    ...(proxy !== null && {
      http_proxy: proxy,
      HTTP_PROXY: proxy,
      NODE_USE_ENV_PROXY: "1",
      NO_PROXY: "127.0.0.1,localhost",
      no_proxy: "127.0.0.1,localhost",
    }),
  };
}

/** `FOO_SERVICE_HOST`, `FOO_PORT`, … for the services of the namespace that have an address. */
function serviceVariables({ pod, services }: EnvironmentInput): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of services) {
    const spec = service["spec"] as { clusterIP?: string; ports?: { name?: string; port: number }[] } | undefined;
    const host = spec?.clusterIP;
    const [first] = spec?.ports ?? [];
    if (!host || host === "None" || first === undefined) continue;
    const isApiServer = service.metadata.name === "kubernetes" && service.metadata.namespace === "default";
    const isLinked = pod.spec.enableServiceLinks !== false && service.metadata.namespace === pod.metadata.namespace;
    if (isApiServer || isLinked) Object.assign(env, variablesOf(service.metadata.name, host, spec?.ports ?? []));
  }
  return env;
}

function variablesOf(name: string, host: string, ports: readonly { name?: string; port: number }[]) {
  const prefix = environmentName(name);
  const env: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: String(ports[0]!.port),
    [`${prefix}_PORT`]: `tcp://${host}:${ports[0]!.port}`,
  };
  for (const { name: portName, port } of ports) {
    if (portName) env[`${prefix}_SERVICE_PORT_${environmentName(portName)}`] = String(port);
    const link = `${prefix}_PORT_${port}_TCP`;
    env[link] = `tcp://${host}:${port}`;
    env[`${link}_PROTO`] = "tcp";
    env[`${link}_PORT`] = String(port);
    env[`${link}_ADDR`] = host;
  }
  return env;
}

function environmentName(name: string): string {
  return name.toUpperCase().replaceAll("-", "_");
}

function valuesFrom(source: EnvFromSource, input: EnvironmentInput): Record<string, string> {
  const { configMapRef, secretRef, prefix = "" } = source;
  const values: Record<string, string> = {};
  if (configMapRef) Object.assign(values, dataOf("configmap", configMapRef, input) ?? {});
  if (secretRef) Object.assign(values, dataOf("secret", secretRef, input) ?? {});
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [prefix + key, value]));
}

function variableValue(variable: EnvVar, declared: Record<string, string>, input: EnvironmentInput): string | null {
  const from = variable.valueFrom;
  if (!from) return expandVariables(variable.value ?? "", declared);
  if (from.fieldRef) return fieldValue(from.fieldRef.fieldPath, input);
  if (from.resourceFieldRef) return resourceValue(from.resourceFieldRef.resource, input.container);
  if (from.configMapKeyRef) return keyValue("configmap", from.configMapKeyRef, input);
  if (from.secretKeyRef) return keyValue("secret", from.secretKeyRef, input);
  return "";
}

type SourceKind = "configmap" | "secret";

function dataOf(
  kind: SourceKind,
  { name, optional }: { name: string; optional?: boolean },
  { configMaps, secrets }: EnvironmentInput,
): Record<string, string> | null {
  const object = (kind === "configmap" ? configMaps : secrets).get(name);
  if (!object) {
    if (optional) return null;
    throw new ConfigProblem(`${kind} "${name}" not found`);
  }
  const data = (object["data"] ?? {}) as Record<string, string>;
  if (kind === "configmap") return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}

function keyValue(kind: SourceKind, selector: KeySelector, input: EnvironmentInput): string | null {
  const data = dataOf(kind, selector, input);
  if (data && Object.hasOwn(data, selector.key)) return data[selector.key]!;
  if (selector.optional) return null;
  const kindName = kind === "configmap" ? "ConfigMap" : "Secret";
  throw new ConfigProblem(
    `couldn't find key ${selector.key} in ${kindName} ${input.pod.metadata.namespace}/${selector.name}`,
  );
}

function fieldValue(fieldPath: string, { pod, podIp, hostIp, nodeName }: EnvironmentInput): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (keyed) return pod.metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2]!] ?? "";
  const fields: Record<string, string> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace ?? "",
    "metadata.uid": pod.metadata.uid ?? "",
    "spec.nodeName": nodeName,
    "spec.serviceAccountName": pod.spec.serviceAccountName ?? "default",
    "status.hostIP": hostIp,
    "status.hostIPs": hostIp,
    "status.podIP": podIp,
    "status.podIPs": podIp,
  };
  const value = fields[fieldPath];
  if (value === undefined) throw new ConfigProblem(`unsupported fieldPath: ${fieldPath}`);
  return value;
}

/** `limits.cpu`, `requests.memory`, …: as written in the pod; a missing one is 0. */
function resourceValue(resource: string, container: Container): string {
  const [list, name] = resource.split(".") as ["limits" | "requests", string];
  return container.resources?.[list]?.[name] ?? "0";
}
