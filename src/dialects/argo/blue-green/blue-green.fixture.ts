import assert from "node:assert/strict";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { resources } from "../../../kube/resource.ts";
import {
  aRollout,
  aService,
  type FixtureOptions,
  HASH,
  selectorHash,
  setImage,
  startArgo,
  statusOf,
} from "../rollout.fixture.ts";
import type { AnalysisRun, BlueGreenStrategy, Rollout } from "../types.ts";

/** A blue-green Rollout of two pods with Services `active` and `preview`. For tests only. */

export const QUIET = { quietMs: 15_000 };

/** Its runs wait so long that only the test gives a verdict. */
function aTemplate(name: string): KubeObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "AnalysisTemplate",
    metadata: { name },
    spec: {
      metrics: [{ name, initialDelay: "10h", count: 1, provider: { web: { url: "http://nobody/" } } }],
    },
  } as KubeObject;
}

export const pre = { templates: [{ templateName: "pre" }] };
export const post = { templates: [{ templateName: "post" }] };

export function blueGreenRollout(
  blueGreen: Partial<BlueGreenStrategy> = {},
  spec: Partial<Rollout["spec"]> = {},
): Rollout {
  const rollout = aRollout({}, { replicas: 2, ...spec });
  rollout.spec.strategy = { blueGreen: { activeService: "active", previewService: "preview", ...blueGreen } };
  return rollout;
}

export function blueGreenObjects(blueGreen: Partial<BlueGreenStrategy> = {}): KubeObject[] {
  return [aService("active"), aService("preview"), aTemplate("pre"), aTemplate("post"), blueGreenRollout(blueGreen)];
}

export interface StartOptions extends FixtureOptions {
  readonly spec?: Partial<Rollout["spec"]>;
}

/** The first version is active and at rest. */
export async function startBlueGreen(
  blueGreen: Partial<BlueGreenStrategy> = {},
  { spec = {}, ...options }: StartOptions = {},
): Promise<World> {
  const world = await startArgo(options);
  const [rollout, ...others] = blueGreenObjects(blueGreen).reverse();
  await world.apply(others);
  await world.apply({ ...rollout, spec: { ...(rollout?.["spec"] as object), ...spec } } as KubeObject);
  await world.settle();
  const status = await statusOf(world);
  assert.equal(status.phase, "Healthy");
  assert.equal(status.stableRS, HASH.blue);
  assert.equal(await selectorHash(world, "active"), HASH.blue);
  return world;
}

export async function release(world: World, color: string): Promise<void> {
  await setImage(world, color);
  await world.advance(10_000);
}

/** `name phase` of every run, oldest first. */
export async function runs(world: World): Promise<string[]> {
  const list = await world.list<AnalysisRun>(resources.analysisRuns);
  return list.map(({ metadata, status }) => `${metadata.name.replace(/^istio-rollout-/, "")} ${status?.phase}`).sort();
}

/** Gives the run of this name its verdict. */
export async function judge(world: World, name: string, phase: string, message?: string): Promise<void> {
  const status = { phase, ...(message === undefined ? {} : { message }) };
  await world.patch(resources.analysisRuns, { namespace: "default", name: `istio-rollout-${name}` }, { status });
  await world.advance(5000);
}

export async function selected(world: World): Promise<Record<string, string | undefined>> {
  return { active: await selectorHash(world, "active"), preview: await selectorHash(world, "preview") };
}
