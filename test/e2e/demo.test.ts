import assert from "node:assert/strict";
import { test } from "node:test";
import { fairway } from "../support/fairway.ts";

interface Step {
  readonly step: string;
  readonly passed: boolean;
  readonly checks: readonly { check: string; passed: boolean; found: string }[];
  readonly error?: string;
}

test("SEED-030 the demo plays steps 1 to 6 under load and no request fails", { timeout: 180_000 }, async () => {
  const { stdout, stderr, exitCode } = await fairway("demo", "--json");
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
    ["1", "2", "3", "6", "2'", "4", "5"],
  );
  assert.equal(summary.requestsFailed, 0, JSON.stringify(summary.failures));
  assert.ok(summary.requestsSent > 200, `only ${summary.requestsSent} requests were sent`);
  assert.equal(summary.passed, true);
  assert.equal(exitCode, 0);
});
