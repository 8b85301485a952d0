import type { KubeObject } from "../../src/api/meta.ts";
import { noteDataPlane } from "../../src/app/data-plane.ts";
import { silentLogger } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { abort, control, retryRollout } from "../../src/cli/kubectl-argo-rollouts/control.ts";
import { promote } from "../../src/cli/kubectl-argo-rollouts/promote.ts";
import { undo } from "../../src/cli/kubectl-argo-rollouts/undo.ts";
import { argoControllers } from "../../src/dialects/argo/index.ts";
import type { Rollout } from "../../src/dialects/argo/types.ts";
import { resources } from "../../src/kube/resource.ts";
import { argoPack } from "../../src/packs/argo.ts";
import { istioPack } from "../../src/packs/istio.ts";
import {
  argoEndProblems,
  argoTrafficProblems,
  type Reach,
  ReleaseChecks,
  ROLLOUT,
  reachOf,
  stableTrafficProblems,
} from "./argo-invariants.ts";
import { type ArgoAction, type ArgoScenario, argoScenarioOf } from "./argo-scenarios.ts";
import { Harness, type Outcome } from "./harness.ts";

/** A canary of Argo Rollouts on Istio under the same troubles: the controller, the mesh's configuration, and people. */

const EXAMPLES = new URL("../../examples/argo/", import.meta.url);
/** INV-20: an abort needs no more than this, with pods to start (dynamicStableScale) and a mesh that lags. */
const ABORT_MS_MAX = 60_000;
const COMMAND = { isFull: false, skipsCurrentStep: false, skipsAllSteps: false };

export async function simulateArgo(seed: number, names: ArgoScenario["names"] = "services"): Promise<Outcome> {
  return new ArgoSimulation(seed, names).run();
}

class ArgoSimulation {
  readonly #scenario: ArgoScenario;
  readonly #harness: Harness;
  readonly #checks: ReleaseChecks;
  /** What people want to run. */
  #image = "argoproj/rollouts-demo:v1";
  #isAborted = false;

  constructor(seed: number, names: ArgoScenario["names"]) {
    const random = seededRandom(seed * 104_729);
    this.#scenario = argoScenarioOf(seed, random, names);
    this.#harness = new Harness({
      seed,
      random,
      workload: `Argo, ${this.#scenario.workload}`,
      trouble: this.#scenario,
      packs: [istioPack, argoPack],
      controllers: argoControllers(),
      watched: [resources.argoRollouts, resources.services],
      trafficProblems: (table) => argoTrafficProblems(table, this.#harness.truth),
      endProblems: () => this.#endProblems(),
      onChange: (change) => this.#checks.check(change),
    });
    this.#checks = new ReleaseChecks(this.#harness.truth, () => this.#reach());
  }

  async run(): Promise<Outcome> {
    const { client, clock } = this.#harness.world;
    const stopNoting = noteDataPlane({ mesh: this.#harness.mesh, client, clock, logger: silentLogger });
    const outcome = await this.#harness.play(
      () => this.#prepare(),
      async () => {
        for (const action of this.#scenario.actions) await this.#perform(action);
      },
    );
    stopNoting();
    return outcome;
  }

  async #prepare(): Promise<void> {
    const { names } = this.#scenario;
    const files = ["services", "gateway", "virtualservice", "rollout"];
    if (names === "subsets") await this.#harness.world.apply([oneService, twoSubsets]);
    await this.#harness.applyFiles(EXAMPLES, files, (object) => this.#adapt(object));
    await this.#harness.untilServed(() => this.#rollout?.status?.phase === "Healthy");
  }

  #adapt(object: KubeObject): KubeObject {
    const { names, replicas, canary } = this.#scenario;
    if (object.kind === "VirtualService" && names === "subsets") return withSubsets(object);
    if (object.kind !== "Rollout") return object;
    const { spec } = object as Rollout;
    const { canaryService, stableService, ...given } = spec.strategy!.canary!;
    const istio = { ...given.trafficRouting!.istio!, destinationRule };
    const named = names === "subsets" ? { trafficRouting: { istio } } : { canaryService, stableService };
    const strategy = { canary: { ...given, ...named, ...canary } };
    return { ...object, spec: { ...spec, replicas, template: this.#templateOf(spec, this.#image), strategy } };
  }

  #templateOf({ template }: Rollout["spec"], image: string) {
    const { containers } = template!.spec as { containers: Record<string, unknown>[] };
    return { ...template!, spec: { ...template!.spec, containers: [{ ...containers[0], image }] } };
  }

  async #perform(action: ArgoAction): Promise<void> {
    const { world } = this.#harness;
    switch (action.kind) {
      case "wait":
        return this.#harness.wait(action.milliseconds);
      case "release": {
        this.#image = `argoproj/rollouts-demo:v${action.version}`;
        this.#goOn();
        const template = this.#templateOf(this.#rollout!.spec, this.#image);
        return world.patch(resources.argoRollouts, ROLLOUT, { spec: { template } });
      }
      case "scale":
        return world.patch(resources.argoRollouts, ROLLOUT, { spec: { replicas: action.replicas } });
      case "promote":
        await this.#harness.until("the release pauses", () => this.#isAtPause());
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
      case "see-stable":
        return this.#harness.until("the stable version has all traffic", () => this.#hasStableAll(), ABORT_MS_MAX);
      case "retry":
        this.#goOn();
        return this.#harness.asPerson((context) => control(context, retryRollout, [ROLLOUT.name]));
      case "undo":
        this.#goOn();
        await this.#harness.asPerson((context) => undo(context, ROLLOUT.name, 0));
        this.#image = imageOf(await world.get<Rollout>(resources.argoRollouts, ROLLOUT));
    }
  }

  /** What people ask for now may end an abort. */
  #goOn(): void {
    this.#isAborted = false;
    this.#checks.mayAbortEnd = true;
  }

  get #rollout(): Rollout | null {
    return this.#harness.truth.caches.get<Rollout>(resources.argoRollouts, ROLLOUT);
  }

  #reach(): Reach | null {
    const { table } = this.#harness.mesh;
    return table && reachOf(table);
  }

  /** A person promotes what they see at a pause without end, not a version that is superseded. */
  #isAtPause(): boolean {
    const { spec, status = {} } = this.#rollout!;
    const step = spec.strategy?.canary?.steps?.[status.currentStepIndex ?? 0];
    const isEndless = step?.pause !== undefined && step.pause.duration === undefined;
    return isEndless && status.message === "CanaryPauseStep" && this.#isSeen();
  }

  /** The status speaks of what people asked for last. */
  #isSeen(): boolean {
    const { status = {}, metadata } = this.#rollout!;
    const key = { ...ROLLOUT, name: `${ROLLOUT.name}-${status.currentPodHash}` };
    const newest = this.#harness.truth.caches.get<Rollout>(resources.replicaSets, key);
    return status.observedGeneration === String(metadata.generation) && imageOf(newest) === this.#image;
  }

  /** What people want is the stable version already. */
  #isOver(): boolean {
    const key = { ...ROLLOUT, name: `${ROLLOUT.name}-${this.#rollout?.status?.stableRS}` };
    return imageOf(this.#harness.truth.caches.get<Rollout>(resources.replicaSets, key)) === this.#image;
  }

  #hasStableAll(): boolean {
    return stableTrafficProblems(this.#harness.mesh.table, this.#rollout?.status?.stableRS ?? "").length === 0;
  }

  #endProblems(): readonly string[] {
    const wanted = { image: this.#image, isAborted: this.#isAborted };
    return argoEndProblems(this.#harness.truth, this.#harness.mesh.table, wanted);
  }
}

function imageOf(object: Rollout | null): string {
  const { containers = [] } = (object?.spec.template?.spec ?? {}) as { containers?: { image: string }[] };
  return containers[0]?.image ?? "";
}

const SERVICE = "istio-rollout";
const SUBSETS = ["stable", "canary"];
const destinationRule = { name: SERVICE, canarySubsetName: "canary", stableSubsetName: "stable" };

const oneService: KubeObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: SERVICE },
  spec: { selector: { app: "istio-rollout" }, ports: [{ name: "http", port: 80, targetPort: "http" }] },
};

const twoSubsets: KubeObject = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: { name: SERVICE },
  spec: { host: SERVICE, subsets: SUBSETS.map((name) => ({ name, labels: { app: "istio-rollout" } })) },
};

function withSubsets(object: KubeObject): KubeObject {
  const { http, ...spec } = object["spec"] as { http: { route: { weight: number }[] }[] };
  const route = SUBSETS.map((subset, index) => ({
    destination: { host: SERVICE, subset },
    weight: index === 0 ? 100 : 0,
  }));
  return { ...object, spec: { ...spec, http: http.map((one) => ({ ...one, route })) } };
}
