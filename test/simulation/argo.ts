import { readFileSync } from "node:fs";
import type { Measurer } from "../../src/analysis/measurer.ts";
import type { PodTemplate } from "../../src/api/apps.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { noteDataPlane } from "../../src/app/data-plane.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { abort, control, restart, retryRollout } from "../../src/cli/kubectl-argo-rollouts/control.ts";
import { promote } from "../../src/cli/kubectl-argo-rollouts/promote.ts";
import { undo } from "../../src/cli/kubectl-argo-rollouts/undo.ts";
import { argoControllers } from "../../src/dialects/argo/index.ts";
import type { Rollout } from "../../src/dialects/argo/types.ts";
import { gatewayApiControllers } from "../../src/dialects/gateway-api/index.ts";
import { ingressControllers } from "../../src/dialects/ingress/index.ts";
import { type ResourceType, resources } from "../../src/kube/resource.ts";
import { argoPack } from "../../src/packs/argo.ts";
import { gatewayApiPack } from "../../src/packs/gateway-api.ts";
import { istioPack } from "../../src/packs/istio.ts";
import type { Table } from "../../src/routing/types.ts";
import { parseObjects } from "../support/world.ts";
import {
  argoEndProblems,
  argoTrafficProblems,
  capacityProblems,
  type Reach,
  ReleaseChecks,
  reachOf,
  stableTrafficProblems,
} from "./argo-invariants.ts";
import { judgeTemplates, judging, type Verdict } from "./argo-judge.ts";
import { ARGO_KINDS, type ArgoKind, type ArgoKindName, LABELS, ROLLOUT } from "./argo-kinds.ts";
import { type ArgoAction, type ArgoScenario, argoScenarioOf } from "./argo-scenarios.ts";
import { Harness, type Outcome } from "./harness.ts";

/** A release of Argo Rollouts under the same troubles: the controllers, the mesh's configuration, analyses, and people. */

const EXAMPLE = parseObjects(
  readFileSync(new URL("../../examples/argo/rollout.yaml", import.meta.url), "utf8"),
)[0] as Rollout;
const ADDRESS = "127.0.0.1";
/** INV-20: an abort needs no more than this, with pods to start (dynamicStableScale) and a mesh that lags. */
const ABORT_MS_MAX = 60_000;
const COMMAND = { isFull: false, skipsCurrentStep: false, skipsAllSteps: false };

export async function simulateArgo(seed: number, kind: ArgoKindName = "argo"): Promise<Outcome> {
  return new ArgoSimulation(seed, kind).run();
}

class ArgoSimulation {
  readonly #scenario: ArgoScenario;
  readonly #kind: ArgoKind;
  readonly #harness: Harness;
  readonly #checks: ReleaseChecks;
  readonly #isForward: boolean;
  /** What people want to run. */
  #image = imageOfVersion(1);
  #isAborted = false;
  #measurer: Measurer | null = null;
  #reachOfTable: { readonly table: Table; readonly reach: Reach } | null = null;

  constructor(seed: number, kindName: ArgoKindName) {
    const random = seededRandom(seed * 104_729);
    this.#scenario = argoScenarioOf(seed, random, kindName);
    this.#kind = ARGO_KINDS[kindName];
    this.#isForward = this.#scenario.actions.every(({ kind }) => !BACKWARD.has(kind));
    const judgeRandom = seededRandom(seed);
    const hasFailed = new Set<string>();
    this.#harness = new Harness({
      seed,
      random,
      workload: `${kindName}, ${this.#scenario.workload}`,
      trouble: this.#scenario,
      packs: [istioPack, gatewayApiPack, argoPack],
      controllers: (world) => {
        this.#measurer?.stop();
        const verdictOf = (hash: string) => this.#verdictOf(hash);
        const measurer = judging(world, { random: judgeRandom, verdictOf, hasFailed });
        this.#measurer = measurer;
        world.clock.schedule(0, () => measurer.start());
        return [
          ...argoControllers(),
          ...ingressControllers({ address: ADDRESS }),
          ...gatewayApiControllers({ address: ADDRESS }),
        ];
      },
      watched: [
        resources.argoRollouts,
        resources.services,
        resources.ingresses,
        resources.httpRoutes,
        resources.analysisRuns,
        resources.deployments,
      ],
      trafficProblems: () => this.#trafficProblems(),
      endProblems: () => this.#endProblems(),
      onChange: (change) => this.#checks.check(change),
    });
    this.#checks = new ReleaseChecks({
      truth: this.#harness.truth,
      kind: this.#kind,
      reach: () => this.#reach,
      isBad: (hash) => this.#verdictOf(hash) !== "good",
    });
  }

  async run(): Promise<Outcome> {
    const { client, clock } = this.#harness.world;
    const stopNoting = noteDataPlane({ mesh: this.#harness.mesh, client, clock, logger: silentLogger });
    const outcome = await this.#harness.play(
      () => this.#prepare(),
      async () => {
        if (this.#scenario.hasWorkloadRef) await this.#takeOver();
        for (const action of this.#scenario.actions) await this.#perform(action);
      },
    );
    stopNoting();
    this.#measurer?.stop();
    return outcome;
  }

  async #prepare(): Promise<void> {
    const { world } = this.#harness;
    const { replicas, hasWorkloadRef } = this.#scenario;
    await world.apply([...this.#kind.objects, ...judgeTemplates, budget]);
    if (hasWorkloadRef) {
      const template = templateOf(this.#image);
      await world.apply({ ...deployment, spec: { replicas, selector: { matchLabels: LABELS }, template } });
      return this.#harness.untilServed(() => addressesIn(this.#reach).size === replicas);
    }
    await world.apply(this.#newRollout());
    await this.#harness.untilServed(() => this.#rollout?.status?.phase === "Healthy");
  }

  /** INV-12: requests go on while the Rollout takes the place of a Deployment. */
  async #takeOver(): Promise<void> {
    await this.#harness.world.apply(this.#newRollout());
    await this.#harness.until("the Rollout takes over", () => this.#rollout?.status?.phase === "Healthy");
  }

  #newRollout(): Rollout {
    const { replicas, strategy, hasWorkloadRef } = this.#scenario;
    const { template: _template, selector, ...others } = EXAMPLE.spec;
    const own = hasWorkloadRef
      ? { workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: HOLDER.name, scaleDown: "progressively" } }
      : { selector: selector!, template: templateOf(this.#image) };
    return { ...EXAMPLE, spec: { ...others, replicas, strategy, ...own } };
  }

  async #perform(action: ArgoAction): Promise<void> {
    const { world } = this.#harness;
    switch (action.kind) {
      case "wait":
        return this.#harness.wait(action.milliseconds);
      case "release":
        this.#image = imageOfVersion(action.version);
        this.#goOn();
        return world.patch(this.#holder.type, this.#holder.key, { spec: { template: templateOf(this.#image) } });
      case "scale":
        return world.patch(resources.argoRollouts, ROLLOUT, { spec: { replicas: action.replicas } });
      case "promote":
        await this.#harness.until("the release pauses or ends", () => this.#isAtPause() || this.#isAtEnd());
        if (this.#isAtEnd()) return;
        return this.#harness.asPerson((context) => promote(context, ROLLOUT.name, COMMAND));
      case "promote-full":
        // Before the release is seen there is nothing under way to promote, and the command does nothing (CL-041).
        await this.#harness.until("the release is seen", () => this.#isSeen());
        this.#goOn();
        return this.#harness.asPerson((context) => promote(context, ROLLOUT.name, { ...COMMAND, isFull: true }));
      case "abort":
        // Whether the release was seen or not; one that is over has nothing to abort.
        this.#isAborted = !this.#isOver();
        this.#checks.mayAbortEnd = !this.#isAborted;
        return this.#harness.asPerson((context) => control(context, abort, [ROLLOUT.name]));
      case "see-abort":
        await this.#harness.until("the release is aborted", () => this.#rollout?.status?.abort === true);
        this.#isAborted = true;
        this.#checks.mayAbortEnd = false;
        return;
      case "see-stable":
        return this.#harness.until("the stable version has all traffic", () => this.#hasStableAll(), ABORT_MS_MAX);
      case "retry":
        this.#goOn();
        return this.#harness.asPerson((context) => control(context, retryRollout, [ROLLOUT.name]));
      case "restart":
        return this.#harness.asPerson((context) => restart(context, ROLLOUT.name, undefined));
      case "undo":
        this.#goOn();
        await this.#harness.asPerson((context) => undo(context, ROLLOUT.name, 0));
        this.#image = imageOf(await world.get<Rollout>(this.#holder.type, this.#holder.key));
    }
  }

  /** What has the template: the Rollout, or what it refers to. */
  get #holder(): { readonly type: ResourceType; readonly key: typeof ROLLOUT } {
    return this.#scenario.hasWorkloadRef
      ? { type: resources.deployments, key: HOLDER }
      : { type: resources.argoRollouts, key: ROLLOUT };
  }

  /** What people ask for now may end an abort. */
  #goOn(): void {
    this.#isAborted = false;
    this.#checks.mayAbortEnd = true;
  }

  get #rollout(): Rollout | null {
    return this.#harness.truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT);
  }

  get #reach(): Reach | null {
    const { table } = this.#harness.mesh;
    if (table === null) return null;
    if (this.#reachOfTable?.table !== table) this.#reachOfTable = { table, reach: reachOf(table, this.#kind.hosts) };
    return this.#reachOfTable.reach;
  }

  #trafficProblems(): readonly string[] {
    const reach = this.#reach;
    if (reach === null) return [];
    const { truth } = this.#harness;
    const newest = this.#isForward ? this.#newestHash() : "";
    const fewest = isSteady(this.#scenario) ? this.#scenario.replicas : 0;
    return [
      ...argoTrafficProblems(reach, truth),
      ...capacityProblems(reach, truth, fewest),
      ...this.#checks.forward(reach, newest),
    ];
  }

  #newestHash(): string {
    const { currentPodHash = "" } = this.#rollout?.status ?? {};
    return this.#imageOfHash(currentPodHash) === this.#image ? currentPodHash : "";
  }

  #imageOfHash(hash: string): string {
    const key = { ...ROLLOUT, name: `${ROLLOUT.name}-${hash}` };
    return imageOf(this.#harness.truth.caches.get<Rollout>(resources.replicaSets, key));
  }

  #verdictOf(hash: string): Verdict {
    return this.#imageOfHash(hash) === imageOfVersion(2) ? this.#scenario.verdict : "good";
  }

  /** A person promotes what they see at a pause without end, not a version that is superseded. */
  #isAtPause(): boolean {
    const { spec, status = {} } = this.#rollout!;
    const step = spec.strategy?.canary?.steps?.[status.currentStepIndex ?? 0];
    const isEndless = step?.pause !== undefined && step.pause.duration === undefined;
    const isPaused = isEndless ? status.message === "CanaryPauseStep" : this.#isPreviewed();
    return isPaused && this.#isSeen();
  }

  #isPreviewed(): boolean {
    const { spec, status = {} } = this.#rollout!;
    return spec.strategy?.blueGreen?.autoPromotionEnabled === false && status.message === "BlueGreenPause";
  }

  /** Nothing is left to promote. */
  #isAtEnd(): boolean {
    const { phase, abort: isAborted } = this.#rollout?.status ?? {};
    const hasGivenUp = isAborted === true && this.#scenario.verdict !== "good";
    return this.#isSeen() && (hasGivenUp || (phase === "Healthy" && this.#isOver()));
  }

  /** The status speaks of what people asked for last. */
  #isSeen(): boolean {
    const { status = {}, metadata } = this.#rollout!;
    const isNewest = this.#imageOfHash(status.currentPodHash ?? "") === this.#image;
    return isNewest && status.observedGeneration === String(metadata.generation);
  }

  /** What people want is the stable version already. */
  #isOver(): boolean {
    return this.#imageOfHash(this.#rollout?.status?.stableRS ?? "") === this.#image;
  }

  #hasStableAll(): boolean {
    return stableTrafficProblems(this.#reach, this.#rollout!, this.#kind).length === 0;
  }

  #endProblems(): readonly string[] {
    const wanted = { image: this.#image, isAborted: this.#isAborted, kind: this.#kind };
    return argoEndProblems(this.#harness.truth, this.#reach, wanted);
  }
}

/** Nobody asks for fewer pods than the Rollout's size. */
function isSteady({ actions, strategy }: ArgoScenario): boolean {
  const isScaled = strategy.canary?.steps?.some(({ setCanaryScale }) => setCanaryScale !== undefined);
  return isScaled !== true && actions.every(({ kind }) => kind !== "scale" && kind !== "restart");
}

/** These take something back, or may. */
const BACKWARD: ReadonlySet<ArgoAction["kind"]> = new Set(["abort", "see-abort", "retry", "undo"]);

/** What a Rollout that borrows its template refers to. */
const HOLDER = { ...ROLLOUT, name: "web" };
const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: HOLDER.name } };

/** Restarts take one pod at a time. */
const budget: KubeObject = {
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "web" },
  spec: { maxUnavailable: 1, selector: { matchLabels: LABELS } },
};

function addressesIn(reach: Reach | null): ReadonlySet<string> {
  return new Set([...(reach?.endpoints ?? [])].map(({ address }) => address));
}

function imageOfVersion(version: number): string {
  return `argoproj/rollouts-demo:v${version}`;
}

function templateOf(image: string): PodTemplate {
  const template = EXAMPLE.spec.template as PodTemplate;
  const { containers } = template.spec as { containers: Record<string, unknown>[] };
  return { ...template, spec: { ...template.spec, containers: [{ ...containers[0], image }] } };
}

function imageOf(object: Rollout | null): string {
  const { containers = [] } = (object?.spec.template?.spec ?? {}) as { containers?: { image: string }[] };
  return containers[0]?.image ?? "";
}
