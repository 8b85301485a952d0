import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { type ResourceType, resources } from "../../../kube/resource.ts";
import { argoPack } from "../../../packs/argo.ts";
import { gatewayApiPack } from "../../../packs/gateway-api.ts";
import { istioPack } from "../../../packs/istio.ts";
import { aRollout, aService, deployed, setImage, startArgo, statusOf } from "../rollout.fixture.ts";
import type { CanaryStrategy, Rollout, TrafficRouting } from "../types.ts";
import { isContested } from "./rivals.ts";

/** Two Rollouts that would set the same weights (ARC-926). */

const plugins = { "argoproj-labs/gatewayAPI": { httpRoute: "shop" } };
const alb = (more: Partial<NonNullable<TrafficRouting["alb"]>> = {}) => ({ ingress: "shop", servicePort: 80, ...more });

function using(prefix: string, trafficRouting: TrafficRouting, canary: Partial<CanaryStrategy> = {}): Rollout {
  const services = { stableService: `${prefix}-stable`, canaryService: `${prefix}-canary` };
  return aRollout({ ...services, trafficRouting, ...canary });
}

function aRoute(...rules: string[][]): KubeObject {
  const spec = { rules: rules.map((names) => ({ backendRefs: names.map((name) => ({ name, port: 80 })) })) };
  return { apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name: "shop" }, spec };
}

const anIngress: KubeObject = { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "shop" } };
const FIRST = ["first-stable", "first-canary"];
const SECOND = ["second-stable", "second-canary"];

interface Case {
  readonly name: string;
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly rollouts: readonly [Rollout, Rollout];
  readonly isContested: boolean;
}

const cases: readonly Case[] = [
  {
    name: "one rule of an HTTPRoute leads to both",
    type: resources.httpRoutes,
    object: aRoute([...FIRST, ...SECOND]),
    rollouts: [using("first", { plugins }), using("second", { plugins })],
    isContested: true,
  },
  {
    name: "each has a rule of its own",
    type: resources.httpRoutes,
    object: aRoute(FIRST, SECOND),
    rollouts: [using("first", { plugins }), using("second", { plugins })],
    isContested: false,
  },
  {
    name: "one action of an ALB Ingress is named after the root Service of both",
    type: resources.ingresses,
    object: anIngress,
    rollouts: [
      using("first", { alb: alb({ rootService: "root" }) }),
      using("second", { alb: alb({ rootService: "root" }) }),
    ],
    isContested: true,
  },
  {
    name: "each has an action of its own",
    type: resources.ingresses,
    object: anIngress,
    rollouts: [using("first", { alb: alb() }), using("second", { alb: alb() })],
    isContested: false,
  },
  {
    name: "behind nginx each has Ingresses of its own",
    type: resources.ingresses,
    object: anIngress,
    rollouts: [
      using("first", { nginx: { stableIngress: "shop" } }),
      using("second", { nginx: { stableIngress: "shop" } }),
    ],
    isContested: false,
  },
];

for (const { name, type, object, rollouts, isContested: expected } of cases) {
  test(`ARC-926 two Rollouts and the same weights: ${name}`, () => {
    const [one, other] = rollouts;
    const found = { type, object, key: { namespace: "default", name: "shop" } };
    assert.equal(isContested(one, other, found), expected);
    assert.equal(isContested(other, one, found), expected);
  });
}

test("ARC-926 of two Rollouts on one rule of an HTTPRoute the younger is told, and the older goes on", async () => {
  const packs = [istioPack, argoPack, gatewayApiPack];
  const world = await startArgo({ packs, meshKinds: [resources.httpRoutes] });
  const steps = [{ setWeight: 20 }, { pause: {} }];
  await world.apply([...FIRST, ...SECOND].map(aService));
  await world.apply(aRoute([...FIRST, ...SECOND]));
  await deployed(world, using("first", { plugins }, { steps }));
  await world.advance(2000);
  await world.apply({ ...using("second", { plugins }, { steps }), metadata: { name: "second" } } as Rollout);
  await world.settle({ quietMs: 5000 });
  const second = await world.get<Rollout>(resources.argoRollouts, { namespace: "default", name: "second" });
  assert.match(
    second?.status?.message ?? "",
    /"default\/istio-rollout": the weights of the same HTTPRoute are already set by this older Rollout$/,
  );
  await setImage(world, "yellow");
  await world.settle({ quietMs: 15_000 });
  assert.equal((await statusOf(world)).message, "CanaryPauseStep");
  await world.stop();
});
