import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import {
  at,
  deployment,
  line,
  podsOf,
  rollout,
  rolloutOf,
  setImage,
  startKruise,
} from "../../dialects/kruise/release.fixture.ts";
import type { KubeClient } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";
import { runKubectlKruise } from "./program.ts";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `kubectl kruise …` against a cluster in memory; `meanwhile` is what happens while the command runs. */
async function kruise(world: World, command: string, meanwhile: () => Promise<unknown> = async () => {}): Promise<Run> {
  let out = "";
  let err = "";
  const running = runKubectlKruise(command.split(" ").filter(Boolean), {
    connect: ({ namespace = "default" }) => ({ client: world.client, namespace, close: async () => {} }),
    clock: world.clock,
    isTerminal: false,
    hasColor: false,
    ask: null,
    onInterrupt: () => () => {},
    print: (text) => {
      out += text;
    },
    printError: (text) => {
      err += text;
    },
  });
  await meanwhile();
  return { code: await running, out, err };
}

const ok = (out: string): Run => ({ code: 0, out, err: "" });
const fails = (err: string): Run => ({ code: 1, out: "", err });

async function worldAtPause(...names: string[]): Promise<World> {
  const world = await startKruise();
  for (const name of names) await world.apply([deployment(name), rollout(name)]);
  await world.settle();
  for (const name of names) await setImage(world, name, 2);
  await world.settle();
  return world;
}

test("KRUISE-450 approve lets the paused step go on", async () => {
  const world = await worldAtPause("a");
  assert.deepEqual(await kruise(world, "rollout approve rollout/a"), ok("rollout.rollouts.kruise.io/a approved\n"));
  await world.settle();
  assert.match(await line(world, "a"), /^Healthy Completed/);
  assert.deepEqual(
    await kruise(world, "rollout approve rollout/a"),
    fails(
      "error: rollouts.rollouts.kruise.io \"a\" does not allow to approve, because current canary state is not 'StepPaused'\n",
    ),
  );
  await world.stop();
});

test("INV-30 approve survives a status write between its read and its write", async () => {
  const world = await worldAtPause("a");
  const key = { namespace: "default", name: "a" };
  let interruptions = 1;
  const client: Pick<KubeClient, "get" | "patch"> = {
    get: (type, target) => world.client.get(type, target),
    async patch(...[type, target, patch, options]: Parameters<KubeClient["patch"]>) {
      if (interruptions-- > 0) {
        const note = { kind: "merge" as const, body: { status: { message: "written meanwhile" } } };
        await world.client.patch(resources.kruiseRollouts, key, note, { subresource: "status" });
      }
      return world.client.patch(type, target, patch, options);
    },
  };
  const busy = { client, clock: world.clock } as unknown as World;
  assert.deepEqual(await kruise(busy, "rollout approve rollout/a"), ok("rollout.rollouts.kruise.io/a approved\n"));
});

test("KRUISE-450 approve takes TYPE NAME, several at once, and -o name", async () => {
  const world = await worldAtPause("a", "b", "c");
  const approved = (...names: string[]) =>
    names.map((name) => `rollout.rollouts.kruise.io/${name} approved\n`).join("");
  assert.deepEqual(await kruise(world, "rollout approve rollouts a b"), ok(approved("a", "b")));
  assert.deepEqual(
    await kruise(world, "rollout approve rollouts.rollouts.kruise.io/c -o name"),
    ok("rollout.rollouts.kruise.io/c\n"),
  );
  await world.settle();
  for (const name of ["a", "b", "c"]) assert.match(await line(world, name), /^Healthy Completed/);
  await world.stop();
});

test("KRUISE-450 approve -f reads the manifests", async () => {
  const world = await worldAtPause("a");
  const folder = mkdtempSync(join(tmpdir(), "kruise-"));
  try {
    const file = join(folder, "rollouts.yaml");
    writeFileSync(file, JSON.stringify(rollout("a")));
    assert.deepEqual(await kruise(world, `rollout approve -f ${file}`), ok("rollout.rollouts.kruise.io/a approved\n"));
  } finally {
    rmSync(folder, { recursive: true });
  }
  const missing = await kruise(world, "rollout approve -f /nowhere.yaml");
  assert.deepEqual(missing, fails('error: the path "/nowhere.yaml" does not exist\n'));
  await world.stop();
});

const refusals: readonly { name: string; command: string; err: string }[] = [
  {
    name: "KRUISE-452 approve of a Rollout that is not there",
    command: "rollout approve rollout/x",
    err: 'Error from server (NotFound): rollouts.rollouts.kruise.io "x" not found\n',
  },
  {
    name: "KRUISE-452 approve without argument",
    command: "rollout approve",
    err: "error: required resource not specified\n",
  },
  {
    name: "KRUISE-452 approve with a name only",
    command: "rollout approve a",
    err: 'error: the server doesn\'t have a resource type "a"\n',
  },
  {
    name: "KRUISE-452 a type without a name",
    command: "rollout approve rollout",
    err: "error: resource(s) were provided, but no name was specified\n",
  },
  {
    name: "KRUISE-451 approve of another kind",
    command: "rollout approve deployment/a",
    err: 'error: deployments.apps "a" approving is not supported\n',
  },
  {
    name: "KRUISE-451 each failure on its own line",
    command: "rollout approve rollout/x deployment/a",
    err: 'Error from server (NotFound): rollouts.rollouts.kruise.io "x" not found\nerror: deployments.apps "a" approving is not supported\n',
  },
  {
    name: "KRUISE-457 resume of what is not paused",
    command: "rollout resume rollout/a",
    err: 'error: rollouts.rollouts.kruise.io "a" is not paused\n',
  },
  {
    name: "KRUISE-459 history of a Rollout",
    command: "rollout history rollout/a",
    err: 'error: no history viewer has been implemented for "Rollout.rollouts.kruise.io"\n',
  },
  {
    name: "KRUISE-459 restart of a Rollout",
    command: "rollout restart rollout/a",
    err: 'error: rollouts.rollouts.kruise.io "a" restarting is not supported\n',
  },
  {
    name: "KRUISE-459 restart in mid-release",
    command: "rollout restart deployment/a",
    err: 'error: deployments.apps "a" can\'t restart paused deployment (run rollout resume first)\n',
  },
  {
    name: "KRUISE-454 undo to a revision that never was",
    command: "rollout undo deployment/a --to-revision=9",
    err: "error: unable to find specified revision 9 in history\n",
  },
  {
    name: "KRUISE-456 undo --fast at the first step",
    command: "rollout undo rollout/a --fast",
    err: 'error: rollouts.rollouts.kruise.io "a" already at the first step\n',
  },
];

test("KRUISE section 14: refusals", async (group) => {
  const world = await worldAtPause("a");
  for (const { name, command, err } of refusals) {
    await group.test(name, async () => assert.deepEqual(await kruise(world, command), fails(err)));
  }
  await world.stop();
});

test("KRUISE-453 undo of a Rollout rolls its Deployment back, once", async () => {
  const world = await worldAtPause("a");
  const undone = await kruise(world, "rollout undo rollout/a deployment/a");
  assert.deepEqual(undone, ok("deployment.apps/a rolled back\n"));
  await world.settle();
  assert.equal(await line(world, "a"), "Healthy Completed 1 Completed: Rollout progressing has been canceled");
  assert.deepEqual(await podsOf(world, "a"), ["base app:1"]);
  await world.stop();
});

test("KRUISE-454 undo again skips, with the revision asked for", async () => {
  const world = await worldAtPause("a");
  await world.patch(resources.kruiseRollouts, at("a"), { spec: { strategy: { paused: true } } });
  assert.deepEqual(await kruise(world, "rollout undo deployment/a"), ok("deployment.apps/a rolled back\n"));
  assert.deepEqual(
    await kruise(world, "rollout undo deployment/a --to-revision 1"),
    ok("deployment.apps/a skipped rollback (current template already matches revision 1)\n"),
  );
  await world.stop();
});

test("KRUISE-455 undo after the end begins a gated release back", async () => {
  const world = await worldAtPause("a");
  await kruise(world, "rollout approve rollout/a");
  await world.settle();
  assert.deepEqual(await kruise(world, "rollout undo rollout/a"), ok("deployment.apps/a rolled back\n"));
  await world.settle();
  assert.match(await line(world, "a"), /^Progressing InRolling 1 StepPaused/);
  assert.deepEqual(await podsOf(world, "a"), ["base app:2", "canary app:1"]);
  await world.stop();
});

test("KRUISE-454 a Deployment with one revision has nothing to go back to", async () => {
  const world = await startKruise();
  await world.apply([deployment("a"), rollout("a")]);
  await world.settle();
  assert.deepEqual(
    await kruise(world, "rollout undo rollout/a"),
    fails('error: no rollout history found for deployment "a"\n'),
  );
  await world.stop();
});

test("KRUISE-457 pause and resume set strategy.paused", async () => {
  const world = await worldAtPause("a");
  assert.deepEqual(await kruise(world, "rollout pause rollout/a"), ok("rollout.rollouts.kruise.io/a paused\n"));
  assert.equal((await rolloutOf(world, "a")).spec.strategy.paused, true);
  assert.deepEqual(
    await kruise(world, "rollout pause rollout/a"),
    fails('error: rollouts.rollouts.kruise.io "a" is already paused\n'),
  );
  assert.deepEqual(await kruise(world, "rollout resume rollout/a"), ok("rollout.rollouts.kruise.io/a resumed\n"));
  assert.equal((await rolloutOf(world, "a")).spec.strategy.paused, false);
  await world.stop();
});

test("KRUISE-458 status of a Rollout tells the messages until it is healthy", async () => {
  const world = await worldAtPause("a");
  const waiting = "Rollout is in step(1/1), and you need manually confirm to enter the next step\n";
  assert.deepEqual(await kruise(world, "rollout status rollout/a --watch=false"), ok(waiting));
  const followed = await kruise(world, "rollout status rollout/a", async () => {
    await world.settle();
    await kruise(world, "rollout approve rollout/a");
    await world.settle();
  });
  assert.equal(followed.code, 0);
  assert.ok(followed.out.startsWith(waiting), followed.out);
  assert.ok(followed.out.endsWith("Rollout progressing has been completed\n"), followed.out);
  await world.stop();
});

test("KRUISE-458 status of a Deployment, and its time limit", async () => {
  const world = await worldAtPause("a");
  const waiting = 'Waiting for deployment "a" rollout to finish: 0 out of 1 new replicas have been updated...\n';
  const run = await kruise(world, "rollout status deployment/a --timeout 5s", () => world.advance(6000));
  assert.deepEqual(run, { code: 1, out: waiting, err: "error: timed out waiting for the condition\n" });
  await world.stop();
});

test("KRUISE-459 history of a Deployment", async () => {
  const world = await worldAtPause("a");
  await kruise(world, "rollout approve rollout/a");
  await world.settle();
  const out = "deployment.apps/a \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n";
  assert.deepEqual(await kruise(world, "rollout history deployment/a"), ok(out));
  await world.stop();
});

test("KRUISE-460 describe shows the step, the workload and the canary's pods", async () => {
  const world = await worldAtPause("a");
  const { code, out } = await kruise(world, "describe rollout a");
  assert.equal(code, 0);
  const { canaryStatus } = (await rolloutOf(world, "a")).status ?? {};
  const lines = out.split("\n");
  assert.deepEqual(lines.slice(0, 9), [
    "Name:              a",
    "Namespace:         default",
    "Status:            ⚠ Progressing",
    "Message:           Rollout is in step(1/1), and you need manually confirm to enter the next step",
    "Strategy:          Canary",
    " Step:             1/1",
    " Steps:",
    "  -  Replicas:     1",
    "     State:        StepPaused",
  ]);
  assert.deepEqual(lines.slice(9, 18), [
    "Images:            app:2",
    `Current Revision:  ${canaryStatus?.stableRevision}`,
    `Update Revision:   ${canaryStatus?.canaryRevision}`,
    "Replicas:",
    " Desired:          1",
    " Updated:          0",
    " Current:          1",
    " Ready:            1",
    " Available:        1",
  ]);
  assert.match(lines[18] ?? "", /^NAME +READY {2}BATCH ID {2}REVISION +AGE +RESTARTS {2}STATUS$/);
  assert.match(lines[19] ?? "", new RegExp(`^a-.{5}-.* 1/1 +1 +${canaryStatus?.podTemplateHash} .* 0 +✔ Running$`));
  assert.equal(lines.length, 21);
  await world.stop();
});

test("KRUISE-460 describe does not fail on a Rollout without status or workload", async () => {
  const world = await startKruise();
  await world.apply(rollout("a"));
  await world.settle();
  const { code, out } = await kruise(world, "describe ro a");
  assert.equal(code, 0);
  assert.match(out, /Error getting resources: deployments.apps "a" not found/);
  assert.deepEqual(await kruise(world, "describe rollout"), fails("error: required rollout name not specified\n"));
  await world.stop();
});
