import { Agent } from "node:http";
import { type Cancel, type Clock, systemClock } from "../../base/clock.ts";
import { type HttpAnswer, sendRequest } from "../http.ts";
import { parseChain } from "./chain.ts";
import type { LoadReport } from "./walk.ts";

export interface LaneLoadOptions {
  readonly url: string;
  /** The lane label of the pod with this address; null when the address belongs to no pod. */
  readonly laneOfAddress: (ip: string) => string | null;
  readonly hops: number;
}

const TAGS = ["base", "canary", null] as const;
/** One request every 10 ms: a hundred a second, far below what the proxy carries, so that the load disturbs nothing. */
const INTERVAL_MS = 10;
const FAILURES_KEPT = 10;

/**
 * A steady load through the gateway from the first step to the last: requests tagged for the base lane, for the canary
 * lane and untagged ones in turn. An untagged request must get 404 (no lane rule matches it, LANE-107); a tagged one
 * must come back with the whole chain, and a base chain must hold no canary pod (SEED-030).
 */
export class LaneLoad {
  readonly #options: LaneLoadOptions;
  readonly #clock: Clock;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #open = new Set<Promise<void>>();
  readonly #statuses: Record<string, Record<string, number>> = {};
  readonly #failures: string[] = [];
  #cancel: Cancel = () => {};
  #sent = 0;
  #failed = 0;

  constructor(options: LaneLoadOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#clock = clock;
  }

  start(): void {
    const tick = () => {
      this.#send();
      this.#cancel = this.#clock.schedule(INTERVAL_MS, tick);
    };
    tick();
  }

  /** Sends no more, waits for the open requests, and tells how it went. */
  async stop(): Promise<LoadReport> {
    this.#cancel();
    await Promise.all(this.#open);
    this.#agent.destroy();
    return {
      sent: this.#sent,
      failed: this.#failed,
      statuses: this.#statuses,
      failures: this.#failures,
      remark: "an untagged request rightly gets 404",
    };
  }

  #send(): void {
    const tag = TAGS[this.#sent % TAGS.length] ?? null;
    const id = `load-${this.#sent++}`;
    const done = this.#request(tag, id).then((problem) => {
      this.#open.delete(done);
      if (problem === null) return;
      this.#failed++;
      if (this.#failures.length < FAILURES_KEPT) this.#failures.push(`${id} (${tag ?? "untagged"}): ${problem}`);
    });
    this.#open.add(done);
  }

  /** Null when the answer is what it must be, else what is wrong with it. */
  async #request(tag: string | null, id: string): Promise<string | null> {
    let answer: HttpAnswer;
    try {
      answer = await this.#get(tag, id);
    } catch (error) {
      this.#count(tag, "error");
      return (error as Error).message;
    }
    this.#count(tag, String(answer.status));
    if (tag === null) return answer.status === 404 ? null : `expected 404, got ${answer.status}: ${answer.body}`;
    if (answer.status !== 200) return `expected 200, got ${answer.status}: ${answer.body}`;
    const hops = parseChain(answer.body);
    if (hops.length !== this.#options.hops) return `expected ${this.#options.hops} hops, got: ${answer.body}`;
    const leak = tag === "base" && hops.find(({ ip }) => this.#options.laneOfAddress(ip) === "canary");
    return leak ? `a request of the base lane reached the canary pod ${leak.ip}: ${answer.body}` : null;
  }

  #get(tag: string | null, id: string): Promise<HttpAnswer> {
    const headers: Record<string, string> = { "my-request-id": id };
    if (tag !== null) headers["x-asm-prefer-tag"] = tag;
    return sendRequest(this.#options.url, { agent: this.#agent, headers });
  }

  #count(tag: string | null, status: string): void {
    const name = tag ?? "untagged";
    const counts = this.#statuses[name] ?? {};
    this.#statuses[name] = counts;
    counts[status] = (counts[status] ?? 0) + 1;
  }
}
