import type { KubeObject } from "../../src/api/meta.ts";
import { type Random, randomInt, seededRandom } from "../../src/base/random.ts";
import { approve } from "../../src/cli/kubectl-kruise/approve.ts";
import { undo } from "../../src/cli/kubectl-kruise/undo.ts";
import { asmControllers } from "../../src/dialects/asm/index.ts";
import { kruiseControllers } from "../../src/dialects/kruise/index.ts";
import { isPodActive } from "../../src/kube/pods.ts";
import { resources } from "../../src/kube/resource.ts";
import { packs } from "../../src/packs/index.ts";
import { Harness, type Outcome } from "./harness.ts";
import { endProblems, trafficProblems } from "./invariants.ts";
import { type Action, type Scenario, type Service, scenarioOf } from "./scenarios.ts";

/**
 * The whole control plane on virtual time: built-in controllers, Kruise, lanes and the mesh's configuration, with stale
 * caches, conflicts, lost answers, dropped watches, crashes and a slow mesh. After every event the invariants are
 * checked; the first violation ends the run with the seed that shows it again.
 */
const EXAMPLES = new URL("../../examples/lanes/", import.meta.url);

export async function simulate(seed: number): Promise<Outcome> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #harness: Harness;
  /** Image by Deployment, as people want it. */
  readonly #images: Record<string, string> = {};

  constructor(seed: number) {
    this.#random = seededRandom(seed * 7919);
    this.#scenario = scenarioOf(seed, this.#random);
    this.#harness = new Harness({
      seed,
      random: this.#random,
      workload: this.#scenario.workload,
      trouble: this.#scenario,
      packs,
      controllers: [...kruiseControllers(), ...asmControllers({ rootNamespace: "istio-system" })],
      watched: [resources.deployments, resources.kruiseRollouts, resources.batchReleases],
      trafficProblems: (table) => trafficProblems(table, this.#harness.truth),
      endProblems: () => endProblems(this.#harness.truth, this.#images),
    });
  }

  run(): Promise<Outcome> {
    return this.#harness.play(
      () => this.#prepare(),
      async () => {
        for (const action of this.#scenario.actions) await this.#perform(action);
      },
    );
  }

  /** Everything applied, all pods ready, and the mesh serves both lanes. */
  async #prepare(): Promise<void> {
    const { truth } = this.#harness;
    const files = ["apps", "gateway", "lanes", "rollouts"];
    await this.#harness.applyFiles(EXAMPLES, files, (object) => this.#withReplicas(object));
    await this.#harness.untilServed(() => truth.caches.list(resources.destinationRules).length === 3);
  }

  #withReplicas(object: KubeObject): KubeObject {
    if (object.kind !== "Deployment") return object;
    const spec = object["spec"] as { template: { spec: PodSpec } };
    this.#images[object.metadata.name] = imageOf(spec.template.spec);
    return { ...object, spec: { ...spec, replicas: this.#scenario.replicas } };
  }

  async #perform(action: Action): Promise<void> {
    const { world } = this.#harness;
    if (action.kind === "wait") return this.#harness.wait(action.milliseconds);
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
        await this.#harness.until(
          `${service} pauses`,
          () => this.#stepState(service) === "StepPaused" && this.#isOffered(service),
        );
        return this.#harness.asPerson((context) => approve(context, [this.#rollout(service)]));
      case "undo":
        this.#images[key.name] = this.#images[key.name]!.replace(/:.*/, ":1.0");
        return this.#harness.asPerson((context) =>
          undo(context, [this.#rollout(service)], {
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

  async #deletePod(service: Service, lane: string): Promise<void> {
    const selector = laneSelector(service, lane);
    const active = this.#harness.truth.caches
      .selectedBy(resources.pods, "default", selector)
      .filter((pod) => isPodActive(pod));
    const pod = active[randomInt(this.#random, Math.max(1, active.length))];
    if (pod) await this.#harness.world.client.delete(resources.pods, { namespace: "default", name: pod.metadata.name });
  }

  /** The canary runs what people wanted last: a person approves what they see, not a version that is superseded. */
  #isOffered(service: Service): boolean {
    const selector = laneSelector(service, "canary");
    const pods = this.#harness.truth.caches.selectedBy(resources.pods, "default", selector);
    return pods.length > 0 && pods.every((pod) => imageOf(pod["spec"] as PodSpec) === this.#images[`${service}-v1`]);
  }

  #stepState(service: Service): string | undefined {
    const rollout = this.#harness.truth.caches.get(resources.kruiseRollouts, this.#rollout(service));
    const { phase, canaryStatus } = (rollout?.["status"] ?? {}) as {
      phase?: string;
      canaryStatus?: { currentStepState?: string };
    };
    return phase === "Progressing" ? canaryStatus?.currentStepState : phase;
  }

  #rollout(service: Service) {
    return { type: resources.kruiseRollouts, namespace: "default", name: `rollouts-${service}` };
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
