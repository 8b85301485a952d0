import { createMeasurer, type Measurer } from "../../src/analysis/measurer.ts";
import { MeasurementError, type Provider } from "../../src/analysis/provider.ts";
import type { KubeObject } from "../../src/api/meta.ts";
import { silentLogger } from "../../src/base/log.ts";
import { type Random, randomInt } from "../../src/base/random.ts";
import type { RolloutAnalysis } from "../../src/dialects/argo/types.ts";
import type { WorldBasics } from "../support/world.ts";

/** What analyses find in a simulation: each version is as good as the scenario says, and every source fails now and then. */

export type Verdict = "good" | "bad" | "no-data";

const METRIC = {
  name: "judge",
  interval: "2s",
  successCondition: "result == 1",
  consecutiveErrorLimit: 1,
  provider: { web: { url: "http://judge/{{args.version}}" } },
};

function template(name: string, metric: object): KubeObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name },
    spec: { args: [{ name: "version" }], metrics: [metric] },
  };
}

export const judgeTemplates: readonly KubeObject[] = [
  template("twice", { ...METRIC, count: 2 }),
  template("always", METRIC),
];

export function analysisBy(templateName: "twice" | "always"): RolloutAnalysis {
  return {
    templates: [{ templateName }],
    args: [{ name: "version", valueFrom: { podTemplateHashValue: "Latest" } }],
  };
}

export interface Judge {
  readonly random: Random;
  readonly verdictOf: (hash: string) => Verdict;
  /** Versions for which the source did not answer last, in this life of the controllers or an earlier one. */
  readonly hasFailed: Set<string>;
}

const ANSWER_MS_MAX = 700;

/** Performs the measurements. A source that fails now and then never fails so often that it counts (AN-033). */
export function judging(world: WorldBasics, { random, verdictOf, hasFailed }: Judge): Measurer {
  const provider: Provider = {
    type: "Web",
    async measure({ metric }) {
      const hash = metric.provider.web?.url?.split("/").at(-1) ?? "";
      await new Promise<void>((resolve) => world.clock.schedule(randomInt(random, ANSWER_MS_MAX), resolve));
      const verdict = verdictOf(hash);
      if (verdict === "no-data") throw new MeasurementError("played: nothing was seen", {}, { isNoData: true });
      if (!hasFailed.has(hash) && randomInt(random, 4) === 0) {
        hasFailed.add(hash);
        throw new MeasurementError("played: the source does not answer");
      }
      hasFailed.delete(hash);
      const value = verdict === "good" ? 1 : 0;
      return { kind: "result", result: { value, text: String(value) } };
    },
  };
  return createMeasurer({
    client: world.client,
    clock: world.clock,
    random,
    logger: silentLogger,
    providers: { web: provider },
    context: {
      http: () => Promise.reject(new Error("no network in a simulation")),
      clock: world.clock,
      secrets: async () => ({}),
      environment: {},
      controllerNamespace: "argo-rollouts",
    },
  });
}
