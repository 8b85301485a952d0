import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "../../../test/support/world.ts";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { annotations } from "./keys.ts";
import type { Pass } from "./pass.ts";
import {
  aRollout,
  aService,
  aVirtualService,
  deployed,
  HASH,
  KEY,
  patchStatus,
  setImage,
  startArgo,
  statusOf,
  VIRTUAL_SERVICE,
} from "./rollout.fixture.ts";
import { experimentShares } from "./traffic/experiment-shares.ts";

/** Events that tell of trouble (ARC-642, ARC-643), and what the Rollout's status says of it. */

const QUIET = { quietMs: 15_000 };
const steps = [{ setWeight: 50 }, { pause: {} }];

/** `type reason: message` of the Rollout's events. */
async function told(world: World): Promise<string[]> {
  const list = await world.list(resources.events, "default");
  return list
    .filter((event) => (event["involvedObject"] as { kind?: string } | undefined)?.kind === "Rollout")
    .map((event) => `${event["type"]} ${event["reason"]}: ${event["message"]}`);
}

test("ARC-643 each new phase of a run is told, a bad one as a warning", async () => {
  const world = await startArgo();
  await world.apply({
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name: "rate" },
    spec: { metrics: [{ name: "rate", count: 1, initialDelay: "10h", provider: { web: { url: "http://x/" } } }] },
  } as KubeObject);
  await deployed(world, aRollout({ steps, analysis: { templates: [{ templateName: "rate" }] } }));
  await setImage(world, "yellow");
  await world.advance(10_000);
  const name = `istio-rollout-${HASH.yellow}-2`;
  await world.patch(resources.analysisRuns, { namespace: "default", name }, { status: { phase: "Error" } });
  await world.advance(5000);
  const runs = (await told(world)).filter((text) => text.includes("Analysis Run"));
  assert.deepEqual(runs, [
    `Normal AnalysisRunRunning: Background Analysis Run '${name}' Status New: 'Running' Previous: 'NoPreviousStatus'`,
    `Warning AnalysisRunError: Background Analysis Run '${name}' Status New: 'Error' Previous: 'Running'`,
  ]);
  assert.ok(
    (await told(world)).includes(
      "Warning RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed",
    ),
  );
  await world.stop();
});

test("ARC-131 ARC-642 an abort by a user is a warning once, without a reason", async () => {
  const world = await deployed(await startArgo(), aRollout({ steps }));
  await setImage(world, "yellow");
  await world.settle(QUIET);
  await patchStatus(world, { abort: true });
  await world.advance(60_000);
  const aborted = (await told(world)).filter((text) => text.includes("RolloutAborted"));
  assert.deepEqual(aborted, ["Warning RolloutAborted: Rollout aborted update to revision 2"]);
  await world.stop();
});

test("ARC-321 ARC-642 a DestinationRule that is missing is a warning, and does not repeat for ever", async () => {
  const istio = {
    virtualService: { name: VIRTUAL_SERVICE.name, routes: ["primary"] },
    destinationRule: { name: "app", canarySubsetName: "canary", stableSubsetName: "stable" },
  };
  const rollout = aRollout({ trafficRouting: { istio }, steps });
  delete rollout.spec.strategy?.canary?.canaryService;
  delete rollout.spec.strategy?.canary?.stableService;
  const route = ["stable", "canary"].map((subset, index) => ({
    destination: { host: "app", subset },
    weight: index === 0 ? 100 : 0,
  }));
  const world = await startArgo();
  await world.apply([
    aService("app"),
    { ...aVirtualService, spec: { hosts: ["app"], http: [{ name: "primary", route }] } } as KubeObject,
    rollout,
  ]);
  await world.advance(600_000);
  const warnings = (await told(world)).filter((text) => text.includes("DestinationRule"));
  assert.deepEqual(warnings, ["Warning DestinationRuleNotFound: DestinationRule `app` not found"]);
  const passes = await world.get(resources.argoRollouts, KEY);
  await world.advance(600_000);
  assert.equal(
    (await world.get(resources.argoRollouts, KEY))?.metadata.resourceVersion,
    passes?.metadata.resourceVersion,
    "nothing is written while nothing changes",
  );
  assert.match((await statusOf(world)).message ?? "", /DestinationRule app/);
  await world.stop();
});

test("ARC-656 an analysis whose template is missing is told as a mistake of the spec", async () => {
  const world = await deployed(await startArgo(), aRollout({ analysis: { templates: [{ templateName: "none" }] } }));
  const { phase, message = "" } = await statusOf(world);
  assert.equal(phase, "Degraded");
  assert.match(message, /^InvalidSpec: .*none/);
  await world.stop();
});

test("ARC-915 a version of an experiment that has no Service yet, or no more, gets no share", () => {
  const experiment = {
    metadata: { name: "e", annotations: { [annotations.routed]: "true" } },
    spec: {},
    status: {
      phase: "Running",
      templateStatuses: [
        { name: "a", podTemplateHash: "h" },
        { name: "b", serviceName: "", podTemplateHash: "h" },
        { name: "c", serviceName: "svc", podTemplateHash: "h" },
      ],
    },
  };
  const templates = ["a", "b", "c"].map((name) => ({ name, specRef: "canary", weight: 5 }));
  // Only what is asked of a pass stands here.
  const pass = {
    status: { canary: { currentExperiment: "e" } },
    currentStep: { experiment: { templates } },
    view: { experiments: [experiment], temporary: new Map(), dataPlane: null },
    isAborted: false,
  } as unknown as Pass;
  assert.deepEqual(experimentShares(pass), [{ weight: 5, serviceName: "svc", podTemplateHash: "h" }]);
});
