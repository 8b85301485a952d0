import assert from "node:assert/strict";
import { test } from "node:test";
import { eventNames, metadataOf, startTestServer, type TestServer } from "./api-server.fixture.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

async function withObjects(): Promise<TestServer> {
  const started = await startTestServer();
  await started.call("create", CM, { body: { metadata: { name: "c1" }, data: { a: "1" } } });
  const deployment = {
    metadata: { name: "web", labels: { app: "web" } },
    spec: { selector: { matchLabels: { app: "web" } } },
  };
  await started.call("create", DEPLOYMENTS, { body: deployment });
  return started;
}

test("K8S-75 a PUT with an old revision is a conflict, one without is unconditional for built-ins", async () => {
  const { call, refusal } = await withObjects();
  const stale = await call("get", `${CM}/c1`);
  await call("patch", `${CM}/c1`, { patchType: "merge", body: { data: { a: "2" } } });
  const error = await refusal("update", `${CM}/c1`, { body: { ...stale.object, data: { a: "3" } } });
  assert.equal(error.code, 409);
  assert.equal(
    error.message,
    'Operation cannot be fulfilled on configmaps "c1": the object has been modified; please apply your changes to the latest version and try again',
  );
  const forced = await call("update", `${CM}/c1`, { body: { metadata: { name: "c1" }, data: { a: "3" } } });
  assert.equal(forced.code, 200);
  assert.deepEqual(forced.object["data"], { a: "3" });
});

test("K8S-75 a patch that names an old revision is a conflict", async () => {
  const { call, refusal } = await withObjects();
  const body = { metadata: { resourceVersion: "1" }, data: { a: "2" } };
  assert.equal((await refusal("patch", `${CM}/c1`, { patchType: "merge", body })).reason, "Conflict");
  assert.deepEqual((await call("get", `${CM}/c1`)).object["data"], { a: "1" });
});

test("K8S-114 a PUT of a missing object is 404, but makes a Lease", async () => {
  const { call, refusal } = await withObjects();
  assert.equal((await refusal("update", `${CM}/no`, { body: { metadata: { name: "no" } } })).code, 404);
  const made = await call("update", `${LEASES}/l1`, { body: { metadata: { name: "l1" } } });
  assert.equal(made.code, 201);
  assert.equal((await refusal("patch", `${LEASES}/l2`, { patchType: "merge", body: {} })).code, 404);
});

test("K8S-83 another name in the body is refused", async () => {
  const { refusal } = await withObjects();
  const put = await refusal("update", `${CM}/c1`, { body: { metadata: { name: "c2" } } });
  assert.equal(put.message, "the name of the object (c2) does not match the name on the URL (c1)");
  const patch = await refusal("patch", `${CM}/c1`, { patchType: "merge", body: { metadata: { name: "c2" } } });
  assert.equal(patch.code, 400);
});

test("K8S-110 a write that changes nothing has no event and no new revision", async () => {
  const { call, server, watch } = await withObjects();
  const before = server.currentRevision();
  const watching = watch(`${CM}?resourceVersion=${before}`);
  const body = { metadata: { labels: { x: "y" } } };
  const first = await call("patch", `${CM}/c1`, { patchType: "merge", body });
  const second = await call("patch", `${CM}/c1`, { patchType: "merge", body });
  const put = await call("update", `${CM}/c1`, { body: structuredClone(second.object) });
  assert.equal(metadataOf(first).resourceVersion, String(before + 1));
  assert.equal(metadataOf(second).resourceVersion, String(before + 1));
  assert.equal(metadataOf(put).resourceVersion, String(before + 1));
  assert.deepEqual(eventNames(watching), ["MODIFIED c1"]);
});

test("K8S-105 a patch of uid or deletion time is refused, one of generation or creation time is dropped", async () => {
  const { call, refusal } = await withObjects();
  const patch = (metadata: object) => ({ patchType: "merge" as const, body: { metadata } });
  const uid = await refusal("patch", `${CM}/c1`, patch({ uid: "x" }));
  assert.equal(uid.message, 'ConfigMap "c1" is invalid: metadata.uid: Invalid value: "x": field is immutable');
  const deletion = await refusal("patch", `${CM}/c1`, patch({ deletionTimestamp: "2030-01-01T00:00:00Z" }));
  assert.match(deletion.message, /metadata.deletionTimestamp: Invalid value: .*: field is immutable$/);
  const before = metadataOf(await call("get", `${DEPLOYMENTS}/web`));
  const changes = patch({ generation: 9, creationTimestamp: "2001-01-01T00:00:00Z" });
  assert.deepEqual(metadataOf(await call("patch", `${DEPLOYMENTS}/web`, changes)), before);
});

test("K8S-105 a PUT that names another uid means another object", async () => {
  const { refusal } = await withObjects();
  const error = await refusal("update", `${CM}/c1`, { body: { metadata: { name: "c1", uid: "other" } } });
  assert.equal(error.reason, "Conflict");
});

interface GenerationCase {
  readonly name: string;
  readonly body: object;
  readonly subresource?: string;
  readonly generation: number;
}

const generationCases: GenerationCase[] = [
  { name: "a spec change counts", body: { spec: { replicas: 3 } }, generation: 2 },
  { name: "a label does not", body: { metadata: { labels: { x: "y" } } }, generation: 1 },
  { name: "an annotation of a Deployment does", body: { metadata: { annotations: { x: "y" } } }, generation: 2 },
  { name: "a status does not", body: { status: { replicas: 3 } }, subresource: "/status", generation: 1 },
  {
    name: "an annotation written with the status does not",
    body: { metadata: { annotations: { x: "y" } } },
    subresource: "/status",
    generation: 1,
  },
];
for (const { name, body, subresource = "", generation } of generationCases) {
  test(`K8S-111 generation: ${name}`, async () => {
    const { call } = await withObjects();
    const result = await call("patch", `${DEPLOYMENTS}/web${subresource}`, { patchType: "merge", body });
    assert.equal(metadataOf(result).generation, generation);
  });
}

test("K8S-111 an annotation of a ReplicaSet does not count", async () => {
  const { call } = await withObjects();
  const path = "/apis/apps/v1/namespaces/default/replicasets";
  await call("create", path, { body: { metadata: { name: "r" } } });
  const result = await call("patch", `${path}/r`, {
    patchType: "merge",
    body: { metadata: { annotations: { x: "y" } } },
  });
  assert.equal(metadataOf(result).generation, 1);
});

test("K8S-112 the main endpoint ignores status: a status-only patch changes nothing", async () => {
  const { call, server } = await withObjects();
  const before = server.currentRevision();
  const { object } = await call("patch", `${DEPLOYMENTS}/web`, {
    patchType: "merge",
    body: { status: { replicas: 7 } },
  });
  assert.equal(object["status"], undefined);
  assert.equal(server.currentRevision(), before);
});

test("K8S-112 /status stores status and annotations, and ignores spec and labels", async () => {
  const { call } = await withObjects();
  const body = {
    metadata: { labels: { app: "other" }, annotations: { note: "x" } },
    spec: { replicas: 7 },
    status: { replicas: 7 },
  };
  const { object } = await call("patch", `${DEPLOYMENTS}/web/status`, { patchType: "merge", body });
  assert.deepEqual(object["status"], { replicas: 7 });
  assert.equal((object["spec"] as { replicas: number }).replicas, 1);
  assert.deepEqual(object.metadata.labels, { app: "web" });
  assert.deepEqual(object.metadata.annotations, { note: "x" });
  const main = await call("patch", `${DEPLOYMENTS}/web`, { patchType: "merge", body: { spec: { replicas: 2 } } });
  assert.deepEqual(main.object["status"], { replicas: 7 }, "a later main write keeps the status");
});

test("K8S-71 a kind without status has no status subresource", async () => {
  const { refusal } = await withObjects();
  const error = await refusal("patch", `${CM}/c1/status`, { patchType: "merge", body: {} });
  assert.equal(error.message, "the server could not find the requested resource");
});

test("K8S-135 JSON patches work, and a failed one is the fixed 422", async () => {
  const { call, refusal } = await withObjects();
  const { object } = await call("patch", `${CM}/c1`, {
    patchType: "json",
    body: [
      { op: "test", path: "/data/a", value: "1" },
      { op: "add", path: "/data/b~1c", value: "2" },
    ],
  });
  assert.deepEqual(object["data"], { a: "1", "b/c": "2" });
  const error = await refusal("patch", `${CM}/c1`, {
    patchType: "json",
    body: [{ op: "test", path: "/data/a", value: "9" }],
  });
  assert.deepEqual(
    [error.code, error.message],
    [422, "the server rejected our request due to an error in our request"],
  );
});

test("K8S-136 strategic patches merge by key", async () => {
  const { call } = await withObjects();
  const container = (name: string, image: string) => ({ name, image });
  const template = (containers: object[]) => ({ spec: { template: { spec: { containers } } } });
  await call("patch", `${DEPLOYMENTS}/web`, {
    patchType: "merge",
    body: template([container("a", "a:1"), container("b", "b:1")]),
  });
  const { object } = await call("patch", `${DEPLOYMENTS}/web`, {
    patchType: "strategic",
    body: template([container("b", "b:2")]),
  });
  const { spec } = object as unknown as { spec: { template: { spec: { containers: object[] } } } };
  assert.deepEqual(spec.template.spec.containers, [container("b", "b:2"), container("a", "a:1")].reverse());
});

test("K8S-114 twenty patches at once all land", async () => {
  const { call } = await withObjects();
  const labels = Array.from({ length: 20 }, (_, index) => `l${index}`);
  await Promise.all(
    labels.map((label) =>
      call("patch", `${CM}/c1`, { patchType: "merge", body: { metadata: { labels: { [label]: "x" } } } }),
    ),
  );
  assert.equal(Object.keys(metadataOf(await call("get", `${CM}/c1`)).labels ?? {}).length, 20);
});

test("K8S-12 a dry-run patch bumps the generation in the answer and stores nothing", async () => {
  const { call, server } = await withObjects();
  const before = server.currentRevision();
  const result = await call("patch", `${DEPLOYMENTS}/web?dryRun=All`, {
    patchType: "merge",
    body: { spec: { replicas: 5 } },
  });
  assert.equal(metadataOf(result).generation, 2);
  assert.equal(server.currentRevision(), before);
  assert.equal(metadataOf(await call("get", `${DEPLOYMENTS}/web`)).generation, 1);
});

test("K8S-113 scale reads and writes the replica count alone", async () => {
  const { call, refusal } = await withObjects();
  const { object } = await call("get", `${DEPLOYMENTS}/web/scale`);
  const { uid, resourceVersion, creationTimestamp } = object.metadata;
  assert.deepEqual(object, {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name: "web", namespace: "default", uid, resourceVersion, creationTimestamp },
    spec: { replicas: 1 },
    status: { replicas: 0, selector: "app=web" },
  });
  const patched = await call("patch", `${DEPLOYMENTS}/web/scale`, {
    patchType: "merge",
    body: { spec: { replicas: 3 } },
  });
  assert.deepEqual(patched.object["spec"], { replicas: 3 });
  const deployment = await call("get", `${DEPLOYMENTS}/web`);
  assert.equal((deployment.object["spec"] as { replicas: number }).replicas, 3);
  assert.equal(metadataOf(deployment).generation, 2);
  const stale = await refusal("update", `${DEPLOYMENTS}/web/scale`, { body: object });
  assert.equal(stale.reason, "Conflict");
  assert.equal((await refusal("get", `${CM}/c1/scale`)).code, 404);
});
