import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { annotations } from "../keys.ts";
import type { Pass } from "../pass.ts";
import type { TemporaryService } from "../view.ts";
import { experimentShares } from "./experiment-shares.ts";

/** When a running experiment's version gets its share (INV-01, INV-10). */

const NOTHING_BEHIND: TemporaryService = { slices: [], pods: [] };
const POD: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "trial-1", resourceVersion: "7" } };
const ONE_POD: TemporaryService = {
  slices: [
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "trial", resourceVersion: "9" },
      endpoints: [{ conditions: { ready: true }, targetRef: { name: "trial-1" } }],
    },
  ],
  pods: [POD],
};

/** A data plane that knows both kinds up to this revision. */
function knowing(revision: number): KubeObject {
  const data = { "endpointslices.discovery.k8s.io": String(revision), pods: String(revision) };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "d" }, data };
}

interface Case {
  readonly name: string;
  readonly isHeld?: boolean;
  readonly terminate?: boolean;
  readonly phase?: string;
  readonly dataPlane?: KubeObject | null;
  readonly behind?: TemporaryService;
  /** The share is in force already. */
  readonly stands?: boolean;
  readonly hasShare: boolean;
}

const cases: readonly Case[] = [
  { name: "held, and its pod is known", hasShare: true },
  { name: "nobody holds its pods yet", isHeld: false, hasShare: false },
  { name: "it ended", phase: "Successful", hasShare: false },
  { name: "it was told to end", terminate: true, hasShare: false },
  { name: "nobody tells what is known", dataPlane: null, hasShare: true },
  { name: "its pod is not known yet", dataPlane: knowing(8), hasShare: false },
  { name: "it has no endpoint", behind: NOTHING_BEHIND, hasShare: false },
  { name: "in force, and news of its endpoints are on the way", stands: true, dataPlane: knowing(8), hasShare: true },
  { name: "in force, and its last pod is gone", stands: true, behind: NOTHING_BEHIND, hasShare: false },
];

for (const one of cases) {
  const { name, isHeld = true, terminate, phase = "Running", dataPlane = knowing(9), behind = ONE_POD, stands } = one;
  test(`INV-01 INV-10 ARC-224 an experiment's share: ${name}`, () => {
    const templateStatuses = [{ name: "trial", serviceName: "trial", podTemplateHash: "h" }];
    const experiment = {
      metadata: { name: "e", annotations: isHeld ? { [annotations.routed]: "true" } : {} },
      spec: terminate ? { terminate } : {},
      status: { phase, templateStatuses },
    };
    const share = { weight: 5, serviceName: "trial", podTemplateHash: "h" };
    const weights = stands ? { weights: { additional: [share] } } : {};
    // Only what is asked of a pass stands here.
    const pass = {
      status: { canary: { currentExperiment: "e", ...weights } },
      currentStep: { experiment: { templates: [{ name: "trial", specRef: "canary", weight: 5 }] } },
      view: { experiments: [experiment], temporary: new Map([["trial", behind]]), dataPlane },
      isAborted: false,
    } as unknown as Pass;
    assert.deepEqual(experimentShares(pass), one.hasShare ? [share] : []);
  });
}
