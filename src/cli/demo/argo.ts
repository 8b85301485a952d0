import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { sleep, systemClock } from "../../base/clock.ts";
import { resources } from "../../kube/resource.ts";
import { type LoadCounts, SteadyLoad } from "../load.ts";
import type { Stage } from "./stage.ts";
import { type DemoWalk, type LoadReport, playSteps, type Scene, type Step, type WalkReport } from "./walk.ts";

/**
 * The walk of seed 002: an Argo Rollout behind an Istio VirtualService. Weights rise step by step; a canary whose answers
 * fail is judged by an AnalysisTemplate and goes back by itself. A steady load asks for a colour and counts the answers,
 * so that every stage shows the measured share beside the desired weight.
 */

const EXAMPLES = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "examples", "argo");
const ROLLOUT = "istio-rollout";
const KEY = { namespace: "default", name: ROLLOUT };
/** Answers a second: enough to tell 10 % from 20 % within three seconds. */
const REQUESTS_PER_SECOND = 150;
const MEASURE_MS = 3_000;
/** The examples' pauses before they are shortened, and how much of one a measurement may take. */
const PAUSE_MS = 20_000;
const PART_OF_PAUSE = 0.5;
/** The example's analysis: its initial delay and two intervals; and what scraping and the way back may take. */
const ANALYSIS_SECONDS = 100;
const JUDGED_SECONDS_MAX = 30;

export const argoWalk: DemoWalk = {
  name: "argo",
  headline: "a canary release by Argo Rollouts with automatic rollback",
  packs: ["istio", "argo"],
  watched: [resources.argoRollouts, resources.virtualServices, resources.destinationRules, resources.endpointSlices],
  play: playArgo,
};

/**
 * Not all of them: a series of errors that has only one sample yet has no rate, and were there no good answer beside it,
 * the document's query would divide nothing by nothing for one scrape (SE-013).
 */
const ERROR_PERCENT = 80;

interface Status {
  readonly phase?: string;
  readonly message?: string;
  readonly canary?: { readonly weights?: { readonly canary?: { readonly weight?: number } } };
}

async function playArgo({ stage, instance, speed }: Scene): Promise<WalkReport> {
  const intervalMs = 1000 / REQUESTS_PER_SECOND;
  const load = new SteadyLoad(`${instance.gateway}/color`, { method: "POST", headers: {}, intervalMs });
  const walk = new Walk(stage, load, speed);
  const steps: readonly Step[] = [
    ["1", "Create the Rollout, its Services and its route", () => walk.create()],
    ["2", "Release yellow: 10 % of the traffic, then wait", () => walk.release()],
    ["3", "Promote: the weights rise by themselves", () => walk.promote()],
    ["4", "Release orange, judged by its success rate", () => walk.releaseJudged()],
    ["5", "Orange fails: it goes back by itself", () => walk.fail()],
    ["6", "Undo: the template is yellow again", () => walk.undo()],
  ];
  const reports = await playSteps(stage, steps);
  return { reports, steps: steps.length, load: await walk.finish() };
}

class Walk {
  readonly #stage: Stage;
  readonly #load: SteadyLoad;
  readonly #speed: number;
  readonly #total = { sent: 0, errors: 0, statuses: {} as Record<string, number>, expectedErrors: 0 };
  #isLoading = false;
  /** Errors are asked for by the load itself: then a 500 is the right answer. */
  #asksForErrors = false;

  constructor(stage: Stage, load: SteadyLoad, speed: number) {
    this.#stage = stage;
    this.#load = load;
    this.#speed = speed;
  }

  async create(): Promise<void> {
    for (const file of ["services", "gateway", "virtualservice"]) await this.#apply(file);
    await this.#apply("rollout");
    await this.#expectPhase("Healthy", "");
    await this.#stage.expectServed("/");
    this.#load.start();
    this.#isLoading = true;
    await this.#tree();
    await this.#expectShare({ blue: 100 });
  }

  async release(): Promise<void> {
    await this.#setImage("yellow");
    await this.#expectPhase("Paused", "CanaryPauseStep");
    await this.#tree();
    await this.#expectShare({ blue: 90, yellow: 10 });
  }

  async promote(): Promise<void> {
    await this.#stage.kubectl("argo", "rollouts", "promote", ROLLOUT);
    for (const weight of [20, 30, 40, 50, 60, 70, 80, 90]) {
      await this.#expectWeight(weight);
      await this.#expectPassingShare(weight);
      if (weight === 50) await this.#tree();
    }
    await this.#stage.kubectl("argo", "rollouts", "status", ROLLOUT, "--timeout", "120s");
    await this.#expectPhase("Healthy", "");
    await this.#tree();
    await this.#expectShare({ yellow: 100 });
  }

  async releaseJudged(): Promise<void> {
    await this.#apply("analysistemplate");
    await this.#apply("rollout-with-analysis");
    await this.#expectPhase("Healthy", "");
    await this.#setImage("orange");
    await this.#expectPhase("Paused", "CanaryPauseStep");
    await this.#tree();
    await this.#expectShare({ yellow: 90, orange: 10 });
    await this.#stage.kubectl("argo", "rollouts", "promote", ROLLOUT);
    await this.#expectWeight(20);
  }

  async fail(): Promise<void> {
    this.#stage.note(`the page's ERROR slider of orange goes to ${ERROR_PERCENT} %`);
    this.#tally(this.#load.take());
    this.#asksForErrors = true;
    this.#load.setBody(JSON.stringify([{ color: "orange", return500: ERROR_PERCENT }]));
    await this.#expectPhase(
      "Degraded",
      'RolloutAborted: Rollout aborted update to revision 3: Background analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (1) > failureLimit (0)',
      JUDGED_SECONDS_MAX + ANALYSIS_SECONDS / this.#speed,
    );
    await this.#tree();
    await this.#expectShare({ yellow: 100 });
  }

  async undo(): Promise<void> {
    await this.#stage.kubectl("argo", "rollouts", "undo", ROLLOUT);
    await this.#expectPhase("Healthy", "");
    await this.#tree();
    await this.#expectShare({ yellow: 100 });
  }

  async finish(): Promise<LoadReport> {
    if (this.#isLoading) this.#tally(await this.#load.stop());
    const { sent, errors, statuses, expectedErrors } = this.#total;
    const answered = Object.entries(statuses).filter(([status]) => status !== "200");
    const failed = errors + answered.reduce((sum, [, count]) => sum + count, 0) - expectedErrors;
    const remark = expectedErrors > 0 ? { remark: "the answers of status 500 were asked for, by the slider" } : {};
    return {
      sent,
      failed,
      ...remark,
      statuses: { requests: statuses },
      failures: failed > 0 ? [`${failed} requests failed`] : [],
    };
  }

  #tally(counts: LoadCounts): void {
    this.#total.sent += counts.sent;
    this.#total.errors += counts.errors;
    for (const [status, count] of Object.entries(counts.statuses)) {
      this.#total.statuses[status] = (this.#total.statuses[status] ?? 0) + count;
      if (this.#asksForErrors && status === "500") this.#total.expectedErrors += count;
    }
  }

  /** Applies an example with its pauses and delays shortened, as a person would who has no time. */
  async #apply(name: string): Promise<void> {
    const text = readFileSync(path.join(EXAMPLES, `${name}.yaml`), "utf8");
    const shortened = text.replace(/\b(duration|initialDelay|interval): (\d+)s\b/g, (_, field, seconds) => {
      return `${field}: ${Math.max(1, Math.round(Number(seconds) / this.#speed))}s`;
    });
    await this.#stage.kubectlApply(path.relative(process.cwd(), path.join(EXAMPLES, `${name}.yaml`)), shortened);
  }

  async #setImage(color: string): Promise<void> {
    await this.#stage.kubectl("argo", "rollouts", "set", "image", ROLLOUT, `*=argoproj/rollouts-demo:${color}`);
  }

  async #tree(): Promise<void> {
    await this.#stage.kubectl("argo", "rollouts", "get", "rollout", ROLLOUT, "--no-color");
  }

  #status(): Status {
    return (this.#stage.cache.get(resources.argoRollouts, KEY)?.["status"] ?? {}) as Status;
  }

  async #expectPhase(phase: string, message: string, secondsMax?: number): Promise<void> {
    const isSettled = () => {
      const rollout = this.#stage.cache.get(resources.argoRollouts, KEY);
      const status = (rollout?.["status"] ?? {}) as Status & { observedGeneration?: string };
      const isObserved = status.observedGeneration === String(rollout?.metadata.generation);
      return isObserved && status.phase === phase && (status.message ?? "") === message;
    };
    const what = `${ROLLOUT} is ${phase}${message === "" ? "" : `: ${message}`}`;
    await this.#stage.expectState(what, isSettled, () => JSON.stringify(this.#status()), secondsMax);
  }

  /** The weight counts once the data plane runs with it, so the step after it has begun by then. */
  async #expectWeight(weight: number): Promise<void> {
    const what = `the weight of the canary is ${weight}`;
    await this.#stage.expectState(
      what,
      () => this.#pausedWeight() >= weight,
      () => JSON.stringify(this.#status()),
    );
  }

  /** The canary's weight while its step's pause lasts, and 0 on the way to the next. */
  #pausedWeight(): number {
    const { phase, canary } = this.#status();
    return phase === "Paused" ? (canary?.weights?.canary?.weight ?? 0) : 0;
  }

  /** As `#expectShare`, at a step that passes by itself: a measurement that the next step overtook says nothing. */
  async #expectPassingShare(weight: number): Promise<void> {
    const check = await this.#measure({ blue: 100 - weight, yellow: weight }, (PAUSE_MS * PART_OF_PAUSE) / this.#speed);
    if (this.#pausedWeight() === weight) check();
    else this.#stage.note(`not measured at ${weight} %: the next step began meanwhile`);
  }

  async #expectShare(want: Readonly<Record<string, number>>): Promise<void> {
    await this.#stage.expectLive();
    const check = await this.#measure(want, MEASURE_MS);
    check();
  }

  /** Measures the shares of colours; the answer compares them with the weights (MESH-098: ±4 standard errors). */
  async #measure(want: Readonly<Record<string, number>>, milliseconds: number): Promise<() => void> {
    this.#tally(this.#load.take());
    await sleep(systemClock, milliseconds);
    const counts = this.#load.take();
    this.#tally(counts);
    const total = Object.values(counts.bodies).reduce((sum, count) => sum + count, 0);
    const share = (color: string) => (counts.bodies[JSON.stringify(color)] ?? 0) / Math.max(1, total);
    const isWithin = ([color, weight]: readonly [string, number]) => {
      const wanted = weight / 100;
      const tolerance = 4 * Math.sqrt((wanted * (1 - wanted)) / Math.max(1, total));
      return Math.abs(share(color) - wanted) <= tolerance;
    };
    const colors = Object.entries(want);
    const found = colors.map(([color]) => `${color} ${(100 * share(color)).toFixed(1)} %`).join(", ");
    const desired = colors.map(([color, weight]) => `${color} ${weight} %`).join(", ");
    const isMet = total > 0 && colors.every(isWithin);
    return () =>
      this.#stage.check(`of ${total} answers ${found} (desired ${desired})`, isMet, JSON.stringify(counts.bodies));
  }
}
