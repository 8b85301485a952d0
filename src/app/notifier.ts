import type { Http } from "../analysis/provider.ts";
import type { KubeObject } from "../api/meta.ts";
import { type Cancel, type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { isOfInstance } from "../dialects/argo/instance.ts";
import { annotations, POD_TEMPLATE_HASH } from "../dialects/argo/keys.ts";
import type { NotificationMetrics } from "../dialects/argo/metrics/index.ts";
import { type NotificationConfig, parseConfig } from "../dialects/argo/notifications/config.ts";
import { decideNotices, type Notice, notifiedOf, withNotified } from "../dialects/argo/notifications/decide.ts";
import { redacted } from "../dialects/argo/notifications/redact.ts";
import { hasSubscriptions, subscriptionProblems } from "../dialects/argo/notifications/subscriptions.ts";
import type { Delivery, HttpDelivery, MailDelivery } from "../dialects/argo/notifications/types.ts";
import type { Change } from "../kube/cache.ts";
import type { KubeClient } from "../kube/client.ts";
import { isConflict, isNotFound } from "../kube/errors.ts";
import { formatKey, keyOf, resources } from "../kube/resource.ts";
import type { CacheReader } from "../runtime/controller.ts";
import { EventRecorder } from "../runtime/events.ts";
import type { PlannedEvent } from "../runtime/plan.ts";

/**
 * Tells people of what happens to Rollouts, AnalysisRuns and Experiments (NO-001…009): an event is put against the
 * configuration, and what is decided is sent. Nobody waits for it, and a failure is logged and counted, nothing more.
 */
export interface NotifierOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly http: Http;
  readonly sendMail: (delivery: MailDelivery, signal: AbortSignal) => Promise<void>;
  /** Null before they are filled. */
  readonly caches: () => CacheReader | null;
  readonly metrics: NotificationMetrics;
  /** Where the controller's own configuration is. */
  readonly controllerNamespace: string;
  /** A Rollout's own namespace may have a configuration as well (NO-001). */
  readonly isSelfService: boolean;
  /** Subscriptions of other instances' Rollouts are theirs to judge (ARC-805). */
  readonly instanceId: string;
}

const CONFIG_MAP = "argo-rollouts-notification-configmap";
const SECRET = "argo-rollouts-notification-secret";
const COMPONENT = "rollouts-controller";
const KINDS: ReadonlySet<string> = new Set(["Rollout", "AnalysisRun", "Experiment"]);

/** Events that wait for their turn; more are dropped, as a dead receiver must not fill the memory. */
const PENDING_MAX = 1000;
const CONCURRENT_MAX = 10;
/** Subscriptions are looked at once things are quiet for so long: a manifest's objects come one by one. */
const CHECK_DELAY_MS = 1000;
/** Keys of what was told once, kept until the cache shows them. */
const TOLD_MAX = 10_000;

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #recorder: EventRecorder;
  readonly #pending: PlannedEvent[] = [];
  readonly #stopped = new AbortController();
  readonly #configs = new Map<string, { readonly revisions: string; readonly config: NotificationConfig }>();
  readonly #told = new Set<string>();
  /** Objects whose subscriptions have to be looked at. */
  readonly #unchecked = new Set<string>();
  /** What was said of each object's subscriptions last. */
  readonly #complaints = new Map<string, string>();
  #cancelCheck: Cancel | null = null;
  #cancelRetry: Cancel | null = null;
  #running = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#recorder = new EventRecorder(options.client, options.clock, options.logger);
  }

  /** What is under way is abandoned. */
  stop(): void {
    this.#stopped.abort();
    this.#cancelCheck?.();
    this.#cancelRetry?.();
    this.#pending.length = 0;
    this.#recorder.stop();
  }

  onEvent(component: string, event: PlannedEvent): void {
    if (component !== COMPONENT || !KINDS.has(event.regarding.kind) || this.#stopped.signal.aborted) return;
    if (this.#pending.length >= PENDING_MAX) {
      this.#options.logger.error({ reason: event.reason }, "too many notifications wait; one is dropped");
      return;
    }
    this.#pending.push(event);
    // The cache may be about to learn what the event is about: whoever changes it tells of it first.
    queueMicrotask(() => this.#next());
  }

  onChange({ type, before, after }: Change): void {
    const { name } = (after ?? before)?.metadata ?? {};
    const isConfiguration =
      (type === resources.configMaps && name === CONFIG_MAP) || (type === resources.secrets && name === SECRET);
    if (isConfiguration) this.#checkLater(null);
    if (type !== resources.argoRollouts) return;
    if (after === null) this.#complaints.delete(formatKey(keyOf(before as KubeObject)));
    else if (before === null || !hasSameAnnotations(before, after)) this.#checkLater(after);
  }

  #next(): void {
    // What is told at the start waits until the configuration is known.
    if (this.#options.caches() === null) {
      this.#cancelRetry ??= this.#options.clock.schedule(CHECK_DELAY_MS, () => {
        this.#cancelRetry = null;
        this.#next();
      });
      return;
    }
    while (this.#running < CONCURRENT_MAX) {
      const event = this.#pending.shift();
      if (!event) return;
      this.#running++;
      void this.#tell(event)
        .catch((error: unknown) => {
          const fields = { reason: event.reason, error: String(error) };
          this.#options.logger.error(fields, "a notification could not be decided on");
        })
        .finally(() => {
          this.#running--;
          this.#next();
        });
    }
  }

  async #tell(event: PlannedEvent): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    const caches = this.#options.caches();
    if (caches === null) return;
    const { regarding, reason } = event;
    for (const { config, isSelfService } of this.#configsOf(regarding, caches)) {
      const analysisRuns = runsOf(regarding, caches);
      const now = clock.now();
      const { notices, problems } = decideNotices({ event, analysisRuns, now, config, isSelfService });
      for (const problem of problems) {
        logger.error({ ...fieldsOf(regarding), reason, problem }, "a notification could not be made");
        metrics.count(event, { seconds: 0, isSent: false });
      }
      for (const notice of notices) await this.#send(event, notice, config.secrets);
    }
  }

  async #send(
    event: PlannedEvent,
    { trigger, destination, deliveries, onceKey }: Notice,
    secrets: NotificationConfig["secrets"],
  ): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    const startedAt = clock.now();
    const fields = { ...fieldsOf(event.regarding), trigger, ...destination };
    try {
      // Noted before it is sent: a crash in between tells nobody, and never somebody twice.
      if (onceKey !== null && !(await this.#note(event.regarding, onceKey))) return;
      await this.#deliver(deliveries);
      logger.info(fields, "a notification was sent");
      metrics.count(event, { seconds: (clock.now() - startedAt) / 1000, isSent: true });
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      // E.g. a header that cannot be sent is told with its value.
      const problem = redacted((error as Error).message, secrets);
      logger.error({ ...fields, error: problem }, "a notification could not be sent");
      metrics.count(event, { seconds: (clock.now() - startedAt) / 1000, isSent: false });
    }
  }

  /** One delivery that is taken is enough: several are the targets of one service. */
  async #deliver(deliveries: readonly Delivery[]): Promise<void> {
    const outcomes = await Promise.allSettled(deliveries.map((delivery) => this.#attempt(delivery)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed && outcomes.every(({ status }) => status === "rejected")) throw failed.reason;
  }

  #attempt(delivery: Delivery): Promise<void> {
    if (delivery.kind === "http") return this.#request(delivery);
    return this.#options.sendMail(delivery, this.#stopped.signal);
  }

  async #request({ request, refusal, retry }: HttpDelivery): Promise<void> {
    const { http, clock } = this.#options;
    const { signal } = this.#stopped;
    let waitMs = retry.waitMs;
    for (let left = retry.times; ; left--) {
      const answer = await http(request).catch((error: unknown) => withoutPath(error as Error, request.url));
      signal.throwIfAborted();
      const problem = answer instanceof Error ? answer.message : refusal(answer);
      if (problem === null) return;
      const isTemporary = answer instanceof Error || answer.status === 429 || answer.status >= 500;
      if (!isTemporary || left <= 0) throw new Error(problem);
      await sleep(clock, waitMs, signal);
      waitMs = Math.min(2 * waitMs, retry.waitMaxMs);
    }
  }

  /** False when it was noted before. */
  async #note(object: KubeObject, key: string): Promise<boolean> {
    const { client, clock } = this.#options;
    const type = TYPES[object.kind];
    const own = `${object.metadata.uid ?? ""}\0${key}`;
    if (!type || this.#told.has(own)) return false;
    if (this.#told.size >= TOLD_MAX) this.#told.clear();
    this.#told.add(own);
    for (;;) {
      try {
        const current = await client.get(type, keyOf(object));
        if (Object.hasOwn(notifiedOf(current), key)) return false;
        const { resourceVersion } = current.metadata;
        const noted = { [annotations.notified]: withNotified(current, key, clock.now()) };
        const body = { metadata: { resourceVersion, annotations: noted } };
        await client.patch(type, keyOf(object), { kind: "merge", body }, { fieldManager: COMPONENT });
        return true;
      } catch (error) {
        // An object that is gone says nothing a second time.
        if (isNotFound(error)) return true;
        if (!isConflict(error) || this.#stopped.signal.aborted) throw error;
      }
    }
  }

  // Configuration -----------------------------------------------------------------------------------------------------

  #configsOf({ metadata }: KubeObject, caches: CacheReader) {
    const { controllerNamespace, isSelfService } = this.#options;
    const own = metadata.namespace ?? "";
    const central = this.#config(controllerNamespace, caches);
    const local = isSelfService && own !== controllerNamespace ? this.#config(own, caches) : null;
    return [
      ...(central ? [{ config: central, isSelfService: false }] : []),
      ...(local ? [{ config: local, isSelfService: true }] : []),
    ];
  }

  #config(namespace: string, caches: CacheReader): NotificationConfig | null {
    const configMap = caches.get(resources.configMaps, { namespace, name: CONFIG_MAP });
    if (!configMap) {
      this.#configs.delete(namespace);
      return null;
    }
    const secret = caches.get(resources.secrets, { namespace, name: SECRET });
    const revisions = [configMap, secret].map((one) => one?.metadata.resourceVersion ?? "").join(" ");
    const known = this.#configs.get(namespace);
    if (known?.revisions === revisions) return known.config;
    const config = parseConfig(configMap, secret);
    this.#configs.set(namespace, { revisions, config });
    for (const problem of config.problems) {
      this.#options.logger.warn({ namespace, problem }, "a part of the notification configuration is not used");
      const event = {
        regarding: configMap,
        type: "Warning",
        reason: "InvalidNotificationConfig",
        message: problem,
      } as const;
      this.#recorder.record(COMPONENT, event);
    }
    return config;
  }

  // Subscriptions -----------------------------------------------------------------------------------------------------

  /** Null: of every Rollout. */
  #checkLater(rollout: KubeObject | null): void {
    if (rollout !== null && !hasSubscriptions(rollout) && !this.#complaints.has(formatKey(keyOf(rollout)))) return;
    this.#unchecked.add(rollout === null ? ALL : formatKey(keyOf(rollout)));
    if (this.#stopped.signal.aborted) return;
    this.#cancelCheck ??= this.#options.clock.schedule(CHECK_DELAY_MS, () => this.#check());
  }

  /** Wrong names are told at the object; the original tells nobody (SU-032). */
  #check(): void {
    this.#cancelCheck = null;
    const caches = this.#options.caches();
    if (caches === null) {
      this.#cancelCheck = this.#options.clock.schedule(CHECK_DELAY_MS, () => this.#check());
      return;
    }
    const isForAll = this.#unchecked.has(ALL);
    for (const rollout of caches.list(resources.argoRollouts)) {
      const key = formatKey(keyOf(rollout));
      const isWanted = isForAll || this.#unchecked.has(key);
      if (isWanted && isOfInstance(rollout, this.#options.instanceId)) this.#checkOne(key, rollout, caches);
    }
    this.#unchecked.clear();
  }

  #checkOne(key: string, rollout: KubeObject, caches: CacheReader): void {
    const configs = this.#configsOf(rollout, caches).map(({ config }) => config);
    const problems = hasSubscriptions(rollout) ? subscriptionProblems(rollout, configs) : [];
    const complaint = problems.join("; ");
    if (complaint === (this.#complaints.get(key) ?? "")) return;
    if (complaint === "") this.#complaints.delete(key);
    else this.#complaints.set(key, complaint);
    for (const message of problems) {
      this.#options.logger.warn({ ...fieldsOf(rollout), problem: message }, "a subscription tells nobody");
      this.#recorder.record(COMPONENT, { regarding: rollout, type: "Warning", reason: "InvalidSubscription", message });
    }
  }
}

/** Stands for every Rollout; no key of an object has a space. */
const ALL = " ";

const TYPES: Readonly<Record<string, typeof resources.argoRollouts>> = {
  Rollout: resources.argoRollouts,
  AnalysisRun: resources.analysisRuns,
  Experiment: resources.experiments,
};

function fieldsOf({ kind, metadata }: KubeObject) {
  return { kind, namespace: metadata.namespace ?? "", name: metadata.name };
}

function hasSameAnnotations(before: KubeObject, after: KubeObject): boolean {
  return JSON.stringify(before.metadata.annotations ?? {}) === JSON.stringify(after.metadata.annotations ?? {});
}

/** Runs of the present pod hash and revision, newest first (NO-004). */
function runsOf({ kind, metadata, ...object }: KubeObject, caches: CacheReader): readonly KubeObject[] {
  const hash = (object["status"] as { currentPodHash?: string } | undefined)?.currentPodHash;
  if (kind !== "Rollout" || hash === undefined) return [];
  const revision = metadata.annotations?.[annotations.revision];
  return caches
    .selectedBy(resources.analysisRuns, metadata.namespace ?? "", { matchLabels: { [POD_TEMPLATE_HASH]: hash } })
    .filter((run) => run.metadata.annotations?.[annotations.revision] === revision)
    .sort((left, right) => createdAt(right).localeCompare(createdAt(left)));
}

function createdAt({ metadata }: KubeObject): string {
  return metadata.creationTimestamp ?? "";
}

/** The paths of chat services' addresses are as good as passwords, and errors are logged. */
function withoutPath(error: Error, url: string): Error {
  return new Error(error.message.replaceAll(url, new URL(url).origin));
}
