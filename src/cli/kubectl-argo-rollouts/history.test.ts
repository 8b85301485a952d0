import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { RolloutStatus } from "../../dialects/argo/types.ts";
import { resources } from "../../kube/resource.ts";
import { ago, analysisRun, argo, fails, put, replicaSet, withRollout } from "./program.fixture.ts";

/** EC-025: `history`, in the manner of `kubectl rollout history`. */

/** Five versions; the newest two are the Rollout's, of the others events and runs may tell. */
const sets = [
  { hash: "a", revision: 1, image: "v1" },
  { hash: "b", revision: 2, image: "v2", annotations: { "kubernetes.io/change-cause": "a better b" } },
  { hash: "c", revision: 3, image: "v3" },
  { hash: "d", revision: 6, image: "v4", annotations: { "rollout.argoproj.io/revision-history": "4,6" } },
  { hash: "e", revision: 7, image: "v5" },
];
const inRelease: RolloutStatus = { phase: "Paused", message: "CanaryPauseStep", currentPodHash: "e", stableRS: "d" };

async function withHistory(status: RolloutStatus, act: (world: World) => Promise<void>): Promise<void> {
  await withRollout({ status }, async (world, { metadata: { uid = "" } }) => {
    const owned = <T extends KubeObject>(object: T): T => {
      const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "demo", uid, controller: true };
      const { uid: _uid, ...metadata } = object.metadata;
      return { ...object, metadata: { ...metadata, ownerReferences: [owner] } };
    };
    for (const one of sets) {
      await put(
        world,
        resources.replicaSets,
        owned(replicaSet({ name: `demo-${one.hash}`, owner: "demo", replicas: 0, ...one })),
      );
    }
    const run = analysisRun({ name: "run", owner: "demo", revision: 3, status: { phase: "Failed" } });
    await put(world, resources.analysisRuns, owned(run));
    const event = (name: string, reason: string, message: string, seconds: number) => ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name },
      involvedObject: { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "demo", namespace: "default", uid },
      lastTimestamp: ago(seconds * 1000),
      type: "Normal",
      reason,
      message,
    });
    await world.apply(event("e2", "RolloutCompleted", "Rollout completed update to revision 2 (b): all steps", 10));
    await world.apply(event("e1", "RolloutAborted", "Rollout aborted update to revision 2: metric", 20));
    await act(world);
  });
}

test("EC-025 history: revisions with images, hash, age, change-cause and outcome", () =>
  withHistory(inRelease, async (world) => {
    const { code, out, err } = await argo(world, "history demo");
    assert.deepEqual({ code, err }, { code: 0, err: "" });
    assert.deepEqual(out.split("\n"), [
      "rollout.argoproj.io/demo",
      "REVISION  OUTCOME         AGE  HASH  IMAGES  CHANGE-CAUSE",
      "1         Replaced        0s   a     v1      <none>",
      "2         Completed       0s   b     v2      a better b",
      "3         AnalysisFailed  0s   c     v3      <none>",
      "6         Stable          0s   d     v4      <none>",
      "7         Paused          0s   e     v5      <none>",
      "",
    ]);
  }));

const conditions = [{ type: "Progressing", status: "False" as const, reason: "RolloutAborted", message: "m" }];
for (const [name, status, expected] of [
  ["aborted", { ...inRelease, phase: "Degraded", abort: true, conditions }, ["Stable", "Aborted"]],
  ["too slow", { ...inRelease, phase: "Degraded" }, ["Stable", "Degraded"]],
  ["on its way", { ...inRelease, phase: "Progressing" }, ["Stable", "Progressing"]],
  ["done", { ...inRelease, phase: "Healthy", stableRS: "e" }, ["Replaced", "Stable"]],
] as const) {
  test(`EC-025 history: the outcome of a release that is ${name}`, () =>
    withHistory({ ...status, conditions: [...("conditions" in status ? status.conditions : [])] }, async (world) => {
      const { revisions } = JSON.parse((await argo(world, "history demo -o json")).out);
      assert.deepEqual(
        revisions.slice(-2).map(({ outcome }: { outcome: string }) => outcome),
        expected,
      );
    }));
}

test("EC-025 history for programs", () =>
  withHistory(inRelease, async (world) => {
    const { apiVersion, kind, namespace, name, revisions } = JSON.parse(
      (await argo(world, "history demo -o json")).out,
    );
    assert.deepEqual(
      [apiVersion, kind, namespace, name],
      ["cli.argo.fairway.dev/v1", "HistoryView", "default", "demo"],
    );
    assert.deepEqual(revisions[3], {
      ...{ revision: 6, earlierRevisions: [4], podHash: "d", replicaSet: "demo-d", images: ["v4"] },
      ...{ createdAt: ago(0), changeCause: "", outcome: "Stable" },
    });
  }));

test("EC-025 history --revision shows a revision's pod template, without the hash", () =>
  withHistory(inRelease, async (world) => {
    const { out } = await argo(world, "history demo --revision=2");
    assert.match(
      out,
      /^rollout\.argoproj\.io\/demo with revision #2\nPod Template:\n {2}metadata:\n {4}labels:\n {6}app: demo\n {2}spec:/,
    );
    assert.match(out, /image: v2$/m);
    const { kind, template, outcome } = parse((await argo(world, "history demo --revision 2 -o yaml")).out);
    assert.deepEqual([kind, template.metadata.labels, outcome], ["RevisionView", { app: "demo" }, "Completed"]);
    assert.deepEqual(
      await argo(world, "history demo --revision 5"),
      fails("Error: unable to find specified revision 5 in history\n"),
    );
  }));

test("CL-004 history of none", () =>
  withHistory({}, async (world) =>
    assert.deepEqual(await argo(world, "history x"), fails('Error: rollout.argoproj.io "x" not found\n')),
  ));
