import type { Clock } from "../../../base/clock.ts";
import { CounterVector, gauge, HistogramVector, type Rendered } from "../../../base/metrics.ts";
import type { Instant } from "../../../base/time.ts";
import { type Change, typeKey } from "../../../kube/cache.ts";
import type { CountedRequest } from "../../../kube/counting-client.ts";
import { formatKey, keyOf, parseKey, type ResourceType, resources } from "../../../kube/resource.ts";
import type { CacheReader } from "../../../runtime/controller.ts";
import type { QueueObserver, RunnerObserver, Turn } from "../../../runtime/observer.ts";
import type { PlannedEvent } from "../../../runtime/plan.ts";
import { QueueMetrics } from "../../../runtime/queue-metrics.ts";
import { isOfInstance } from "../instance.ts";
import { GROUP } from "../keys.ts";
import type { Rollout } from "../types.ts";
import { DurationMetrics, endedAttempt } from "./durations.ts";
import { objectMetrics } from "./objects.ts";
import { RequestMetrics } from "./requests.ts";

/**
 * The metrics of Argo's controllers under the original's names (ARC-800…802), so that dashboards and alerts go on working.
 * Gauges of objects are read off the caches when asked for; the rest is counted by looking on at the runner and client.
 */
export interface ArgoMetricsOptions {
  readonly clock: Clock;
  readonly instanceId: string;
  readonly build: BuildInfo;
}

export interface BuildInfo {
  readonly version: string;
  /** Of what runs it; the label is called `goversion`. */
  readonly runtime: string;
  readonly architecture: string;
  readonly commit: string;
}

/** A deleted object's series are kept so long that a scrape a minute still sees their last value (ARC-801). */
const KEPT_AFTER_DELETION_MS = 65_000;
const RECONCILE_BUCKETS_SECONDS = [0.01, 0.15, 0.25, 0.5, 1] as const;

/** By controller: its queue as the original calls it, and what the metrics of its turns begin with. */
const CONTROLLERS: Readonly<Record<string, { readonly queue: string; readonly turns?: TurnKind }>> = {
  "argo-rollout": { queue: "Rollouts", turns: "rollout" },
  "argo-experiment": { queue: "Experiments", turns: "experiment" },
  "argo-analysis-run": { queue: "AnalysisRuns", turns: "analysis_run" },
  "argo-service": { queue: "Services" },
  "argo-destination-rule": { queue: "DestinationRules" },
};

type TurnKind = "rollout" | "experiment" | "analysis_run";

const TYPE_OF_KIND: Readonly<Record<TurnKind, ResourceType>> = {
  rollout: resources.argoRollouts,
  experiment: resources.experiments,
  analysis_run: resources.analysisRuns,
};
const KIND_OF_TYPE = new Map(Object.entries(TYPE_OF_KIND).map(([kind, type]) => [typeKey(type), kind as TurnKind]));

/** Who else writes for Argo: the measurer, and the recorder of events. */
const OTHER_WRITERS = ["analysis", "rollouts-controller"] as const;

const OBJECT = ["namespace", "name"] as const;

export class ArgoMetrics implements RunnerObserver {
  readonly #options: ArgoMetricsOptions;
  readonly #queues: QueueMetrics;
  readonly #durations = new DurationMetrics();
  readonly #requests = new RequestMetrics([...Object.keys(CONTROLLERS), ...OTHER_WRITERS]);
  readonly #turns = turnMetrics();
  readonly #events = new CounterVector({
    name: "rollout_events_total",
    help: "Count of rollout events",
    labels: [...OBJECT, "type", "reason"],
  });
  readonly notifications = new NotificationMetrics();
  /** Objects of ours by kind: null while they live, else when they were deleted. */
  readonly #known = new Map<TurnKind, Map<string, Instant | null>>();

  constructor(options: ArgoMetricsOptions) {
    this.#options = options;
    this.#queues = new QueueMetrics(options.clock);
    for (const kind of Object.keys(TYPE_OF_KIND) as TurnKind[]) this.#known.set(kind, new Map());
  }

  countRequest(request: CountedRequest): void {
    this.#requests.count(request);
  }

  queue(controller: string): QueueObserver | undefined {
    const known = CONTROLLERS[controller];
    return known && this.#queues.observer(known.queue);
  }

  onChange({ type, before, after }: Change): void {
    const kind = KIND_OF_TYPE.get(typeKey(type));
    const object = after ?? before;
    if (!kind || !object || !isOfInstance(object, this.#options.instanceId)) return;
    const known = this.#known.get(kind);
    known?.set(formatKey(keyOf(object)), after ? null : this.#options.clock.now());
    if (!after) this.#forgetDeleted();
    if (kind !== "rollout" || !before || !after) return;
    const ended = endedAttempt(before as Rollout, after as Rollout);
    if (ended) this.#durations.observe(ended);
  }

  onTurn({ controller, key, seconds, isError }: Turn): void {
    const kind = CONTROLLERS[controller]?.turns;
    // A turn that finds its object gone, or another instance's, was none.
    if (!kind || this.#known.get(kind)?.get(key) !== null) return;
    const { namespace, name } = parseKey(key);
    this.#turns[kind].seconds.observe([namespace, name], seconds);
    if (isError) this.#turns[kind].errors.add([namespace, name]);
  }

  onEvent(_component: string, { regarding, type, reason }: PlannedEvent): void {
    if (regarding.kind !== "Rollout" || !regarding.apiVersion.startsWith(`${GROUP}/`)) return;
    const { namespace = "", name } = regarding.metadata;
    this.#events.add([namespace, name, type, reason]);
  }

  /** Null before the caches are there: what is counted is shown, what would be read off them is not. */
  metrics(cache: CacheReader | null): readonly Rendered[] {
    this.#forgetDeleted();
    const { instanceId, build } = this.#options;
    return [
      ...(cache === null ? [] : objectMetrics(cache, instanceId)),
      ...Object.values(this.#turns).flatMap(({ seconds, errors }) => [seconds, errors]),
      this.#events,
      this.#durations,
      this.#requests,
      this.notifications,
      this.#queues,
      ...buildMetrics(build),
    ];
  }

  #forgetDeleted(): void {
    const limit = this.#options.clock.now() - KEPT_AFTER_DELETION_MS;
    for (const [kind, known] of this.#known) {
      for (const [key, deletedAt] of known) {
        if (deletedAt === null || deletedAt > limit) continue;
        known.delete(key);
        this.#forget(kind, key);
      }
    }
  }

  #forget(kind: TurnKind, key: string): void {
    const { namespace, name } = parseKey(key);
    this.#turns[kind].seconds.forget({ namespace, name });
    this.#turns[kind].errors.forget({ namespace, name });
    this.#requests.forget(TYPE_OF_KIND[kind].plural, namespace, name);
    this.notifications.forget(namespace, name);
    if (kind === "rollout") this.#events.forget({ namespace, name });
  }
}

interface TurnMetrics {
  readonly seconds: HistogramVector;
  readonly errors: CounterVector;
}

function turnMetrics(): Readonly<Record<TurnKind, TurnMetrics>> {
  const of = (kind: TurnKind, what: string, whole: string): TurnMetrics => ({
    seconds: new HistogramVector(
      { name: `${kind}_reconcile`, help: `${what} reconciliation performance.`, labels: OBJECT },
      RECONCILE_BUCKETS_SECONDS,
    ),
    errors: new CounterVector({
      name: `${kind}_reconcile_error`,
      help: `Error occurring during the ${whole}`,
      labels: OBJECT,
    }),
  });
  return {
    rollout: of("rollout", "Rollout", "rollout"),
    analysis_run: of("analysis_run", "Analysis Run", "analysis run"),
    experiment: of("experiment", "Experiments", "experiment"),
  };
}

/** Notifications that were sent, and those that could not be (ARC-801, NO-009). */
export class NotificationMetrics implements Rendered {
  readonly #seconds = new HistogramVector(
    { name: "notification_send", help: "Notification send performance.", labels: OBJECT },
    RECONCILE_BUCKETS_SECONDS,
  );
  readonly #sent = new CounterVector({
    name: "notification_send_success",
    help: "Notification send success.",
    labels: [...OBJECT, "type", "reason"],
  });
  readonly #failed = new CounterVector({
    name: "notification_send_error",
    help: "Error sending the notification",
    labels: [...OBJECT, "type", "reason"],
  });

  count(
    { regarding, type, reason }: PlannedEvent,
    { seconds, isSent }: { readonly seconds: number; readonly isSent: boolean },
  ): void {
    const { namespace = "", name } = regarding.metadata;
    this.#seconds.observe([namespace, name], seconds);
    (isSent ? this.#sent : this.#failed).add([namespace, name, type, reason]);
  }

  forget(namespace: string, name: string): void {
    for (const metric of [this.#seconds, this.#sent, this.#failed]) metric.forget({ namespace, name });
  }

  render(lines: string[]): void {
    for (const metric of [this.#seconds, this.#sent, this.#failed]) metric.render(lines);
  }
}

function buildMetrics({ version, runtime, architecture, commit }: BuildInfo): readonly Rendered[] {
  return [
    gauge({ name: "argo_rollouts_controller_info", help: "Running version", labels: ["version"] }, [
      { labels: [version], value: 1 },
    ]),
    gauge(
      {
        name: "build_info",
        help: "A metric with a constant '1' value labeled by the version that runs.",
        labels: ["version", "goversion", "goarch", "commit"],
      },
      [{ labels: [version, runtime, architecture, commit], value: 1 }],
    ),
  ];
}
