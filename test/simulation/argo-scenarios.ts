import { type Random, randomInt } from "../../src/base/random.ts";
import type { BlueGreenStrategy, CanaryStrategy, Step, Strategy } from "../../src/dialects/argo/types.ts";
import { analysisBy, type Verdict } from "./argo-judge.ts";
import { ARGO_KINDS, type ArgoKind, type ArgoKindName } from "./argo-kinds.ts";
import type { Trouble } from "./harness.ts";
import { troubleOf } from "./scenarios.ts";

/** A scenario of an Argo Rollout is data too: what people do, how the release goes, and what goes wrong. */
export interface ArgoScenario extends Trouble {
  readonly kind: ArgoKindName;
  readonly workload: string;
  readonly replicas: number;
  readonly strategy: Strategy;
  /** The Rollout takes over from a Deployment, whose template it borrows. */
  readonly hasWorkloadRef: boolean;
  readonly actions: readonly ArgoAction[];
  /** What analyses find of the second version; all others are good. */
  readonly verdict: Verdict;
}

/** `isSudden`: right after the one before, which nobody may have acted on yet. */
export type ArgoAction = AnAction & { readonly isSudden?: true };

type AnAction =
  | { readonly kind: "release"; readonly version: number }
  /** Waits for a pause without end, as the user of the document does; where none comes, for the end of the release. */
  | { readonly kind: "promote" }
  | { readonly kind: "promote-full" }
  | { readonly kind: "abort" }
  /** The controller aborts by itself. */
  | { readonly kind: "see-abort" }
  /** Nothing else is done until the stable version has all traffic. */
  | { readonly kind: "see-stable" }
  | { readonly kind: "retry" }
  | { readonly kind: "undo" }
  | { readonly kind: "restart" }
  | { readonly kind: "scale"; readonly replicas: number }
  | { readonly kind: "wait"; readonly milliseconds: number };

const release = (version: number): ArgoAction => ({ kind: "release", version });
const scale = (replicas: number): ArgoAction => ({ kind: "scale", replicas });
const wait = (milliseconds: number): ArgoAction => ({ kind: "wait", milliseconds });
const promote: ArgoAction = { kind: "promote" };
const promoteFull: ArgoAction = { kind: "promote-full" };
const abort: ArgoAction = { kind: "abort" };
const seeAbort: ArgoAction = { kind: "see-abort" };
const seeStable: ArgoAction = { kind: "see-stable" };
const retry: ArgoAction = { kind: "retry" };
const undo: ArgoAction = { kind: "undo" };
const restart: ArgoAction = { kind: "restart" };

const sudden = (action: ArgoAction): ArgoAction => ({ ...action, isSudden: true });

const FAILED_ANALYSIS = "failed analysis";
const RESTARTS = ["restarted meanwhile", "restarted after an abort"];

/** Every one ends with nothing left to promote. */
const WORKLOADS: Readonly<Record<string, readonly ArgoAction[]>> = {
  release: [release(2), promote],
  "two releases": [release(2), promote, wait(20_000), release(3), promote],
  abort: [release(2), promote, abort, seeStable],
  "abort at once": [release(2), sudden(abort), seeStable],
  "third version, aborted at once": [release(2), wait(6000), release(3), sudden(abort), seeStable],
  "abort and retry": [release(2), wait(5000), abort, retry, promote],
  "abort, then a third version": [release(2), wait(8000), abort, wait(2000), release(3), promote],
  "abort, and at once a third version": [release(2), wait(8000), abort, sudden(release(3)), promote],
  undo: [release(2), wait(4000), undo],
  "undo after the end": [release(2), promote, wait(40_000), undo, promoteFull],
  "third version in mid-release": [release(2), wait(5000), release(3), promote],
  "back and forth": [release(2), wait(5000), release(3), wait(3000), release(2), promote],
  "third version after the pause": [release(2), promote, wait(4000), release(3), promote],
  "scaled meanwhile": [release(2), scale(4), promote, scale(2)],
  "scaled and aborted": [release(2), scale(5), wait(3000), abort, scale(2), seeStable],
  "promoted fully": [release(2), wait(4000), promoteFull],
  "promoted fully, then aborted": [release(2), wait(4000), promoteFull, abort, seeStable],
  "promoted fully, aborted at once": [release(2), wait(2000), promoteFull, sudden(abort), seeStable],
  autoscaled: [release(2), scale(4), scale(3), scale(6), promote, scale(2), scale(1), wait(9000), scale(3)],
  "autoscaled and undone": [scale(1), release(2), wait(4000), scale(5), undo, scale(2), scale(4)],
  "restarted meanwhile": [release(2), wait(6000), restart, wait(15_000), promote],
  "restarted after an abort": [restart, release(2), wait(8000), abort, restart, seeStable],
  // A background analysis without data needs a while to give up.
  [FAILED_ANALYSIS]: [release(2), wait(16_000), promote, seeAbort, seeStable, wait(5000), release(3), promote],
};

const STEPS: readonly (readonly Step[])[] = [
  [{ setWeight: 10 }, { pause: {} }, { setWeight: 40 }, { pause: { duration: 4 } }, { setWeight: 80 }],
  [{ setWeight: 20 }, { pause: { duration: 2 } }, { setWeight: 50 }, { pause: {} }],
  [{ setCanaryScale: { weight: 50 } }, { setWeight: 25 }, { pause: {} }, { setWeight: 100 }],
  [{ pause: {} }, { setWeight: 5 }, { pause: { duration: 1 } }, { setWeight: 60 }, { pause: { duration: 3 } }],
];

/** Both versions beside each other, each with a share of its own. */
const EXPERIMENT: Step = {
  experiment: {
    duration: "5s",
    scaleDownDelaySeconds: 0,
    templates: [
      { name: "baseline", specRef: "stable", weight: 5 },
      { name: "candidate", specRef: "canary", weight: 5 },
    ],
  },
};

export function argoScenarioOf(seed: number, random: Random, kindName: ArgoKindName): ArgoScenario {
  const workloads = Object.entries(WORKLOADS);
  const [workload, actions] = workloads[seed % workloads.length]!;
  const kind: ArgoKind = ARGO_KINDS[kindName];
  const isAnalysed = workload === FAILED_ANALYSIS || randomInt(random, 4) === 0;
  const fewest = RESTARTS.includes(workload) ? 2 : 1;
  const { canary, blueGreen } = kind.strategy;
  return {
    kind: kindName,
    workload,
    replicas: fewest + randomInt(random, 3),
    strategy: canary
      ? { canary: { ...canary, ...aCanary(random, { isAnalysed, hasExperiments: kind.hasExperiments }) } }
      : { blueGreen: { ...blueGreen!, ...aBlueGreen(random, isAnalysed) } },
    // Which came first, an abort or a change of another object, a controller that has just one of them cannot tell.
    hasWorkloadRef: randomInt(random, 4) === 0 && actions.every(({ isSudden }) => isSudden !== true),
    verdict: workload === FAILED_ANALYSIS ? (["bad", "no-data"] as const)[randomInt(random, 2)]! : "good",
    actions: actions.flatMap((action): ArgoAction[] => [wait(randomInt(random, action.isSudden ? 400 : 4000)), action]),
    ...troubleOf(random),
  };
}

function aCanary(
  random: Random,
  { isAnalysed, hasExperiments }: { readonly isAnalysed: boolean; readonly hasExperiments: boolean },
): Partial<CanaryStrategy> {
  const steps = [...STEPS[randomInt(random, STEPS.length)]!];
  const delays = {
    scaleDownDelaySeconds: 1 + randomInt(random, 12),
    abortScaleDownDelaySeconds: 1 + randomInt(random, 12),
  };
  if (hasExperiments && randomInt(random, 4) === 0) steps.splice(randomInt(random, 3), 0, EXPERIMENT);
  const isStep = randomInt(random, 2) === 0;
  if (isAnalysed && isStep) steps.splice(randomInt(random, 2), 0, { analysis: analysisBy("twice") });
  return {
    steps,
    ...(isAnalysed && !isStep ? { analysis: analysisBy("always") } : {}),
    ...(randomInt(random, 3) === 0 ? { dynamicStableScale: true } : delays),
  };
}

function aBlueGreen(random: Random, isAnalysed: boolean): Partial<BlueGreenStrategy> {
  const when = ["prePromotionAnalysis", "postPromotionAnalysis"][randomInt(random, 2)]!;
  const promotion = [{ autoPromotionEnabled: false }, { autoPromotionSeconds: 3 }, {}][randomInt(random, 3)];
  return {
    ...promotion,
    ...(isAnalysed ? { [when]: analysisBy("twice") } : {}),
    ...(randomInt(random, 3) === 0 ? { previewReplicaCount: 1 } : {}),
    ...(randomInt(random, 2) === 0 ? { scaleDownDelaySeconds: randomInt(random, 5) } : {}),
    abortScaleDownDelaySeconds: 1 + randomInt(random, 12),
  };
}
