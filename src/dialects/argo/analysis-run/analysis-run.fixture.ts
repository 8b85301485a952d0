import { startWorld, type World, type WorldBasics } from "../../../../test/support/world.ts";
import { createMeasurer, type Measurer } from "../../../analysis/measurer.ts";
import { MeasurementError, type Provider, type ProviderContext, type Providers } from "../../../analysis/provider.ts";
import type { AnalysisRun, AnalysisRunSpec, Metric } from "../../../analysis/types.ts";
import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import type { FakeKubeletOptions } from "../../../cluster/kubelet/fake-kubelet.ts";
import { resources } from "../../../kube/resource.ts";
import { argoPack } from "../../../packs/argo.ts";
import type { AnyController } from "../../../runtime/controller.ts";
import { analysisRunController } from "./index.ts";

/** A provider that answers from a script: a number is the result, a text an error, undefined never comes. */
export type Script = (metric: Metric, count: number) => number | string | undefined;

export interface AnalysisWorld {
  readonly world: World;
  /** When each metric was measured, in seconds after the start. */
  readonly measuredAt: Map<string, number[]>;
  /** The measurer of the present life. */
  readonly measurer: () => Measurer;
}

export interface AnalysisWorldOptions {
  readonly controllers?: readonly AnyController[];
  /** How long each measurement takes. */
  readonly delayMs?: number;
  readonly kubelet?: FakeKubeletOptions;
  /** Besides the fake one, which is `web`. */
  readonly providers?: Providers;
}

/** A world with analysis on a fake provider. The measurer lives and dies with the controllers. */
export async function startAnalysisWorld(
  script: Script,
  { controllers = [analysisRunController], delayMs = 0, kubelet = {}, providers = {} }: AnalysisWorldOptions = {},
): Promise<AnalysisWorld> {
  const measuredAt = new Map<string, number[]>();
  let measurer: Measurer | null = null;
  const life = (world: WorldBasics) => {
    const begin = () => {
      measurer?.stop();
      measurer = createMeasurer({
        client: world.client,
        clock: world.clock,
        random: seededRandom(7),
        logger: silentLogger,
        providers: { web: fakeProvider(script, { world, measuredAt, delayMs }), ...providers },
        context: contextOf(world),
      });
      measurer.start();
    };
    // The world makes its first controllers before its server has started.
    world.clock.schedule(0, begin);
    return controllers;
  };
  const world = await startWorld({ packs: [argoPack], controllers: life, kubelet });
  return { world, measuredAt, measurer: () => measurer! };
}

function fakeProvider(
  script: Script,
  { world, measuredAt, delayMs }: { world: WorldBasics; measuredAt: Map<string, number[]>; delayMs: number },
): Provider {
  return {
    type: "Web",
    async measure({ metric }) {
      const times = measuredAt.get(metric.name) ?? [];
      measuredAt.set(metric.name, [...times, world.clock.now() / 1000]);
      const answer = script(metric, times.length);
      if (delayMs > 0) await new Promise<void>((resolve) => world.clock.schedule(delayMs, resolve));
      if (answer === undefined) return new Promise(() => {});
      if (typeof answer === "string") throw new MeasurementError(answer);
      return { kind: "result", result: { value: answer, text: String(answer) } };
    },
  };
}

function contextOf(world: WorldBasics): ProviderContext {
  return {
    http: () => Promise.reject(new Error("no network in this test")),
    clock: world.clock,
    secrets: async (key) => {
      const { data = {} } = (await world.client.get(resources.secrets, key)) as { data?: Record<string, string> };
      return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, atob(text)]));
    },
    environment: {},
    controllerNamespace: "argo-rollouts",
  };
}

export const runKey = { namespace: "default", name: "run" };

export function analysisRun(spec: AnalysisRunSpec): AnalysisRun {
  return { apiVersion: "argoproj.io/v1alpha1", kind: "AnalysisRun", metadata: { name: "run" }, spec };
}

export function metric(name: string, rest: Partial<Metric> = {}): Metric {
  return { name, successCondition: "result > 0.5", provider: { web: { url: "http://x/" } }, ...rest };
}

export async function getRun(world: World): Promise<AnalysisRun> {
  return (await world.get<AnalysisRun>(resources.analysisRuns, runKey))!;
}
