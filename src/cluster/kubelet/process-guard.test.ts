import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { endOrphans, startProcessGuard, TOKEN_VARIABLE } from "./process-guard.ts";

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-guard-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function sleeper(token: string): ChildProcess & { pid: number } {
  const env = { PATH: process.env["PATH"], [TOKEN_VARIABLE]: token };
  const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore", env });
  assert.ok(child.pid);
  return child as ChildProcess & { pid: number };
}

test("K8S-283 when the guard's owner goes the processes that are left go too", () =>
  withDirectory(async (directory) => {
    const guard = startProcessGuard(directory);
    const [left, removed] = [sleeper("a"), sleeper("b")];
    guard.add(left.pid, "a");
    guard.add(removed.pid, "b");
    guard.remove(removed.pid);
    const ended = once(left, "exit");
    // The pipe closes as it does when our process dies.
    guard.stop();
    assert.deepEqual(await ended, [null, "SIGTERM"]);
    assert.equal(removed.exitCode ?? removed.signalCode, null, "a removed process is not touched");
    removed.kill();
  }));

test("K8S-259 orphans of a crashed run are found and ended at the next start", () =>
  withDirectory(async (directory) => {
    const orphan = sleeper("t1");
    startProcessGuard(directory).add(orphan.pid, "t1");
    const ended = once(orphan, "exit");
    assert.equal(await endOrphans(directory, systemClock), 1);
    await ended;
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(await endOrphans(directory, systemClock), 0);
  }));

test("K8S-259 another process that got the recorded pid is left alone", () =>
  withDirectory(async (directory) => {
    const stranger = sleeper("of somebody else");
    const record = { pid: stranger.pid, startTime: "1", token: "t2" };
    writeFileSync(path.join(directory, `${stranger.pid}.json`), JSON.stringify(record));
    writeFileSync(path.join(directory, "7.json"), "half a rec");
    assert.equal(await endOrphans(directory, systemClock), 0);
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    stranger.kill();
    assert.deepEqual(readdirSync(directory), []);
  }));
