import type { Instance } from "../../app/data-directory.ts";
import type { ResourceType } from "../../kube/resource.ts";
import type { StepReport } from "./reporter.ts";
import type { Stage } from "./stage.ts";

/** One story that `fairway demo` can play: what it needs, and its steps. */
export interface DemoWalk {
  readonly name: string;
  /** Said before anything starts. */
  readonly headline: string;
  /** The resource packs of its cluster. */
  readonly packs: readonly string[];
  /** The kinds whose state its steps wait for. */
  readonly watched: readonly ResourceType[];
  play(scene: Scene): Promise<WalkReport>;
}

/** What a walk plays on. */
export interface Scene {
  readonly stage: Stage;
  readonly instance: Instance;
  /** Waiting times of the manifests are divided by this; the controllers know nothing of it. */
  readonly speed: number;
}

export interface WalkReport {
  readonly reports: readonly StepReport[];
  /** How many there are to play; fewer reports mean that one failed. */
  readonly steps: number;
  readonly load: LoadReport;
}

/** What became of the requests that were sent from the first step to the last. */
export interface LoadReport {
  readonly sent: number;
  readonly failed: number;
  /** By kind of request: how many got which status. */
  readonly statuses: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The first failures, in words. */
  readonly failures: readonly string[];
  /** Answers that look like failures and are none. */
  readonly remark?: string;
}

export const noLoad: LoadReport = { sent: 0, failed: 0, statuses: {}, failures: [] };

export type Step = readonly [id: string, title: string, act: () => Promise<void>];

/** Plays the steps in order; one that fails ends the walk. */
export async function playSteps(stage: Stage, steps: readonly Step[]): Promise<readonly StepReport[]> {
  const reports: StepReport[] = [];
  for (const [id, title, act] of steps) {
    const report = await stage.step(id, title, act);
    reports.push(report);
    if (!report.passed) break;
  }
  return reports;
}
