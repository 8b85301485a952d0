import { readFileSync } from "node:fs";
import type { KubeObject } from "../../src/api/meta.ts";
import { drainBarrier } from "../../src/app/barrier.ts";
import { type Random, randomInt, seededRandom } from "../../src/base/random.ts";
import { approve } from "../../src/cli/kubectl-kruise/approve.ts";
import { undo } from "../../src/cli/kubectl-kruise/undo.ts";
import type { CommandContext } from "../../src/cli/plugin/command.ts";
import { asmControllers } from "../../src/dialects/asm/index.ts";
import { kruiseControllers } from "../../src/dialects/kruise/index.ts";
import { isConflict } from "../../src/kube/errors.ts";
import { isPodActive } from "../../src/kube/pods.ts";
import { resources } from "../../src/kube/resource.ts";
import { packs } from "../../src/packs/index.ts";
import { checkFixpoint } from "../support/reconciler-checks.ts";
import { parseObjects, World } from "../support/world.ts";
import { endProblems, FreshViews, PodCounts, trafficProblems } from "./invariants.ts";
import { SimulatedMesh } from "./mesh.ts";
import { type Action, type Scenario, type Service, scenarioOf } from "./scenarios.ts";
import { Truth } from "./truth.ts";

/**
 * The whole control plane on virtual time: built-in controllers, Kruise, lanes and the mesh's configuration, with stale
 * caches, conflicts, lost answers, dropped watches, crashes and a slow mesh. After every event the invariants are
 * checked; the first violation ends the run with the seed that shows it again.
 */
export interface Outcome {
  readonly scenario: Scenario;
  /** Violations; none when all went well. */
  readonly problems: readonly string[];
  readonly events: number;
  readonly writes: number;
  readonly crashes: number;
  readonly virtualMs: number;
}

const EXAMPLES = new URL("../../examples/lanes/", import.meta.url);
/** Every action and the end must be reached within this time (INV-20, INV-28). */
const PATIENCE_MS = 180_000;
const COMMAND_TRIES = 5;

export async function simulate(seed: number): Promise<Outcome> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #world: World;
  readonly #mesh: SimulatedMesh;
  readonly #truth: Truth;
  readonly #counts = new PodCounts();
  readonly #views = new FreshViews();
  readonly #problems: string[] = [];
  readonly #drained = new Map<string, boolean>();
  /** Image by Deployment, as people want it. */
  readonly #images: Record<string, string> = {};
  #isServing = false;
  #events = 0;
  #crashes = 0;
  #needsTrafficCheck = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed * 7919);
    this.#scenario = scenarioOf(seed, this.#random);
    this.#world = new World({
      seed,
      packs,
      controllers: [...kruiseControllers(), ...asmControllers({ rootNamespace: "istio-system" })],
      kubelet: { isDrained: (pod) => this.#isDrained(pod) },
      onPlan: (controller, key, plan) => this.#report(this.#views.check(controller, key, plan)),
    });
    this.#world.faulty.onAnswer = (object, controller) => this.#views.wrote(object, controller);
    this.#mesh = new SimulatedMesh(this.#world, this.#scenario.meshLagMs);
    this.#truth = new Truth(this.#world);
  }

  async run(): Promise<Outcome> {
    const world = this.#world;
    const start = world.clock.now();
    try {
      await this.#prepare();
      world.setFaults(this.#scenario.faults);
      this.#planCrashes();
      for (const action of this.#scenario.actions) await this.#perform(action);
      await this.#finish();
    } catch (error) {
      if (!(error instanceof Violation)) this.#problems.push(describeError(error));
    }
    this.#mesh.stop();
    this.#truth.stop();
    await world.stop();
    return {
      scenario: this.#scenario,
      problems: this.#problems,
      events: this.#events,
      writes: world.writeCount,
      crashes: this.#crashes,
      virtualMs: world.clock.now() - start,
    };
  }

  /** Everything applied, all pods ready, and the mesh serves both lanes: from here on no request may fail. */
  async #prepare(): Promise<void> {
    const world = this.#world;
    await world.start();
    this.#truth.start((change) => {
      this.#events++;
      this.#report(this.#counts.check(change, this.#truth));
      if (change.type === resources.pods) this.#needsTrafficCheck = true;
    });
    this.#mesh.onAcknowledgement(() => {
      this.#checkTraffic();
    });
    this.#mesh.start();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } };
    await world.apply(namespace);
    for (const file of ["apps", "gateway", "lanes", "rollouts"]) {
      const objects = parseObjects(readFileSync(new URL(`${file}.yaml`, EXAMPLES), "utf8"));
      await world.apply(objects.map((object) => this.#withReplicas(object)));
    }
    await this.#until("the first requests are answered", () => {
      const { table } = this.#mesh;
      const isUp = this.#truth.caches.list(resources.destinationRules).length === 3;
      return isUp && table !== null && trafficProblems(table, this.#truth).length === 0;
    });
    this.#isServing = true;
  }

  #withReplicas(object: KubeObject): KubeObject {
    if (object.kind !== "Deployment") return object;
    const spec = object["spec"] as { template: { spec: PodSpec } };
    this.#images[object.metadata.name] = imageOf(spec.template.spec);
    return { ...object, spec: { ...spec, replicas: this.#scenario.replicas } };
  }

  async #perform(action: Action): Promise<void> {
    const world = this.#world;
    if (action.kind === "wait") return this.#wait(action.milliseconds);
    const { service } = action;
    const key = { namespace: "default", name: `${service}-v1` };
    switch (action.kind) {
      case "release": {
        const deployment = (await world.get(resources.deployments, key))!;
        const { containers } = (deployment["spec"] as { template: { spec: { containers: { image: string }[] } } })
          .template.spec;
        const image = `${containers[0]!.image.split(":")[0]}:${action.version}.0`;
        this.#images[key.name] = image;
        const template = { spec: { containers: [{ ...containers[0], image }] } };
        return world.patch(resources.deployments, key, { spec: { template } });
      }
      case "scale":
        return world.patch(resources.deployments, key, { spec: { replicas: action.replicas } });
      case "approve":
        await this.#until(
          `${service} pauses`,
          () => this.#stepState(service) === "StepPaused" && this.#isOffered(service),
        );
        return this.#asPerson(() => approve(this.#commands(), [this.#rollout(service)]));
      case "undo":
        this.#images[key.name] = this.#images[key.name]!.replace(/:.*/, ":1.0");
        return this.#asPerson(() =>
          undo(this.#commands(), [this.#rollout(service)], {
            toRevision: 0,
            dryRun: "none",
            fast: false,
            output: undefined,
          }),
        );
      case "delete-pod":
        return this.#deletePod(service, action.lane);
    }
  }

  /** A person whose command was refused because something moved types it again. */
  async #asPerson(command: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await command();
      } catch (error) {
        const { errors = [error] } = error as { errors?: readonly unknown[] };
        if (!errors.every(isConflict) || tries === COMMAND_TRIES) throw error;
        await this.#wait(1000);
      }
    }
  }

  async #deletePod(service: Service, lane: string): Promise<void> {
    const selector = laneSelector(service, lane);
    const active = this.#truth.caches.selectedBy(resources.pods, "default", selector).filter((pod) => isPodActive(pod));
    const pod = active[randomInt(this.#random, Math.max(1, active.length))];
    if (pod) await this.#world.client.delete(resources.pods, { namespace: "default", name: pod.metadata.name });
  }

  /** The canary runs what people wanted last: a person approves what they see, not a version that is superseded. */
  #isOffered(service: Service): boolean {
    const selector = laneSelector(service, "canary");
    const pods = this.#truth.caches.selectedBy(resources.pods, "default", selector);
    return pods.length > 0 && pods.every((pod) => imageOf(pod["spec"] as PodSpec) === this.#images[`${service}-v1`]);
  }

  #stepState(service: Service): string | undefined {
    const rollout = this.#truth.caches.get(resources.kruiseRollouts, this.#rollout(service));
    const { phase, canaryStatus } = (rollout?.["status"] ?? {}) as {
      phase?: string;
      canaryStatus?: { currentStepState?: string };
    };
    return phase === "Progressing" ? canaryStatus?.currentStepState : phase;
  }

  #rollout(service: Service) {
    return { type: resources.kruiseRollouts, namespace: "default", name: `rollouts-${service}` };
  }

  #commands(): CommandContext {
    const { client, clock } = this.#world;
    const silent = { print() {}, printError() {}, onInterrupt: () => () => {} };
    return { client, clock, namespace: "default", isTerminal: false, hasColor: false, ...silent };
  }

  /** The faults end; then everything must come to rest where people wanted it. */
  async #finish(): Promise<void> {
    const world = this.#world;
    world.setFaults({});
    await this.#until("everything is as people wanted it", () => endProblems(this.#truth, this.#images).length === 0);
    await this.#wait(40_000);
    this.#report(endProblems(this.#truth, this.#images));
    await checkFixpoint(world);
    this.#throwProblems();
  }

  /** Crashes stop before the faults do, so that a scenario has an end. */
  #planCrashes(): void {
    for (let count = 0; count < this.#scenario.crashes; count++) {
      this.#world.clock.schedule(randomInt(this.#random, 40_000), () => {
        this.#world.crashAfterWrites(1 + randomInt(this.#random, 5));
      });
    }
  }

  /** Runs on until the condition holds after some event. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const deadline = this.#world.clock.now() + PATIENCE_MS;
    while (!condition()) {
      const hasRun = await this.#step();
      if ((hasRun && this.#world.clock.now() <= deadline) || condition()) continue;
      const rest = endProblems(this.#truth, this.#images).join("; ");
      this.#report([`INV-28 within ${PATIENCE_MS / 1000} s it does not happen that ${what} (${rest})`]);
      this.#throwProblems();
    }
  }

  async #wait(milliseconds: number): Promise<void> {
    let isOver = false;
    this.#world.clock.schedule(milliseconds, () => {
      isOver = true;
    });
    while (!isOver) await this.#step();
  }

  /** One wake of the clock and what follows from it; false when none is scheduled. */
  async #step(): Promise<boolean> {
    const hasRun = await this.#world.step();
    if (this.#needsTrafficCheck) this.#checkTraffic();
    if (this.#world.hasCrashed) {
      this.#crashes++;
      await this.#world.restartControllers();
    }
    this.#throwProblems();
    return hasRun;
  }

  #checkTraffic(): void {
    this.#needsTrafficCheck = false;
    const { table } = this.#mesh;
    if (this.#isServing && table) this.#report(trafficProblems(table, this.#truth));
  }

  /** Collected, not thrown: this runs inside the server's and the controllers' calls. */
  #report(problems: readonly string[]): void {
    const at = ((this.#world.clock.now() - Date.UTC(2030, 0, 1)) / 1000).toFixed(3);
    for (const problem of problems) if (this.#problems.length < 5) this.#problems.push(`at ${at} s: ${problem}`);
  }

  #throwProblems(): void {
    if (this.#problems.length > 0) throw new Violation(this.#problems[0]);
  }

  /** The node asks the mesh before it ends a process, exactly as in the embedded cluster. */
  #isDrained(pod: KubeObject): boolean {
    const uid = pod.metadata.uid ?? "";
    if (!this.#drained.has(uid)) {
      this.#drained.set(uid, false);
      const mesh = this.#mesh as unknown as Parameters<typeof drainBarrier>[0]["mesh"];
      const barrier = drainBarrier({ mesh, cache: () => this.#world.caches, clock: this.#world.clock });
      void barrier(pod).then(() => this.#drained.set(uid, true));
    }
    return this.#drained.get(uid) === true;
  }
}

interface PodSpec {
  readonly containers: readonly { readonly image: string }[];
}

function imageOf({ containers }: PodSpec): string {
  return containers[0]?.image ?? "";
}

function laneSelector(service: Service, lane: string) {
  return { matchLabels: { app: service, ASM_TRAFFIC_TAG: lane } };
}

class Violation extends Error {
  override readonly name = "Violation";
}

function describeError(error: unknown): string {
  const nested = (error as { errors?: readonly unknown[] }).errors ?? [];
  return [error, ...nested].map((each) => (each instanceof Error ? each.stack : String(each))).join("\n");
}
