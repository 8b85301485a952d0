import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, ReplicaSet } from "../../../api/apps.ts";
import { maxSurge, maxUnavailable } from "./limits.ts";
import { newSize, scale, shrinkOld } from "./rolling.ts";

type Rolling = NonNullable<NonNullable<Deployment["spec"]["strategy"]>["rollingUpdate"]>;

function deployment(replicas: number, rollingUpdate: Rolling = { maxSurge: "25%", maxUnavailable: "25%" }): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas,
      selector: {},
      template: { spec: {} },
      strategy: { type: "RollingUpdate", rollingUpdate },
    },
  };
}

/** `name`: the smaller the older. `max`: the max-replicas annotation. */
function replicaSet(name: string, size: number, available = size, max = 0): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name,
      creationTimestamp: `2030-01-01T00:00:0${name}Z`,
      annotations: {
        "deployment.kubernetes.io/max-replicas": String(max),
        "deployment.kubernetes.io/desired-replicas": "1",
      },
    },
    spec: { replicas: size, selector: {}, template: { spec: {} } },
    status: { replicas: size, availableReplicas: available },
  };
}

const limitCases: readonly { name: string; replicas: number; rolling: Rolling; surge: number; unavailable: number }[] =
  [
    {
      name: "K8S-213 surge rounds up, unavailable down",
      replicas: 3,
      rolling: { maxSurge: "25%", maxUnavailable: "25%" },
      surge: 1,
      unavailable: 0,
    },
    {
      name: "K8S-213 whole shares stay",
      replicas: 4,
      rolling: { maxSurge: "25%", maxUnavailable: "25%" },
      surge: 1,
      unavailable: 1,
    },
    {
      name: "K8S-213 both 0 means one unavailable",
      replicas: 3,
      rolling: { maxSurge: 0, maxUnavailable: "1%" },
      surge: 0,
      unavailable: 1,
    },
    {
      name: "K8S-213 unavailable is at most everything",
      replicas: 2,
      rolling: { maxSurge: 0, maxUnavailable: 9 },
      surge: 0,
      unavailable: 2,
    },
    {
      name: "K8S-213 without replicas nothing is unavailable",
      replicas: 0,
      rolling: { maxSurge: 1, maxUnavailable: 1 },
      surge: 1,
      unavailable: 0,
    },
  ];
for (const { name, replicas, rolling, surge, unavailable } of limitCases) {
  test(name, () => {
    assert.equal(maxSurge(deployment(replicas, rolling)), surge);
    assert.equal(maxUnavailable(deployment(replicas, rolling)), unavailable);
  });
}

const growCases: readonly { name: string; replicas: number; current: number; old: number; size: number }[] = [
  { name: "K8S-214 the first is made at full size", replicas: 4, current: 0, old: 0, size: 4 },
  { name: "K8S-214 beside four old it starts with the surge", replicas: 4, current: 0, old: 4, size: 1 },
  { name: "K8S-213 it grows into what the old gave up", replicas: 4, current: 2, old: 2, size: 3 },
  { name: "K8S-213 no room, no growth", replicas: 4, current: 2, old: 3, size: 2 },
  { name: "K8S-213 it never grows beyond replicas", replicas: 4, current: 4, old: 0, size: 4 },
  { name: "K8S-213 too large it shrinks at once", replicas: 2, current: 4, old: 0, size: 2 },
];
for (const { name, replicas, current, old, size } of growCases) {
  test(name, () => assert.equal(newSize(deployment(replicas), current, [replicaSet("1", old)]), size));
}

interface ShrinkCase {
  readonly name: string;
  readonly replicas: number;
  /** [size, available], oldest first; the last one is the new. */
  readonly sets: readonly (readonly [number, number])[];
  /** Sizes of the old ones afterwards. */
  readonly sizes: readonly number[];
}
const shrinkCases: readonly ShrinkCase[] = [
  {
    name: "K8S-214 4 old, 1 new not yet available: one may go",
    replicas: 4,
    sets: [
      [4, 4],
      [1, 0],
    ],
    sizes: [3],
  },
  {
    name: "K8S-214 3 old, 2 new not yet available: none",
    replicas: 4,
    sets: [
      [3, 3],
      [2, 0],
    ],
    sizes: [3],
  },
  {
    name: "K8S-214 3 old, 1 of 2 new available: one",
    replicas: 4,
    sets: [
      [3, 3],
      [2, 1],
    ],
    sizes: [2],
  },
  {
    name: "K8S-214 all new available: all old may go",
    replicas: 4,
    sets: [
      [1, 1],
      [4, 4],
    ],
    sizes: [0],
  },
  {
    name: "K8S-213 sick pods go first, whatever their age",
    replicas: 4,
    sets: [
      [2, 2],
      [2, 0],
      [1, 1],
    ],
    sizes: [2, 0],
  },
  {
    name: "K8S-213 of the healthy the oldest go first",
    replicas: 4,
    sets: [
      [2, 2],
      [2, 2],
      [1, 1],
    ],
    sizes: [0, 2],
  },
  {
    name: "INV-17 sick pods of the new version keep the old ones",
    replicas: 4,
    sets: [
      [3, 3],
      [2, 0],
    ],
    sizes: [3],
  },
];
for (const { name, replicas, sets, sizes } of shrinkCases) {
  test(name, () => {
    const all = sets.map(([size, available], index) => replicaSet(String(index + 1), size, available));
    const old = all.slice(0, -1);
    const after = shrinkOld(deployment(replicas), all.at(-1)!, old);
    assert.deepEqual(
      old.map((each) => after.get(each) ?? each.spec.replicas),
      sizes,
    );
  });
}

interface ScaleCase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly surge: number;
  readonly sizes: readonly number[];
  readonly after: readonly number[];
}
const scaleCases: readonly ScaleCase[] = [
  { name: "K8S-215 without rollout just the active one", from: 4, to: 6, surge: 1, sizes: [0, 4], after: [0, 6] },
  { name: "K8S-215 growing in proportion", from: 10, to: 20, surge: 0, sizes: [5, 5], after: [10, 10] },
  { name: "K8S-215 the remainder goes to the largest", from: 10, to: 11, surge: 0, sizes: [3, 7], after: [3, 8] },
  {
    name: "K8S-215 of equals the newest takes it when growing",
    from: 10,
    to: 11,
    surge: 0,
    sizes: [5, 5],
    after: [5, 6],
  },
  { name: "K8S-215 shrinking in proportion", from: 10, to: 5, surge: 0, sizes: [4, 6], after: [2, 3] },
  { name: "K8S-215 to nothing", from: 10, to: 0, surge: 0, sizes: [4, 6], after: [0, 0] },
];
for (const { name, from, to, surge, sizes, after } of scaleCases) {
  test(name, () => {
    const [old, newest] = sizes.map((size, index) => replicaSet(String(index + 1), size, size, from + surge));
    const result = scale(deployment(to, { maxSurge: surge, maxUnavailable: 1 }), newest!, [old!]);
    assert.deepEqual(
      [old!, newest!].map((each) => result.get(each) ?? each.spec.replicas),
      after,
    );
  });
}
