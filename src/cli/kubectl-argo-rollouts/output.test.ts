import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import type { World } from "../../../test/support/world.ts";
import { resources } from "../../kube/resource.ts";
import {
  argo,
  experiment,
  fails,
  put,
  type RolloutOptions,
  replicaSet,
  setStatus,
  startQuietWorld,
  withRollout,
} from "./program.fixture.ts";

/** EC-025, SU-020: what programs read, and what they can wait for. */

const steps = [{ setWeight: 10 }, { pause: {} }, { setWeight: 50 }];
const canary = { strategy: { canary: { steps } } };
const paused: RolloutOptions = {
  spec: canary,
  status: { phase: "Paused", message: "CanaryPauseStep", currentStepIndex: 1, currentPodHash: "b", stableRS: "a" },
};
const apiVersion = "cli.argo.fairway.dev/v1";
const counts = { desired: 1, current: 0, updated: 0, ready: 0, available: 0 };
const brief = {
  namespace: "default",
  name: "demo",
  createdAt: "2030-01-01T00:00:00Z",
  phase: "Paused",
  message: "CanaryPauseStep",
  strategy: "Canary",
  step: { index: 1, count: 3 },
  setWeight: 10,
  replicas: counts,
};

const documents: readonly { name: string; command: string; expected: object }[] = [
  {
    name: "get rollout",
    command: "get rollout demo",
    expected: { apiVersion, kind: "RolloutView", ...brief, steps, actualWeight: 0, images: [], revisions: [] },
  },
  {
    name: "list rollouts",
    command: "list rollouts",
    expected: { apiVersion, kind: "RolloutBriefList", items: [brief] },
  },
  {
    name: "an empty list",
    command: "list rollouts --name none",
    expected: { apiVersion, kind: "RolloutBriefList", items: [] },
  },
  {
    name: "get experiment",
    command: "get experiment e",
    expected: {
      ...{ apiVersion, kind: "ExperimentView", namespace: "default", name: "e", createdAt: "2030-01-01T00:00:00Z" },
      ...{ revision: 0, phase: "Running", message: "", images: [], replicaSets: [], analysisRuns: [] },
    },
  },
  {
    name: "list experiments",
    command: "list experiments",
    expected: {
      apiVersion,
      kind: "ExperimentBriefList",
      items: [
        {
          ...{ namespace: "default", name: "e", createdAt: "2030-01-01T00:00:00Z", phase: "Running", message: "" },
          ...{ duration: "", availableAt: "" },
        },
      ],
    },
  },
  {
    name: "status without a watch",
    command: "status demo --watch=false",
    expected: {
      ...{ apiVersion, kind: "StatusView", namespace: "default", name: "demo" },
      ...{ phase: "Paused", message: "CanaryPauseStep" },
    },
  },
];
for (const { name, command, expected } of documents) {
  test(`EC-025 SU-020 ${name} as JSON and as YAML`, () =>
    withRollout(paused, async (world) => {
      await put(world, resources.experiments, experiment({ name: "e", phase: "Running" }));
      const json = await argo(world, `${command} -o json`);
      assert.deepEqual(JSON.parse(json.out), expected);
      assert.deepEqual({ code: json.code, err: json.err }, { code: 0, err: "" });
      assert.deepEqual(parse((await argo(world, `${command} --output=yaml`)).out), expected);
    }));
}

test("EC-025 the view has ReplicaSets and pods with what is wrong with them", () =>
  withRollout(paused, async (world, { metadata }) => {
    const set = replicaSet({ name: "demo-b", owner: "demo", hash: "b", revision: 2, replicas: 1, available: 0 });
    const owner = { ...set.metadata.ownerReferences?.[0], uid: metadata.uid };
    const { uid: _uid, ...rest } = set.metadata;
    await put(world, resources.replicaSets, {
      ...set,
      metadata: { ...rest, ownerReferences: [owner] } as typeof set.metadata,
    });
    const { revisions } = JSON.parse((await argo(world, "get ro demo -o json")).out);
    const [{ revision, replicaSets }] = revisions;
    assert.equal(revision, 2);
    assert.deepEqual(
      Object.keys(replicaSets[0]).sort().join(" "),
      "available createdAt desired images name podHash pods replicas revision scaleDownDeadline status tags template",
    );
    assert.deepEqual([replicaSets[0].desired, replicaSets[0].available, replicaSets[0].tags], [1, 0, ["canary"]]);
  }));

test("EC-025 version tells programs who answers", async () => {
  const world = await startQuietWorld();
  const { out } = await argo(world, "version -o json");
  const { version, ...rest } = JSON.parse(out);
  assert.deepEqual(rest, { apiVersion, kind: "VersionView", implementation: "fairway" });
  assert.match(version, /^v\d+\.\d+\.\d+/);
  await world.stop();
});

test("EC-025 another format is refused by name", () =>
  withRollout({}, async (world) =>
    assert.deepEqual(
      await argo(world, "get rollout demo -o xml"),
      fails("Error: option '-o, --output <format>' argument 'xml' is invalid. Allowed choices are json, yaml.\n"),
    ),
  ));

const release = async (world: World) => {
  await world.advance(300);
  await setStatus(world, { phase: "Paused", message: "CanaryPauseStep", currentStepIndex: 1 });
  await world.advance(300);
  // Nothing that is shown.
  await setStatus(world, { HPAReplicas: 7 });
  await world.advance(300);
};

for (const [command, isTerminal] of [
  ["get rollout demo -w -o json", false],
  ["get rollout demo -w -o json", true],
  ["list rollouts -w -o json", false],
  ["status demo -o json", false],
] as const) {
  test(`EC-025 ${command}${isTerminal ? " on a terminal" : ""}: one JSON object a line, one a change`, () =>
    withRollout({ spec: canary, status: { phase: "Progressing", message: "m" } }, async (world) => {
      const meanwhile = async (interrupt: () => void) => {
        await release(world);
        await world.advance(3000);
        interrupt();
      };
      const { out } = await argo(world, command, { meanwhile, isTerminal });
      const seen = out.trimEnd().split("\n");
      assert.deepEqual(
        seen.map((line) => JSON.parse(line).phase),
        ["Progressing", "Paused"],
      );
    }));
}

test("EC-025 a YAML watch is one document a change", () =>
  withRollout({ spec: canary, status: { phase: "Progressing", message: "m" } }, async (world) => {
    const meanwhile = async (interrupt: () => void) => {
      await release(world);
      interrupt();
    };
    const { out } = await argo(world, "get ro demo -w -o yaml", { meanwhile });
    const seen = parseAllDocuments(out).map((document) => (document.toJS() as { phase: string }).phase);
    assert.deepEqual(seen, ["Progressing", "Paused"]);
  }));

/** What happens while `get rollout demo --until …` runs. */
type Change = Record<string, unknown> | number;

const aborted = { type: "Progressing", status: "False", reason: "RolloutAborted", message: "why" } as const;
const times = { lastUpdateTime: "2030-01-01T00:00:00Z", lastTransitionTime: "2030-01-01T00:00:00Z" };
const conditions = [{ ...aborted, ...times }];

const waits: readonly {
  name: string;
  until: string;
  from: NonNullable<RolloutOptions["status"]>;
  changes?: readonly Change[];
  code: number;
  err?: string;
}[] = [
  { name: "what is so already ends it at once", until: "paused", from: { phase: "Paused" }, code: 0 },
  {
    name: "a release that gets healthy",
    until: "healthy",
    from: { phase: "Progressing" },
    changes: [{ phase: "Paused" }, { phase: "Healthy" }],
    code: 0,
  },
  {
    name: "a phase between two drawings counts",
    until: "paused",
    from: { phase: "Progressing" },
    changes: [{ phase: "Paused" }, { phase: "Progressing" }],
    code: 0,
  },
  {
    name: "one of several",
    until: "paused,healthy",
    from: { phase: "Progressing" },
    changes: [{ phase: "Healthy" }],
    code: 0,
  },
  {
    name: "a step, or a later one",
    until: "step=2",
    from: { phase: "Progressing", currentStepIndex: 0 },
    changes: [{ currentStepIndex: 1 }, { currentStepIndex: 3 }],
    code: 0,
  },
  {
    name: "the step itself",
    until: "step=2",
    from: { phase: "Progressing", currentStepIndex: 1 },
    changes: [{ currentStepIndex: 2 }, 5000],
    code: 0,
  },
  {
    name: "a step of a status that is out of date does not count",
    until: "step=2",
    from: { phase: "Healthy", currentStepIndex: 3, observedGeneration: "0" },
    changes: [5000],
    code: 2,
    err: "Error: timed out waiting for the rollout\n",
  },
  {
    name: "time up",
    until: "healthy",
    from: { phase: "Paused" },
    changes: [5000],
    code: 2,
    err: "Error: timed out waiting for the rollout\n",
  },
  {
    name: "the release fails",
    until: "healthy",
    from: { phase: "Progressing" },
    changes: [{ phase: "Degraded", message: "RolloutAborted: why" }],
    code: 3,
    err: 'Error: rollout "demo" is Degraded: RolloutAborted: why\n',
  },
  {
    name: "a failure may be what was waited for",
    until: "degraded",
    from: { phase: "Progressing" },
    changes: [{ phase: "Degraded" }],
    code: 0,
  },
  {
    name: "a release that is over without a pause",
    until: "paused",
    from: { phase: "Progressing" },
    changes: [{ phase: "Healthy" }],
    code: 3,
    err: 'Error: rollout "demo" is Healthy, and did not come to what was waited for\n',
  },
  {
    name: "one that is still healthy may be about to begin",
    until: "paused",
    from: { phase: "Healthy" },
    changes: [{ phase: "Progressing" }, { phase: "Paused" }],
    code: 0,
  },
  {
    name: "a failure that is being retried does not end it",
    until: "healthy",
    from: { phase: "Degraded", abort: false, conditions },
    changes: [{ phase: "Progressing", conditions: [] }, { phase: "Healthy" }],
    code: 0,
  },
  {
    name: "a failure that stays does",
    until: "healthy",
    from: { phase: "Degraded", message: "RolloutAborted: why", abort: true, conditions },
    code: 3,
    err: 'Error: rollout "demo" is Degraded: RolloutAborted: why\n',
  },
  {
    name: "a step that there is not",
    until: "step=4",
    from: { phase: "Progressing" },
    code: 1,
    err: 'Error: --until step=4: rollout "demo" has 3 steps\n',
  },
];
for (const { name, until, from, changes = [], code, err = "" } of waits) {
  test(`EC-025 SU-020 --until ${until}: ${name}`, () =>
    withRollout({ spec: canary, status: from }, async (world) => {
      const meanwhile = async () => {
        await world.advance(10);
        for (const change of changes) {
          if (typeof change === "number") await world.advance(change);
          else await setStatus(world, change);
          await world.advance(10);
        }
      };
      const run = await argo(world, `get rollout demo --until ${until} --timeout 4s`, { meanwhile });
      assert.deepEqual({ code: run.code, err: run.err }, { code, err });
    }));
}

test("EC-025 the last picture is that of the end", () =>
  withRollout({ spec: canary, status: { phase: "Progressing" } }, async (world) => {
    const { code, out } = await argo(world, "get ro demo -w --until paused -o json", {
      meanwhile: () => release(world),
    });
    const last = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
    assert.deepEqual([code, last.phase, last.step], [0, "Paused", { index: 1, count: 3 }]);
  }));

test("EC-025 a Rollout that is deleted ends the wait", () =>
  withRollout({ status: { phase: "Progressing" } }, async (world) => {
    const meanwhile = async () => {
      await world.advance(10);
      await world.client.delete(resources.argoRollouts, { namespace: "default", name: "demo" });
      await world.advance(10);
    };
    const { code, err } = await argo(world, "get ro demo --until healthy", { meanwhile });
    assert.deepEqual([code, err], [3, 'Error: rollout "demo" was deleted\n']);
  }));

test("EC-025 Ctrl-C is no success of a wait", () =>
  withRollout({ status: { phase: "Progressing" } }, async (world) => {
    const meanwhile = async (interrupt: () => void) => {
      await world.settle();
      interrupt();
    };
    const { code } = await argo(world, "get ro demo --until healthy", { meanwhile });
    assert.equal(code, 130);
  }));

for (const [command, err] of [
  ["--until soon", 'Error: --until soon: expected healthy, paused, degraded or step=N, found "soon"\n'],
  ["-w --timeout 5s", "Error: --timeout needs --until; a plain watch is ended by --timeout-seconds\n"],
] as const) {
  test(`EC-025 get rollout ${command} is refused`, () =>
    withRollout({}, async (world) => assert.deepEqual(await argo(world, `get rollout demo ${command}`), fails(err))));
}

test("SU-020 exit when finished is opt-in: a plain watch goes on", () =>
  withRollout({ status: { phase: "Progressing" } }, async (world) => {
    const meanwhile = async () => {
      await world.advance(10);
      await setStatus(world, { phase: "Healthy" });
      await world.advance(60_000);
    };
    const { code, out } = await argo(world, "get ro demo -w --timeout-seconds 30", { meanwhile });
    assert.equal(code, 0);
    assert.match(out, /Healthy/);
  }));

test("SU-021 no colours go into a pipe, and nothing is drawn over there", () =>
  withRollout({ status: { phase: "Progressing" } }, async (world) => {
    const meanwhile = async (interrupt: () => void) => {
      await release(world);
      interrupt();
    };
    const { out } = await argo(world, "get ro demo -w", { meanwhile });
    assert.ok(!out.includes("\u001b"), out);
  }));

for (const [words, found] of [
  ["get rollout -o ", "json\nyaml\n"],
  ["get rollout d", "demo\n"],
  ["get rollout demo --until p", "paused\n"],
  ["get rollout --u", "--user\n--until\n"],
  ["why ", "demo\n"],
  ["history demo --rev", "--revision\n"],
  ["promote --sk", "--skip\n"],
  ["notifications template get --output w", "wide\n"],
  ["version --out", "--output\n"],
] as const) {
  test(`EC-025 CL-006 shells complete "${words}"`, () =>
    withRollout({}, async (world) => {
      const blank = words.endsWith(" ");
      // The fixture drops empty words; a shell hands over the one that is about to be typed.
      const typed = blank ? `${words}\0` : words;
      assert.deepEqual(await argo(world, `__complete ${typed}`), { code: 0, out: `${found}:4\n`, err: "" });
    }));
}
