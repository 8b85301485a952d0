import assert from "node:assert/strict";
import { test } from "node:test";
import { summariseExperiment } from "../../dialects/argo/summary/experiment.ts";
import { type RolloutParts, summariseRollout } from "../../dialects/argo/summary.ts";
import type { Rollout } from "../../dialects/argo/types.ts";
import { renderExperimentHeader, renderRolloutHeader } from "./header.ts";
import { coloured, type Paint, plain } from "./icons.ts";
import {
  ago,
  analysisRun,
  experiment,
  HOUR,
  MINUTE,
  NOW,
  pod,
  replicaSet,
  rollout,
  seedSteps,
} from "./program.fixture.ts";
import { renderExperimentTree, renderRolloutTree } from "./tree.ts";

function picture(object: Rollout, parts: Partial<RolloutParts>, paint: Paint = plain): string {
  const all = { replicaSets: [], pods: [], experiments: [], analysisRuns: [], ...parts };
  const summary = summariseRollout(object, all);
  return `${renderRolloutHeader(summary, paint)}\n${renderRolloutTree(summary, { now: NOW, paint })}`;
}

/** Golden pictures stand without the blanks at the ends of lines; one test below counts those. */
function trimmed(text: string): string {
  return text.replace(/ +$/gm, "");
}

const SECOND = 1000;
const istio = {
  canaryService: "istio-rollout-canary",
  stableService: "istio-rollout-stable",
  trafficRouting: { istio: { virtualService: { name: "istio-rollout-vsvc", routes: ["primary"] } } },
  steps: seedSteps,
};
const blue = { name: "istio-rollout-7f96d86486", owner: "istio-rollout", hash: "7f96d86486" };
const yellow = {
  name: "istio-rollout-5fcf5864c4",
  owner: "istio-rollout",
  hash: "5fcf5864c4",
  image: "argoproj/rollouts-demo:yellow",
};
const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
const seedRollout = (age: number, status: NonNullable<Rollout["status"]>) =>
  rollout({ name: "istio-rollout", age, spec: { strategy: { canary: istio } }, status: { ...counts, ...status } });
const weights = (canary: number) => ({ canary: { weight: canary }, stable: { weight: 100 - canary } });
const podOf = (owner: string, suffix: string, age: number) =>
  pod({ name: `${owner}-${suffix}`, owner, age, containers: 2 });

const golden: readonly { name: string; rollout: Rollout; parts: Partial<RolloutParts>; text: string }[] = [
  {
    name: "SE-009 the seed's first state",
    rollout: seedRollout(52 * SECOND, {
      phase: "Healthy",
      stableRS: blue.hash,
      currentPodHash: blue.hash,
      currentStepIndex: 18,
    }),
    parts: {
      replicaSets: [replicaSet({ ...blue, revision: 1, age: 52 * SECOND, replicas: 1 })],
      pods: [podOf(blue.name, "vpqvb", 52 * SECOND)],
    },
    text: `
Name:            istio-rollout
Namespace:       default
Status:          ✔ Healthy
Strategy:        Canary
  Step:          18/18
  SetWeight:     100
  ActualWeight:  100
Images:          argoproj/rollouts-demo:blue (stable)
Replicas:
  Desired:       1
  Current:       1
  Updated:       1
  Ready:         1
  Available:     1

NAME                                       KIND        STATUS     AGE  INFO
⟳ istio-rollout                            Rollout     ✔ Healthy  52s
└──# revision:1
   └──⧉ istio-rollout-7f96d86486           ReplicaSet  ✔ Healthy  52s  stable
      └──□ istio-rollout-7f96d86486-vpqvb  Pod         ✔ Running  52s  ready:2/2
`,
  },
  {
    name: "CL-010 CL-012 the seed's canary at its pause",
    rollout: seedRollout(48 * MINUTE, {
      phase: "Paused",
      message: "CanaryPauseStep",
      stableRS: blue.hash,
      currentPodHash: yellow.hash,
      currentStepIndex: 1,
      replicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      canary: { weights: weights(10) },
    }),
    parts: {
      replicaSets: [
        replicaSet({ ...blue, revision: 1, age: 48 * MINUTE, replicas: 1 }),
        replicaSet({ ...yellow, revision: 2, age: 4 * SECOND, replicas: 1, available: 0 }),
      ],
      pods: [
        podOf(blue.name, "vpqvb", 48 * MINUTE),
        pod({
          name: `${yellow.name}-vw6kh`,
          owner: yellow.name,
          age: 4 * SECOND,
          containers: 2,
          states: [{ state: { waiting: { reason: "ContainerCreating" } } }, {}],
          status: { phase: "Pending" },
        }),
      ],
    },
    text: `
Name:            istio-rollout
Namespace:       default
Status:          ॥ Paused
Message:         CanaryPauseStep
Strategy:        Canary
  Step:          1/18
  SetWeight:     10
  ActualWeight:  10
Images:          argoproj/rollouts-demo:blue (stable)
                 argoproj/rollouts-demo:yellow (canary)
Replicas:
  Desired:       1
  Current:       2
  Updated:       1
  Ready:         2
  Available:     2

NAME                                       KIND        STATUS               AGE  INFO
⟳ istio-rollout                            Rollout     ॥ Paused             48m
├──# revision:2
│  └──⧉ istio-rollout-5fcf5864c4           ReplicaSet  ◌ Progressing        4s   canary
│     └──□ istio-rollout-5fcf5864c4-vw6kh  Pod         ◌ ContainerCreating  4s   ready:0/2
└──# revision:1
   └──⧉ istio-rollout-7f96d86486           ReplicaSet  ✔ Healthy            48m  stable
      └──□ istio-rollout-7f96d86486-vpqvb  Pod         ✔ Running            48m  ready:2/2
`,
  },
  {
    name: "SE-009 CL-017 the seed's last state, with a revision that was rolled over",
    rollout: seedRollout(48 * MINUTE, {
      phase: "Healthy",
      stableRS: yellow.hash,
      currentPodHash: yellow.hash,
      currentStepIndex: 18,
    }),
    parts: {
      replicaSets: [
        replicaSet({ ...blue, revision: 1, age: 48 * MINUTE, replicas: 0 }),
        replicaSet({
          ...yellow,
          name: "istio-rollout-897cb5b6d",
          hash: "897cb5b6d",
          revision: 3,
          age: 27 * MINUTE,
          replicas: 0,
        }),
        replicaSet({ ...yellow, revision: 4, age: 27 * MINUTE, replicas: 1 }),
      ],
      pods: [podOf(yellow.name, "vw6kh", 26 * MINUTE)],
    },
    text: `
Name:            istio-rollout
Namespace:       default
Status:          ✔ Healthy
Strategy:        Canary
  Step:          18/18
  SetWeight:     100
  ActualWeight:  100
Images:          argoproj/rollouts-demo:yellow (stable)
Replicas:
  Desired:       1
  Current:       1
  Updated:       1
  Ready:         1
  Available:     1

NAME                                       KIND        STATUS        AGE  INFO
⟳ istio-rollout                            Rollout     ✔ Healthy     48m
├──# revision:4
│  └──⧉ istio-rollout-5fcf5864c4           ReplicaSet  ✔ Healthy     27m  stable
│     └──□ istio-rollout-5fcf5864c4-vw6kh  Pod         ✔ Running     26m  ready:2/2
├──# revision:3
│  └──⧉ istio-rollout-897cb5b6d            ReplicaSet  • ScaledDown  27m
└──# revision:1
   └──⧉ istio-rollout-7f96d86486           ReplicaSet  • ScaledDown  48m
`,
  },
  {
    name: "SE-011 CL-020 the seed's canary after its analysis failed",
    rollout: seedRollout(50 * MINUTE, {
      phase: "Degraded",
      message: "RolloutAborted: Rollout aborted update to revision 2: Metric failed",
      abort: true,
      stableRS: blue.hash,
      currentPodHash: yellow.hash,
      currentStepIndex: 0,
      updatedReplicas: 0,
      canary: { weights: weights(0) },
    }),
    parts: {
      replicaSets: [
        replicaSet({ ...blue, revision: 1, age: 50 * MINUTE, replicas: 1 }),
        replicaSet({
          ...yellow,
          revision: 2,
          age: 3 * MINUTE,
          replicas: 0,
          annotations: { "scale-down-deadline": ago(30 * SECOND) },
        }),
      ],
      pods: [podOf(blue.name, "vpqvb", 50 * MINUTE)],
      analysisRuns: [
        analysisRun({
          name: "istio-rollout-5fcf5864c4-2",
          owner: "istio-rollout",
          revision: 2,
          age: 2 * MINUTE + 5 * SECOND,
          status: {
            phase: "Failed",
            metricResults: [{ name: "success-rate", phase: "Failed", count: 3, successful: 2, failed: 1 }],
          },
        }),
      ],
    },
    text: `
Name:            istio-rollout
Namespace:       default
Status:          ✖ Degraded
Message:         RolloutAborted: Rollout aborted update to revision 2: Metric failed
Strategy:        Canary
  Step:          0/18
  SetWeight:     0
  ActualWeight:  0
Images:          argoproj/rollouts-demo:blue (stable)
Replicas:
  Desired:       1
  Current:       1
  Updated:       0
  Ready:         1
  Available:     1

NAME                                       KIND         STATUS        AGE   INFO
⟳ istio-rollout                            Rollout      ✖ Degraded    50m
├──# revision:2
│  ├──⧉ istio-rollout-5fcf5864c4           ReplicaSet   • ScaledDown  3m    canary,delay:passed
│  └──α istio-rollout-5fcf5864c4-2         AnalysisRun  ✖ Failed      2m5s  ✔ 2,✖ 1
└──# revision:1
   └──⧉ istio-rollout-7f96d86486           ReplicaSet   ✔ Healthy     50m   stable
      └──□ istio-rollout-7f96d86486-vpqvb  Pod          ✔ Running     50m   ready:2/2
`,
  },
  {
    name: "CL-013 CL-018 CL-022 blue-green with a preview and an old stack that waits",
    rollout: rollout({
      name: "bg",
      age: 2 * HOUR + 3 * MINUTE,
      spec: { replicas: 2, strategy: { blueGreen: { activeService: "a", previewService: "p" } } },
      status: {
        phase: "Paused",
        message: "BlueGreenPause",
        stableRS: "s1",
        currentPodHash: "p1",
        replicas: 3,
        updatedReplicas: 1,
        readyReplicas: 1,
        availableReplicas: 1,
        blueGreen: { activeSelector: "s1", previewSelector: "p1" },
      },
    }),
    parts: {
      replicaSets: [
        replicaSet({ name: "bg-s1", owner: "bg", hash: "s1", revision: 2, age: 10 * MINUTE, replicas: 1 }),
        replicaSet({
          name: "bg-p1",
          owner: "bg",
          hash: "p1",
          revision: 3,
          age: 9 * MINUTE,
          replicas: 1,
          image: "green",
        }),
        replicaSet({
          name: "bg-o1",
          owner: "bg",
          hash: "o1",
          revision: 1,
          age: 2 * HOUR,
          replicas: 1,
          image: "green",
          annotations: { "scale-down-deadline": ago(-25 * SECOND) },
        }),
      ],
    },
    text: `
Name:            bg
Namespace:       default
Status:          ॥ Paused
Message:         BlueGreenPause
Strategy:        BlueGreen
Images:          argoproj/rollouts-demo:blue (stable, active)
                 green (preview)
Replicas:
  Desired:       2
  Current:       3
  Updated:       1
  Ready:         1
  Available:     1

NAME             KIND        STATUS     AGE   INFO
⟳ bg             Rollout     ॥ Paused   123m
├──# revision:3
│  └──⧉ bg-p1    ReplicaSet  ✔ Healthy  9m    preview
├──# revision:2
│  └──⧉ bg-s1    ReplicaSet  ✔ Healthy  10m   stable,active
└──# revision:1
   └──⧉ bg-o1    ReplicaSet  ✔ Healthy  120m  delay:25s
`,
  },
];

for (const { name, text, ...given } of golden) {
  test(`${name}`, () => {
    assert.equal(trimmed(picture(given.rollout, given.parts)), text.slice(1));
  });
}

const exp = { name: "demo-6cf78c66c5-2-0", owner: "demo", revision: 2, age: 69 * SECOND, phase: "Successful" };
const experimentParts: Partial<RolloutParts> = {
  replicaSets: [
    replicaSet({ name: "demo-6cf78c66c5", owner: "demo", hash: "c", revision: 2, age: 70 * SECOND, replicas: 1 }),
    replicaSet({
      name: "demo-6cf78c66c5-2-0-baseline",
      owner: exp.name,
      hash: "e",
      age: 69 * SECOND,
      replicas: 1,
      annotations: { "experiment.argoproj.io/template-name": "baseline", "scale-down-deadline": ago(SECOND) },
    }),
  ],
  pods: [
    pod({
      name: "demo-6cf78c66c5-zrgd4",
      owner: "demo-6cf78c66c5",
      age: 70 * SECOND,
      states: [{ ready: true, state: { running: {} }, restartCount: 1 }],
    }),
  ],
  experiments: [experiment(exp)],
  analysisRuns: [
    analysisRun({
      name: `${exp.name}-compare`,
      owner: exp.name,
      age: 60 * SECOND,
      status: { phase: "Successful", metricResults: [{ name: "m", phase: "Successful", successful: 1 }] },
    }),
    analysisRun({
      name: "demo-6cf78c66c5-2-3",
      owner: "demo",
      revision: 2,
      age: 30 * SECOND,
      status: {
        phase: "Inconclusive",
        metricResults: [
          {
            name: "smoke",
            phase: "Inconclusive",
            successful: 2,
            inconclusive: 1,
            error: 3,
            measurements: [
              { phase: "Successful", startedAt: ago(30 * SECOND), metadata: { "job-name": "5a2c.smoke.1" } },
              { phase: "Successful", startedAt: ago(20 * SECOND) },
            ],
          },
        ],
      },
    }),
  ],
};
const experimentRollout = rollout({
  age: 2 * HOUR + 3 * MINUTE,
  spec: { strategy: { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } } },
  status: { phase: "Paused", stableRS: "s", currentPodHash: "c", currentStepIndex: 1 },
});

test("CL-015 CL-017 CL-020 SU-004 experiments and runs stand below their revision, their parts below them", () => {
  const text = picture(experimentRollout, experimentParts);
  const tree = text.slice(text.indexOf("NAME  "));
  assert.equal(
    trimmed(tree),
    `NAME                                     KIND         STATUS          AGE   INFO
⟳ demo                                   Rollout      ॥ Paused        123m
└──# revision:2
   ├──⧉ demo-6cf78c66c5                  ReplicaSet   ✔ Healthy       70s   canary
   │  └──□ demo-6cf78c66c5-zrgd4         Pod          ✔ Running       70s   ready:1/1,restarts:1
   ├──Σ demo-6cf78c66c5-2-0              Experiment   ✔ Successful    69s
   │  ├──⧉ demo-6cf78c66c5-2-0-baseline  ReplicaSet   ✔ Healthy       69s   delay:passed
   │  └──α demo-6cf78c66c5-2-0-compare   AnalysisRun  ✔ Successful    60s   ✔ 1
   └──α demo-6cf78c66c5-2-3              AnalysisRun  ? Inconclusive  30s   ✔ 2,? 1,⚠ 3
      └──⊞ 5a2c.smoke.1                  Job          ✔ Successful    30s
`,
  );
});

test("CL-015 a row with nothing to tell still fills its columns", () => {
  const lines = picture(experimentRollout, experimentParts).split("\n");
  const header = lines.find((line) => line.startsWith("NAME")) ?? "";
  const revision = lines.find((line) => line.includes("revision:2")) ?? "";
  assert.equal(revision, "└──# revision:2".padEnd(header.length - "INFO".length));
});

test("CL-013 an image of several sets has all their tags, sorted; an experiment's names its template", () => {
  const text = picture(experimentRollout, experimentParts);
  assert.match(text, /^Images: {10}argoproj\/rollouts-demo:blue \(canary, Σ:baseline\)$/m);
});

test("CL-021 an experiment by itself", () => {
  const object = experiment({ ...exp, phase: "Error", message: "no template" });
  const summary = summariseExperiment(object, { replicaSets: [], pods: [], analysisRuns: [], ...experimentParts });
  const text = `${renderExperimentHeader(summary, plain)}\n${renderExperimentTree(summary, { now: NOW, paint: plain })}`;
  assert.equal(
    trimmed(text),
    `Name:            demo-6cf78c66c5-2-0
Namespace:       default
Status:          ⚠ Error
Message:         no template
Images:          argoproj/rollouts-demo:blue (Σ:baseline)

NAME                               KIND         STATUS        AGE  INFO
Σ demo-6cf78c66c5-2-0              Experiment   ⚠ Error       69s
├──⧉ demo-6cf78c66c5-2-0-baseline  ReplicaSet   ✔ Healthy     69s  delay:passed
└──α demo-6cf78c66c5-2-0-compare   AnalysisRun  ✔ Successful  60s  ✔ 1
`,
  );
});

test("CL-025 colours: tags, names of tagged sets, icons; all else is wrapped too and nothing moves", () => {
  const text = picture(experimentRollout, experimentParts, coloured);
  const esc = "\u001b";
  assert.ok(text.includes(`⧉ ${esc}[33mdemo-6cf78c66c5${esc}[0m `), "a canary's name is yellow");
  assert.ok(text.includes(`${esc}[32m✔${esc}[0m Healthy`), "what is well is green");
  assert.ok(text.includes(`Status:          ${esc}[0m॥${esc}[0m Paused`), "a pause has the terminal's colour");
  assert.ok(text.includes(`(${esc}[33mcanary${esc}[0m, ${esc}[0mΣ:baseline${esc}[0m)`), "tags");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour begins with.
  assert.equal(text.replace(/\u001b\[\d+m/g, ""), picture(experimentRollout, experimentParts));
});

test("CL-017 the order of what stands side by side", () => {
  const owned = { owner: "demo", revision: 2 };
  const run = (name: string, age: number) => analysisRun({ ...owned, name, age, status: { phase: "Running" } });
  const text = picture(experimentRollout, {
    replicaSets: [
      replicaSet({ ...owned, name: "set-b", hash: "b", age: 9 * SECOND, replicas: 0 }),
      replicaSet({ ...owned, name: "set-a", hash: "a", age: SECOND, replicas: 0 }),
      replicaSet({ name: "set-none", owner: "demo", hash: "n", replicas: 0 }),
      replicaSet({ name: "set-foreign", owner: "other", hash: "f", replicas: 0 }),
    ],
    pods: [
      pod({ name: "pod-b", owner: "set-a", age: 2 * SECOND }),
      pod({ name: "pod-c", owner: "set-a", age: 3 * SECOND }),
      pod({ name: "pod-a", owner: "set-a", age: 2 * SECOND }),
    ],
    experiments: [
      experiment({ ...owned, name: "exp-young", age: SECOND, phase: "Pending" }),
      experiment({ ...owned, name: "exp-old", age: 2 * SECOND, phase: "Running" }),
    ],
    analysisRuns: [run("run-a", SECOND), run("run-old", 2 * SECOND), run("run-b", SECOND)],
  });
  const names = [...text.matchAll(/[#⧉□Σα] (\S+)/g)].map(([, name]) => name);
  assert.deepEqual(names, [
    ...["revision:2", "set-a", "pod-c", "pod-a", "pod-b", "set-b"],
    ...["exp-old", "exp-young", "run-old", "run-b", "run-a"],
    ...["revision:0", "set-none"],
  ]);
});
