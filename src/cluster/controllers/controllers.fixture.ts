import { startWorld, type World } from "../../../test/support/world.ts";
import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import { findCondition } from "../../kube/pods.ts";
import { resources } from "../../kube/resource.ts";

/** A Deployment `web` with its Service on a whole cluster in virtual time, and short questions about it. For tests only. */

export const key = { namespace: "default", name: "web" };

/** Pods of image `x:bad` never get ready. */
export function start(options: Parameters<typeof startWorld>[0] = {}): Promise<World> {
  return startWorld({
    kubelet: { behaviourOf: ({ spec }) => (spec.containers[0]?.image === "x:bad" ? { readyMs: null } : {}) },
    ...options,
  });
}

export function deployment(image: string, spec: Partial<Deployment["spec"]> = {}, name = "web"): Deployment {
  const labels = { app: "web" };
  const container = { name: "c", image, ports: [{ name: "http", containerPort: 8080 }] };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas: 4,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
      ...spec,
    },
  };
}

export const service: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", labels: { team: "shop" } },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
};

export function setImage(world: World, image: string): Promise<void> {
  const containers = [{ name: "c", image, ports: [{ name: "http", containerPort: 8080 }] }];
  return world.patch(resources.deployments, key, { spec: { template: { spec: { containers } } } });
}

export async function stored(world: World): Promise<Deployment> {
  return (await world.get<Deployment>(resources.deployments, key))!;
}

/** Oldest revision first. */
export async function replicaSets(world: World): Promise<readonly ReplicaSet[]> {
  const all = await world.list<ReplicaSet>(resources.replicaSets, "default");
  const revision = ({ metadata }: ReplicaSet) => Number(metadata.annotations?.["deployment.kubernetes.io/revision"]);
  return [...all].sort((left, right) => revision(left) - revision(right));
}

export async function sizes(world: World): Promise<readonly (number | undefined)[]> {
  return (await replicaSets(world)).map(({ spec }) => spec.replicas);
}

export async function pods(world: World): Promise<readonly KubeObject[]> {
  return world.list(resources.pods, "default");
}

/** `status reason` of a condition. */
export async function condition(world: World, type: string): Promise<string> {
  const found = findCondition((await stored(world)).status?.conditions, type);
  return found ? `${found.status} ${found.reason}` : "none";
}

export async function messages(world: World, reason: string): Promise<readonly string[]> {
  const events = await world.list(resources.events, "default");
  return events.filter((event) => event["reason"] === reason).map((event) => String(event["message"]));
}
