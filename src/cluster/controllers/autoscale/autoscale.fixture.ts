import { startWorld, type World, type WorldBasics, type WorldOptions } from "../../../../test/support/world.ts";
import type { HorizontalPodAutoscaler, MetricSpec } from "../../../api/autoscaling.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { findCondition, isPodActive, isPodReady } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import type { AnyController } from "../../../runtime/controller.ts";
import type { PodUsage, UsageSnapshot } from "../../usage.ts";
import { autoscaleController } from "./index.ts";

/** Autoscalers on a whole cluster in virtual time, whose pods share a load that the test sets. For tests only. */

export const KEY = { namespace: "default", name: "web" };
/** Longer than what a world takes for something left to do. */
export const SYNC_MS = 60_000;

export interface Load {
  /** Thousandths of a core, shared by the ready pods that `shares` are given to; 0 for the others. */
  cpuMilli: number;
  memoryBytes: number;
  /** The pod's part, relative to those of others; default all alike. */
  weightOf(pod: KubeObject): number;
  problem: string | null;
  /** Pods that are not measured. */
  isMissing(pod: KubeObject): boolean;
}

export async function startAutoscaled(options: WorldOptions = {}): Promise<{ world: World; load: Load }> {
  const load = aLoad();
  const world = await startWorld({ ...options, controllers: (basics) => [loadedAutoscaler(basics, load)] });
  return { world, load };
}

export function aLoad(): Load {
  return { cpuMilli: 0, memoryBytes: 0, weightOf: () => 1, problem: null, isMissing: () => false };
}

/** The controller as a world has it whose pods carry the load. */
export function loadedAutoscaler(basics: WorldBasics, load: Load, syncMs = SYNC_MS): AnyController {
  const world = basics as World;
  const snapshot = () => usageOf(world, load);
  const usage = { snapshot, whenMeasured: () => Promise.resolve(snapshot()) };
  return autoscaleController({ usage, definitions: () => world.server.definitions(), syncMs });
}

function usageOf(world: World, load: Load): UsageSnapshot {
  const pods = world.caches.list(resources.pods).filter((pod) => isPodActive(pod) && isPodReady(pod));
  const total = pods.reduce((sum, pod) => sum + load.weightOf(pod), 0);
  const measured = pods
    .filter((pod) => !load.isMissing(pod))
    .map((pod): PodUsage => {
      const cpuNanos = total === 0 ? 0 : Math.round((load.cpuMilli * 1e6 * load.weightOf(pod)) / total);
      const { namespace = "", name, uid = "", labels = {}, creationTimestamp } = pod.metadata;
      const container = { name: "c", cpuNanos, memoryBytes: load.memoryBytes };
      const at = world.clock.now();
      return { namespace, name, uid, labels, creationTimestamp, at, windowMs: 0, containers: [container] };
    });
  return { pods: measured, node: null, pendingUntil: null, problem: load.problem };
}

/** For `targets` of a quarter of a core each: 50 % are 125m. */
export function autoscaler(spec: Partial<HorizontalPodAutoscaler["spec"]> = {}, name = "web"): HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name, namespace: "default" },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics: [cpu(50)],
      ...spec,
    },
  };
}

export function cpu(averageUtilization: number): MetricSpec {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

export function workload(replicas: number, spec: Record<string, unknown> = {}): KubeObject {
  const labels = { app: "web" };
  const requests = { cpu: "250m", memory: "64Mi" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "x:1", resources: { requests } }] } },
      ...spec,
    },
  };
}

export async function stored(world: World, name = "web"): Promise<HorizontalPodAutoscaler> {
  return (await world.get<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers, { ...KEY, name }))!;
}

/** `status reason` of a condition. */
export function conditionOf({ status }: HorizontalPodAutoscaler, type: string): string {
  const found = findCondition(status?.conditions, type);
  return found ? `${found.status} ${found.reason}` : "none";
}

export async function sizeOf(world: World): Promise<number | undefined> {
  const found = await world.get(resources.deployments, KEY);
  return (found?.["spec"] as { replicas?: number } | undefined)?.replicas;
}

export async function eventsOf(world: World, reason: string): Promise<readonly string[]> {
  const events = await world.list(resources.events, "default");
  return events.filter((event) => event["reason"] === reason).map((event) => String(event["message"]));
}

/** The objects one after the other, each when the one before has settled. */
export async function applied(world: World, ...objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    await world.apply(object);
    await world.settle();
  }
}
