import { type Random, randomInt } from "../../src/base/random.ts";
import type { CanaryStrategy, Step } from "../../src/dialects/argo/types.ts";
import type { Trouble } from "./harness.ts";
import { troubleOf } from "./scenarios.ts";

/** A scenario of an Argo Rollout is data too: what people do, how the release goes, and what goes wrong. */
export interface ArgoScenario extends Trouble {
  readonly workload: string;
  readonly replicas: number;
  /** Which names lead to the versions: two Services, or two subsets of one. */
  readonly names: "services" | "subsets";
  readonly canary: Partial<CanaryStrategy>;
  readonly actions: readonly ArgoAction[];
}

/** `isSudden`: right after the one before, which nobody may have acted on yet. */
export type ArgoAction = AnAction & { readonly isSudden?: true };

type AnAction =
  | { readonly kind: "release"; readonly version: number }
  /** Waits for a pause without end, as the user of the document does. */
  | { readonly kind: "promote" }
  | { readonly kind: "promote-full" }
  | { readonly kind: "abort" }
  /** Nothing else is done until the stable version has all traffic. */
  | { readonly kind: "see-stable" }
  | { readonly kind: "retry" }
  | { readonly kind: "undo" }
  | { readonly kind: "scale"; readonly replicas: number }
  | { readonly kind: "wait"; readonly milliseconds: number };

const release = (version: number): ArgoAction => ({ kind: "release", version });
const scale = (replicas: number): ArgoAction => ({ kind: "scale", replicas });
const wait = (milliseconds: number): ArgoAction => ({ kind: "wait", milliseconds });
const promote: ArgoAction = { kind: "promote" };
const promoteFull: ArgoAction = { kind: "promote-full" };
const abort: ArgoAction = { kind: "abort" };
const seeStable: ArgoAction = { kind: "see-stable" };
const retry: ArgoAction = { kind: "retry" };
const undo: ArgoAction = { kind: "undo" };

const sudden = (action: ArgoAction): ArgoAction => ({ ...action, isSudden: true });

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
};

const STEPS: readonly (readonly Step[])[] = [
  [{ setWeight: 10 }, { pause: {} }, { setWeight: 40 }, { pause: { duration: 4 } }, { setWeight: 80 }],
  [{ setWeight: 20 }, { pause: { duration: 2 } }, { setWeight: 50 }, { pause: {} }],
  [{ setCanaryScale: { weight: 50 } }, { setWeight: 25 }, { pause: {} }, { setWeight: 100 }],
  [{ pause: {} }, { setWeight: 5 }, { pause: { duration: 1 } }, { setWeight: 60 }, { pause: { duration: 3 } }],
];

export function argoScenarioOf(seed: number, random: Random, names: ArgoScenario["names"]): ArgoScenario {
  const workloads = Object.entries(WORKLOADS);
  const [workload, actions] = workloads[seed % workloads.length]!;
  const delays = {
    scaleDownDelaySeconds: 1 + randomInt(random, 12),
    abortScaleDownDelaySeconds: 1 + randomInt(random, 12),
  };
  return {
    workload,
    replicas: 1 + randomInt(random, 3),
    names,
    canary: {
      steps: [...STEPS[randomInt(random, STEPS.length)]!],
      ...(randomInt(random, 3) === 0 ? { dynamicStableScale: true } : delays),
    },
    actions: actions.flatMap((action): ArgoAction[] => [wait(randomInt(random, action.isSudden ? 400 : 4000)), action]),
    ...troubleOf(random),
  };
}
