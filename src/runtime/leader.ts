import type { KubeObject } from "../api/meta.ts";
import { type Cancel, type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import { formatMicroTime, type Instant } from "../base/time.ts";
import type { KubeClient } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import { type ObjectKey, resources } from "../kube/resource.ts";

/**
 * Which of several processes acts (ARC-804, INV-34): they share a Lease, and whoever holds it renews it. Interoperates with
 * client-go's election. Clocks of candidates need not agree: a candidate times how long it has seen no renewal by its own.
 */

export interface ElectionTimes {
  /** How long others wait after the last renewal that they saw. */
  readonly leaseDurationMs: number;
  /** A leader that could not renew for so long gives up: shorter than the lease, so that it ends before another begins. */
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
}

export const DEFAULT_TIMES: ElectionTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** The last state of the Lease that was new to this candidate, and when. */
export interface Observation {
  readonly revision: string;
  readonly at: Instant;
}

export interface Candidate {
  readonly identity: string;
  readonly now: Instant;
  readonly leaseDurationMs: number;
  readonly observed: Observation | null;
}

export type ElectionStep =
  | { readonly kind: "create" | "update"; readonly spec: LeaseSpec }
  /** Somebody else holds it. */
  | { readonly kind: "wait"; readonly holder: string };

/** What a candidate or leader does next about the Lease as it stands; null: there is none. */
export function decideElection(
  lease: KubeObject | null,
  { identity, now, leaseDurationMs, observed }: Candidate,
): { readonly step: ElectionStep; readonly observed: Observation | null } {
  const time = formatMicroTime(now);
  const leaseDurationSeconds = Math.ceil(leaseDurationMs / 1000);
  const claim = { holderIdentity: identity, leaseDurationSeconds, renewTime: time };
  if (lease === null) {
    return { step: { kind: "create", spec: { ...claim, acquireTime: time, leaseTransitions: 0 } }, observed: null };
  }
  const spec = (lease["spec"] ?? {}) as LeaseSpec;
  const revision = lease.metadata.resourceVersion ?? "";
  const seen = observed?.revision === revision ? observed : { revision, at: now };
  const { holderIdentity: holder = "", leaseTransitions = 0, acquireTime = time } = spec;
  if (holder === identity) {
    return { step: { kind: "update", spec: { ...spec, ...claim, acquireTime, leaseTransitions } }, observed: seen };
  }
  const heldMs = (spec.leaseDurationSeconds ?? leaseDurationSeconds) * 1000;
  if (holder !== "" && seen.at + heldMs > now) return { step: { kind: "wait", holder }, observed: seen };
  const taken = { ...spec, ...claim, acquireTime: time, leaseTransitions: leaseTransitions + 1 };
  return { step: { kind: "update", spec: taken }, observed: seen };
}

export interface ElectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly lease: ObjectKey;
  /** Must differ from every other candidate's. */
  readonly identity: string;
  readonly times?: ElectionTimes;
  /** Leadership begins. */
  onStarted(): void;
  /** Leadership is over, and perhaps already another's: whatever it began must end at once. */
  onStopped(): void;
}

/** Candidates ask at slightly different times, so that they do not all write at once. */
const JITTER = 0.2;

/** A candidate from `start` to `stop`. The Lease is not given back at the end: the next leader waits for its expiry. */
export class LeaderElector {
  readonly #options: ElectorOptions;
  readonly #times: ElectionTimes;
  readonly #stopped = new AbortController();
  #observed: Observation | null = null;
  /** When the last renewal was sent; null: not leading. */
  #renewedAt: Instant | null = null;
  #cancelDeadline: Cancel = () => {};
  #loop: Promise<void> | null = null;
  #holder = "";

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#times = options.times ?? DEFAULT_TIMES;
  }

  get isLeader(): boolean {
    return this.#renewedAt !== null;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    this.#resign();
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#attempt();
      const delayMs = this.#times.retryPeriodMs * (1 + (this.isLeader ? 0 : JITTER * random.next()));
      await sleep(clock, delayMs, signal).catch(() => {});
    }
  }

  async #attempt(): Promise<void> {
    const { logger, lease } = this.#options;
    try {
      await this.#ask();
    } catch (error) {
      // Somebody was faster, or the server does not answer: the next attempt sees.
      logger.debug({ lease, error: String(error) }, "the lease could not be had or renewed yet");
    }
  }

  async #ask(): Promise<void> {
    const { client, clock, identity, lease: key, logger } = this.#options;
    const lease = await this.#read();
    // From before the write: others count from after it, so this end is never too late.
    const now = clock.now();
    const { leaseDurationMs } = this.#times;
    const { step, observed } = decideElection(lease, { identity, now, leaseDurationMs, observed: this.#observed });
    this.#observed = observed;
    if (step.kind === "wait") {
      if (step.holder !== this.#holder) logger.info({ lease: key, holder: step.holder }, "another controller leads");
      this.#holder = step.holder;
      this.#resign();
      return;
    }
    const { resourceVersion } = lease?.metadata ?? {};
    const object: KubeObject = {
      ...(lease ?? { apiVersion: "coordination.k8s.io/v1", kind: "Lease" }),
      metadata: { ...(lease?.metadata ?? key), ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      spec: step.spec,
    };
    if (step.kind === "create") await client.create(resources.leases, object);
    else await client.update(resources.leases, object);
    this.#lead(now);
  }

  async #read(): Promise<KubeObject | null> {
    try {
      return await this.#options.client.get(resources.leases, this.#options.lease);
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }

  #lead(renewedAt: Instant): void {
    if (this.#stopped.signal.aborted) return;
    const { clock, identity, lease, logger } = this.#options;
    const deadlineMs = renewedAt + this.#times.renewDeadlineMs - clock.now();
    if (deadlineMs <= 0) {
      // The answer came so late that another may lead by now.
      this.#resign();
      return;
    }
    this.#cancelDeadline();
    this.#cancelDeadline = clock.schedule(deadlineMs, () => this.#resign());
    const isNew = this.#renewedAt === null;
    this.#renewedAt = renewedAt;
    if (!isNew) return;
    this.#holder = identity;
    logger.info({ lease, identity }, "this controller leads");
    this.#options.onStarted();
  }

  #resign(): void {
    this.#cancelDeadline();
    if (this.#renewedAt === null) return;
    this.#renewedAt = null;
    this.#options.logger.warn({ lease: this.#options.lease }, "this controller leads no more");
    this.#options.onStopped();
  }
}
