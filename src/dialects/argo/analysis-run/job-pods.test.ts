import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnalysisRun, AnalysisRunStatus } from "../../../analysis/types.ts";
import type { Job } from "../../../api/batch.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { formatTime } from "../../../base/time.ts";
import { metric } from "./analysis-run.fixture.ts";
import type { AnalysisRunView } from "./gather.ts";
import { reconcileAnalysisRun } from "./reconcile.ts";

/** Jobs whose containers never start. */

const NOW = Date.UTC(2030, 0, 1);
const ELAPSED_SECONDS = 50;

function view(pod: Record<string, unknown>, conditions: { type: string; status: string }[] = []): AnalysisRunView {
  const startedAt = formatTime(NOW - ELAPSED_SECONDS * 1000);
  const measurement = {
    phase: "Running" as const,
    startedAt,
    metadata: { "job-name": "j", "job-namespace": "default" },
  };
  const run: AnalysisRun = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisRun",
    metadata: { name: "run", namespace: "default", uid: "u" },
    spec: { metrics: [metric("check", { successCondition: "", provider: { job: { spec: {} } } })] },
    status: {
      phase: "Running",
      startedAt,
      metricResults: [{ name: "check", phase: "Running", measurements: [measurement] }],
    },
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "j", uid: "j" },
    status: { conditions },
  } as unknown as Job;
  const pods = [{ apiVersion: "v1", kind: "Pod", metadata: { name: "j-x" }, status: pod } as KubeObject];
  return { run, jobs: [job], jobPods: new Map([["j", pods]]), secretOf: () => "", now: NOW };
}

const waiting = (reason: string) => ({ name: "c", state: { waiting: { reason, message: "no such image" } } });
const running = { name: "a", state: { running: {} } };

for (const [name, pod, reason] of [
  ["a container", { containerStatuses: [running, waiting("ErrImagePull")] }, "ErrImagePull"],
  ["a container in back-off", { containerStatuses: [waiting("ImagePullBackOff")] }, "ImagePullBackOff"],
  ["an init container", { initContainerStatuses: [waiting("InvalidImageName")] }, "InvalidImageName"],
] as const) {
  test(`MP-033 SU-009 ${name} that will never start leaves the run Inconclusive, with the reason`, () => {
    const status = reconcileAnalysisRun(view(pod)).status!.status as AnalysisRunStatus;
    const text = `Pod j-x, container c has terminal error (${reason}): no such image`;
    assert.deepEqual([status.phase, status.metricResults?.[0]?.measurements?.[0]?.message], ["Inconclusive", text]);
  });
}

test("MP-033 a container that starts yet is looked at again, after the square root of twice the time so far", () => {
  const plan = reconcileAnalysisRun(view({ containerStatuses: [waiting("ContainerCreating")] }));
  assert.equal((plan.status!.status as AnalysisRunStatus).phase, "Running");
  assert.equal(plan.requeueAt, NOW + 1000 * Math.sqrt(2 * ELAPSED_SECONDS));
});

test("MP-031 a Job that has failed is a failure, whatever its pods say", () => {
  const failed = view({ containerStatuses: [waiting("ErrImagePull")] }, [{ type: "Failed", status: "True" }]);
  assert.equal((reconcileAnalysisRun(failed).status!.status as AnalysisRunStatus).phase, "Failed");
});
