import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLogger } from "./log.ts";

/** Every write to it fails with ENOSPC. */
const FULL = "/dev/full";

test("K8S-291 a log that cannot be written ends nothing", { skip: !existsSync(FULL) }, async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("uncaughtException", note);
  const logger = createLogger("test", FULL, "info");
  for (let line = 0; line < 100; line++) logger.info({ line }, "x".repeat(100_000));
  await setImmediate();
  process.off("uncaughtException", note);
  assert.deepEqual(uncaught, []);
});
