import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "../api/apps.ts";
import { isCompletelyUpdated } from "./deployment.ts";
import { maxUnavailable, targetReplicas } from "./replicas.ts";
import { patchTemplate, sameTemplate, templateRevision, withoutHash } from "./template.ts";

for (const [wanted, total, target] of [
  [1, 3, 1],
  [5, 3, 3],
  ["50%", 3, 2],
  ["34%", 3, 2],
  ["33%", 3, 1],
  ["1%", 1, 1],
  ["100%", 0, 0],
  ["some", 3, 0],
] as const) {
  test(`KRUISE-213 ${wanted} of ${total} is ${target}`, () => assert.equal(targetReplicas(wanted, total), target));
}

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "m", image: "app:1" }] } };
const hashed = { ...template, metadata: { labels: { app: "a", "pod-template-hash": "x" } } };

test("KRUISE-015 a template's revision ignores the hash label, key order and empty maps", () => {
  const reordered = {
    spec: { containers: [{ image: "app:1", name: "m" }] },
    metadata: { annotations: {}, labels: { app: "a" } },
  };
  assert.equal(templateRevision(hashed), templateRevision(template));
  assert.equal(templateRevision(reordered), templateRevision(template));
  assert.ok(sameTemplate(hashed, reordered));
  assert.match(templateRevision(template), /^[bcdfghjklmnpqrstvwxz2456789]+$/);
});

test("KRUISE-015 it changes with the template", () => {
  const changed = { ...template, spec: { containers: [{ name: "m", image: "app:2" }] } };
  assert.notEqual(templateRevision(changed), templateRevision(template));
  assert.ok(!sameTemplate(changed, template));
});

test("KRUISE-211 a patch adds and overrides, and leaves the original alone", () => {
  const patched = patchTemplate(template, { labels: { lane: "canary" }, annotations: { x: "y" } });
  assert.deepEqual(patched.metadata, { labels: { app: "a", lane: "canary" }, annotations: { x: "y" } });
  assert.deepEqual(template.metadata, { labels: { app: "a" } });
  assert.deepEqual(withoutHash(hashed), template);
});

interface Shape {
  readonly replicas: number;
  readonly maxUnavailable?: number | string;
  readonly maxSurge?: number | string;
  readonly paused?: boolean;
  readonly observed?: number;
  /** replicas, updatedReplicas, availableReplicas of the status. */
  readonly status: readonly [number, number, number];
}

function deployment({ replicas, paused, observed = 2, status, ...rollingUpdate }: Shape): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a", generation: 2 },
    spec: {
      replicas,
      selector: {},
      template,
      strategy: { type: "RollingUpdate", rollingUpdate },
      ...(paused === undefined ? {} : { paused }),
    },
    status: {
      observedGeneration: observed,
      replicas: status[0],
      updatedReplicas: status[1],
      availableReplicas: status[2],
    },
  };
}

const cases: readonly (Shape & { name: string; isUpdated: boolean })[] = [
  { name: "KRUISE-216 all new and available", replicas: 4, status: [4, 4, 4], isUpdated: true },
  { name: "KRUISE-216 one may be unavailable at 25 %", replicas: 4, status: [4, 4, 3], isUpdated: true },
  { name: "KRUISE-216 two may not", replicas: 4, status: [4, 4, 2], isUpdated: false },
  { name: "KRUISE-216 an old pod is left", replicas: 4, status: [5, 4, 5], isUpdated: false },
  { name: "KRUISE-216 a new pod is missing", replicas: 4, status: [3, 3, 3], isUpdated: false },
  { name: "KRUISE-216 paused", replicas: 4, paused: true, status: [4, 4, 4], isUpdated: false },
  { name: "INV-29 the status is of an older spec", replicas: 4, observed: 1, status: [4, 4, 4], isUpdated: false },
  {
    name: "INV-13 a single pod has to serve",
    replicas: 1,
    maxUnavailable: "100%",
    status: [1, 1, 0],
    isUpdated: false,
  },
  { name: "KRUISE-218 scaled to zero", replicas: 0, status: [0, 0, 0], isUpdated: true },
];
for (const { name, isUpdated, ...shape } of cases) {
  test(name, () => assert.equal(isCompletelyUpdated(deployment(shape)), isUpdated));
}

test("K8S-213 with surge and unavailable both 0 one pod may go", () => {
  assert.equal(maxUnavailable(deployment({ replicas: 4, maxUnavailable: 0, maxSurge: 0, status: [0, 0, 0] })), 1);
  assert.equal(maxUnavailable(deployment({ replicas: 4, maxUnavailable: 0, maxSurge: 1, status: [0, 0, 0] })), 0);
});
