import assert from "node:assert/strict";
import { test } from "node:test";
import { metadataOf, startTestServer } from "./api-server.fixture.ts";

const PODS = "/api/v1/namespaces/default/pods";
const BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
const labels = { app: "web" };
const eviction = (name: string, rest: object = {}) => ({ metadata: { name }, ...rest });

interface Facts {
  readonly pods?: readonly string[];
  readonly ready?: boolean;
  readonly phase?: string;
  readonly budgets?: readonly string[];
  readonly spec?: object;
  readonly status?: object;
}

async function start({ pods = ["p"], ready = true, phase = "Running", budgets = ["pb"], spec, status }: Facts = {}) {
  const server = await startTestServer();
  const { call } = server;
  for (const name of pods) {
    await call("create", PODS, { body: { metadata: { name, labels }, spec: { nodeName: "n" } } });
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    await call("patch", `${PODS}/${name}/status`, { patchType: "merge", body: { status: { phase, conditions } } });
  }
  for (const name of budgets) {
    await call("create", BUDGETS, {
      body: { metadata: { name }, spec: { selector: { matchLabels: labels }, ...spec } },
    });
    const body = { status: { observedGeneration: 1, desiredHealthy: 1, currentHealthy: 1, ...status } };
    await call("patch", `${BUDGETS}/${name}/status`, { patchType: "merge", body });
  }
  return server;
}

test("K8S-243 an eviction is refused when the budget has nothing to give, with its reason", async () => {
  const { refusal, call } = await start();
  const error = await refusal("create", `${PODS}/p/eviction`, { body: eviction("p") });
  assert.equal(error.code, 429);
  assert.equal(error.reason, "TooManyRequests");
  assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.deepEqual(error.status.details?.causes, [
    { reason: "DisruptionBudget", message: "The disruption budget pb needs 1 healthy pods and has 1 currently" },
  ]);
  assert.equal((await call("get", `${PODS}/p`)).code, 200);
});

test("K8S-243 an allowance is spent at once: the second of two evictions does not share it", async () => {
  const { call, refusal } = await start({ pods: ["p", "q"], status: { disruptionsAllowed: 1, currentHealthy: 2 } });
  const body = eviction("p", { deleteOptions: { gracePeriodSeconds: 3 } });
  assert.equal((await call("create", `${PODS}/p/eviction`, { body })).code, 201);
  assert.equal(metadataOf(await call("get", `${PODS}/p`)).deletionGracePeriodSeconds, 3);
  assert.equal((await refusal("create", `${PODS}/q/eviction`, { body: eviction("q") })).code, 429);
  const { status } = (await call("get", `${BUDGETS}/pb`)).object as unknown as {
    status: { disruptionsAllowed: number; disruptedPods: object; conditions: { reason: string }[] };
  };
  assert.equal(status.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(status.disruptedPods), ["p"]);
  assert.equal(status.conditions[0]?.reason, "InsufficientPods");
});

for (const apiVersion of ["policy/v1", "policy/v1beta1"]) {
  test(`ARC-823 an Eviction of ${apiVersion} is understood`, async () => {
    const { call } = await start({ budgets: [] });
    const body = { apiVersion, kind: "Eviction", ...eviction("p") };
    assert.equal((await call("create", `${PODS}/p/eviction`, { body })).object["status"], "Success");
  });
}

interface Case extends Facts {
  readonly name: string;
  readonly body?: object;
  /** The refusal; absent: granted. */
  readonly code?: number;
  readonly text?: RegExp;
}

const cases: Case[] = [
  {
    name: "a budget that was not counted yet holds",
    status: { observedGeneration: 0, disruptionsAllowed: 1 },
    code: 429,
  },
  {
    name: "two budgets for one pod are an error",
    budgets: ["a", "b"],
    code: 500,
    text: /more than one PodDisruptionBudget/,
  },
  { name: "a finished pod goes", phase: "Succeeded" },
  { name: "a pod that has not started goes", phase: "Pending" },
  { name: "a sick pod goes while the others are enough", ready: false },
  { name: "a sick pod stays when the others are too few", ready: false, status: { currentHealthy: 0 }, code: 429 },
  {
    name: "a sick pod goes whatever the others do, with AlwaysAllow",
    ready: false,
    spec: { unhealthyPodEvictionPolicy: "AlwaysAllow" },
    status: { currentHealthy: 0 },
  },
  { name: "another name in the body", budgets: [], body: eviction("q"), code: 400, text: /"p" != "q"/ },
  {
    name: "another kind in the body",
    budgets: [],
    body: { apiVersion: "v1", kind: "Pod" },
    code: 400,
    text: /expected policy/,
  },
  {
    name: "another pod of the name",
    budgets: [],
    body: eviction("p", { deleteOptions: { preconditions: { uid: "other" } } }),
    code: 409,
  },
];

for (const { name, body = eviction("p"), code, text = /./, ...facts } of cases) {
  test(`K8S-243 evictions: ${name}`, async () => {
    const { call, refusal } = await start(facts);
    if (code === undefined) {
      assert.equal((await call("create", `${PODS}/p/eviction`, { body })).code, 201);
      return;
    }
    const error = await refusal("create", `${PODS}/p/eviction`, { body });
    assert.equal(error.code, code);
    assert.match(error.message, text);
  });
}

test("K8S-243 a dry run tells and changes nothing", async () => {
  const { call } = await start({ status: { disruptionsAllowed: 1 } });
  const body = eviction("p", { deleteOptions: { dryRun: ["All"] } });
  assert.equal((await call("create", `${PODS}/p/eviction`, { body })).code, 201);
  assert.equal(metadataOf(await call("get", `${PODS}/p`)).deletionTimestamp, undefined);
  const { status } = (await call("get", `${BUDGETS}/pb`)).object as unknown as {
    status: { disruptionsAllowed: number };
  };
  assert.equal(status.disruptionsAllowed, 1);
});

test("K8S-243 a pod that is not there is told", async () => {
  const { refusal } = await start();
  assert.equal((await refusal("create", `${PODS}/none/eviction`, { body: eviction("none") })).code, 404);
});
