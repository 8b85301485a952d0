import { snapshot } from "../../../test/support/reconciler-checks.ts";
import { startWorld, type World, type WorldBasics, type WorldOptions } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { CacheReader } from "../../kube/cache.ts";
import { formatKey, qualifiedPlural, type ResourceType, resources } from "../../kube/resource.ts";
import { argoPack } from "../../packs/argo.ts";
import { istioPack } from "../../packs/istio.ts";
import type { AnyController, Controller } from "../../runtime/controller.ts";
import { emptyPlan } from "../../runtime/plan.ts";
import { DATA_PLANE_KEY } from "../../traffic/data-plane.ts";
import { argoControllers } from "./index.ts";
import type { CanaryStrategy, Rollout, RolloutStatus, Step } from "./types.ts";

/** The seed's release (seed 002) in memory: one Rollout, two Services, one VirtualService. */

export const KEY = { namespace: "default", name: "istio-rollout" };
export const VIRTUAL_SERVICE = { namespace: "default", name: "istio-rollout-vsvc" };
export const HASH = { blue: "7f96d86486", yellow: "5fcf5864c4" } as const;

export const seedSteps: Step[] = [
  { setWeight: 10 },
  { pause: {} },
  ...[20, 30, 40, 50, 60, 70, 80, 90].flatMap((setWeight): Step[] => [{ setWeight }, { pause: { duration: "20s" } }]),
];

export function template(color: string) {
  return {
    metadata: { annotations: { "sidecar.istio.io/inject": "true" }, labels: { app: "istio-rollout" } },
    spec: {
      containers: [
        {
          name: "istio-rollout",
          image: `argoproj/rollouts-demo:${color}`,
          ports: [{ name: "http", containerPort: 8080, protocol: "TCP" }],
          resources: { requests: { memory: "32Mi", cpu: "5m" } },
        },
      ],
    },
  };
}

export function aRollout(canary: Partial<CanaryStrategy> = {}, spec: Partial<Rollout["spec"]> = {}): Rollout {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: KEY.name },
    spec: {
      revisionHistoryLimit: 2,
      selector: { matchLabels: { app: "istio-rollout" } },
      template: template("blue"),
      strategy: {
        canary: {
          canaryService: "istio-rollout-canary",
          stableService: "istio-rollout-stable",
          trafficRouting: { istio: { virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] } } },
          steps: seedSteps,
          ...canary,
        },
      },
      ...spec,
    },
  };
}

export function aService(name: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: {
      ports: [{ port: 80, targetPort: "http", protocol: "TCP", name: "http" }],
      selector: { app: "istio-rollout" },
    },
  };
}

export const aVirtualService: KubeObject = {
  apiVersion: "networking.istio.io/v1alpha3",
  kind: "VirtualService",
  metadata: { name: VIRTUAL_SERVICE.name },
  spec: {
    gateways: ["istio-rollout-gateway"],
    hosts: ["*"],
    http: [
      {
        match: [{ uri: { prefix: "/" } }],
        name: "primary",
        route: [
          { destination: { host: "istio-rollout-stable" }, weight: 100 },
          { destination: { host: "istio-rollout-canary" } },
        ],
      },
    ],
  },
};

export const seedObjects: readonly KubeObject[] = [
  aService("istio-rollout-canary"),
  aService("istio-rollout-stable"),
  aVirtualService,
];

/** Acknowledges every revision of the routes as soon as it sees it, as a mesh does that is quick. */
function acknowledgingMesh(kinds: readonly ResourceType[]): Controller<CacheReader> {
  return {
    name: "mesh",
    watches: kinds.map((type) => ({
      type,
      keysOf: () => [formatKey(DATA_PLANE_KEY)],
    })),
    reads: [resources.configMaps],
    gather: (_key, cache) => cache,
    reconcile: (cache) => {
      const data = Object.fromEntries(
        kinds.map((type) => {
          const revisions = cache.list(type).map(({ metadata }) => Number(metadata.resourceVersion));
          return [qualifiedPlural(type), String(Math.max(0, ...revisions))];
        }),
      );
      const present = cache.get(resources.configMaps, DATA_PLANE_KEY);
      const type = resources.configMaps;
      if (!present) {
        const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data };
        return { ...emptyPlan, writes: [{ op: "create", type, object }] };
      }
      return {
        ...emptyPlan,
        writes: [
          { op: "patch", type, key: DATA_PLANE_KEY, patch: { kind: "merge", body: { data } }, basedOn: present },
        ],
      };
    },
  };
}

export interface FixtureOptions extends WorldOptions {
  /** True: a mesh that tells what it runs. */
  readonly hasMesh?: boolean;
  /** What it tells of. */
  readonly meshKinds?: readonly ResourceType[];
  /** Beside Argo's own. */
  moreControllers?(world: WorldBasics): readonly AnyController[];
}

const ISTIO_KINDS = [resources.virtualServices, resources.destinationRules];

export async function startArgo({
  hasMesh = true,
  meshKinds = ISTIO_KINDS,
  moreControllers = () => [],
  ...options
}: FixtureOptions = {}): Promise<World> {
  const world = await startWorld({
    packs: [istioPack, argoPack],
    controllers: (basics) => [
      ...argoControllers(),
      ...(hasMesh ? [acknowledgingMesh(meshKinds)] : []),
      ...moreControllers(basics),
    ],
    ...options,
  });
  await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: DATA_PLANE_KEY.namespace } });
  return world;
}

/** The first version is deployed and at rest. */
export async function deployed(world: World, rollout: Rollout = aRollout()): Promise<World> {
  await world.apply(seedObjects);
  await world.apply(rollout);
  await world.settle();
  return world;
}

export async function stored(world: World): Promise<Rollout> {
  const rollout = await world.get<Rollout>(resources.argoRollouts, KEY);
  if (!rollout) throw new Error("the Rollout is gone");
  return rollout;
}

export async function statusOf(world: World): Promise<RolloutStatus> {
  return (await stored(world)).status ?? {};
}

export async function setImage(world: World, color: string): Promise<void> {
  await world.patch(resources.argoRollouts, KEY, { spec: { template: template(color) } });
}

export async function patchStatus(world: World, status: Record<string, unknown>): Promise<void> {
  const patch = { kind: "merge", body: { status } } as const;
  await world.client.patch(resources.argoRollouts, KEY, patch, { subresource: "status" });
}

/** What `kubectl argo rollouts promote` writes at a pause. */
export async function promote(world: World): Promise<void> {
  await patchStatus(world, { pauseConditions: null });
}

/** Weights of the primary route: stable, canary. */
export async function weights(world: World): Promise<(number | undefined)[]> {
  const object = await world.get(resources.virtualServices, VIRTUAL_SERVICE);
  const { http = [] } = (object?.["spec"] ?? {}) as { http?: { name?: string; route: { weight?: number }[] }[] };
  return http.find(({ name }) => name === "primary")?.route.map(({ weight }) => weight) ?? [];
}

export async function selectorHash(world: World, service: string): Promise<string | undefined> {
  const object = await world.get(resources.services, { namespace: "default", name: service });
  const { selector } = (object?.["spec"] ?? {}) as { selector?: Record<string, string> };
  return selector?.["rollouts-pod-template-hash"];
}

/** Wanted pods by hash. */
export async function sizes(world: World): Promise<Record<string, number>> {
  const list = await world.list(resources.replicaSets, "default");
  return Object.fromEntries(
    list.map(({ metadata, spec }) => [
      metadata.labels?.["rollouts-pod-template-hash"] ?? "",
      (spec as { replicas: number }).replicas,
    ]),
  );
}

export async function eventReasons(world: World): Promise<string[]> {
  return (await events(world)).map(({ reason }) => reason);
}

export async function events(world: World): Promise<{ reason: string; message: string }[]> {
  const list = await world.list(resources.events, "default");
  return list
    .filter((event) => (event["involvedObject"] as { kind?: string } | undefined)?.kind === "Rollout")
    .sort((left, right) => Number(left.metadata.resourceVersion) - Number(right.metadata.resourceVersion))
    .map((event) => ({ reason: String(event["reason"]), message: String(event["message"]) }));
}

/** What two histories of one release must end with alike: all but pods, what the mesh acknowledged, and times. */
export async function lasting(world: World): Promise<readonly string[]> {
  const lines = (await snapshot(world)).filter((line) => !/^(pods|configmaps|endpoint\S*) /.test(line));
  return lines.map((line) => line.replace(/"\d{4}-\d\d-\d\dT[\d:.]+Z"|(?<=DurationSeconds":)\d+/g, '"*"'));
}
