import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { bin, fairway, run } from "../support/fairway.ts";

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

test("a demo whose reader goes away stops, and leaves no cluster", { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-test-"));
  try {
    const { exitCode } = await run("bash", [
      "-c",
      '"$0" demo --data "$1" | head -1; exit "${PIPESTATUS[0]}"',
      path.join(bin, "fairway"),
      directory,
    ]);
    assert.equal(exitCode, 141);
    assert.match((await fairway("status", "--data", directory)).stdout, /no cluster is running/);
  } finally {
    await fairway("down", "--data", directory);
    rmSync(directory, { recursive: true, force: true });
  }
});
