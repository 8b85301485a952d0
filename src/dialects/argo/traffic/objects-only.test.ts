import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCrashAtEachWrite, checkFixpoint, snapshot } from "../../../../test/support/reconciler-checks.ts";
import type { World } from "../../../../test/support/world.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { anyObject, customResourceDefinition } from "../../../kube/crd.ts";
import type { ResourceType } from "../../../kube/resource.ts";
import { mappings } from "../../../traffic/ambassador/router.ts";
import { apisixRoutes } from "../../../traffic/apisix/router.ts";
import { trafficSplits } from "../../../traffic/smi/router.ts";
import { traefikServices } from "../../../traffic/traefik/router.ts";
import { aRollout, deployed, HASH, promote, setImage, startArgo, statusOf } from "../rollout.fixture.ts";
import type { Step, TrafficRouting } from "../types.ts";

/** Whole releases where nobody tells when a route is in force: each weight is waited for, and no release stands still. */

const CANARY = "istio-rollout-canary";
const STABLE = "istio-rollout-stable";

interface Row {
  readonly name: string;
  readonly type: ResourceType;
  readonly routing: TrafficRouting;
  readonly object?: { readonly spec: object };
  /** Objects of the kind, and the canary's weight among them, at 40 % and after the release. */
  readonly during: readonly [count: number, weight: RegExp];
  readonly after: readonly [count: number, weight: RegExp];
}

const table: Row[] = [
  {
    name: "ARC-402 SMI",
    type: trafficSplits[2]!,
    routing: { smi: {} },
    during: [1, /"service":"istio-rollout-canary","weight":40/],
    after: [1, /"service":"istio-rollout-canary","weight":0/],
  },
  {
    name: "ARC-403 Traefik",
    type: traefikServices,
    routing: { traefik: { weightedTraefikServiceName: "shop" } },
    object: { spec: { weighted: { services: [{ name: CANARY }, { name: STABLE }] } } },
    during: [1, /"name":"istio-rollout-canary","weight":40/],
    after: [1, /"name":"istio-rollout-canary","weight":0/],
  },
  {
    name: "ARC-404 Ambassador",
    type: mappings[1]!,
    routing: { ambassador: { mappings: ["shop"] } },
    object: { spec: { hostname: "*", prefix: "/", service: STABLE } },
    during: [2, /"service":"istio-rollout-canary","weight":40/],
    after: [1, /"service":"istio-rollout-stable"/],
  },
  {
    name: "ARC-405 APISIX",
    type: apisixRoutes,
    routing: { apisix: { route: { name: "shop" } }, managedRoutes: [{ name: "testers" }] },
    object: { spec: { http: [{ name: "shop", backends: [{ serviceName: STABLE }, { serviceName: CANARY }] }] } },
    during: [2, /"serviceName":"istio-rollout-canary","weight":40/],
    after: [1, /"serviceName":"istio-rollout-canary","weight":0/],
  },
];

const header: Step = { setHeaderRoute: { name: "testers", match: [{ headerName: "a", headerValue: { exact: "b" } }] } };

function crdOf({ group, kind, plural, version }: ResourceType): KubeObject {
  const versions = [{ name: version, storage: true, spec: anyObject }];
  return customResourceDefinition({ group, kind, plural, scope: "Namespaced", versions });
}

async function prepared(world: World, { type, routing, object }: Row): Promise<World> {
  await world.apply(crdOf(type));
  const apiVersion = `${type.group}/${type.version}`;
  if (object) await world.apply({ apiVersion, kind: type.kind, metadata: { name: "shop" }, ...object });
  const steps: Step[] = [{ setWeight: 40 }, ...(routing.apisix ? [header] : []), { pause: { duration: 20 } }];
  return deployed(world, aRollout({ trafficRouting: routing, steps, scaleDownDelaySeconds: 5 }));
}

async function found(world: World, type: ResourceType): Promise<[number, string]> {
  const objects = await world.list(type, "default");
  return [objects.length, JSON.stringify(objects.map(({ spec }) => spec))];
}

for (const row of table) {
  test(`${row.name}: a whole release`, async () => {
    const world = await prepared(await startArgo(), row);
    assert.equal((await statusOf(world)).phase, "Healthy");
    await setImage(world, "yellow");
    await world.settle({ quietMs: 15_000 });
    const status = await statusOf(world);
    assert.equal(status.message, "CanaryPauseStep");
    assert.equal(status.canary?.weights?.verified, undefined, "ARC-225");
    const [count, text] = await found(world, row.type);
    assert.equal(count, row.during[0]);
    assert.match(text, row.during[1]);
    await promote(world);
    await world.settle();
    const after = await statusOf(world);
    assert.equal(after.phase, "Healthy");
    assert.equal(after.stableRS, HASH.yellow);
    const [left, last] = await found(world, row.type);
    assert.equal(left, row.after[0]);
    assert.match(last, row.after[1]);
    await checkFixpoint(world);
    await world.stop();
  });

  test(`INV-33 ${row.name}: crashes on the way end in the same state`, () =>
    checkCrashAtEachWrite({
      every: 5,
      start: () => startArgo(),
      play: async (world) => {
        await prepared(world, row);
        await setImage(world, "yellow");
        await world.settle();
      },
      project: async (world) => (await snapshot(world)).filter((line) => !/^(pods|configmaps) /.test(line)),
    }));
}
