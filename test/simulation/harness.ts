import { readFileSync } from "node:fs";
import type { KubeObject } from "../../src/api/meta.ts";
import { drainBarrier } from "../../src/app/barrier.ts";
import { type Random, randomInt } from "../../src/base/random.ts";
import { type CommandContext, CommandError } from "../../src/cli/plugin/command.ts";
import type { ServerPack } from "../../src/cluster/apiserver/api-server.ts";
import type { Change } from "../../src/kube/cache.ts";
import { isConflict } from "../../src/kube/errors.ts";
import { type ResourceType, resources } from "../../src/kube/resource.ts";
import type { Table } from "../../src/routing/types.ts";
import type { Faults } from "../support/faulty-client.ts";
import { checkFixpoint } from "../support/reconciler-checks.ts";
import { parseObjects, World, type WorldOptions } from "../support/world.ts";
import { FreshViews, PodCounts } from "./invariants.ts";
import { SimulatedMesh } from "./mesh.ts";
import { Truth } from "./truth.ts";

/** What goes wrong in a scenario, whatever people do meanwhile. */
export interface Trouble {
  readonly faults: Faults;
  /** How far the mesh may lag behind what is written. */
  readonly meshLagMs: number;
  /** The controllers die about this often in the whole scenario, each time after a few more writes. */
  readonly crashes: number;
}

export interface Outcome {
  readonly workload: string;
  /** Violations; none when all went well. */
  readonly problems: readonly string[];
  readonly events: number;
  readonly writes: number;
  readonly crashes: number;
  readonly virtualMs: number;
}

export interface HarnessOptions {
  readonly seed: number;
  readonly random: Random;
  readonly workload: string;
  readonly trouble: Trouble;
  readonly packs: readonly ServerPack[];
  readonly controllers: NonNullable<WorldOptions["controllers"]>;
  /** Besides pods, ReplicaSets, and the routes. */
  readonly watched: readonly ResourceType[];
  /** What is wrong with requests that are sent now. */
  readonly trafficProblems: (table: Table) => readonly string[];
  /** What is not yet as people wanted it. */
  readonly endProblems: () => readonly string[];
  readonly onChange?: (change: Change) => readonly string[];
}

/** Every action and the end must be reached within this time (INV-20, INV-28). */
const PATIENCE_MS = 180_000;
const COMMAND_TRIES = 5;

/**
 * A control plane on virtual time with a slow mesh: what all simulations share. After every event the invariants are
 * checked; the first violation ends the run.
 */
export class Harness {
  readonly world: World;
  readonly mesh: SimulatedMesh;
  readonly truth: Truth;
  readonly #options: HarnessOptions;
  readonly #counts = new PodCounts();
  readonly #views = new FreshViews();
  readonly #problems: string[] = [];
  readonly #drained = new Map<string, boolean>();
  #isServing = false;
  #events = 0;
  #crashes = 0;
  #needsTrafficCheck = false;

  constructor(options: HarnessOptions) {
    const { seed, packs, controllers, trouble, watched } = options;
    this.#options = options;
    this.world = new World({
      seed,
      packs,
      controllers,
      kubelet: { isDrained: (pod) => this.#isDrained(pod) },
      onPlan: (controller, key, plan) => this.report(this.#views.check(controller, key, plan)),
    });
    this.world.faulty.onAnswer = (object, controller) => this.#views.wrote(object, controller);
    this.mesh = new SimulatedMesh(this.world, trouble.meshLagMs);
    this.truth = new Truth(this.world, watched);
  }

  /** Plays a scenario: what is there first, and what people do then, while things go wrong. */
  async play(prepare: () => Promise<void>, act: () => Promise<void>): Promise<Outcome> {
    const { world } = this;
    const start = world.clock.now();
    try {
      await this.#start();
      await prepare();
      this.#isServing = true;
      world.setFaults(this.#options.trouble.faults);
      this.#planCrashes();
      await act();
      await this.#finish();
    } catch (error) {
      if (!(error instanceof Violation)) this.#problems.push(describeError(error));
    }
    this.mesh.stop();
    this.truth.stop();
    await world.stop();
    return {
      workload: this.#options.workload,
      problems: this.#problems,
      events: this.#events,
      writes: world.writeCount,
      crashes: this.#crashes,
      virtualMs: world.clock.now() - start,
    };
  }

  async #start(): Promise<void> {
    await this.world.start();
    this.truth.start((change) => {
      this.#events++;
      this.report(this.#counts.check(change, this.truth));
      if (this.#isServing) this.report(this.#options.onChange?.(change) ?? []);
      if (change.type === resources.pods) this.#needsTrafficCheck = true;
    });
    this.mesh.onAcknowledgement(() => this.#checkTraffic());
    this.mesh.start();
    await this.world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "istio-system" } });
  }

  /** Applies example files, each object as the scenario wants it. */
  async applyFiles(folder: URL, files: readonly string[], adapt: (object: KubeObject) => KubeObject): Promise<void> {
    for (const file of files) {
      const objects = parseObjects(readFileSync(new URL(`${file}.yaml`, folder), "utf8"));
      await this.world.apply(objects.map(adapt));
    }
  }

  /** Runs on until the mesh serves all kinds of requests: from there on no request may fail. */
  async untilServed(isUp: () => boolean): Promise<void> {
    await this.until("the first requests are answered", () => {
      const { table } = this.mesh;
      return isUp() && table !== null && this.#options.trafficProblems(table).length === 0;
    });
  }

  /** A person whose command was refused because something moved types it again. */
  async asPerson(command: (context: CommandContext) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await command(this.#commands());
      } catch (error) {
        const { errors = [error] } = error as { errors?: readonly unknown[] };
        const isPassing = errors.every((each) => isConflict(each) || each instanceof CommandError);
        if (!isPassing || tries === COMMAND_TRIES) throw error;
        await this.wait(1000);
      }
    }
  }

  #commands(): CommandContext {
    const { client, clock } = this.world;
    const silent = { print() {}, printError() {}, onInterrupt: () => () => {} };
    return { client, clock, namespace: "default", isTerminal: false, hasColor: false, ask: null, ...silent };
  }

  /** The faults end; then everything must come to rest where people wanted it. */
  async #finish(): Promise<void> {
    const { world } = this;
    const { endProblems } = this.#options;
    world.setFaults({});
    await this.until("everything is as people wanted it", () => endProblems().length === 0);
    await this.wait(40_000);
    this.report(endProblems());
    await checkFixpoint(world);
    this.#throwProblems();
  }

  /** Crashes stop before the faults do, so that a scenario has an end. */
  #planCrashes(): void {
    const { random, trouble } = this.#options;
    for (let count = 0; count < trouble.crashes; count++) {
      this.world.clock.schedule(randomInt(random, 40_000), () => {
        this.world.crashAfterWrites(1 + randomInt(random, 5));
      });
    }
  }

  /** Runs on until the condition holds after some event. */
  async until(what: string, condition: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const deadline = this.world.clock.now() + patienceMs;
    while (!condition()) {
      const hasRun = await this.#step();
      if ((hasRun && this.world.clock.now() <= deadline) || condition()) continue;
      const rest = this.#options.endProblems().join("; ");
      this.report([`INV-28 within ${patienceMs / 1000} s it does not happen that ${what} (${rest})`]);
      this.#throwProblems();
    }
  }

  async wait(milliseconds: number): Promise<void> {
    let isOver = false;
    this.world.clock.schedule(milliseconds, () => {
      isOver = true;
    });
    while (!isOver) await this.#step();
  }

  /** One wake of the clock and what follows from it; false when none is scheduled. */
  async #step(): Promise<boolean> {
    const hasRun = await this.world.step();
    if (this.#needsTrafficCheck) this.#checkTraffic();
    if (this.world.hasCrashed) {
      this.#crashes++;
      await this.world.restartControllers();
    }
    this.#throwProblems();
    return hasRun;
  }

  #checkTraffic(): void {
    this.#needsTrafficCheck = false;
    const { table } = this.mesh;
    if (this.#isServing && table) this.report(this.#options.trafficProblems(table));
  }

  /** Collected, not thrown: this runs inside the server's and the controllers' calls. */
  report(problems: readonly string[]): void {
    const at = ((this.world.clock.now() - Date.UTC(2030, 0, 1)) / 1000).toFixed(3);
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
      const barrier = drainBarrier({ mesh: this.mesh, cache: () => this.world.caches, clock: this.world.clock });
      void barrier(pod).then(() => this.#drained.set(uid, true));
    }
    return this.#drained.get(uid) === true;
  }
}

class Violation extends Error {
  override readonly name = "Violation";
}

function describeError(error: unknown): string {
  const nested = (error as { errors?: readonly unknown[] }).errors ?? [];
  return [error, ...nested].map((each) => (each instanceof Error ? each.stack : String(each))).join("\n");
}
