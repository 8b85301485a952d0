import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import { blueGreenRollout } from "./blue-green.fixture.ts";
import { aRollout } from "./rollout.fixture.ts";
import { surpriseWarnings } from "./surprises.ts";
import type { Rollout } from "./types.ts";

const NEVER = "abortScaleDownDelaySeconds: 0 keeps the pods of an aborted version for ever";

function basic(canary: Parameters<typeof aRollout>[0]): Rollout {
  const rollout = aRollout(canary);
  delete rollout.spec.strategy?.canary?.trafficRouting;
  return rollout;
}

const cases: readonly [name: string, rollout: Rollout, old: Rollout | null, warnings: readonly string[]][] = [
  ["nothing to tell", aRollout({ maxSurge: 5, maxUnavailable: "25%", abortScaleDownDelaySeconds: 30 }), null, []],
  [
    "ARC-919 a number in quotes",
    aRollout({ maxSurge: "5" }),
    null,
    ['spec.strategy.canary.maxSurge: "5" is 5 %; without quotes it is a number of pods'],
  ],
  [
    "ARC-919 of a blue-green Rollout",
    blueGreenRollout({ maxUnavailable: "1" }),
    null,
    ['spec.strategy.blueGreen.maxUnavailable: "1" is 1 %; without quotes it is a number of pods'],
  ],
  ["ARC-908 with a router", aRollout({ abortScaleDownDelaySeconds: 0 }), null, [`spec.strategy.canary.${NEVER}`]],
  ["ARC-908 without a router there is no such delay", basic({ abortScaleDownDelaySeconds: 0 }), null, []],
  [
    "ARC-908 blue-green",
    blueGreenRollout({ abortScaleDownDelaySeconds: 0 }),
    null,
    [`spec.strategy.blueGreen.${NEVER}`],
  ],
  ["told already", aRollout({ abortScaleDownDelaySeconds: 0 }), aRollout({ abortScaleDownDelaySeconds: 0 }), []],
  [
    "new in an update",
    aRollout({ abortScaleDownDelaySeconds: 0 }),
    aRollout({ abortScaleDownDelaySeconds: 5 }),
    [`spec.strategy.canary.${NEVER}`],
  ],
];

const noReader = { get: () => null, list: () => [] };

for (const [name, object, oldObject, expected] of cases) {
  test(`a Rollout that surprises: ${name}`, () => {
    const request = {
      operation: oldObject ? "UPDATE" : "CREATE",
      type: resources.argoRollouts,
      subresource: "",
      namespace: "default",
      name: object.metadata.name,
      object,
      oldObject,
      userAgent: "kubectl",
      dryRun: false,
    } as const;
    const result = surpriseWarnings.admit(request, noReader);
    assert.deepEqual(result.allowed && (result.warnings ?? []), expected);
  });
}
