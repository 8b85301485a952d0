import { type Cancel, sleep } from "../../base/clock.ts";
import { type Instant, parseTime } from "../../base/time.ts";
import { isConflict, isNotFound } from "../../kube/errors.ts";
import { formatKey, keyOf, resources } from "../../kube/resource.ts";
import type { PodFacts } from "./container-facts.ts";
import { ContainerRunner } from "./container-runner.ts";
import { initialFacts } from "./initial-facts.ts";
import { nextAction } from "./next-action.ts";
import type { NodeContext } from "./node-context.ts";
import type { Pod, PodStatus } from "./pod.ts";
import { podStatus } from "./pod-status.ts";
import { StatusWriter } from "./status-writer.ts";
import type { RunningContainer } from "./usage/sampler.ts";

export interface PodWorkerOptions {
  readonly context: NodeContext;
  readonly pod: Pod;
  readonly podIp: string;
  /** Resolves once no new request can reach the pod; the worker waits no longer than the grace period. */
  readonly drainGate: (pod: Pod) => Promise<void>;
  /** Called once, when every process of the pod is gone for good: its address is free. */
  readonly onEnd: () => void;
}

/** The original's shortest grace for a pod that was removed by force. */
const FORCED_GRACE_MS = 2_000;
const DELETE_RETRY_MS = 500;

/**
 * Drives the life of one pod on this node.
 *
 *   running ──deletionTimestamp──> draining ──gate──> stopping ──all ended──> final status, DELETE with grace 0
 *
 * Make before break (MESH-211, K8S-259): the pod first says that it is not ready, then the data plane lets go of it, and
 * only then its processes are told to stop.
 */
export class PodWorker {
  readonly #options: PodWorkerOptions;
  readonly #status: StatusWriter;
  readonly #init: readonly ContainerRunner[];
  readonly #main: readonly ContainerRunner[];
  readonly #startedAt: Instant;
  #pod: Pod;
  #reported: PodStatus | undefined;
  #hasEnded = false;
  #killAt: Instant = Number.POSITIVE_INFINITY;
  #termination: Promise<void> | null = null;
  #isPastDeadline = false;
  #isStopped = false;
  #cancelWake: Cancel = () => {};
  #cancelDeadline: Cancel = () => {};

  constructor(options: PodWorkerOptions) {
    const { context, pod, podIp } = options;
    this.#options = options;
    this.#pod = pod;
    this.#reported = pod.status;
    this.#startedAt = parseTime(pod.status?.startTime) ?? context.clock.now();
    this.#status = new StatusWriter(context, pod);
    const runner = (container: Pod["spec"]["containers"][number]) =>
      new ContainerRunner(context, {
        pod: () => this.#pod,
        podIp,
        container,
        facts: initialFacts(pod, container, context.clock.now()),
        onChange: () => this.#advance(),
      });
    this.#init = (pod.spec.initContainers ?? []).map(runner);
    this.#main = pod.spec.containers.map(runner);
  }

  /** The processes that run now. */
  get running(): readonly RunningContainer[] {
    const pod = this.#pod;
    return this.#main.flatMap(({ name, process }) => (process === null ? [] : [{ pod, name, ...process }]));
  }

  /** Resolves when the first status is stored: what an earlier run said is then no longer believed. */
  start(): Promise<void> {
    this.#watchDeadline();
    this.update(this.#pod);
    this.#advance();
    return this.#status.flush();
  }

  /** A newer version of the object was seen. */
  update(pod: Pod): void {
    const gatesBefore = JSON.stringify(this.#pod.status?.conditions ?? []);
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#beginTermination();
    // Readiness gates are conditions that others write (K8S-253).
    else if (pod.spec.readinessGates && gatesBefore !== JSON.stringify(pod.status?.conditions ?? [])) this.#publish();
  }

  /** The object is gone although we did not delete it: nobody is left to report to. */
  async remove(): Promise<void> {
    this.#status.stop();
    await this.#end(FORCED_GRACE_MS, false);
    this.#reportEnd();
  }

  /** The cluster stops. The stored status stays: the next start goes on from there. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#status.stop();
    await this.#status.flush();
    await this.#end(graceMs, true);
  }

  get #facts(): PodFacts {
    return {
      podIp: this.#options.podIp,
      hostIp: this.#options.context.hostIp,
      startedAt: this.#startedAt,
      isDeleting: this.#termination !== null && !this.#isPastDeadline,
      isPastDeadline: this.#isPastDeadline,
      initContainers: this.#init.map(({ facts }) => facts),
      containers: this.#main.map(({ facts }) => facts),
    };
  }

  /** Something changed: report it, and start what is due. */
  #advance(): void {
    if (this.#isStopped) return;
    this.#publish();
    if (this.#termination) return;
    const { clock, logger } = this.#options.context;
    const { start, wakeAt } = nextAction(this.#pod, this.#facts, clock.now());
    for (const runner of [...this.#init, ...this.#main]) {
      if (!start.includes(runner.name)) continue;
      runner.start().catch((error) => {
        logger.error({ pod: formatKey(keyOf(this.#pod)), error: String(error) }, "starting a container failed");
      });
    }
    this.#cancelWake();
    if (wakeAt !== null) this.#cancelWake = clock.schedule(wakeAt - clock.now(), () => this.#advance());
  }

  #publish(): void {
    if (this.#isStopped) return;
    const status = podStatus(this.#pod, this.#facts, {
      now: this.#options.context.clock.now(),
      before: this.#reported,
    });
    this.#reported = status;
    this.#status.write(status);
  }

  #reportEnd(): void {
    if (!this.#hasEnded) this.#options.onEnd();
    this.#hasEnded = true;
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const { clock } = this.#options.context;
    this.#cancelDeadline = clock.schedule(this.#startedAt + seconds * 1000 - clock.now(), () => {
      if (this.#termination) return;
      this.#isPastDeadline = true;
      this.#publish();
      void this.#end(this.#graceMs(), true);
    });
  }

  #beginTermination(): void {
    const { clock, logger } = this.#options.context;
    const killAt = clock.now() + this.#graceMs();
    const isSooner = killAt < this.#killAt;
    if (isSooner) this.#killAt = killAt;
    if (this.#termination) {
      if (isSooner) for (const runner of this.#main) void runner.terminate(killAt);
      return;
    }
    this.#termination = this.#terminate().catch((error) => {
      logger.error({ pod: formatKey(keyOf(this.#pod)), error: String(error) }, "ending a pod failed");
    });
  }

  #graceMs(): number {
    const { metadata, spec } = this.#pod;
    return (metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  async #terminate(): Promise<void> {
    // The caller sets #termination after we return: the first status must already say that the pod is leaving.
    await Promise.resolve();
    this.#cancelWake();
    this.#publish();
    await this.#status.flush();
    await this.#drained();
    await Promise.all([...this.#init, ...this.#main].map((runner) => runner.terminate(this.#killAt)));
    if (this.#isStopped) return;
    this.#publish();
    await this.#status.flush();
    this.#status.stop();
    this.#reportEnd();
    await this.#deleteObject();
  }

  async #drained(): Promise<void> {
    const { clock, logger } = this.#options.context;
    if (this.#main.every(({ facts }) => facts.state.kind !== "running")) return;
    const givenUp = new AbortController();
    const timeUp = sleep(clock, Math.max(0, this.#killAt - clock.now()), givenUp.signal).catch(() => {});
    const gate = this.#options.drainGate(this.#pod).catch((error) => {
      logger.warn({ pod: formatKey(keyOf(this.#pod)), error: String(error) }, "draining a pod failed");
    });
    await Promise.race([gate, timeUp]);
    givenUp.abort();
  }

  async #end(graceMs: number, runHook: boolean): Promise<void> {
    this.#cancelWake();
    this.#cancelDeadline();
    const killAt = this.#options.context.clock.now() + graceMs;
    await Promise.all([...this.#init, ...this.#main].map((runner) => runner.terminate(killAt, { runHook })));
  }

  /** Removes the object; with finalizers of others it stays, and that is their business. */
  async #deleteObject(): Promise<void> {
    const { client, clock, logger } = this.#options.context;
    const preconditions = { uid: this.#pod.metadata.uid ?? "" };
    while (!this.#isStopped) {
      try {
        return await client.delete(resources.pods, keyOf(this.#pod), { gracePeriodSeconds: 0, preconditions });
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return;
        logger.warn({ pod: formatKey(keyOf(this.#pod)), error: String(error) }, "deleting an ended pod failed");
        await sleep(clock, DELETE_RETRY_MS);
      }
    }
  }
}
