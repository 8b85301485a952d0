import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../../api/apps.ts";
import { admitDeploymentUpdate, governingRollout } from "./admission.ts";
import { deployment, rollout } from "./release.fixture.ts";
import type { Rollout, RolloutStatus } from "./types.ts";

const MARK = "rollouts.kruise.io/in-progressing";
const mark = { [MARK]: '{"rolloutName":"a"}' };

interface Shape {
  readonly image?: string;
  readonly paused?: boolean;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly replicas?: number;
  readonly strategy?: "Recreate" | "RollingUpdate";
}

function workload({ image = "app:1", paused, annotations, labels, replicas = 1, strategy }: Shape = {}): Deployment {
  const made = deployment("a", { replicas }) as unknown as Deployment;
  made.spec.template = { ...made.spec.template, spec: { containers: [{ name: "main", image }] } };
  if (paused !== undefined) made.spec.paused = paused;
  if (strategy) made.spec.strategy = { type: strategy };
  if (annotations) made.metadata.annotations = annotations;
  if (labels) made.metadata.labels = labels;
  return made;
}

function replicaSet(
  image: string,
  { hash, revision, replicas = 1 }: { hash: string; revision: number; replicas?: number },
) {
  const { template } = workload({ image }).spec;
  const labels = { ...template.metadata?.labels, "pod-template-hash": hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: hash, labels, annotations: { "deployment.kubernetes.io/revision": String(revision) } },
    spec: { replicas, template: { ...template, metadata: { ...template.metadata, labels } } },
  } as unknown as ReplicaSet;
}

const first = replicaSet("app:1", { hash: "h1", revision: 1 });

/** What is different about the stored Deployment; null: it passes as it is. */
interface Entered {
  readonly paused: true;
  readonly mark: string | undefined;
  readonly stableRevision: string | undefined;
  readonly strategy?: string;
}

interface Case {
  readonly name: string;
  readonly old?: Shape;
  readonly updated: Shape;
  readonly status?: Partial<RolloutStatus>;
  readonly disabled?: boolean;
  readonly replicaSets?: readonly ReplicaSet[];
  readonly stored: Entered | null;
}

const entered: Entered = { paused: true, mark: mark[MARK], stableRevision: "h1" };
const held: Entered = { paused: true, mark: mark[MARK], stableRevision: undefined };
const inReason = (reason: string): Partial<RolloutStatus> => ({
  phase: "Progressing",
  conditions: [{ type: "Progressing", status: "True", reason }],
});
const rolling = inReason("InRolling");
const finalising = inReason("Finalising");
const id = (value: string) => ({ "rollouts.kruise.io/rollout-id": value });

const cases: readonly Case[] = [
  { name: "KRUISE-101 a new template enters a release", updated: { image: "app:2" }, stored: entered },
  { name: "KRUISE-101 an update of anything else passes", updated: { labels: { x: "y" } }, stored: null },
  { name: "KRUISE-101 scaled to zero passes", updated: { image: "app:2", replicas: 0 }, stored: null },
  { name: "KRUISE-101 without active ReplicaSet passes", updated: { image: "app:2" }, replicaSets: [], stored: null },
  {
    name: "KRUISE-101 a ReplicaSet without pods is not active",
    updated: { image: "app:2" },
    replicaSets: [replicaSet("app:1", { hash: "h1", revision: 1, replicas: 0 })],
    stored: null,
  },
  {
    name: "KRUISE-102 stable is the lowest revision with another template",
    updated: { image: "app:1" },
    old: { image: "app:2" },
    replicaSets: [first, replicaSet("app:2", { hash: "h2", revision: 2 })],
    stored: { ...entered, stableRevision: "h2" },
  },
  {
    name: "KRUISE-103 un-pausing in mid-release is undone",
    old: { paused: true, annotations: mark },
    updated: { paused: false, annotations: mark },
    status: rolling,
    stored: held,
  },
  {
    name: "KRUISE-103 what leaves it paused passes",
    old: { paused: true, annotations: mark },
    updated: { paused: true, annotations: mark, replicas: 5 },
    status: rolling,
    stored: null,
  },
  {
    name: "KRUISE-103 Recreate is put back",
    old: { paused: true, annotations: mark, strategy: "RollingUpdate" },
    updated: { paused: true, annotations: mark, strategy: "Recreate" },
    status: rolling,
    stored: { ...held, strategy: "RollingUpdate" },
  },
  {
    name: "INV-39 a replacement without the mark is held as well",
    old: { paused: true, annotations: mark },
    updated: {},
    status: rolling,
    stored: held,
  },
  {
    name: "KRUISE section 9 while finalising the controller may take the mark away",
    old: { paused: true, annotations: mark },
    updated: { paused: true },
    status: finalising,
    stored: null,
  },
  {
    name: "KRUISE-286 a new template while finalising enters a release",
    old: { paused: false, image: "app:2" },
    updated: { paused: false, image: "app:3" },
    status: finalising,
    stored: entered,
  },
  {
    name: "KRUISE-105 the same rollout id is no release, whatever the template",
    old: { annotations: id("1") },
    updated: { image: "app:2", annotations: id("1") },
    stored: null,
  },
  {
    name: "KRUISE-105 a new rollout id is one, with the same template",
    old: { annotations: id("1") },
    updated: { annotations: id("2") },
    stored: { ...entered, stableRevision: undefined },
  },
  {
    name: "KRUISE-105 the label counts like the annotation",
    old: { labels: id("1") },
    updated: { image: "app:2", labels: id("1") },
    stored: null,
  },
  {
    name: "KRUISE-136 a Rollout being disabled lets updates pass",
    updated: { image: "app:2" },
    disabled: true,
    stored: null,
  },
];

for (const { name, old = {}, updated, status, disabled, replicaSets = [first], stored } of cases) {
  test(name, () => {
    const owner = rollout("a", disabled ? { spec: { disabled } } : {}) as Rollout;
    if (status) owner.status = { currentStepIndex: 1, currentStepState: "", ...status };
    const admitted = admitDeploymentUpdate({
      rollout: owner,
      old: workload(old),
      updated: workload(updated),
      replicaSets,
    });
    const found = admitted && {
      paused: admitted.spec.paused,
      mark: admitted.metadata.annotations?.[MARK],
      stableRevision: admitted.metadata.labels?.["rollouts.kruise.io/stable-revision"],
      ...(stored?.strategy ? { strategy: admitted.spec.strategy?.type } : {}),
    };
    assert.deepEqual(found, stored);
  });
}

const governing: readonly { name: string; change: (rollout: Rollout) => void; governs: boolean }[] = [
  { name: "KRUISE-100 the Rollout that names the workload governs it", change: () => {}, governs: true },
  {
    name: "KRUISE-100 the version does not matter",
    change: ({ spec }) => {
      spec.workloadRef.apiVersion = "apps/v1beta2";
    },
    governs: true,
  },
  {
    name: "KRUISE-100 another name",
    change: ({ spec }) => {
      spec.workloadRef.name = "b";
    },
    governs: false,
  },
  {
    name: "KRUISE-100 a Rollout being deleted",
    change: ({ metadata }) => {
      metadata.deletionTimestamp = "2030-01-01T00:00:00Z";
    },
    governs: false,
  },
  {
    name: "KRUISE-100 a disabled one",
    change: (owner) => {
      owner.status = { phase: "Disabled", currentStepIndex: 0, currentStepState: "" };
    },
    governs: false,
  },
  {
    name: "KRUISE-100 no strategy",
    change: ({ spec }) => {
      spec.strategy = {};
    },
    governs: false,
  },
  {
    name: "a style that this version cannot drive does not pause the workload",
    change: ({ spec }) => {
      spec.strategy.canary = { steps: [{ replicas: 1 }] };
    },
    governs: false,
  },
];

for (const { name, change, governs } of governing) {
  test(name, () => {
    const owner = rollout("a") as Rollout;
    change(owner);
    assert.equal(governingRollout(workload(), [owner]) !== null, governs);
  });
}
