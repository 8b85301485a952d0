import assert from "node:assert/strict";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import { blueGreenRollout } from "./blue-green/blue-green.fixture.ts";
import { aRollout } from "./rollout.fixture.ts";
import { surpriseWarnings } from "./surprises.ts";
import type { Rollout } from "./types.ts";

const NEVER = "abortScaleDownDelaySeconds: 0 keeps the pods of an aborted version for ever";

function basic(canary: Parameters<typeof aRollout>[0]): Rollout {
  const rollout = aRollout(canary);
  delete rollout.spec.strategy?.canary?.trafficRouting;
  return rollout;
}

const ABANDONED =
  "spec.strategy: VirtualService istio-rollout-vsvc gives 10 % to Service istio-rollout-canary, and nobody changes that any " +
  "more; abort or finish a release before its routes are taken away";

/** In the middle of a release. */
function withShare(weight: number): Rollout {
  const canary = { weight, serviceName: "istio-rollout-canary", podTemplateHash: "a" };
  const stable = { weight: 100 - weight, serviceName: "istio-rollout-stable", podTemplateHash: "b" };
  return { ...aRollout(), status: { canary: { weights: { canary, stable } } } };
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
  ["INV-32 a route that a release has no share of", basic({}), withShare(0), []],
  ["INV-32 a route that a release has a share of", basic({}), withShare(10), [ABANDONED]],
  ["INV-32 another strategy", blueGreenRollout({}), withShare(10), [ABANDONED]],
  ["INV-32 a route that stays", aRollout({ steps: [] }), withShare(10), []],
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
