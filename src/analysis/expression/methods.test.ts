import assert from "node:assert/strict";
import { test } from "node:test";
import { compileExpression, ExpressionError, type Value } from "./index.ts";

const now = Date.UTC(2030, 0, 1, 1);
const variables = {
  rollout: { status: { phase: "Paused", abortedAt: "2030-01-01T00:00:00Z", currentStepIndex: 2 } },
  analysisRuns: [{ status: { phase: "Failed" } }],
} as Record<string, Value>;

const cases: readonly { text: string; value?: Value; error?: RegExp }[] = [
  { text: "rollout.status.phase == 'Paused'", value: true },
  { text: "rollout.status.currentStepIndex > 1", value: true },
  { text: "rollout.status.nothing == nil", value: true },
  { text: "rollout.nothing.phase", error: /cannot fetch phase from <nil>/ },
  { text: "rollout.nothing?.phase == nil", value: true },
  { text: "len(analysisRuns) > 0 and analysisRuns[0].status.phase in ['Failed', 'Error']", value: true },
  { text: "time.Now().Sub(time.Parse(rollout.status.abortedAt)).Minutes() >= 60", value: true },
  { text: "time.Parse(rollout.status.abortedAt).Before(time.Now())", value: true },
  { text: "time.Parse(rollout.status.abortedAt).Unix()", value: BigInt(Date.UTC(2030, 0, 1) / 1000) },
  { text: "strings.ToLower(rollout.status.phase)", value: "paused" },
  { text: "time.Parse('yesterday')", error: /expected RFC 3339/ },
  { text: "time.Later()", error: /unknown name time\.Later/ },
  { text: "rollout.status.phase.Hours()", error: /expected time\.Duration, but got string/ },
  { text: "application.metadata", error: /unknown name application/ },
];
for (const { text, value, error } of cases) {
  test(`NO-004 ${text}`, () => {
    const run = () => compileExpression(text, { allowsMethods: true }).evaluate({ variables, now });
    if (error === undefined) assert.deepEqual(run(), value);
    else assert.throws(run, (thrown: Error) => thrown instanceof ExpressionError && error.test(thrown.message));
  });
}

test("EX-012 conditions of metrics call no methods", () => {
  assert.throws(() => compileExpression("time.Now()"), /Now is not callable/);
});
