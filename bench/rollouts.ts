import type { KubeObject } from "../src/api/meta.ts";
import { argoControllers } from "../src/dialects/argo/index.ts";
import type { Rollout, Step } from "../src/dialects/argo/types.ts";
import { formatKey, qualifiedPlural, resources } from "../src/kube/resource.ts";
import { argoPack } from "../src/packs/argo.ts";
import { istioPack } from "../src/packs/istio.ts";
import type { AnyController, CacheReader, Controller } from "../src/runtime/controller.ts";
import { emptyPlan } from "../src/runtime/plan.ts";
import { DATA_PLANE_KEY } from "../src/traffic/data-plane.ts";
import { startWorld, type World } from "../test/support/world.ts";
import type { Bench } from "./bench.ts";

const ROLLOUTS = 1000;
const NAMESPACES = 10;
const RELEASED = 200;
const REST_MS = 3_600_000;
/** How often the mesh tells which routes it runs; in the middle, since most of a release happens at whole seconds. */
const MESH_PERIOD_MS = 100;

const steps: readonly Step[] = [20, 40, 60, 80, 100].flatMap((setWeight) => [
  { setWeight },
  { pause: { duration: 5 } },
]);

/**
 * Server, controllers, node and mesh in one process on virtual time: no waiting, so elapsed time is work. Virtual time makes
 * all releases fall due in the same instants, which is the hardest case for the queue.
 */
export const rolloutsBench: Bench = {
  name: "rollouts",
  measures: `${ROLLOUTS} Argo Rollouts in ${NAMESPACES} namespaces, ${RELEASED} at once through ${steps.length} steps, fake kubelet, virtual time`,
  async run(report) {
    const passes = new Passes();
    const controllers = () => [...argoControllers().map((controller) => passes.watch(controller)), mesh];
    const world = await startWorld({ packs: [istioPack, argoPack], controllers });
    const rows: string[][] = [];
    const phase = async (name: string, count: number, work: () => Promise<void>) => {
      const measured = await measure(world, passes, work);
      rows.push([name, ...figures(measured, count)]);
      return measured;
    };
    await phase("deploy all", ROLLOUTS, () => deploy(world));
    const rest = await phase("an hour at rest", ROLLOUTS, () => world.advance(REST_MS));
    await phase("release at once", RELEASED, () => release(world));
    const restart = await phase("restart", ROLLOUTS, async () => {
      await world.restartControllers();
      await world.advance(FINISHED_MS);
    });
    await world.stop();
    report.table(
      [
        "",
        "CPU s",
        "CPU ms/R",
        "writes/R",
        "stored/R",
        "passes/R",
        "pass p50",
        "p99",
        "woken to decided p50",
        "p99 ms",
      ],
      rows,
    );
    report.line(`  peak memory of the process ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
    for (const { stored } of [rest, restart]) {
      if (stored !== 0) throw new Error(`${stored} writes although nothing changed (INV-33)`);
    }
  },
};

async function deploy(world: World): Promise<void> {
  await world.apply([DATA_PLANE_KEY.namespace, ...namespaces].map(aNamespace));
  for (const key of keys) await world.apply(objectsOf(key));
  await finish(world, ROLLOUTS);
}

async function release(world: World): Promise<void> {
  for (const key of keys.slice(0, RELEASED)) {
    await world.patch(resources.argoRollouts, key, { spec: { template: template(key.name, "yellow") } });
  }
  await finish(world, RELEASED);
}

/**
 * Longer than a release and the 30 s for which a pod that is scaled down waits. There is no end to wait for: kinds that are
 * not served are asked for again and again.
 */
const FINISHED_MS = 180_000;

async function finish(world: World, count: number): Promise<void> {
  await world.advance(FINISHED_MS);
  const rollouts = (await world.list<Rollout>(resources.argoRollouts)).slice(0, count);
  const unfinished = rollouts.filter(({ status }) => status?.phase !== "Healthy");
  const [first] = unfinished;
  if (first) {
    throw new Error(`${unfinished.length} are not healthy, e.g. ${first.metadata.name}: ${first.status?.message}`);
  }
}

// Measuring -----------------------------------------------------------------------------------------------------------

interface Measured {
  readonly cpuSeconds: number;
  /** Of the controllers, events not counted. */
  readonly writes: number;
  /** Revisions of the store: also those of the node, of events and of whoever applies. */
  readonly stored: number;
  readonly passMs: readonly number[];
  readonly lagMs: readonly number[];
}

async function measure(world: World, passes: Passes, work: () => Promise<void>): Promise<Measured> {
  passes.reset();
  const writesBefore = world.writeCount;
  const revisionBefore = await revision(world);
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return {
    cpuSeconds: (user + system) / 1e6,
    writes: world.writeCount - writesBefore,
    stored: (await revision(world)) - revisionBefore,
    passMs: passes.passMs.toSorted((left, right) => left - right),
    lagMs: passes.lagMs.toSorted((left, right) => left - right),
  };
}

async function revision(world: World): Promise<number> {
  return Number((await world.client.list(resources.namespaces, {})).resourceVersion);
}

function figures({ cpuSeconds, writes, stored, passMs, lagMs }: Measured, count: number): string[] {
  return [
    cpuSeconds.toFixed(2),
    ((cpuSeconds * 1000) / count).toFixed(2),
    (writes / count).toFixed(1),
    (stored / count).toFixed(1),
    (passMs.length / count).toFixed(1),
    ...[quantile(passMs, 0.5), quantile(passMs, 0.99)].map((ms) => ms.toFixed(3)),
    ...[quantile(lagMs, 0.5), quantile(lagMs, 0.99)].map((ms) => ms.toFixed(1)),
  ];
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}

/** Times the passes of the Rollout controller: gather and reconcile alone, and from the first wake to the decision. */
class Passes {
  passMs: number[] = [];
  lagMs: number[] = [];
  #wokenAt = new Map<string, number>();

  reset(): void {
    this.passMs = [];
    this.lagMs = [];
    this.#wokenAt.clear();
  }

  watch(controller: AnyController): AnyController {
    if (controller.name !== "argo-rollout") return controller;
    let startedAt = 0;
    let current = "";
    return {
      ...controller,
      watches: controller.watches.map((watch) => ({
        type: watch.type,
        keysOf: (object, cache) => this.#woken(watch.keysOf(object, cache)),
      })),
      gather: (key, cache, now) => {
        startedAt = performance.now();
        current = formatKey(key);
        return controller.gather(key, cache, now);
      },
      reconcile: (view) => {
        const plan = controller.reconcile(view);
        this.#decided(current, startedAt);
        return plan;
      },
    };
  }

  #woken(woken: readonly string[]): readonly string[] {
    const now = performance.now();
    for (const key of woken) if (!this.#wokenAt.has(key)) this.#wokenAt.set(key, now);
    return woken;
  }

  #decided(key: string, startedAt: number): void {
    const now = performance.now();
    this.passMs.push(now - startedAt);
    const wokenAt = this.#wokenAt.get(key);
    if (wokenAt === undefined) return;
    this.lagMs.push(now - wokenAt);
    this.#wokenAt.delete(key);
  }
}

// Objects -------------------------------------------------------------------------------------------------------------

const namespaces = Array.from({ length: NAMESPACES }, (_, index) => `team-${index}`);
const PER_NAMESPACE = ROLLOUTS / NAMESPACES;
/** In the order of a list. */
const keys = namespaces.flatMap((namespace) =>
  Array.from({ length: PER_NAMESPACE }, (_, index) => ({ namespace, name: `web-${String(index).padStart(3, "0")}` })),
);

function aNamespace(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

function objectsOf({ namespace, name }: { namespace: string; name: string }): KubeObject[] {
  const services = ["stable", "canary"].map((role) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `${name}-${role}`, namespace },
    spec: { ports: [{ port: 80, name: "http" }], selector: { app: name } },
  }));
  const virtualService = {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "VirtualService",
    metadata: { name, namespace },
    spec: {
      hosts: [name],
      http: [
        {
          name: "primary",
          route: [
            { destination: { host: `${name}-stable` }, weight: 100 },
            { destination: { host: `${name}-canary` }, weight: 0 },
          ],
        },
      ],
    },
  };
  const rollout = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: template(name, "blue"),
      strategy: {
        canary: {
          stableService: `${name}-stable`,
          canaryService: `${name}-canary`,
          trafficRouting: { istio: { virtualService: { name, routes: ["primary"] } } },
          steps,
        },
      },
    },
  };
  return [...services, virtualService, rollout];
}

function template(app: string, version: string) {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: "web", image: `web:${version}` }] } };
}

interface MeshView {
  readonly cache: CacheReader;
  readonly now: number;
}

const TOLD = [resources.virtualServices, resources.endpointSlices, resources.pods];

/** Tells a little later which routes it runs and which pods it knows, as the mesh does: many changes are told at once. */
const mesh: Controller<MeshView> = {
  name: "mesh",
  watches: TOLD.map((type) => ({ type, keysOf: () => [formatKey(DATA_PLANE_KEY)] })),
  reads: [resources.configMaps],
  gather: (_key, cache, now) => ({ cache, now }),
  reconcile: ({ cache, now }) => {
    const restMs = (now + MESH_PERIOD_MS / 2) % MESH_PERIOD_MS;
    if (restMs !== 0) return { ...emptyPlan, requeueAt: now + MESH_PERIOD_MS - restMs };
    const type = resources.configMaps;
    const data = Object.fromEntries(
      TOLD.map((kind) => {
        const revisions = cache.list(kind).map(({ metadata }) => Number(metadata.resourceVersion));
        return [qualifiedPlural(kind), String(Math.max(0, ...revisions))];
      }),
    );
    const basedOn = cache.get(type, DATA_PLANE_KEY);
    if (basedOn) {
      const patch = { kind: "merge", body: { data } } as const;
      return { ...emptyPlan, writes: [{ op: "patch", type, key: DATA_PLANE_KEY, patch, basedOn }] };
    }
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data };
    return { ...emptyPlan, writes: [{ op: "create", type, object }] };
  },
};
