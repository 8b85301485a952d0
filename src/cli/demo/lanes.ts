import path from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import { expectChain, expectNotFound, expectRollout, expectSubsets } from "./lane-checks.ts";
import { LaneLoad } from "./lane-load.ts";
import type { Stage } from "./stage.ts";
import { type DemoWalk, noLoad, playSteps, type Scene, type Step, type WalkReport } from "./walk.ts";

/**
 * The walk of seed 000 (SEED-030): three services in a chain, a baseline lane, a canary lane, and Kruise Rollouts that
 * open and close the canary lane service by service. The variant 6 (rollback) is played from the state after step 3
 * and followed by a second release of the same service, so that one run shows both ways out.
 */

const EXAMPLES = path.relative(
  process.cwd(),
  path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "examples", "lanes"),
);
const NEW_IMAGE = "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample:2.0";
const SERVICES = ["mocka", "mockb", "mockc"] as const;

const HEALTHY = { phase: "Healthy", state: "Completed", message: "workload deployment is completed" };
const COMPLETED = { phase: "Healthy", state: "Completed", message: "Rollout progressing has been completed" };
const CANCELED = { phase: "Healthy", state: "Completed", message: "Rollout progressing has been canceled" };
const WAITING = {
  phase: "Progressing",
  state: "StepPaused",
  message: "Rollout is in step(1/1), and you need manually confirm to enter the next step",
};

export const lanesWalk: DemoWalk = {
  name: "lanes",
  headline: "an end-to-end canary release of three services",
  packs: ["istio", "kruise", "lanes"],
  watched: [
    resources.pods,
    resources.deployments,
    resources.kruiseRollouts,
    resources.virtualServices,
    resources.destinationRules,
    resources.endpointSlices,
  ],
  play: playLanes,
};

async function playLanes({ stage, instance }: Scene): Promise<WalkReport> {
  const load = new LaneLoad({ url: `${instance.gateway}/mock`, laneOfAddress: rememberLanes(stage), hops: 3 });
  let isLoading = false;
  const startLoad = () => {
    isLoading = true;
    load.start();
  };
  const steps: readonly Step[] = [
    ["1", "Deploy the baseline, the lanes and the rollouts", () => deploy(stage, startLoad)],
    ["2", "Release mocka into the canary lane", () => releaseFirst(stage, "1000")],
    ["3", "Release mockb and mockc into the canary lane", () => releaseRest(stage)],
    ["6", "Roll back mocka (the other way out of step 3)", () => rollBack(stage)],
    ["2'", "Release mocka once more", () => releaseAgain(stage)],
    ["4", "Complete mockb: its new version becomes the baseline", () => completeMiddle(stage)],
    ["5", "Complete mocka and mockc: the release is finished", () => completeRest(stage)],
  ];
  const reports = await playSteps(stage, steps);
  return { reports, steps: steps.length, load: isLoading ? await load.stop() : noLoad };
}

/** Which lane each pod address belongs to, gone pods included: an answer may arrive after its pod has left. */
function rememberLanes({ cache }: Stage): (ip: string) => string | null {
  const lanes = new Map<string, string>();
  cache.of(resources.pods)?.onChange(({ after }) => {
    const ip = ((after?.["status"] ?? {}) as { podIP?: string }).podIP;
    if (after && ip) lanes.set(ip, after.metadata.labels?.["ASM_TRAFFIC_TAG"] ?? "");
  });
  return (ip) => lanes.get(ip) ?? null;
}

/** The steady load runs from the moment the base lane serves. */
async function deploy(stage: Stage, onServing: () => void): Promise<void> {
  for (const file of ["gateway", "apps", "lanes", "rollouts"]) {
    await stage.kubectl("apply", "-f", `${EXAMPLES}/${file}.yaml`);
  }
  for (const service of SERVICES) {
    await stage.expectState(
      `deployment ${service}-v1 is ready`,
      () => readyReplicas(stage, `${service}-v1`) === 1,
      () => `${readyReplicas(stage, `${service}-v1`)} ready replicas`,
    );
  }
  for (const service of SERVICES) await expectRollout(stage, `rollouts-${service}`, HEALTHY);
  await expectSubsets(stage, { mocka: "base", mockb: "base", mockc: "base" });
  await stage.expectServed("/mock", { "x-asm-prefer-tag": "base", "my-request-id": "probe" });
  onServing();
  await stage.kubectl("get", "rollout");
  await stage.kubectl("get", "virtualservice,destinationrule", "-n", "istio-system");
  await expectChain(stage, "base", "9999", "a1 b1 c1");
  await expectChain(stage, "canary", "10000", "a1 b1 c1");
  await expectNotFound(stage);
}

async function releaseFirst(stage: Stage, id: string): Promise<void> {
  await patchImage(stage, "mocka");
  await expectRollout(stage, "rollouts-mocka", WAITING);
  await expectSubsets(stage, { mocka: "base,canary", mockb: "base", mockc: "base" });
  await stage.kubectl("get", "rollout");
  await stage.kubectl("get", "deployment,pod", "-L", "ASM_TRAFFIC_TAG");
  await showSubsets(stage);
  await expectChain(stage, "base", `${id}1`, "a1 b1 c1");
  await expectChain(stage, "canary", `${id}1`, "a2 b1 c1");
}

async function releaseRest(stage: Stage): Promise<void> {
  await patchImage(stage, "mockb");
  await patchImage(stage, "mockc");
  for (const service of SERVICES) await expectRollout(stage, `rollouts-${service}`, WAITING);
  await expectSubsets(stage, { mocka: "base,canary", mockb: "base,canary", mockc: "base,canary" });
  await stage.kubectl("get", "rollout");
  await showSubsets(stage);
  await expectChain(stage, "canary", "10002", "a2 b2 c2");
  await expectChain(stage, "base", "10003", "a1 b1 c1");
}

async function rollBack(stage: Stage): Promise<void> {
  const before = podUids(stage, "mocka");
  await stage.kubectl("kruise", "rollout", "undo", "rollout/rollouts-mocka");
  await expectRollout(stage, "rollouts-mocka", CANCELED);
  await expectSubsets(stage, { mocka: "base", mockb: "base,canary", mockc: "base,canary" });
  await expectNoCanaryDeployment(stage, "mocka");
  const after = podUids(stage, "mocka");
  stage.check(
    "the base pod of mocka was not restarted",
    after.length > 0 && after.join() === before.join(),
    after.join(),
  );
  await expectChain(stage, "base", "10011", "a1 b1 c1");
  await expectChain(stage, "canary", "10012", "a1 b2 c2");
}

async function releaseAgain(stage: Stage): Promise<void> {
  await patchImage(stage, "mocka");
  await expectRollout(stage, "rollouts-mocka", WAITING);
  await expectSubsets(stage, { mocka: "base,canary", mockb: "base,canary", mockc: "base,canary" });
  await expectChain(stage, "canary", "10013", "a2 b2 c2");
}

async function completeMiddle(stage: Stage): Promise<void> {
  await stage.kubectl("kruise", "rollout", "approve", "rollout/rollouts-mockb");
  await expectRollout(stage, "rollouts-mockb", COMPLETED);
  await expectSubsets(stage, { mocka: "base,canary", mockb: "base", mockc: "base,canary" });
  await expectNoCanaryDeployment(stage, "mockb");
  await stage.kubectl("get", "rollout");
  await showSubsets(stage);
  await expectChain(stage, "base", "10004", "a1 b2 c1");
  // The decisive request (LANE-301): it passes a base pod of mockb and must come back to the canary lane after it.
  await expectChain(stage, "canary", "10014", "a2 b2 c2");
}

async function completeRest(stage: Stage): Promise<void> {
  await stage.kubectl("kruise", "rollout", "approve", "rollout/rollouts-mocka");
  await stage.kubectl("kruise", "rollout", "approve", "rollout/rollouts-mockc");
  for (const service of SERVICES) await expectRollout(stage, `rollouts-${service}`, COMPLETED);
  await expectSubsets(stage, { mocka: "base", mockb: "base", mockc: "base" });
  for (const service of SERVICES) await expectNoCanaryDeployment(stage, service);
  await stage.kubectl("get", "rollout");
  await stage.kubectl("get", "deployment,pod", "-L", "ASM_TRAFFIC_TAG");
  await expectChain(stage, "base", "10005", "a2 b2 c2");
  await expectChain(stage, "canary", "10015", "a2 b2 c2");
}

async function patchImage(stage: Stage, service: string): Promise<void> {
  const patch = { spec: { template: { spec: { containers: [{ name: "default", image: NEW_IMAGE }] } } } };
  await stage.kubectl("patch", "deployment", `${service}-v1`, "-p", JSON.stringify(patch));
}

async function showSubsets(stage: Stage): Promise<void> {
  const columns = "custom-columns=NAME:.metadata.name,SUBSETS:.spec.subsets[*].name";
  await stage.kubectl("get", "destinationrule", "-n", "istio-system", "-o", columns);
}

async function expectNoCanaryDeployment(stage: Stage, service: string): Promise<void> {
  const names = () =>
    stage.cache
      .list(resources.deployments, "default")
      .filter(({ metadata }) => metadata.labels?.["rollouts.kruise.io/canary-deployment"] === `${service}-v1`)
      .map(({ metadata }) => metadata.name);
  const what = `the canary deployment of ${service}-v1 is gone`;
  await stage.expectState(
    what,
    () => names().length === 0,
    () => names().join(),
  );
}

function readyReplicas(stage: Stage, name: string): number {
  const deployment = stage.cache.get(resources.deployments, { namespace: "default", name });
  return ((deployment?.["status"] ?? {}) as { readyReplicas?: number }).readyReplicas ?? 0;
}

/** The base pods of a service: those that a rollback must leave alone. */
function podUids(stage: Stage, app: string): string[] {
  return stage.cache
    .list<KubeObject>(resources.pods, "default")
    .filter(({ metadata }) => metadata.labels?.["app"] === app && metadata.labels["ASM_TRAFFIC_TAG"] === "base")
    .map(({ metadata }) => metadata.uid ?? "")
    .sort();
}
