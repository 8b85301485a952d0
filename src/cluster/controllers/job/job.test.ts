import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint } from "../../../../test/support/reconciler-checks.ts";
import { startWorld, type World } from "../../../../test/support/world.ts";
import type { Job, JobSpec, JobStatus } from "../../../api/batch.ts";
import { addSeconds, formatTime, parseTime } from "../../../base/time.ts";
import type { AdmissionPlugin } from "../../../kube/admission.ts";
import { conditionsOf } from "../../../kube/pods.ts";
import { resources } from "../../../kube/resource.ts";
import type { PodBehaviour } from "../../kubelet/fake-kubelet.ts";
import { messages, pods } from "../controllers.fixture.ts";
import { newPodNames } from "../pod-names.ts";
import { reconcile } from "./reconcile.ts";
import type { JobPod } from "./tally.ts";

const now = Date.UTC(2030, 0, 1, 12);

interface JobFacts {
  readonly spec?: Partial<JobSpec>;
  readonly status?: JobStatus;
}

function job({ spec = {}, status = {} }: JobFacts = {}): Job {
  const template = {
    metadata: { labels: { job: "u" } },
    spec: { restartPolicy: "Never", containers: [{ name: "c", image: "x:1" }] },
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "x", namespace: "default", uid: "u", generation: 1 },
    spec: { completions: 1, parallelism: 1, selector: { matchLabels: { job: "u" } }, template, ...spec },
    status: { startTime: formatTime(addSeconds(now, -60)), ...status },
  };
}

interface PodFacts {
  readonly phase: "Running" | "Succeeded" | "Failed";
  readonly endedSecondsAgo?: number;
  readonly restarts?: number;
  readonly isDeleting?: boolean;
}

const running: PodFacts = { phase: "Running" };
const succeeded: PodFacts = { phase: "Succeeded" };
const failed: PodFacts = { phase: "Failed" };
const leaving: PodFacts = { phase: "Running", isDeleting: true };

function podOf({ phase, endedSecondsAgo = 3600, restarts = 0, isDeleting = false }: PodFacts, index: number): JobPod {
  const finishedAt = formatTime(addSeconds(now, -endedSecondsAgo));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `p${index}`,
      uid: `p${index}`,
      labels: { job: "u" },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "x", uid: "u", controller: true }],
      ...(isDeleting ? { deletionTimestamp: formatTime(now) } : {}),
    },
    spec: {},
    status: {
      phase,
      containerStatuses: [{ restartCount: restarts, state: phase === "Running" ? {} : { terminated: { finishedAt } } }],
    },
  };
}

interface Expected {
  /** `create`, `delete p0`, … */
  readonly writes?: readonly string[];
  /** Types of the conditions that hold. */
  readonly conditions?: readonly string[];
  /** Without times and counts that are always there. */
  readonly counts?: JobStatus;
  readonly retryInSeconds?: number;
  readonly event?: string;
}

const onFailure = { template: { metadata: { labels: { job: "u" } }, spec: { restartPolicy: "OnFailure" } } };
/** Without completions. */
const workQueue = { completions: undefined, parallelism: 2 } as unknown as Partial<JobSpec>;
const holds = (type: string, reason: string) => ({ type, status: "True" as const, reason });

const cases: readonly { name: string; job?: JobFacts; pods?: readonly PodFacts[]; expected: Expected }[] = [
  { name: "a new Job gets its pod", expected: { writes: ["create"] } },
  {
    name: "no more pods than completions are left to reach",
    job: { spec: { completions: 5, parallelism: 3 } },
    pods: [succeeded, succeeded, succeeded, running],
    expected: { writes: ["create"], counts: { active: 1, succeeded: 3 } },
  },
  {
    name: "no more pods than parallelism",
    job: { spec: { completions: 5, parallelism: 2 } },
    pods: [running, running, running],
    expected: { writes: ["delete p0"], counts: { active: 3 } },
  },
  {
    name: "a pod that leaves is replaced at once",
    pods: [leaving],
    expected: { writes: ["create"], counts: { terminating: 1 } },
  },
  {
    name: "podReplacementPolicy Failed waits until the pod is gone",
    job: { spec: { podReplacementPolicy: "Failed" } },
    pods: [leaving],
    expected: { counts: { terminating: 1 } },
  },
  {
    name: "all completions reached is Complete",
    pods: [succeeded],
    expected: { conditions: ["SuccessCriteriaMet", "Complete"], counts: { succeeded: 1 }, event: "Completed" },
  },
  {
    name: "what was counted stays counted when people delete the pod",
    job: { spec: { completions: 2 }, status: { succeeded: 2 } },
    expected: { conditions: ["SuccessCriteriaMet", "Complete"], counts: { succeeded: 2 }, event: "Completed" },
  },
  {
    name: "a work queue runs as many pods as it may",
    job: { spec: workQueue },
    expected: { writes: ["create", "create"] },
  },
  {
    name: "a work queue that had a success gets no further pod and waits for the others",
    job: { spec: workQueue },
    pods: [succeeded, running],
    expected: { counts: { active: 1, succeeded: 1 } },
  },
  {
    name: "a failed pod is tried again after 10 s",
    pods: [{ phase: "Failed", endedSecondsAgo: 4 }],
    expected: { counts: { failed: 1 }, retryInSeconds: 6 },
  },
  {
    name: "the third failure in a row waits 40 s",
    pods: [failed, failed, { phase: "Failed", endedSecondsAgo: 4 }],
    expected: { counts: { failed: 3 }, retryInSeconds: 36 },
  },
  {
    name: "the delay ends at 6 min",
    job: { spec: { backoffLimit: 20 } },
    pods: [...Array<PodFacts>(9).fill(failed), { phase: "Failed", endedSecondsAgo: 0 }],
    expected: { counts: { failed: 10 }, retryInSeconds: 360 },
  },
  {
    name: "a success ends the row of failures",
    job: { spec: { completions: 3 } },
    pods: [failed, failed, { phase: "Succeeded", endedSecondsAgo: 10 }, { phase: "Failed", endedSecondsAgo: 4 }],
    expected: { counts: { succeeded: 1, failed: 3 }, retryInSeconds: 6 },
  },
  {
    name: "after the delay there is a new pod",
    pods: [failed],
    expected: { writes: ["create"], counts: { failed: 1 } },
  },
  {
    name: "one failure more than backoffLimit is Failed",
    job: { spec: { backoffLimit: 1 } },
    pods: [failed, failed],
    expected: { conditions: ["FailureTarget", "Failed"], counts: { failed: 2 }, event: "BackoffLimitExceeded" },
  },
  {
    name: "a failure is recorded before pods go, and they have failed with it",
    job: { spec: { backoffLimit: 0, completions: 2, parallelism: 2 } },
    pods: [failed, running],
    expected: { conditions: ["FailureTarget"], counts: { active: 1, failed: 2 } },
  },
  {
    name: "a recorded failure stops the pods that are left",
    job: { status: { failed: 2, conditions: [holds("FailureTarget", "BackoffLimitExceeded")] } },
    pods: [failed, running],
    expected: { writes: ["delete p1"], conditions: ["FailureTarget"], counts: { active: 1, failed: 2 } },
  },
  {
    name: "a failing Job is Failed once its pods are gone, not before",
    job: { status: { failed: 1, conditions: [holds("FailureTarget", "BackoffLimitExceeded")] } },
    pods: [leaving],
    expected: { conditions: ["FailureTarget"], counts: { failed: 1, terminating: 1 } },
  },
  {
    name: "restarts in place count against backoffLimit",
    job: { spec: { ...onFailure, backoffLimit: 2 } as Partial<JobSpec> },
    pods: [{ phase: "Running", restarts: 2 }],
    expected: { conditions: ["FailureTarget"], counts: { active: 1, failed: 1 } },
  },
  {
    name: "restarts below backoffLimit are none of our business",
    job: { spec: { ...onFailure, backoffLimit: 2 } as Partial<JobSpec> },
    pods: [{ phase: "Running", restarts: 1 }],
    expected: { counts: { active: 1 } },
  },
  {
    name: "the deadline is waited for",
    job: { spec: { activeDeadlineSeconds: 61 } },
    pods: [running],
    expected: { counts: { active: 1 }, retryInSeconds: 1 },
  },
  {
    name: "past the deadline is Failed",
    job: { spec: { activeDeadlineSeconds: 60 } },
    expected: { conditions: ["FailureTarget", "Failed"], event: "DeadlineExceeded" },
  },
  {
    name: "a suspended Job stops its pods, which have not failed",
    job: { spec: { suspend: true } },
    pods: [running],
    expected: { writes: ["delete p0"], conditions: ["Suspended"], counts: { active: 1 }, event: "Suspended" },
  },
  {
    name: "a suspended Job has no deadline",
    job: { spec: { suspend: true, activeDeadlineSeconds: 1 }, status: { conditions: [holds("Suspended", "x")] } },
    expected: { conditions: ["Suspended"] },
  },
  {
    name: "a resumed Job has its whole deadline again",
    job: { spec: { activeDeadlineSeconds: 30 }, status: { conditions: [holds("Suspended", "x")] } },
    expected: { writes: ["create"], retryInSeconds: 30, event: "Resumed" },
  },
  {
    name: "a finished Job is left alone",
    job: { status: { succeeded: 1, conditions: [holds("Complete", "x")] } },
    pods: [running],
    expected: { conditions: ["Complete"], counts: { succeeded: 1 } },
  },
  {
    name: "what is not supported fails with its name",
    job: { spec: { completionMode: "Indexed" } },
    expected: { conditions: ["FailureTarget", "Failed"], event: "NotSupported" },
  },
];

for (const { name, job: facts, pods: podFacts = [], expected } of cases) {
  test(`K8S-237 ${name}`, () => {
    const names = ["n0", "n1", "n2"].slice(0, facts?.spec?.parallelism ?? 1);
    const plan = reconcile({ job: job(facts), candidates: podFacts.map(podOf), names, now });
    const status = (plan.status?.status ?? facts?.status ?? {}) as JobStatus;
    const {
      conditions: _,
      startTime: __,
      completionTime,
      uncountedTerminatedPods: ___,
      ready: ____,
      ...counts
    } = status;
    assert.deepEqual(
      plan.writes.map((write) => (write.op === "delete" ? `delete ${write.object.metadata.name}` : write.op)),
      expected.writes ?? [],
    );
    const held = conditionsOf({ status }).filter((each) => each.status === "True");
    assert.deepEqual(
      held.map(({ type }) => type),
      expected.conditions ?? [],
    );
    assert.deepEqual({ terminating: 0, ...counts }, { terminating: 0, ...expected.counts });
    assert.equal(completionTime !== undefined, expected.event === "Completed");
    assert.equal(plan.requeueAt === null ? undefined : (plan.requeueAt - now) / 1000, expected.retryInSeconds);
    if (expected.event) assert.equal(plan.events.at(-1)?.reason, expected.event);
  });
}

const key = { namespace: "default", name: "x" };

/** Pods of image `exit:CODE` end after 5 s, all others run for ever. */
function behaviourOf({ spec }: { spec: { containers: readonly { image: string }[] } }): Partial<PodBehaviour> {
  const [image, code] = spec.containers[0]!.image.split(":");
  return image === "exit" ? { exitMs: 5000, exitCode: Number(code) } : {};
}

const start = () => startWorld({ kubelet: { behaviourOf } });

/** As a user writes it: `selector`, labels and the rest are defaults of the server. */
function written(image: string, spec: Partial<JobSpec> = {}, restartPolicy = "Never"): Job {
  const template = { spec: { restartPolicy, containers: [{ name: "c", image }] } };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name: "x" }, spec: { template, ...spec } };
}

async function stored(world: World): Promise<Job> {
  return (await world.get<Job>(resources.jobs, key))!;
}

/** The condition's reason and message; "none" when it does not hold. */
async function held(world: World, type: string): Promise<string> {
  const found = conditionsOf(await stored(world)).find((each) => each.type === type && each.status === "True");
  return found ? `${found.reason}: ${found.message}` : "none";
}

test("K8S-237 a Job whose pod ends well is Complete, with the original's status and events", async () => {
  const world = await start();
  await world.apply(written("exit:0"));
  await world.settle();
  const { conditions = [], startTime, completionTime, ...counts } = (await stored(world)).status!;
  assert.deepEqual(counts, { succeeded: 1, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
  assert.deepEqual(
    conditions.map(({ type, reason, message }) => `${type} ${reason} ${message}`),
    ["SuccessCriteriaMet", "Complete"].map(
      (type) => `${type} CompletionsReached Reached expected number of succeeded pods`,
    ),
  );
  assert.ok((parseTime(completionTime) ?? 0) > (parseTime(startTime) ?? 0));
  const [pod] = await pods(world);
  assert.match(pod!.metadata.name, /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(pod!.metadata.labels?.["batch.kubernetes.io/job-name"], "x");
  assert.deepEqual(await messages(world, "SuccessfulCreate"), [`Created pod: ${pod!.metadata.name}`]);
  assert.deepEqual(await messages(world, "Completed"), ["Job completed"]);
  await checkFixpoint(world);
  await world.stop();
});

test("K8S-237 pods that fail are tried again later and later until backoffLimit", async () => {
  const world = await start();
  await world.apply(written("exit:3", { backoffLimit: 2 }));
  await world.advance(60_000);
  const made = (await pods(world)).map(({ metadata }) => parseTime(metadata.creationTimestamp) ?? 0).sort();
  // Each pod takes 1 s to start and 5 s to end.
  assert.deepEqual(
    made.map((at) => (at - made[0]!) / 1000),
    [0, 16, 42],
  );
  assert.equal(await held(world, "Failed"), "BackoffLimitExceeded: Job has reached the specified backoff limit");
  assert.equal((await stored(world)).status?.failed, 3);
  assert.deepEqual(await messages(world, "BackoffLimitExceeded"), ["Job has reached the specified backoff limit"]);
  await checkFixpoint(world);
  await world.stop();
});

test("K8S-237 containers that restart in place fail their Job, too", async () => {
  const world = await start();
  await world.apply(written("exit:3", { backoffLimit: 2 }, "OnFailure"));
  await world.advance(60_000);
  assert.equal(await held(world, "Failed"), "BackoffLimitExceeded: Job has reached the specified backoff limit");
  assert.deepEqual(await pods(world), []);
  await checkFixpoint(world);
  await world.stop();
});

test("K8S-237 a Job past its deadline stops its pods and then is Failed", async () => {
  const world = await start();
  await world.apply(written("forever:1", { activeDeadlineSeconds: 20, parallelism: 2, completions: 2 }));
  await world.advance(19_000);
  assert.equal((await stored(world)).status?.active, 2);
  await world.advance(10_000);
  assert.equal(await held(world, "Failed"), "DeadlineExceeded: Job was active longer than specified deadline");
  assert.deepEqual([(await stored(world)).status?.failed, (await stored(world)).status?.active], [2, undefined]);
  assert.equal((await pods(world)).length, 0);
  await checkFixpoint(world);
  await world.stop();
});

test("K8S-237 a Job is suspended and resumed", async () => {
  const world = await start();
  await world.apply(written("exit:0", { suspend: true }));
  await world.settle();
  assert.equal(await held(world, "Suspended"), "JobSuspended: Job suspended");
  assert.equal((await pods(world)).length, 0);
  await checkFixpoint(world);
  await world.patch(resources.jobs, key, { spec: { suspend: false } });
  await world.settle();
  assert.equal(await held(world, "Suspended"), "none");
  assert.notEqual(await held(world, "Complete"), "none");
  assert.deepEqual(await messages(world, "Resumed"), ["Job resumed"]);
  await world.stop();
});

test("K8S-237 a finished Job goes ttlSecondsAfterFinished later, with its pods", async () => {
  const world = await start();
  await world.apply(written("exit:0", { ttlSecondsAfterFinished: 60 }));
  await world.advance(30_000);
  assert.notEqual(await held(world, "Complete"), "none");
  await world.advance(60_000);
  assert.equal(await stored(world), null);
  assert.deepEqual(await pods(world), []);
  await world.stop();
});

test("K8S-237 a pod that the server refuses is told of, and made once it may be", async () => {
  let isRefused = true;
  const admit: AdmissionPlugin["admit"] = ({ type, operation }) =>
    isRefused && type.kind === "Pod" && operation === "CREATE"
      ? { allowed: false, code: 403, message: "exceeded quota: one" }
      : { allowed: true };
  const plugin: AdmissionPlugin = { name: "quota.example.com", kind: "validating", admit };
  const world = await startWorld({
    kubelet: { behaviourOf },
    packs: [{ crds: [], converters: {}, admission: [plugin] }],
  });
  await world.apply(written("exit:0"));
  await world.advance(1000);
  assert.match((await messages(world, "FailedCreate"))[0] ?? "", /^Error creating: .*exceeded quota: one/);
  assert.ok((await stored(world)).status?.startTime, "its deadline runs all the same");
  isRefused = false;
  await world.settle();
  assert.notEqual(await held(world, "Complete"), "none");
  await world.stop();
});

test("K8S-237 a name that is cut at a dot still gives names of pods", () => {
  const owner = { ...job(), metadata: { ...job().metadata, name: `${"a".repeat(56)}.long.1` } };
  assert.match(newPodNames(owner, [], 1, () => false)[0]!, /^a{56}-\w{5}$/);
});

for (const [image, spec] of [
  ["exit:0", { completions: 3, parallelism: 2 }],
  ["exit:1", { backoffLimit: 1 }],
  ["forever:1", { completions: 2, parallelism: 2, activeDeadlineSeconds: 10 }],
] as const) {
  test(`K8S-237 pods of ${image} are neither lost nor made twice by a crash after any write`, () =>
    checkCrashAtEachWrite({
      start,
      play: async (world) => {
        await world.apply(written(image, spec));
        await world.settle();
        await world.settle({ quietMs: 120_000 });
      },
      project: async (world) => {
        const { conditions = [], succeeded, failed, active } = (await stored(world)).status!;
        const phases = (await pods(world)).map(({ status }) => (status as { phase: string }).phase);
        return [
          conditions.map(({ type, reason }) => `${type} ${reason}`),
          { succeeded, failed, active },
          phases.sort(),
        ];
      },
    }));
}
