import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import type { Deployment } from "../../api/apps.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { AnalysisRun, Experiment, Rollout } from "../../dialects/argo/types.ts";
import { failure } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import { managersNote } from "./field-managers.ts";
import {
  analysisRun,
  argo,
  at,
  clientWith,
  experiment,
  fails,
  ok,
  put,
  type RolloutOptions,
  type Run,
  replicaSet,
  rollout,
  setStatus,
  startQuietWorld,
  template,
  withRollout,
} from "./program.fixture.ts";

const rolloutOf = (world: World, name = "demo") => world.client.get<Rollout>(resources.argoRollouts, at(name));

function imagesOf({ spec }: { spec: Pick<Rollout["spec"], "template"> }): string[] {
  const { initContainers = [], containers = [] } = (spec.template?.spec ?? {}) as Record<string, { image: string }[]>;
  return [...initContainers, ...containers].map(({ image }) => image);
}

/** Runs a command and answers with the patches that it sent. */
async function patchesOf(world: World, command: string, { hasStatusSubresource = true } = {}) {
  const patches: unknown[] = [];
  const client = clientWith(world.client, {
    patch: async (type, key, patch, options) => {
      patches.push(options?.subresource ? { [options.subresource]: patch.body } : patch.body);
      if (options?.subresource && !hasStatusSubresource) {
        throw failure(404, "NotFound", "the server could not find the requested resource");
      }
      return world.client.get(type, key);
    },
  });
  const run = await argo({ client, clock: world.clock }, command);
  return { run, patches };
}

const pausedStep = { pauseConditions: [{ reason: "CanaryPauseStep", startTime: "2030-01-01T00:00:00Z" }] };
const steps = [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }];
const canary = { strategy: { canary: { steps } } };
const blueGreen = { strategy: { blueGreen: { activeService: "a" } } };
const inRelease = { currentPodHash: "new", stableRS: "old" };

const promotions: readonly (RolloutOptions & {
  name: string;
  flags?: string;
  patches: readonly unknown[];
  says?: string;
  warns?: string;
})[] = [
  {
    name: "CL-040 a pause ends",
    spec: canary,
    status: { ...inRelease, ...pausedStep, controllerPause: true, currentStepIndex: 1 },
    patches: [{ status: { status: { pauseConditions: null } } }],
  },
  {
    name: "CL-040 a running step is left",
    spec: canary,
    status: { ...inRelease, currentStepIndex: 0 },
    patches: [{ status: { status: { pauseConditions: null, currentStepIndex: 1 } } }],
  },
  {
    name: "CL-040 after the last step the index stays",
    spec: canary,
    status: { currentStepIndex: 3 },
    patches: [{ status: { status: { pauseConditions: null, currentStepIndex: 3 } } }],
  },
  {
    name: "CL-040 spec.paused is taken back as well",
    spec: { ...canary, paused: true },
    status: { ...inRelease, ...pausedStep, currentStepIndex: 1 },
    patches: [{ status: { status: { pauseConditions: null } } }, { spec: { paused: false } }],
  },
  {
    name: "CL-040 an inconclusive analysis is passed over",
    spec: canary,
    status: {
      ...inRelease,
      pauseConditions: [{ reason: "InconclusiveAnalysisRun", startTime: "2030-01-01T00:00:00Z" }],
      controllerPause: true,
      currentStepIndex: 1,
      canary: { currentStepAnalysisRunStatus: { name: "a", status: "Inconclusive" } },
    },
    patches: [{ status: { status: { pauseConditions: null, controllerPause: false, currentStepIndex: 2 } } }],
  },
  {
    name: "CL-040 a blue-green pause ends",
    spec: blueGreen,
    status: { ...inRelease, pauseConditions: [{ reason: "BlueGreenPause", startTime: "2030-01-01T00:00:00Z" }] },
    patches: [{ status: { status: { pauseConditions: null } } }],
  },
  { name: "CL-040 a blue-green that does not pause needs nothing", spec: blueGreen, status: inRelease, patches: [] },
  {
    name: "CL-041 in full",
    flags: "--full",
    spec: { ...canary, paused: true },
    status: { ...inRelease, currentStepIndex: 0 },
    patches: [{ status: { status: { promoteFull: true } } }, { spec: { paused: false } }],
    says: "fully promoted",
  },
  {
    name: "CL-041 in full when nothing is being released",
    flags: "--full",
    spec: canary,
    status: { currentPodHash: "same", stableRS: "same" },
    patches: [],
    says: "fully promoted",
  },
  {
    name: "CL-042 the current step skipped",
    flags: "-c",
    spec: canary,
    status: { ...inRelease, currentStepIndex: 1 },
    patches: [{ status: { status: { currentStepIndex: 2 } } }],
    warns: "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME\n",
  },
  {
    name: "CL-042 all steps skipped",
    flags: "--skip-all-steps",
    spec: canary,
    status: { ...inRelease, currentStepIndex: 1 },
    patches: [{ status: { status: { currentStepIndex: 3 } } }],
    warns: "Flag --skip-all-steps has been deprecated, use --full instead\n",
  },
];

for (const { name, flags = "", patches, says = "promoted", warns = "", ...options } of promotions) {
  test(`${name}: what promote sends`, () =>
    withRollout(options, async (world) => {
      const sent = await patchesOf(world, `promote demo ${flags}`);
      assert.deepEqual(sent.run, { ...ok(`rollout 'demo' ${says}\n`), err: warns });
      assert.deepEqual(sent.patches, patches);
    }));
}

test("CL-005 without a status sub-resource promote writes both in one", () =>
  withRollout({ spec: { ...canary, paused: true }, status: { ...inRelease, currentStepIndex: 0 } }, async (world) => {
    const sent = await patchesOf(world, "promote demo", { hasStatusSubresource: false });
    const status = { pauseConditions: null, currentStepIndex: 1 };
    assert.deepEqual(sent.patches, [{ status: { status } }, { spec: { paused: false }, status }]);
    const aborted = await patchesOf(world, "abort demo", { hasStatusSubresource: false });
    assert.deepEqual(aborted.patches, [{ status: { status: { abort: true } } }, { status: { abort: true } }]);
  }));

const controls: readonly { name: string; command: string; patches: readonly unknown[]; out: string }[] = [
  {
    name: "CL-043 abort",
    command: "abort demo",
    patches: [{ status: { status: { abort: true } } }],
    out: "rollout 'demo' aborted\n",
  },
  {
    name: "CL-044 retry rollout",
    command: "retry ro demo",
    patches: [{ status: { status: { abort: false } } }],
    out: "rollout 'demo' retried\n",
  },
  {
    name: "CL-045 retry experiment",
    command: "retry exp e",
    patches: [{ status: null }],
    out: "experiment 'e' retried\n",
  },
  {
    name: "CL-046 pause",
    command: "pause demo",
    patches: [{ spec: { paused: true } }],
    out: "rollout 'demo' paused\n",
  },
  {
    name: "CL-047 restart",
    command: "restart demo",
    patches: [{ spec: { restartAt: "2030-01-01T00:00:00Z" } }],
    out: "rollout 'demo' restarts in 0s\n",
  },
  {
    name: "CL-047 restart later",
    command: "restart demo --in 1m30s",
    patches: [{ spec: { restartAt: "2030-01-01T00:01:30Z" } }],
    out: "rollout 'demo' restarts in 1m30s\n",
  },
  {
    name: "CL-048 terminate analysisrun",
    command: "terminate ar r",
    patches: [{ spec: { terminate: true } }],
    out: "analysisRun 'r' terminated\n",
  },
  {
    name: "CL-049 terminate experiment",
    command: "terminate experiment e",
    patches: [{ spec: { terminate: true } }],
    out: "experiment 'e' terminated\n",
  },
];

for (const { name, command, patches, out } of controls) {
  test(`${name}: what it sends and says`, () =>
    withRollout({}, async (world) => {
      await put(world, resources.experiments, experiment({ name: "e", phase: "Running" }));
      await put(world, resources.analysisRuns, analysisRun({ name: "r", status: { phase: "Running" } }));
      const sent = await patchesOf(world, command);
      assert.deepEqual({ ...sent, patches: sent.patches }, { run: ok(out), patches });
      // And the API server takes them.
      assert.deepEqual(await argo(world, command), ok(out));
    }));
}

test("CL-043 CL-045 CL-048 the objects are changed", () =>
  withRollout({ spec: canary }, async (world) => {
    await put(world, resources.experiments, experiment({ name: "e", phase: "Failed" }));
    await put(world, resources.analysisRuns, analysisRun({ name: "r", status: { phase: "Running" } }));
    await argo(world, "abort demo");
    await argo(world, "retry experiment e");
    await argo(world, "terminate analysisrun r");
    assert.equal((await rolloutOf(world)).status?.abort, true);
    assert.equal((await world.client.get<Experiment>(resources.experiments, at("e"))).status, undefined);
    assert.equal((await world.client.get<AnalysisRun>(resources.analysisRuns, at("r"))).spec.terminate, true);
  }));

const refusals: readonly { name: string; command: string; err: string }[] = [
  { name: "CL-004 get", command: "get rollout x", err: 'Error: rollout.argoproj.io "x" not found\n' },
  { name: "CL-004 get --watch", command: "get ro x -w", err: 'Error: rollout.argoproj.io "x" not found\n' },
  { name: "CL-004 get experiment", command: "get exp x", err: 'Error: experiment.argoproj.io "x" not found\n' },
  { name: "CL-004 status", command: "status x", err: 'Error: rollout.argoproj.io "x" not found\n' },
  ...["promote x", "abort x", "retry rollout x", "pause x", "restart x", "set image x a=b", "undo x"].map(
    (command) => ({ name: `CL-004 ${command}`, command, err: 'Error: rollouts.argoproj.io "x" not found\n' }),
  ),
  {
    name: "CL-042 both flags",
    command: "promote demo -c -a",
    err:
      "Flag --skip-current-step has been deprecated, use without the flag instead ex: promote ROLLOUT_NAME\n" +
      "Flag --skip-all-steps has been deprecated, use --full instead\n" +
      "Error: Cannot use skip-current-step and skip-all-steps flags at the same time\n",
  },
  {
    name: "CL-042 no steps",
    command: "promote demo -a",
    err:
      "Flag --skip-all-steps has been deprecated, use --full instead\n" +
      "Error: Cannot skip steps of a rollout without steps\n",
  },
  { name: "CL-047 no duration", command: "restart demo --in soon", err: 'Error: invalid duration "soon"\n' },
  {
    name: "CL-060 no such container",
    command: "set image demo x=b",
    err: 'Error: unable to find container named "x"\n',
  },
  { name: "CL-050 nothing before", command: "undo demo", err: 'Error: no revision found for rollout "demo"\n' },
  {
    name: "CL-050 no such revision",
    command: "undo demo --to-revision=7",
    err: "Error: unable to find specified revision 7 in history\n",
  },
  { name: "CL-003 unknown flag", command: "abort demo --now", err: "Error: unknown flag: --now\n" },
  {
    name: "CL-003 unknown command",
    command: "abandon demo",
    err: 'Error: unknown command "abandon" for "kubectl-argo-rollouts"\n',
  },
  { name: "CL-071 no template", command: "create ar", err: "Error: one of --from or --from-file must be specified\n" },
];
test("CL-003 CL-004 refusals", async (context) => {
  await withRollout({}, async (world) => {
    for (const { name, command, err } of refusals) {
      await context.test(name, async () => assert.deepEqual(await argo(world, command), fails(err)));
    }
  });
});

for (const command of [
  "get",
  "get rollout",
  "get rollout a b",
  "abort",
  "promote",
  "set image demo",
  "set image demo a=b=c",
  "retry",
  "create",
  "lint",
]) {
  test(`CL-003 "${command}" shows the usage on stderr`, async () => {
    const world = await startQuietWorld();
    const { code, out, err } = await argo(world, command);
    assert.deepEqual({ code, out }, { code: 1, out: "" });
    assert.match(err, /^Usage: kubectl-argo-rollouts /);
    await world.stop();
  });
}

test("CL-060 set image changes all containers with *, init containers too", () =>
  withRollout({}, async (world) => {
    const containers = [
      { name: "main", image: "a" },
      { name: "side", image: "b" },
    ];
    const spec = { template: { spec: { initContainers: [{ name: "init", image: "i" }], containers } } };
    await world.patch(resources.argoRollouts, at(), { spec });
    assert.deepEqual(await argo(world, "set image demo side=c"), ok('rollout "demo" image updated\n'));
    const images = async () => imagesOf(await rolloutOf(world));
    assert.deepEqual(await images(), ["i", "a", "c"]);
    await argo(world, "set image demo *=argoproj/rollouts-demo:yellow");
    assert.deepEqual(await images(), Array(3).fill("argoproj/rollouts-demo:yellow"));
    assert.equal((await rolloutOf(world)).status?.phase, "Healthy");
  }));

test("CL-060 a conflicting write is tried again, five times in all", () =>
  withRollout({}, async (world) => {
    for (const [conflicts, expected] of [
      [4, ok('rollout "demo" image updated\n')],
      [5, fails("Error: changed meanwhile\n")],
    ] as const) {
      let left = conflicts as number;
      const client = clientWith(world.client, {
        update: async (type, object, options) => {
          if (left-- > 0) throw failure(409, "Conflict", "changed meanwhile");
          return world.client.update(type, object, options);
        },
      });
      assert.deepEqual(await argo({ client, clock: world.clock }, "set image demo main=c"), expected);
    }
  }));

const byReference = { workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } };

test("CL-060 CL-050 with a workloadRef the Deployment is changed", async () => {
  const world = await startQuietWorld();
  const object = rollout({ spec: byReference, status: {} });
  delete object.spec.template;
  const stored = await put(world, resources.argoRollouts, object);
  await world.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { selector: { matchLabels: { app: "demo" } }, template: template("v1", { app: "demo" }) },
  });
  const imageOf = async () => imagesOf(await world.client.get<Deployment>(resources.deployments, at("web")))[0];
  assert.deepEqual(await argo(world, "set image demo main=v2"), ok('deployment "web" image updated\n'));
  assert.equal(await imageOf(), "v2");
  await putRevisions(world, stored);
  assert.deepEqual(await argo(world, "undo demo --to-revision 1"), ok("rollout 'demo' undo\n"));
  assert.equal(await imageOf(), "v1");
  await world.stop();
});

/** Three revisions, and a ReplicaSet of somebody else with a higher number. */
async function putRevisions(world: World, { metadata }: KubeObject): Promise<void> {
  for (const [revision, hash] of [
    [1, "a"],
    [3, "c"],
    [2, "b"],
  ] as const) {
    const { uid: _uid, ...own } = replicaSet({
      name: `demo-${hash}`,
      owner: "demo",
      hash,
      image: `v${revision}`,
      revision,
      replicas: 0,
    }).metadata;
    const owner = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Rollout",
      name: "demo",
      uid: metadata.uid ?? "",
      controller: true,
    };
    const made = replicaSet({ name: `demo-${hash}`, owner: "demo", hash, image: `v${revision}`, replicas: 0 });
    await put(world, resources.replicaSets, { ...made, metadata: { ...own, ownerReferences: [owner] } });
  }
  await put(
    world,
    resources.replicaSets,
    replicaSet({ name: "other", owner: "demo", hash: "z", revision: 9, replicas: 0 }),
  );
}

test("CL-050 undo restores the second highest revision's template, without the hash", () =>
  withRollout({ spec: { template: template("v3", { app: "demo" }) } }, async (world, stored) => {
    await putRevisions(world, stored);
    const sent = await patchesOf(world, "undo demo");
    assert.deepEqual(sent.run, ok("rollout 'demo' undo\n"));
    const [[operation]] = sent.patches as [[{ op: string; path: string; value: Rollout["spec"]["template"] }]];
    assert.deepEqual([operation.op, operation.path], ["replace", "/spec/template"]);
    assert.deepEqual(operation.value?.metadata?.labels, { app: "demo" });
    assert.deepEqual(await argo(world, "undo demo"), ok("rollout 'demo' undo\n"));
    assert.deepEqual(imagesOf(await rolloutOf(world)), ["v2"]);
  }));

test("CL-050 undo to what is there already does nothing", () =>
  withRollout({ spec: { template: template("v1", { app: "demo" }) } }, async (world, stored) => {
    await putRevisions(world, stored);
    const sent = await patchesOf(world, "undo demo --to-revision 1");
    assert.deepEqual(sent.run, ok("skipped rollback (current template already matches revision 1)\n"));
    assert.deepEqual(sent.patches, []);
  }));

const statuses: readonly (RolloutOptions & { name: string; command: string; run: Run })[] = [
  {
    name: "CL-035 healthy ends the watch",
    command: "status demo",
    status: { phase: "Healthy" },
    run: ok("Healthy\n"),
  },
  {
    name: "CL-036 degraded ends it with exit code 1",
    command: "status demo",
    status: { phase: "Degraded", message: "RolloutAborted: x" },
    run: {
      code: 1,
      out: "Degraded - RolloutAborted: x\n",
      err: "Error: The rollout is in a degraded state with message: RolloutAborted: x\n",
    },
  },
  {
    name: "CL-037 without watching, a phase that goes on is no failure",
    command: "status demo --watch=false",
    status: { phase: "Paused", message: "CanaryPauseStep" },
    run: ok("Paused - CanaryPauseStep\n"),
  },
  {
    name: "CL-037 without watching, an empty message leaves its dash",
    command: "status demo --watch=false",
    status: { phase: "Progressing" },
    run: ok("Progressing - \n"),
  },
  {
    name: "CL-037 without watching, healthy stands alone",
    command: "status demo -w=false",
    status: { phase: "Healthy" },
    run: ok("Healthy\n"),
  },
  {
    name: "CL-037 without watching, degraded stands alone and fails",
    command: "status --watch=false demo",
    status: { phase: "Degraded", message: "m" },
    run: { code: 1, out: "Degraded\n", err: "Error: The rollout is in a degraded state with message: m\n" },
  },
  {
    name: "ARC-632 a spec that nobody has seen is progressing",
    command: "status demo --watch=false",
    status: { phase: "Healthy", observedGeneration: "0" },
    run: ok("Progressing - waiting for rollout spec update to be observed\n"),
  },
  {
    name: "ARC-632 a pause that was just ended is progressing",
    command: "status demo --watch=false",
    status: { phase: "Paused", message: "CanaryPauseStep", controllerPause: true },
    run: ok("Progressing - waiting for rollout to unpause\n"),
  },
];

for (const { name, command, run, ...options } of statuses) {
  test(name, () => withRollout(options, async (world) => assert.deepEqual(await argo(world, command), run)));
}

test("CL-035 status tells each change once, and a pause does not end it", () =>
  withRollout({ status: { phase: "Progressing", message: "a" } }, async (world) => {
    const meanwhile = async () => {
      await world.settle();
      await setStatus(world, { phase: "Paused", message: "CanaryPauseStep" });
      await setStatus(world, { replicas: 2 });
      await world.settle();
      await setStatus(world, { phase: "Healthy", message: "" });
      await world.settle();
    };
    const run = await argo(world, "status demo", { meanwhile });
    assert.deepEqual(run, ok("Progressing - a\nPaused - CanaryPauseStep\nHealthy\n"));
  }));

for (const [how, command, end] of [
  ["CL-036 the time is up", "status demo --timeout 60s", (world: World) => world.advance(61_000)],
  ["CL-037 the user interrupts", "status -w demo", async (_: World, interrupt: () => void) => interrupt()],
] as const) {
  test(`${how}: exit code 1`, () =>
    withRollout({ status: { phase: "Paused", message: "m" } }, async (world) => {
      const meanwhile = async (interrupt: () => void) => {
        await world.settle();
        await end(world, interrupt);
      };
      assert.deepEqual(await argo(world, command, { meanwhile }), {
        code: 1,
        out: "Paused - m\n",
        err: "Error: Rollout status watch exceeded timeout\n",
      });
    }));
}

test("CL-010 get prints header and tree; CL-026 no colours off a terminal or with --no-color", () =>
  withRollout({ status: { phase: "Healthy" } }, async (world) => {
    const { code, out } = await argo(world, "get rollout demo");
    assert.equal(code, 0);
    assert.match(out, /^Name: {12}demo\nNamespace: {7}default\nStatus: {10}✔ Healthy\n/);
    assert.match(out, /\n\nNAME {4}KIND {5}STATUS {5}AGE {2}INFO\n⟳ demo {2}Rollout {2}✔ Healthy {2}0s {3}\n$/);
    assert.deepEqual(await argo(world, "get rollout demo --no-color", { hasColor: true }), ok(out));
    const coloured = await argo(world, "get rollout demo", { hasColor: true });
    assert.ok(coloured.out.includes("\u001b[32m✔\u001b[0m Healthy"));
  }));

test("CL-029 get --watch draws over the screen at each change and each second, until Ctrl-C", () =>
  withRollout({ status: { phase: "Progressing" } }, async (world) => {
    const meanwhile = async (interrupt: () => void) => {
      await world.advance(10);
      await world.advance(1000);
      await setStatus(world, { phase: "Healthy" });
      await world.advance(300);
      interrupt();
    };
    const { code, out, err } = await argo(world, "get rollout demo -w", { meanwhile, isTerminal: true });
    assert.deepEqual({ code, err }, { code: 0, err: "" });
    const pictures = out.split("\u001b[H\u001b[2J\u001b[0;0H").slice(1);
    const seen = pictures.map((text) => /Status: +(.*)/.exec(text)?.[1] + (/(\d+s) *\n$/.exec(text)?.[1] ?? ""));
    assert.deepEqual([...new Set(seen)], ["◌ Progressing0s", "◌ Progressing1s", "✔ Healthy1s"]);
  }));

test("CL-010 --timeout-seconds ends the watch with exit code 0", () =>
  withRollout({}, async (world) => {
    const run = await argo(world, "get rollout demo -w --timeout-seconds 5", { meanwhile: () => world.advance(5001) });
    assert.deepEqual({ code: run.code, err: run.err }, { code: 0, err: "" });
  }));

test("CL-030 list rollouts", () =>
  withRollout(
    {
      spec: { ...canary, replicas: 5 },
      status: {
        phase: "Paused",
        currentStepIndex: 1,
        replicas: 6,
        readyReplicas: 6,
        updatedReplicas: 1,
        availableReplicas: 5,
      },
    },
    async (world) => {
      await put(world, resources.argoRollouts, rollout({ name: "bg", spec: blueGreen, status: { phase: "Healthy" } }));
      const { code, out } = await argo(world, "list rollouts");
      assert.equal(code, 0);
      assert.deepEqual(out.split("\n"), [
        "NAME        STRATEGY   STATUS        STEP  SET-WEIGHT  READY  DESIRED  UP-TO-DATE  AVAILABLE",
        "bg          BlueGreen  Healthy       -     -           0/0    1        0           0        ",
        "demo        Canary     Paused        1/3   10          6/6    5        1           5        ",
        "",
      ]);
      const named = await argo(world, "list ro --name bg -A --timestamps");
      assert.deepEqual(
        named.out.split("\n").map((line) => line.slice(0, 40)),
        ["TIMESTAMP             NAMESPACE  NAME     ", "2030-01-01T00:00:00Z  default    bg       ", ""].map((line) =>
          line.slice(0, 40),
        ),
      );
    },
  ));

test("CL-031 list tells of an empty list on stderr; a watch tells only what changed", async () => {
  const world = await startQuietWorld();
  assert.deepEqual(await argo(world, "list rollouts"), { code: 0, out: "", err: "No resources found.\n" });
  assert.deepEqual(await argo(world, "list experiments"), { code: 0, out: "", err: "No resources found.\n" });
  const meanwhile = async (interrupt: () => void) => {
    await world.settle();
    await put(world, resources.argoRollouts, rollout({ status: { phase: "Progressing" } }));
    await setStatus(world, { message: "nothing that is listed" });
    await setStatus(world, { phase: "Healthy" });
    await world.settle();
    interrupt();
  };
  const { code, out } = await argo(world, "list rollouts --watch", { meanwhile });
  assert.equal(code, 0);
  assert.deepEqual(
    out.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3).join(" ")),
    ["NAME STRATEGY STATUS", "demo Canary Progressing", "demo Canary Healthy", ""],
  );
  await world.stop();
});

test("CL-032 list experiments", async () => {
  const world = await startQuietWorld();
  const object = experiment({ name: "e", phase: "Running" });
  object.spec.duration = "5m";
  object.status = { ...object.status, availableAt: "2029-12-31T23:59:00Z" };
  await put(world, resources.experiments, object);
  await put(world, resources.experiments, experiment({ name: "forever", phase: "Successful" }));
  assert.deepEqual((await argo(world, "list exp")).out.split("\n"), [
    "NAME        STATUS      DURATION  REMAINING  AGE",
    "e           Running     5m        4m         0s ",
    "forever     Successful  -         -          0s ",
    "",
  ]);
  await world.stop();
});

async function inFolder(act: (file: (name: string, content: unknown) => string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "argo-"));
  try {
    await act((name, content) => {
      const path = join(folder, name);
      writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
      return path;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const successRate = {
  apiVersion: "argoproj.io/v1alpha1",
  kind: "AnalysisTemplate",
  metadata: { name: "rate" },
  spec: {
    args: [{ name: "service" }, { name: "limit", value: "1" }],
    metrics: [{ name: "m", provider: { prometheus: { query: "{{args.service}}" } } }],
  },
};

test("CL-070 create -f takes the kinds of argoproj.io, and no member that they do not have", () =>
  inFolder(async (file) => {
    const world = await startQuietWorld();
    const { status: _status, ...plainRollout } = rollout();
    const { uid: _uid, ...metadata } = plainRollout.metadata;
    const first = file("rollout.json", { ...plainRollout, metadata });
    const second = file("template.yaml", successRate);
    assert.deepEqual(
      await argo(world, `create -f ${first} -f ${second}`),
      ok("rollout.argoproj.io/demo created\nanalysistemplate.argoproj.io/rate created\n"),
    );
    assert.deepEqual(
      await argo(world, `create -f ${first} -f ${second} -w`),
      fails("Error: Cannot watch multiple resources\n"),
    );
    const service = file("service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n");
    assert.deepEqual(await argo(world, `create -f ${service}`), fails("Error: creates of /Service unsupported\n"));
    const wrong = file("wrong.yaml", { ...successRate, spec: { ...successRate.spec, metrix: [] } });
    assert.deepEqual(
      await argo(world, `create -f ${wrong}`),
      fails('Error: error unmarshaling JSON: while decoding JSON: json: unknown field "metrix"\n'),
    );
    assert.deepEqual(
      await argo(world, "create -f /nowhere.yaml"),
      fails("Error: open /nowhere.yaml: no such file or directory\n"),
    );
    await world.stop();
  }));

test("CL-071 create analysisrun from a template in the cluster or in a file", () =>
  inFolder(async (file) => {
    const world = await startQuietWorld();
    await world.apply(successRate);
    const bare = await argo(world, "create analysisrun --from rate");
    assert.deepEqual(bare, fails("Error: args.service was not resolved\n"));
    const malformed = await argo(world, "create ar --from rate -a service");
    assert.deepEqual(malformed, fails("Error: arguments must be in the form NAME=VALUE\n"));
    const { out } = await argo(world, "create ar --from rate -a service=web=1 --instance-id mine");
    const [, name = ""] = /^analysisrun\.argoproj\.io\/(rate-\w{5}) created\n$/.exec(out) ?? [];
    const run = await world.client.get<AnalysisRun>(resources.analysisRuns, at(name));
    assert.deepEqual(run.spec.args, [
      { name: "service", value: "web=1" },
      { name: "limit", value: "1" },
    ]);
    assert.deepEqual(run.metadata.labels, { "argo-rollouts.argoproj.io/controller-instance-id": "mine" });
    const path = file("rate.yaml", successRate);
    assert.deepEqual(
      await argo(world, `create ar --from-file ${path} -a service=web --name mine`),
      ok("analysisrun.argoproj.io/mine created\n"),
    );
    await world.stop();
  }));

test("CL-074 version, CL-075 completion, CL-006 names for shells", () =>
  withRollout({}, async (world) => {
    assert.match((await argo(world, "version --short")).out, /^kubectl-argo-rollouts: v\d+\.\d+\.\d+\S*\n$/);
    assert.match(
      (await argo(world, "version")).out,
      /\n {2}BuildDate: .*\n {2}GitCommit: .*\n {2}GitTreeState: .*\n {2}GoVersion: /,
    );
    for (const shell of ["bash", "zsh", "fish", "powershell"]) {
      assert.match((await argo(world, `completion ${shell}`)).out, /kubectl-argo-rollouts __complete/);
    }
    assert.deepEqual(await argo(world, "__complete promote d"), ok("demo\n:4\n"));
    assert.deepEqual(await argo(world, "__complete -n other get ro d"), ok(":4\n"));
    assert.deepEqual(await argo(world, "__complete ret"), ok("retry\n:4\n"));
  }));

for (const [type, consequence] of [
  ["Background", /^Note: Rollout 'demo' goes on without this analysis: ended early, it counts as Successful /],
  ["Step", /^Note: Rollout 'demo' pauses, since its analysis has no verdict now\n$/],
] as const) {
  test(`SU-024 terminate says what the Rollout makes of it: a ${type} run`, () =>
    withRollout({}, async (world) => {
      const run = analysisRun({ name: "r", status: { phase: "Running" } });
      const owner = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout", name: "demo", uid: "u", controller: true };
      const metadata = { ...run.metadata, labels: { "rollout-type": type }, ownerReferences: [owner] };
      await put(world, resources.analysisRuns, { ...run, metadata });
      const { out, err } = await argo(world, "terminate analysisrun r");
      assert.equal(out, "analysisRun 'r' terminated\n");
      assert.match(err, consequence);
    }));
}

test("SU-022 undo tells of whoever keeps the pod template elsewhere", () => {
  const entry = (manager: string, fieldsV1: unknown) => ({ manager, operation: "Update", fieldsV1 });
  const template = { "f:spec": { "f:template": { "f:spec": {} } } };
  const managedFields = [
    entry("kubectl-client-side-apply", template),
    entry("rollouts-controller", { "f:status": {} }),
    entry("argocd-controller", template),
    entry("argocd-controller", template),
    entry("hpa", { "f:spec": { "f:replicas": {} } }),
  ];
  const object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", managedFields } };
  assert.equal(
    managersNote(object),
    "Note: argocd-controller manages the pod template of Deployment 'web' too, and may put another one back\n",
  );
  assert.equal(managersNote({ ...object, metadata: { name: "web" } }), "");
});

test("SU-022 undo with a workloadRef tells of whoever keeps the Deployment elsewhere", async () => {
  const world = await startQuietWorld();
  const object = rollout({ spec: byReference, status: {} });
  delete object.spec.template;
  const stored = await put(world, resources.argoRollouts, object);
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { matchLabels: { app: "demo" } }, template: template("v3", { app: "demo" }) },
  };
  await world.apply(deployment);
  await putRevisions(world, stored);
  const managedFields = [{ manager: "argocd-controller", fieldsV1: { "f:spec": { "f:template": {} } } }];
  const client = clientWith(world.client, {
    patch: async (type, key, patch) => {
      const changed = await world.client.patch(type, key, patch);
      return { ...changed, metadata: { ...changed.metadata, managedFields } } as never;
    },
  });
  assert.deepEqual(await argo({ client, clock: world.clock }, "undo demo --to-revision 1"), {
    code: 0,
    out: "rollout 'demo' undo\n",
    err: "Note: argocd-controller manages the pod template of Deployment 'web' too, and may put another one back\n",
  });
  await world.stop();
});

test("SU-021 mistakes of the original that no script can want", () =>
  withRollout({ spec: { template: template("v1", { app: "demo" }) } }, async (world, stored) => {
    await putRevisions(world, stored);
    await put(world, resources.experiments, experiment({ name: "e", phase: "Running" }));
    assert.deepEqual(await argo(world, "terminate experiment e"), ok("experiment 'e' terminated\n"));
    assert.deepEqual(await argo(world, "restart demo --in soon"), fails('Error: invalid duration "soon"\n'));
    const { out } = await argo(world, "undo demo --to-revision 1");
    assert.equal(out, "skipped rollback (current template already matches revision 1)\n");
  }));
