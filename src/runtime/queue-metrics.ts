import type { Clock } from "../base/clock.ts";
import { CounterVector, gauge, HistogramVector, type Rendered } from "../base/metrics.ts";
import type { Instant } from "../base/time.ts";
import type { QueueObserver } from "./observer.ts";

/** client-go's: from ten nanoseconds to a thousand seconds, each ten times the one before. */
const BUCKETS_SECONDS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000] as const;

interface QueueState {
  readonly waitingSince: Map<string, Instant>;
  readonly runningSince: Map<string, Instant>;
}

/** The `workqueue_*` metrics of client-go, for as many queues as one process has (ARC-801). */
export class QueueMetrics implements Rendered {
  readonly #clock: Clock;
  readonly #queues = new Map<string, QueueState>();
  readonly #adds = new CounterVector({
    name: "workqueue_adds_total",
    help: "Total number of adds handled by workqueue",
    labels: ["name"],
  });
  readonly #retries = new CounterVector({
    name: "workqueue_retries_total",
    help: "Total number of retries handled by workqueue",
    labels: ["name"],
  });
  readonly #waited = new HistogramVector(
    {
      name: "workqueue_queue_duration_seconds",
      help: "How long in seconds an item stays in workqueue before being requested.",
      labels: ["name"],
    },
    BUCKETS_SECONDS,
  );
  readonly #worked = new HistogramVector(
    {
      name: "workqueue_work_duration_seconds",
      help: "How long in seconds processing an item from workqueue takes.",
      labels: ["name"],
    },
    BUCKETS_SECONDS,
  );

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a queue of that name has to be given. A later queue of the same name goes on counting where the first ended. */
  observer(name: string): QueueObserver {
    const clock = this.#clock;
    const queue: QueueState = { waitingSince: new Map(), runningSince: new Map() };
    this.#queues.set(name, queue);
    this.#adds.add([name], 0);
    this.#retries.add([name], 0);
    return {
      added: (key) => {
        this.#adds.add([name]);
        if (!queue.waitingSince.has(key)) queue.waitingSince.set(key, clock.now());
      },
      taken: (key) => {
        this.#waited.observe([name], this.#since(queue.waitingSince, key));
        queue.runningSince.set(key, clock.now());
      },
      done: (key) => this.#worked.observe([name], this.#since(queue.runningSince, key)),
      retried: () => this.#retries.add([name]),
    };
  }

  render(lines: string[]): void {
    this.#gauge("workqueue_depth", "Current depth of workqueue", ({ waitingSince }) => waitingSince.size).render(lines);
    this.#adds.render(lines);
    this.#waited.render(lines);
    this.#worked.render(lines);
    const running = ({ runningSince }: QueueState) => [...runningSince.values()].map((since) => this.#seconds(since));
    this.#gauge(
      "workqueue_unfinished_work_seconds",
      "How many seconds of work has been done that is in progress and hasn't been observed by work_duration.",
      (queue) => running(queue).reduce((sum, seconds) => sum + seconds, 0),
    ).render(lines);
    this.#gauge(
      "workqueue_longest_running_processor_seconds",
      "How many seconds has the longest running processor for workqueue been running.",
      (queue) => Math.max(0, ...running(queue)),
    ).render(lines);
    this.#retries.render(lines);
  }

  #gauge(name: string, help: string, read: (queue: QueueState) => number): Rendered {
    const samples = [...this.#queues].map(([queue, state]) => ({ labels: [queue], value: read(state) }));
    return gauge({ name, help, labels: ["name"] }, samples);
  }

  #since(times: Map<string, Instant>, key: string): number {
    const since = times.get(key);
    times.delete(key);
    return since === undefined ? 0 : this.#seconds(since);
  }

  #seconds(since: Instant): number {
    return Math.max(0, this.#clock.now() - since) / 1000;
  }
}
