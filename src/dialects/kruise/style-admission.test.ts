import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { convertRollout } from "./convert.ts";
import {
  approve,
  at,
  canariesOf,
  deployment,
  line,
  podsOf,
  rollout,
  setImage,
  startKruise,
} from "./release.fixture.ts";
import { unsupportedFeature } from "./strategy.ts";
import { styleAdmission } from "./style-admission.ts";
import type { Rollout } from "./types.ts";

const RECORD = "fairway.dev/effective-style";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

interface Shape {
  /** `enableExtraWorkloadForCanary`; absent when left out. */
  readonly extra?: boolean;
  readonly patch?: { labels?: Record<string, string>; annotations?: Record<string, string> } | null;
  readonly annotations?: Record<string, string>;
  readonly kind?: string;
}

function made({ extra, patch = { labels: { lane: "canary" } }, annotations, kind = "Deployment" }: Shape): Rollout {
  const workloadRef = { apiVersion: "apps/v1", kind, name: "a" };
  const result = rollout("a") as Rollout;
  result.spec.workloadRef = workloadRef;
  result.spec.strategy = {
    canary: {
      steps: [{ replicas: 1 }],
      ...(extra === undefined ? {} : { enableExtraWorkloadForCanary: extra }),
      ...(patch === null ? {} : { patchPodTemplateMetadata: patch }),
    },
  };
  if (annotations) result.metadata.annotations = annotations;
  return result;
}

const recorded = { [RECORD]: "canary" };
const applied = (shape: Shape) => ({ [LAST_APPLIED]: JSON.stringify(made(shape)) });

const cases: readonly { name: string; old?: Shape; updated: Shape; isInferred: boolean; warns?: boolean }[] = [
  { name: "a new Rollout that patches pods is in canary style", updated: {}, isInferred: true, warns: true },
  { name: "patched annotations count", updated: { patch: { annotations: { x: "y" } } }, isInferred: true, warns: true },
  { name: "an explicit false stays partition style", updated: { extra: false }, isInferred: false },
  { name: "an explicit true needs no record", updated: { extra: true }, isInferred: false },
  { name: "without a patch nothing is inferred", updated: { patch: null }, isInferred: false },
  { name: "an empty patch says nothing", updated: { patch: { labels: {} } }, isInferred: false },
  { name: "other workloads have no extra workload", updated: { kind: "StatefulSet" }, isInferred: false },
  { name: "the record is not a user's to make", updated: { patch: null, annotations: recorded }, isInferred: false },
  { name: "a recorded style stays, silently", old: { annotations: recorded }, updated: {}, isInferred: true },
  { name: "an older object may have lost its false", old: {}, updated: {}, isInferred: false },
  {
    name: "what kubectl applied decides about an older object",
    old: {},
    updated: { annotations: applied({}) },
    isInferred: true,
    warns: true,
  },
  {
    name: "an applied false decides as well",
    old: {},
    updated: { annotations: applied({ extra: false }) },
    isInferred: false,
  },
  {
    name: "broken JSON decides nothing",
    old: {},
    updated: { annotations: { [LAST_APPLIED]: "{" } },
    isInferred: false,
  },
  {
    name: "saying false takes the record away",
    old: { annotations: recorded },
    updated: { extra: false, annotations: recorded },
    isInferred: false,
  },
];

for (const { name, old, updated, isInferred, warns = false } of cases) {
  test(`SEED-041 ${name}`, () => {
    const oldObject = old ? (made(old) as KubeObject) : null;
    const result = styleAdmission.admit(
      {
        operation: oldObject ? "UPDATE" : "CREATE",
        type: resources.kruiseRollouts,
        subresource: "",
        namespace: "default",
        name: "a",
        object: made(updated),
        oldObject,
        userAgent: "",
        dryRun: false,
      },
      { get: () => null, list: () => [] },
    );
    assert.ok(result.allowed);
    const stored = (result.object ?? made(updated)) as Rollout;
    assert.equal(stored.metadata.annotations?.[RECORD], isInferred ? "canary" : undefined);
    assert.equal(result.warnings?.length ?? 0, warns ? 1 : 0);
    const isCanary = isInferred || updated.extra === true;
    if (updated.kind === undefined) assert.equal(unsupportedFeature(stored) === null, isCanary);
  });
}

test("SEED-041 a Rollout that leaves its style open releases through a canary Deployment", async () => {
  const world = await startKruise();
  const { enableExtraWorkloadForCanary: _left, ...canary } = (rollout("a") as Rollout).spec.strategy.canary!;
  await world.apply([deployment("a"), rollout("a", { spec: { strategy: { canary } } })]);
  await world.settle();
  await setImage(world, "a", 2);
  await world.settle();
  assert.deepEqual(await podsOf(world, "a"), ["base app:1", "canary app:2"]);
  await approve(world, "a");
  await world.settle();
  assert.equal(await line(world, "a"), "Healthy Completed 1 Completed: Rollout progressing has been completed");
  assert.deepEqual(await canariesOf(world, "a"), []);
  const { metadata } = await world.client.get(resources.kruiseRollouts, at("a"));
  assert.equal(metadata.annotations?.[RECORD], "canary");
});

test("KRUISE-020 SEED-041 an inferred style reads as canary in v1alpha1 and comes back as it was", () => {
  const stored = made({ annotations: recorded });
  const old = convertRollout(stored, "v1alpha1");
  assert.equal(old.metadata.annotations?.["rollouts.kruise.io/rolling-style"], "canary");
  assert.deepEqual((convertRollout(old, "v1beta1") as Rollout).spec, stored.spec);
});
