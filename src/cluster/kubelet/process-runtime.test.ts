import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { createSpawn } from "./process-runtime.ts";

// Time stands still: a run ends only because everybody who could still write has gone.
const spawn = createSpawn(new VirtualClock());
const env = { PATH: process.env["PATH"] ?? "" };

function run(command: readonly string[]) {
  const lines: string[] = [];
  let onLine = () => {};
  const child = spawn({
    command,
    directory: "/",
    env,
    onOutput: (stream, more) => {
      lines.push(...more.map((line) => `${stream} ${line}`));
      onLine();
    },
  });
  const printed = (line: string) =>
    new Promise<void>((resolve) => {
      onLine = () => {
        if (lines.includes(line)) resolve();
      };
      onLine();
    });
  return { ...child, lines, printed };
}

test("K8S-254 the exit code of a program", async () => {
  const { ended, lines } = run(["sh", "-c", "echo out; echo err >&2; printf tail; exit 3"]);
  assert.deepEqual(await ended, { exitCode: 3, startError: null });
  assert.deepEqual(lines.sort(), ["stderr err", "stdout out", "stdout tail"]);
});

test("K8S-254 a signal counts as 128 + its number", async () => {
  const { ended, signal, printed } = run(["sh", "-c", "echo ready; sleep 60"]);
  await printed("stdout ready");
  signal("SIGTERM");
  assert.deepEqual(await ended, { exitCode: 143, startError: null });
});

test("K8S-255 a program that is not there", async () => {
  const { ended, pid } = run(["fairway-no-such-program"]);
  const { exitCode, startError } = await ended;
  assert.equal(pid, null);
  assert.equal(exitCode, 127);
  assert.match(startError ?? "", /^cannot run "fairway-no-such-program": the program was not found on this machine/);
});

test("K8S-259 what a program started ends with it", async () => {
  // Holds the output open for a minute unless it is killed.
  const { ended, signal, printed } = run(["sh", "-c", "sleep 60 & echo ready; wait"]);
  await printed("stdout ready");
  signal("SIGTERM");
  assert.equal((await ended).exitCode, 143);
});

test("K8S-259 what a program leaves behind at its own end is killed", async () => {
  const { ended } = run(["sh", "-c", "trap '' TERM; sleep 60 & exit 0"]);
  assert.equal((await ended).exitCode, 0);
});
