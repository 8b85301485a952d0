import { Agent } from "node:http";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Cancel, sleep, systemClock } from "../base/clock.ts";
import { parseDurationMs } from "../base/duration.ts";
import { UsageError } from "./errors.ts";
import { sendRequest } from "./http.ts";
import { dataOption, requireInstance } from "./instance.ts";
import { headerOption, pathOption } from "./request-options.ts";

/**
 * A bounded, steady load through the gateway, so that a canary without users can be judged (seed 002: a query without
 * traffic answers nothing). Only to the running cluster's own gateway.
 */
interface LoadOptions {
  readonly data: string;
  readonly path: string;
  readonly method: string;
  readonly body?: string;
  readonly header: readonly (readonly [string, string])[];
  readonly rate: number;
  readonly duration: number;
  readonly json?: boolean;
}

/** What was answered how often: status, then the start of the body. */
export interface LoadCounts {
  sent: number;
  errors: number;
  readonly statuses: Record<string, number>;
  readonly bodies: Record<string, number>;
}

const RATE_MAX = 1000;
const DURATION_MAX_MS = 3_600_000;
const OPEN_MAX = 500;
/** Different bodies that are counted apart; more of them are counted together. */
const BODIES_MAX = 20;
const BODY_SHOWN = 60;

export function loadCommand(): Command {
  return new Command("load")
    .description("send a steady load through the gateway and count the answers")
    .addOption(dataOption())
    .addOption(pathOption("path of the requests", "/color"))
    .option("--method <method>", "method of the requests", "POST")
    .option("--body <text>", "body of the requests")
    .addOption(headerOption())
    .option("--rate <n>", `requests a second, at most ${RATE_MAX}`, parseRate, 50)
    .addOption(
      new Option("--duration <time>", "how long, such as 30s or 5m (at most 1h)")
        .argParser(parseTime)
        .default(30_000, "30s"),
    )
    .option("--json", "print the counts as a JSON object")
    .action(runLoad);
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (!(rate > 0 && rate <= RATE_MAX)) throw new InvalidArgumentError(`expected a number up to ${RATE_MAX}.`);
  return rate;
}

function parseTime(text: string): number {
  const milliseconds = parseDurationMs(text);
  if (milliseconds === null || milliseconds <= 0 || milliseconds > DURATION_MAX_MS) {
    throw new InvalidArgumentError('expected a duration such as "30s" or "5m", at most 1h.');
  }
  return milliseconds;
}

async function runLoad(options: LoadOptions): Promise<void> {
  const { instance } = requireInstance(options.data);
  const load = new SteadyLoad(`${instance.gateway}${options.path}`, {
    method: options.method,
    headers: Object.fromEntries(options.header),
    intervalMs: 1000 / options.rate,
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  load.start();
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  await sleep(systemClock, options.duration, stop.signal).catch(() => {});
  const counts = await load.stop();
  if (options.json) console.log(JSON.stringify(counts));
  else print(counts);
  if (counts.sent === 0 || counts.errors === counts.sent) {
    const why = load.lastError === null ? "" : `: ${load.lastError}`;
    const hint = /ECONNREFUSED/.test(why) ? "; it listens once there is a Gateway or an Ingress" : "";
    throw new UsageError(`no request was answered by ${instance.gateway}${options.path}${why}${hint}`);
  }
}

function print({ sent, errors, statuses, bodies }: LoadCounts): void {
  console.log(`${sent} requests${errors > 0 ? `, ${errors} without an answer` : ""}`);
  for (const [status, count] of Object.entries(statuses)) console.log(`  ${status}  ${share(count, sent)}`);
  for (const [body, count] of Object.entries(bodies)) console.log(`  ${body}  ${share(count, sent)}`);
}

function share(count: number, total: number): string {
  return `${count} (${((100 * count) / total).toFixed(1)} %)`;
}

export interface SteadyLoadOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly intervalMs: number;
}

/** Sends one request each interval, whatever became of the one before, up to `OPEN_MAX` at a time. */
export class SteadyLoad {
  readonly #url: string;
  readonly #options: SteadyLoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: OPEN_MAX });
  readonly #open = new Set<Promise<void>>();
  #counts: LoadCounts = emptyCounts();
  #lastError: string | null = null;
  #cancel: Cancel = () => {};
  #nextAt = 0;

  constructor(url: string, options: SteadyLoadOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** Why the last request without an answer had none. */
  get lastError(): string | null {
    return this.#lastError;
  }

  start(): void {
    this.#nextAt = systemClock.now();
    const tick = () => {
      // Timers are late now and then; the rate is kept by sending what is due.
      for (; this.#nextAt <= systemClock.now(); this.#nextAt += this.#options.intervalMs) this.#send();
      this.#cancel = systemClock.schedule(Math.max(1, this.#nextAt - systemClock.now()), tick);
    };
    tick();
  }

  /** The counts since the start or the last call of `take`. */
  take(): LoadCounts {
    const counts = this.#counts;
    this.#counts = emptyCounts();
    return counts;
  }

  async stop(): Promise<LoadCounts> {
    this.#cancel();
    await Promise.all(this.#open);
    this.#agent.destroy();
    return this.#counts;
  }

  /** Changes what the next requests carry. */
  setBody(body: string): void {
    (this.#options as { body?: string }).body = body;
  }

  #send(): void {
    if (this.#open.size >= OPEN_MAX) return;
    this.#counts.sent++;
    const { intervalMs: _, ...options } = this.#options;
    const done = sendRequest(this.#url, { ...options, agent: this.#agent })
      .then(({ status, body }) => this.#count(String(status), body))
      .catch((error: Error) => {
        this.#counts.errors++;
        this.#lastError = error.message;
      })
      .finally(() => this.#open.delete(done));
    this.#open.add(done);
  }

  #count(status: string, body: string): void {
    const { statuses, bodies } = this.#counts;
    statuses[status] = (statuses[status] ?? 0) + 1;
    const shown = body.trim().slice(0, BODY_SHOWN);
    const key = shown in bodies || Object.keys(bodies).length < BODIES_MAX ? shown : "(other answers)";
    bodies[key] = (bodies[key] ?? 0) + 1;
  }
}

function emptyCounts(): LoadCounts {
  return { sent: 0, errors: 0, statuses: {}, bodies: {} };
}
