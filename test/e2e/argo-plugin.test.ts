import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, type Result, type RunningFairway, root, startFairway } from "../support/fairway.ts";

/** EC-025: what Fairway adds to `kubectl argo rollouts`, through a real kubectl against a real cluster. */

const EXAMPLES = path.join(root, "examples", "argo");
const NAME = "istio-rollout";

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway("--memory", "--packs", "istio,argo");
  for (const name of ["rollout", "services", "virtualservice", "gateway"]) {
    await cluster.kubectlOk("apply", "-f", path.join(EXAMPLES, `${name}.yaml`));
  }
});

after(async () => {
  await cluster?.remove();
});

const argo = (...args: string[]): Promise<Result> => cluster.kubectl("argo", "rollouts", ...args);
const until = (goal: string, ...more: string[]) =>
  argo("get", "rollout", NAME, "--until", goal, "--timeout", "30s", ...more);

async function read(...args: string[]) {
  const { stdout, stderr, exitCode } = await argo(...args, "-o", "json");
  assert.deepEqual([exitCode, stderr], [0, ""]);
  return JSON.parse(stdout);
}

test("EC-025 a release for programs: --until, JSON, why and history", { timeout: 90_000 }, async () => {
  assert.equal((await until("healthy")).exitCode, 0);
  assert.equal((await argo("set", "image", NAME, "*=argoproj/rollouts-demo:yellow")).exitCode, 0);
  const { stdout, stderr, exitCode } = await until("paused", "-o", "json");
  assert.deepEqual([exitCode, stderr], [0, ""]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const last = lines.at(-1);
  assert.deepEqual([last.kind, last.phase, last.actualWeight, last.step.index], ["RolloutView", "Paused", 10, 1]);
  assert.ok(
    lines.slice(0, -1).every(({ phase }) => phase === "Progressing"),
    "the pause ends it",
  );
  const [newest] = last.revisions;
  assert.deepEqual(
    [newest.revision, newest.replicaSets[0].tags, newest.replicaSets[0].pods[0].status],
    [2, ["canary"], "Running"],
  );

  const wait = await read("why", NAME);
  assert.deepEqual(
    [wait.waitsFor, wait.actions[0].command],
    ["person", `kubectl argo rollouts promote ${NAME} -n default`],
  );
  const [program = "", ...words] = wait.actions[0].command.split(" ");
  assert.equal(program, "kubectl");
  await cluster.kubectlOk(...words);
  assert.equal((await until("step=3")).exitCode, 0);
  assert.equal((await read("why", NAME)).waitsFor, "time");

  assert.equal((await until("healthy", "--timeout", "1s")).exitCode, 2);
  await argo("abort", NAME);
  const failed = await until("healthy");
  assert.equal(failed.exitCode, 3);
  assert.match(
    failed.stderr,
    /^Error: rollout "istio-rollout" is Degraded: RolloutAborted: Rollout aborted update to revision 2$/m,
  );
  assert.equal((await until("degraded")).exitCode, 0);
  const { revisions } = await read("history", NAME);
  assert.deepEqual(
    revisions.map(({ revision, outcome }: { revision: number; outcome: string }) => [revision, outcome]),
    [
      [1, "Stable"],
      [2, "Aborted"],
    ],
  );
  assert.deepEqual((await read("list", "rollouts")).items[0].name, NAME);
});

test("EC-025 why names the pod and what its node says", { timeout: 60_000 }, async () => {
  await argo("set", "image", NAME, "*=argoproj/no-such-image:1");
  const { stdout } = await eventually(
    "the image is missed",
    () => argo("why", NAME),
    (result) => result.stdout.includes("ImagePullBackOff"),
  );
  assert.match(
    stdout,
    /^istio-rollout \(namespace default\) is Progressing\. 0 of 1 pods of revision 3 \(\w+\) are available; istio-rollout-\w+-\w+ is ImagePullBackOff \(.*no-such-image.*\)\.\n/,
  );
  assert.match(stdout, /\n {2}kubectl describe pod istio-rollout-\w+-\w+ -n default\n/);
});

test("CL-076 notifications are tried out offline", { timeout: 30_000 }, async () => {
  const file = path.join(EXAMPLES, "notifications.yaml");
  const { stdout, stderr, exitCode } = await argo(
    ...["notifications", "template", "notify", "completed", path.join(EXAMPLES, "rollout.yaml")],
    ...["--config-map", file, "--secret", ":empty"],
  );
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /^message: Rollout istio-rollout has been completed\.$/m);
});
