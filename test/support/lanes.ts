import assert from "node:assert/strict";
import path from "node:path";
import type { KubeObject } from "../../src/api/meta.ts";
import { type Hop, parseChain, shortChain } from "../../src/cli/demo/chain.ts";
import { subsetNames } from "../../src/cli/demo/lane-checks.ts";
import { type Observer, observe } from "../../src/cli/demo/observe.ts";
import { type CacheReader, revisionOf } from "../../src/kube/cache.ts";
import { createHttpClient } from "../../src/kube/http-client.ts";
import { loadKubeconfig } from "../../src/kube/kubeconfig.ts";
import { qualifiedPlural, resources } from "../../src/kube/resource.ts";
import { type Answer, eventually, get, type RunningFairway, startFairway } from "./fairway.ts";

/** A running cluster with the three services and two lanes of seed 000, and the states of its releases to wait for. */

export const services = ["mocka", "mockb", "mockc"] as const;
export type Service = (typeof services)[number];

const REPOSITORY = "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample";
const LANE_LABEL = "ASM_TRAFFIC_TAG";
/** Takes a second or three; a machine that runs all tests at once may need far longer. */
const STATE_SECONDS_MAX = 60;

/** The rows of Kruise's table that the walk meets: phase, step state, message. */
export const rolloutStates = {
  healthy: ["Healthy", "Completed", "workload deployment is completed"],
  completed: ["Healthy", "Completed", "Rollout progressing has been completed"],
  canceled: ["Healthy", "Completed", "Rollout progressing has been canceled"],
  waiting: [
    "Progressing",
    "StepPaused",
    "Rollout is in step(1/1), and you need manually confirm to enter the next step",
  ],
} as const;

export interface LaneCluster {
  readonly fairway: RunningFairway;
  readonly cache: CacheReader;
  /** Waits until the watched objects satisfy `condition`. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Waits until the mesh runs every route, subset, endpoint and pod written so far. */
  untilLive(): Promise<void>;
  /** Waits until every pod of now has been seen: the mesh may be ahead of our own watch. */
  untilPodsKnown(): Promise<void>;
  /** The lane of the pod that has or had the address; null when no such pod was seen yet. */
  laneOf(address: string): string | null;
  remove(): Promise<void>;
}

/** `directory` holds gateway, apps, lanes and rollouts as YAML files with these names behind `prefix`. */
export async function startLanes(directory: string, { prefix = "", rollouts = true } = {}): Promise<LaneCluster> {
  const fairway = await startFairway("--memory");
  const client = createHttpClient(loadKubeconfig(fairway.instance.kubeconfig));
  const observer = observe(client, [
    resources.pods,
    resources.deployments,
    resources.kruiseRollouts,
    resources.virtualServices,
    resources.destinationRules,
    resources.endpointSlices,
  ]);
  const lanes = new LanesOfPods(observer);
  const cluster: LaneCluster = {
    fairway,
    cache: observer.cache,
    until: (what, condition) =>
      observer
        .until(condition, STATE_SECONDS_MAX, () => {})
        .catch((error: Error) => {
          throw new Error(`${what}: ${error.message}`);
        }),
    untilLive: () => meshRuns(fairway, observer),
    async untilPodsKnown() {
      const { items } = await client.list(resources.pods);
      const newest = Math.max(0, ...items.map(revisionOf));
      const isKnown = () => (observer.cache.of(resources.pods)?.revision ?? 0) >= newest;
      await observer.until(isKnown, STATE_SECONDS_MAX, () => {});
    },
    laneOf: (address) => lanes.of(address),
    async remove() {
      observer.stop();
      await client.close();
      await fairway.remove();
    },
  };
  try {
    for (const file of ["gateway", "apps", "lanes", ...(rollouts ? ["rollouts"] : [])]) {
      await fairway.kubectlOk("apply", "-f", path.join(directory, `${prefix}${file}.yaml`));
    }
    await untilReplicas(cluster, "mocka-v1", 1);
    await untilReplicas(cluster, "mockb-v1", 1);
    await untilReplicas(cluster, "mockc-v1", 1);
    if (rollouts) await Promise.all(services.map((service) => untilRollout(cluster, service, "healthy")));
    await untilSubsets(cluster, "base", "base", "base");
    await cluster.untilLive();
    return cluster;
  } catch (error) {
    await cluster.remove();
    throw error;
  }
}

/** Remembers addresses of gone pods too: an answer may arrive after its pod has left. */
class LanesOfPods {
  readonly #lanes = new Map<string, string>();

  constructor(observer: Observer) {
    observer.cache.of(resources.pods)?.onChange(({ after }) => {
      const { podIP } = (after?.["status"] ?? {}) as { podIP?: string };
      if (after && podIP) this.#lanes.set(podIP, after.metadata.labels?.[LANE_LABEL] ?? "");
    });
  }

  of(address: string): string | null {
    return this.#lanes.get(address) ?? null;
  }
}

async function meshRuns({ instance }: RunningFairway, { cache }: Observer): Promise<void> {
  const kinds = [
    resources.virtualServices,
    resources.destinationRules,
    resources.endpointSlices,
    resources.pods,
  ] as const;
  const written = kinds.map((kind) => Math.max(0, ...cache.list(kind).map(revisionOf)));
  await eventually(
    "the mesh runs what was written",
    async () => JSON.parse((await get(`${instance.meshAdmin}/revision`)).body).kinds as Record<string, string>,
    (running) => kinds.every((kind, index) => Number(running[qualifiedPlural(kind)] ?? 0) >= (written[index] ?? 0)),
  );
}

// ── Actions, as the document types them ──────────────────────────────────────────────────────────────────────────────

export function release({ fairway }: LaneCluster, service: Service, tag: string): Promise<string> {
  const image = `${REPOSITORY}:${tag}`;
  const patch = { spec: { template: { spec: { containers: [{ name: "default", image }] } } } };
  return fairway.kubectlOk("patch", "deployment", `${service}-v1`, "-p", JSON.stringify(patch));
}

export function approve({ fairway }: LaneCluster, service: Service): Promise<string> {
  return fairway.kubectlOk("kruise", "rollout", "approve", `rollout/rollouts-${service}`);
}

export function undo({ fairway }: LaneCluster, service: Service): Promise<string> {
  return fairway.kubectlOk("kruise", "rollout", "undo", `rollout/rollouts-${service}`);
}

/** The document's request through the gateway; a lane of null sends no lane header. */
export function request({ fairway }: LaneCluster, lane: string | null, id: string): Promise<Answer> {
  const headers = { "my-request-id": id, ...(lane === null ? {} : { "x-asm-prefer-tag": lane }) };
  return get(`${fairway.instance.gateway}/mock`, headers);
}

/** Sends the request once the mesh runs what was written; `want` as the walk writes chains: `a2 b1 c1`. */
export async function expectChain(cluster: LaneCluster, lane: string, id: string, want: string): Promise<void> {
  await cluster.untilLive();
  const { status, body } = await request(cluster, lane, id);
  assert.equal(status, 200, body);
  assert.equal(shortChain(parseChain(body)), want, `lane ${lane}: ${body}`);
  await cluster.untilPodsKnown();
  assert.equal(problemOf(cluster, lane, body), null);
}

/** What is wrong with the chain of a lane's answer; null when only pods of that lane or the base lane served it. */
export function problemOf(cluster: LaneCluster, lane: string, body: string): string | null {
  const hops = parseChain(body);
  if (hops.map(({ service }) => service).join() !== services.join()) return `not the whole chain: ${body}`;
  const isStranger = ({ ip }: Hop) => ![lane, "base"].includes(cluster.laneOf(ip) ?? "unknown");
  const stranger = hops.find(isStranger);
  return stranger ? `lane ${lane} met ${stranger.ip} of lane ${cluster.laneOf(stranger.ip)}: ${body}` : null;
}

// ── States ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function untilRollout(cluster: LaneCluster, service: Service, state: keyof typeof rolloutStates): Promise<void> {
  const want = rolloutStates[state].join(" | ");
  return cluster.until(`rollouts-${service} is ${want}`, () => rolloutRow(cluster, service) === want);
}

function rolloutRow({ cache }: LaneCluster, service: Service): string {
  const rollout = cache.get(resources.kruiseRollouts, { namespace: "default", name: `rollouts-${service}` });
  const status = (rollout?.["status"] ?? {}) as Record<string, unknown>;
  return [status["phase"], status["currentStepState"], status["message"]].join(" | ");
}

/** Each argument is one service's subset names, joined with a comma. */
export function untilSubsets(cluster: LaneCluster, ...want: readonly [a: string, b: string, c: string]): Promise<void> {
  return cluster.until(`subsets are ${want.join(" / ")}`, () =>
    services.every((service, index) => subsetsOf(cluster, service) === want[index]),
  );
}

export function subsetsOf({ cache }: LaneCluster, service: Service): string {
  const name = `trafficlabel-dr-rollout-default-${service}`;
  const rule = cache.get(resources.destinationRules, { namespace: "istio-system", name });
  return rule ? subsetNames(rule).join() : "";
}

export function untilReplicas(cluster: LaneCluster, deployment: string, count: number): Promise<void> {
  return cluster.until(`${deployment} has ${count} ready pods`, () => {
    const found = cluster.cache.get(resources.deployments, { namespace: "default", name: deployment });
    const { readyReplicas = 0 } = (found?.["status"] ?? {}) as { readyReplicas?: number };
    return readyReplicas === count;
  });
}

/** Pods of a service in a lane that are not on their way out, in the order of their names. */
export function podsOf({ cache }: LaneCluster, service: Service, lane: string): readonly KubeObject[] {
  return cache.list(resources.pods, "default").filter(({ metadata: { labels, deletionTimestamp } }) => {
    return labels?.["app"] === service && labels[LANE_LABEL] === lane && deletionTimestamp === undefined;
  });
}

export function isReady(pod: KubeObject): boolean {
  const { conditions = [] } = (pod["status"] ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

export function addressOf(pod: KubeObject): string {
  return ((pod["status"] ?? {}) as { podIP?: string }).podIP ?? "";
}

export function canaryDeployments({ cache }: LaneCluster, service: Service): readonly KubeObject[] {
  return cache
    .list(resources.deployments, "default")
    .filter(({ metadata }) => metadata.labels?.["rollouts.kruise.io/canary-deployment"] === `${service}-v1`);
}
