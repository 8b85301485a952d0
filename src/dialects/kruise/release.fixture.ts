import { startWorld, type World, type WorldOptions } from "../../../test/support/world.ts";
import type { Deployment } from "../../api/apps.ts";
import type { Pod } from "../../api/core.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { kruisePack } from "../../packs/kruise.ts";
import { kruiseControllers } from "./index.ts";
import { labels } from "./keys.ts";
import type { BatchRelease, CanaryStrategy, Rollout } from "./types.ts";

/** A cluster in memory with Kruise, and what people do with it. Names are those of a workload, its Rollout's the same. */

export function startKruise(options: WorldOptions = {}): Promise<World> {
  return startWorld({ packs: [kruisePack], controllers: kruiseControllers(), ...options });
}

export const at = (name: string, namespace = "default") => ({ namespace, name });

export interface DeploymentOptions {
  readonly replicas?: number;
  readonly namespace?: string;
  readonly maxUnavailable?: number | string;
}

export function deployment(
  name: string,
  { replicas = 1, namespace = "default", maxUnavailable }: DeploymentOptions = {},
) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...(maxUnavailable === undefined
        ? {}
        : { strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable, maxSurge: 1 } } }),
      template: {
        metadata: { labels: { app: name, lane: "base" } },
        spec: { containers: [{ name: "main", image: "app:1" }] },
      },
    },
  };
}

export interface RolloutOptions {
  readonly canary?: Partial<CanaryStrategy>;
  readonly namespace?: string;
  readonly spec?: Record<string, unknown>;
}

/** Canary style, one step of one pod in lane canary, as in the seed. */
export function rollout(
  name: string,
  { canary = {}, namespace = "default", spec = {} }: RolloutOptions = {},
): KubeObject {
  return {
    apiVersion: "rollouts.kruise.io/v1beta1",
    kind: "Rollout",
    metadata: { name, namespace },
    spec: {
      workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      strategy: {
        canary: {
          enableExtraWorkloadForCanary: true,
          steps: [{ replicas: 1 }],
          patchPodTemplateMetadata: { labels: { lane: "canary" } },
          ...canary,
        },
      },
      ...spec,
    },
  };
}

/** `kubectl set image`. */
export function setImage(world: World, name: string, version: number | string): Promise<KubeObject> {
  const body = { spec: { template: { spec: { containers: [{ name: "main", image: `app:${version}` }] } } } };
  return world.client.patch(resources.deployments, at(name), { kind: "strategic", body });
}

export function patchStatus(world: World, name: string, canaryStatus: Record<string, unknown>): Promise<KubeObject> {
  const body = { status: { canaryStatus } };
  return world.client.patch(resources.kruiseRollouts, at(name), { kind: "merge", body }, { subresource: "status" });
}

export function approve(world: World, name: string): Promise<KubeObject> {
  return patchStatus(world, name, { currentStepState: "StepReady" });
}

export async function rolloutOf(world: World, name: string): Promise<Rollout> {
  return world.client.get<Rollout>(resources.kruiseRollouts, at(name));
}

/** STATUS, step, state, reason of Progressing and MESSAGE in one line. */
export async function line(world: World, name: string): Promise<string> {
  const { status } = await rolloutOf(world, name);
  const reason = status?.conditions?.find(({ type }) => type === "Progressing")?.reason ?? "-";
  return `${status?.phase} ${reason} ${status?.currentStepIndex} ${status?.currentStepState}: ${status?.message}`;
}

export async function deploymentOf(world: World, name: string): Promise<Deployment> {
  return world.client.get<Deployment>(resources.deployments, at(name));
}

export async function canariesOf(world: World, name: string): Promise<readonly Deployment[]> {
  const all = await world.list<Deployment>(resources.deployments, "default");
  return all.filter(({ metadata }) => metadata.labels?.[labels.canaryDeployment] === name);
}

export async function batchReleaseOf(world: World, name: string): Promise<BatchRelease | null> {
  return world.get<BatchRelease>(resources.batchReleases, at(name));
}

/** `lane image` of each pod, sorted: `base app:1`. */
export async function podsOf(world: World, name: string): Promise<string[]> {
  const pods = await world.list<Pod>(resources.pods, "default");
  return pods
    .filter(({ metadata }) => metadata.labels?.["app"] === name && !metadata.deletionTimestamp)
    .map((pod) => `${pod.metadata.labels?.["lane"]} ${imageOf(pod)}`)
    .sort();
}

export async function podUids(world: World, name: string): Promise<string[]> {
  const pods = await world.list<Pod>(resources.pods, "default");
  return pods
    .filter(({ metadata }) => metadata.labels?.["app"] === name)
    .map(({ metadata }) => metadata.uid ?? "")
    .sort();
}

function imageOf(pod: Pod): string {
  const { containers } = pod["spec"] as { containers: { image: string }[] };
  return containers[0]?.image ?? "";
}

/** Messages of the events about Rollouts. */
export async function eventsOf(world: World, reason: string): Promise<string[]> {
  const events = await world.list(resources.events, "default");
  return events.filter((event) => event["reason"] === reason).map((event) => String(event["message"]));
}
