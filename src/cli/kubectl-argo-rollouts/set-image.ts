import type { KubeObject } from "../../api/meta.ts";
import { deepCopy, isRecord } from "../../base/json.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { isConflict } from "../../kube/errors.ts";
import { type ResourceType, resources } from "../../kube/resource.ts";
import { type CommandContext, CommandError } from "../plugin/command.ts";

export interface ContainerImage {
  /** `*`: every container. */
  readonly container: string;
  readonly image: string;
}

/** Null unless there is exactly one `=` (CL-060). */
export function parseContainerImage(text: string): ContainerImage | null {
  const [container = "", image, ...rest] = text.split("=");
  return image === undefined || rest.length > 0 ? null : { container, image };
}

/** As often as the original tries when somebody else writes meanwhile. */
const ATTEMPTS_MAX = 5;

export async function setImage(context: CommandContext, name: string, images: readonly ContainerImage[]) {
  for (let attempt = 1; ; attempt++) {
    try {
      const { kind, metadata } = await setImageOnce(context, name, images);
      context.print(`${kind.toLowerCase()} "${metadata.name}" image updated\n`);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function setImageOnce(context: CommandContext, name: string, images: readonly ContainerImage[]) {
  const { client, namespace } = context;
  const rollout = await client.get<Rollout>(resources.argoRollouts, { namespace, name });
  const workload = rollout.spec.workloadRef;
  if (!workload) return replace(context, resources.argoRollouts, withImages(rollout, images));
  // A template that is kept elsewhere is changed there.
  const found = await client.get(resources.deployments, { namespace, name: workload.name ?? "" });
  return replace(context, resources.deployments, withImages(found, images));
}

function replace({ client }: CommandContext, type: ResourceType, object: KubeObject): Promise<KubeObject> {
  return client.update(type, object);
}

const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const;

function withImages(object: KubeObject, images: readonly ContainerImage[]): KubeObject {
  const changed = deepCopy(object);
  const { template } = changed["spec"] as { template?: { spec?: Record<string, unknown> } };
  const containers = containerLists
    .flatMap((list) => (template?.spec?.[list] ?? []) as readonly unknown[])
    .filter(isRecord);
  for (const { container, image } of images) {
    const meant = containers.filter((one) => container === "*" || one["name"] === container);
    if (meant.length === 0) throw new CommandError(`unable to find container named "${container}"`);
    for (const one of meant) one["image"] = image;
  }
  return changed;
}
