import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import type { KubeObject } from "../../api/meta.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isNotFound } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { containerEnvironment, expandVariables, referencedSources } from "./environment.ts";
import { commandLine, type ResolvedImage } from "./images.ts";
import type { NodeContext } from "./node-context.ts";
import type { Container, Pod } from "./pod.ts";

/** A command that is ready to run: the environment is the same for the main program, exec probes and hooks. */
export interface Launch {
  readonly image: ResolvedImage;
  readonly command: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface LaunchRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIp: string;
}

/** A problem before the process exists: shown as the reason and message of the waiting container. */
export class StartProblem extends Error {
  readonly reason: string;
  readonly isImageProblem: boolean;

  constructor(reason: string, message: string, isImageProblem = false) {
    super(message);
    this.reason = reason;
    this.isImageProblem = isImageProblem;
  }
}

/** Image, environment and command of a container; rejects with a StartProblem when one of them is missing. */
export async function prepareLaunch(context: NodeContext, request: LaunchRequest): Promise<Launch> {
  const { images, nodeName, hostIp, proxyPort, hostEnvironment, services, record } = context;
  const { pod, container, podIp } = request;
  const image = images.lookup(container.image);
  if (!("entry" in image)) {
    if (image.reason === "ErrImagePull") record(pod, "Normal", "Pulling", `Pulling image "${container.image}"`);
    throw new StartProblem(image.reason, image.message, true);
  }
  const result = containerEnvironment({
    ...(await readSources(context, request)),
    pod,
    container,
    image,
    podIp,
    hostIp,
    nodeName,
    proxyPort,
    host: hostEnvironment,
    services: services(),
  });
  if (!result.ok) throw new StartProblem("CreateContainerConfigError", result.message);
  record(pod, "Normal", "Pulled", `Container image "${container.image}" already present on machine`);
  const env = result.env;
  const command = commandLine(container, image.entry).map((word) => expandVariables(word, env));
  if (command.length === 0) throw new StartProblem("CreateContainerError", "no command specified");
  return { image, env, command, directory: workingDirectory(context, request, image) };
}

/** The container's directory must exist on this machine: there is no image that could bring it. */
function workingDirectory(
  { workDirectory }: NodeContext,
  { pod, container }: LaunchRequest,
  { entry }: ResolvedImage,
): string {
  const { workingDir } = container;
  if (workingDir) {
    if (!isDirectory(workingDir)) {
      throw new StartProblem("CreateContainerError", `workingDir "${workingDir}" does not exist on this machine`);
    }
    return workingDir;
  }
  if (entry.directory) return entry.directory;
  const directory = path.join(workDirectory, pod.metadata.uid ?? "", container.name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

async function readSources({ client }: NodeContext, { pod, container }: LaunchRequest) {
  const { configMaps, secrets } = referencedSources(container);
  const { namespace = "" } = pod.metadata;
  const [configMapObjects, secretObjects] = await Promise.all([
    readAll(client, resources.configMaps, { namespace, names: configMaps }),
    readAll(client, resources.secrets, { namespace, names: secrets }),
  ]);
  return { configMaps: configMapObjects, secrets: secretObjects };
}

async function readAll(
  client: KubeClient,
  type: ResourceType,
  { namespace, names }: { namespace: string; names: ReadonlySet<string> },
): Promise<Map<string, KubeObject>> {
  const found = new Map<string, KubeObject>();
  for (const name of names) {
    try {
      found.set(name, await client.get(type, { namespace, name }));
    } catch (error) {
      if (!isNotFound(error)) throw new StartProblem("CreateContainerConfigError", (error as Error).message);
    }
  }
  return found;
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
