import { Agent, get } from "node:http";
import { sleep, systemClock } from "../../src/base/clock.ts";
import type { Answer } from "./fairway.ts";
import { type LaneCluster, problemOf } from "./lanes.ts";

/** Requests through the gateway until told to stop. Everything but a right answer is kept as a failure. */
export interface LaneLoad {
  /** Waits for the open requests and tells how it went. */
  stop(): Promise<LoadReport>;
}

export interface LoadReport {
  readonly sent: number;
  readonly failures: readonly string[];
}

export interface LoadOptions {
  /** How many requests are under way at a time. */
  readonly workers: number;
  /** Each worker rests so long after an answer: for a steady load that leaves the machine to others. */
  readonly restMs?: number;
  readonly next: (number: number) => LoadRequest;
}

export interface LoadRequest {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is wrong with the answer; null when nothing is. */
  readonly judge: (answer: Answer) => string | null;
}

const REQUEST_TIMEOUT_MS = 20_000;

/** Tagged requests of random lanes, each with an id of its own (`<lane>-<n>`); null sends no tag and must get 404. */
export function laneRequests(cluster: LaneCluster, lanes: readonly (string | null)[]): LoadOptions["next"] {
  return (number) => {
    const lane = lanes[Math.floor(Math.random() * lanes.length)] ?? null;
    const id = `${lane ?? "untagged"}-${number}`;
    if (lane === null) {
      const judge = ({ status, body }: Answer) => (status === 404 ? null : `untagged, yet ${status}: ${body}`);
      return { id, headers: { "my-request-id": id }, judge };
    }
    const judge = ({ status, body }: Answer) =>
      status === 200 ? problemOf(cluster, lane, body) : `${status}: ${body}`;
    return { id, headers: { "my-request-id": id, "x-asm-prefer-tag": lane }, judge };
  };
}

export function startLoad(cluster: LaneCluster, { workers, restMs = 0, next }: LoadOptions): LaneLoad {
  const url = `${cluster.fairway.instance.gateway}/mock`;
  const agent = new Agent({ keepAlive: true, maxSockets: workers });
  const suspects: { at: string; request: LoadRequest; answer: Answer | Error }[] = [];
  let sent = 0;
  let isStopping = false;

  async function work(): Promise<void> {
    while (!isStopping) {
      const request = next(++sent);
      const answer = await ask(request.headers).catch((error: Error) => error);
      if (problemWith(request, answer) !== null) suspects.push({ at: new Date().toISOString(), request, answer });
      if (restMs > 0) await sleep(systemClock, restMs);
    }
  }

  function ask(headers: Readonly<Record<string, string>>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sending = get(url, { agent, headers, timeout: REQUEST_TIMEOUT_MS }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (part: string) => {
          body += part;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      });
      sending.on("timeout", () => sending.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
      sending.on("error", reject);
    });
  }

  const working = Array.from({ length: workers }, work);
  return {
    async stop() {
      isStopping = true;
      await Promise.all(working);
      agent.destroy();
      // Judged again, since an answer may name a pod that our own watch had yet to show.
      await cluster.untilPodsKnown();
      const failures = suspects.flatMap(({ at, request, answer }) => {
        const problem = problemWith(request, answer);
        return problem === null ? [] : [`${at} ${request.id}: ${problem}`];
      });
      return { sent, failures };
    },
  };
}

function problemWith({ judge }: LoadRequest, answer: Answer | Error): string | null {
  return answer instanceof Error ? answer.message : judge(answer);
}
