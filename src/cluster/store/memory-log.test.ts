import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryLog } from "./memory-log.ts";
import { testRevisionLog } from "./revision-log.suite.ts";

testRevisionLog("memory log", () => {
  const log = new MemoryLog();
  return { log, reopen: () => log, close() {} };
});

test("K8S-291 the memory log commits in a microtask, without a timer", async () => {
  let isCommitted = false;
  new MemoryLog().schedule(() => {
    isCommitted = true;
  });
  await null;
  assert.equal(isCommitted, true);
});
