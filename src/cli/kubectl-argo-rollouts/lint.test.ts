import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import type { KubeObject } from "../../api/meta.ts";
import { aRollout, aService, aVirtualService } from "../../dialects/argo/rollout.fixture.ts";
import { argo, fails, ok, type Run, startQuietWorld } from "./program.fixture.ts";

const basic = (canary: Record<string, unknown>) => {
  const rollout = aRollout();
  rollout.spec.strategy = { canary };
  return rollout;
};

const files: readonly { name: string; objects: readonly (KubeObject | Record<string, unknown>)[]; run: Run }[] = [
  { name: "the seed's Rollout by itself is fine: the rest may be in the cluster", objects: [aRollout()], run: ok("") },
  {
    name: "with all that it refers to",
    objects: [aRollout(), aService("istio-rollout-stable"), aService("istio-rollout-canary"), aVirtualService],
    run: ok(""),
  },
  {
    name: "no room to move",
    objects: [basic({ maxSurge: 0, maxUnavailable: 0 })],
    run: fails("Error: spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero\n"),
  },
  {
    name: "the second document is looked at too",
    objects: [aService("istio-rollout-stable"), basic({ maxSurge: 0, maxUnavailable: 0 })],
    run: fails("Error: spec.strategy.maxSurge: Invalid value: 0: MaxSurge and MaxUnavailable both can not be zero\n"),
  },
  {
    name: "a member that no step has",
    objects: [basic({ steps: [{ setWeigth: 10 }] })],
    run: fails('Error: error unmarshaling JSON: while decoding JSON: json: unknown field "setWeigth"\n'),
  },
  {
    name: "a Rollout without anything",
    objects: [{ apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" }],
    run: fails("Error: spec.selector: Required value: Rollout has missing field '.spec.selector'\n"),
  },
  {
    name: "steps that are no list",
    objects: [basic({ steps: 7 })],
    run: fails("Error: error unmarshaling JSON: a field has not the type that its kind's schema asks for\n"),
  },
  ...["canary", "stable"].map((first) => ({
    name: `of two wrong Services the ${first} one, which the file has first`,
    objects: [aRollout(), ...[first, "canary", "stable"].map(strangeService)],
    run: fails(
      `Error: spec.strategy.canary.${first}Service: Invalid value: "istio-rollout-${first}": ` +
        `Service "istio-rollout-${first}" has unmatch label "app" in rollout\n`,
    ),
  })),
];

function strangeService(role: string): KubeObject {
  return { ...aService(`istio-rollout-${role}`), spec: { selector: { app: "another" } } };
}

for (const { name, objects, run } of files) {
  test(`CL-072 lint: ${name}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "argo-lint-"));
    const world = await startQuietWorld();
    try {
      const file = join(folder, "objects.yaml");
      writeFileSync(file, objects.map((object) => stringify(object)).join("---\n"));
      assert.deepEqual(await argo(world, `lint -f ${file}`), run);
    } finally {
      rmSync(folder, { recursive: true });
      await world.stop();
    }
  });
}

test("CL-072 lint: a VirtualService of the file without the named route is told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "argo-lint-"));
  const world = await startQuietWorld();
  try {
    const file = join(folder, "objects.yaml");
    const spec = { ...(aVirtualService["spec"] as object), http: [{ name: "other", route: [] }] };
    const objects = [aRollout(), { ...aVirtualService, spec }];
    writeFileSync(file, objects.map((object) => stringify(object)).join("---\n"));
    const { code, err } = await argo(world, `lint -f ${file}`);
    assert.equal(code, 1);
    assert.match(err, /^Error: spec\.strategy\.canary\.trafficRouting\.istio\.virtualService/);
  } finally {
    rmSync(folder, { recursive: true });
    await world.stop();
  }
});

test("CL-070 create: a file of several objects is refused in words of ours, and nothing is created", async () => {
  const folder = mkdtempSync(join(tmpdir(), "argo-create-"));
  const world = await startQuietWorld();
  try {
    const file = join(folder, "objects.yaml");
    writeFileSync(file, `${stringify(aService("a"))}---\n${stringify(aRollout())}`);
    const text = `Error: ${file}: several documents; this command takes one object a file (kubectl create takes more)\n`;
    assert.deepEqual(await argo(world, `create -f ${file}`), fails(text));
  } finally {
    rmSync(folder, { recursive: true });
    await world.stop();
  }
});
