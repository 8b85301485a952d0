import assert from "node:assert/strict";
import { test } from "node:test";
import { fairway } from "../support/fairway.ts";

interface Step {
  readonly step: string;
  readonly passed: boolean;
  readonly commands: readonly { readonly command: string; readonly output: string }[];
  readonly checks: readonly { readonly check: string; readonly passed: boolean; readonly found: string }[];
  readonly error?: string;
}

test("SE-014 the Argo demo releases, rolls back by itself and undoes, and no request fails", {
  timeout: 240_000,
}, async (context) => {
  const { stdout, stderr, exitCode } = await fairway("demo", "argo", "--json");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { summary } = lines.at(-1);
  const steps: Step[] = lines.slice(0, -1);
  const failed = steps.filter(({ passed }) => !passed);
  assert.deepEqual(failed, [], stderr);
  assert.deepEqual(
    steps.map(({ step }) => step),
    ["1", "2", "3", "4", "5", "6"],
  );
  assert.equal(summary.requestsFailed, 0, JSON.stringify(summary.failures));
  assert.ok(summary.requestsSent > 2_000, `only ${summary.requestsSent} requests were sent`);
  assert.ok(summary.statuses.requests["500"] > 0, "the slider asked for answers of status 500");
  assert.equal(summary.passed, true);
  assert.equal(exitCode, 0);

  await context.test("ARC-034 the names of the ReplicaSets are those of the document", () => {
    const trees = output(steps, 2);
    for (const hash of ["7f96d86486", "5fcf5864c4"]) assert.match(trees, new RegExp(`⧉ istio-rollout-${hash} `));
  });
  await context.test("SE-009 pods show the application and its sidecar", () => {
    assert.match(output(steps, 0), /ready:2\/2/);
  });
  await context.test("the answers were measured at the weights of the steps", () => {
    const measured = (steps[2]?.checks ?? []).filter(({ check }) => / answers /.test(check));
    // A slow machine may miss a step that passes by itself; missing most of them would be something else.
    assert.ok(measured.length >= 4, `${measured.length} measurements`);
  });
});

function output(steps: readonly Step[], index: number): string {
  return (steps[index]?.commands ?? []).map(({ output }) => output).join("\n");
}
