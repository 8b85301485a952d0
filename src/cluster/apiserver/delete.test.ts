import assert from "node:assert/strict";
import { test } from "node:test";
import { eventNames, metadataOf, startTestServer, type TestServer } from "./api-server.fixture.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

async function withConfigMap(metadata: object = {}): Promise<TestServer> {
  const started = await startTestServer();
  await started.call("create", CM, { body: { metadata: { name: "c1", ...metadata } } });
  return started;
}

async function withPod(spec: object = { nodeName: "n" }, status: object = { phase: "Running" }): Promise<TestServer> {
  const started = await startTestServer();
  await started.call("create", PODS, { body: { metadata: { name: "p" }, spec } });
  await started.call("patch", `${PODS}/p/status`, { patchType: "merge", body: { status } });
  return started;
}

test("K8S-115 a delete removes at once, answers Success with the uid, and its event has a new revision", async () => {
  const { call, refusal, watch, server } = await withConfigMap();
  const { uid, resourceVersion } = metadataOf(await call("get", `${CM}/c1`));
  const watching = watch(`${CM}?resourceVersion=${resourceVersion}`);
  const { object } = await call("delete", `${CM}/c1`);
  assert.deepEqual(
    { status: object["status"], details: object["details"] },
    { status: "Success", details: { name: "c1", kind: "configmaps", uid } },
  );
  assert.equal((await refusal("get", `${CM}/c1`)).code, 404);
  assert.deepEqual(eventNames(watching), ["DELETED c1"]);
  assert.equal(watching.events[0]!.object.metadata.resourceVersion, String(server.currentRevision()));
  assert.ok(server.currentRevision() > Number(resourceVersion));
  assert.equal(watching.events[0]!.object.metadata.deletionTimestamp, undefined);
});

test("K8S-70 a delete of a missing object is 404", async () => {
  const { refusal } = await startTestServer();
  assert.equal((await refusal("delete", `${CM}/c1`)).message, 'configmaps "c1" not found');
});

test("K8S-115 finalizers hold an object until the last is removed", async () => {
  const { call, refusal, watch, server } = await withConfigMap({ finalizers: ["ex.io/f", "ex.io/g"] });
  const watching = watch(`${CM}?resourceVersion=${server.currentRevision()}`);
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadataOf(await call("delete", `${CM}/c1`));
  assert.deepEqual([deletionTimestamp, deletionGracePeriodSeconds], ["2030-01-01T00:00:00Z", 0]);
  const remove = (finalizers: string[]) =>
    call("patch", `${CM}/c1`, { patchType: "merge", body: { metadata: { finalizers } } });
  await remove(["ex.io/g"]);
  await remove([]);
  assert.equal((await refusal("get", `${CM}/c1`)).code, 404);
  assert.deepEqual(eventNames(watching), ["MODIFIED c1", "MODIFIED c1", "DELETED c1"]);
  const revisions = watching.events.map(({ object }) => Number(object.metadata.resourceVersion));
  assert.deepEqual(
    revisions,
    [...revisions].sort((left, right) => left - right),
  );
});

test("K8S-109 no finalizer may be added to an object that is being deleted", async () => {
  const { call, refusal } = await withConfigMap({ finalizers: ["ex.io/f"] });
  await call("delete", `${CM}/c1`);
  const body = { metadata: { finalizers: ["ex.io/f", "ex.io/g"] } };
  const error = await refusal("patch", `${CM}/c1`, { patchType: "merge", body });
  assert.match(error.message, /metadata.finalizers: Forbidden: no new finalizers can be added/);
});

test("K8S-115 a second delete of a held object changes nothing", async () => {
  const { call, server } = await withConfigMap({ finalizers: ["ex.io/f"] });
  const first = metadataOf(await call("delete", `${CM}/c1`));
  const revision = server.currentRevision();
  assert.deepEqual(metadataOf(await call("delete", `${CM}/c1`)), first);
  assert.equal(server.currentRevision(), revision);
});

interface GraceCase {
  readonly name: string;
  readonly spec?: object;
  readonly status?: object;
  readonly body?: object;
  /** Null: the pod is gone at once. */
  readonly seconds: number | null;
}

const graceCases: GraceCase[] = [
  { name: "the spec's grace", spec: { nodeName: "n", terminationGracePeriodSeconds: 12 }, seconds: 12 },
  { name: "the request's grace", body: { gracePeriodSeconds: 5 }, seconds: 5 },
  { name: "30 s when nobody says", seconds: 30 },
  { name: "none for a pod without node", spec: {}, status: { phase: "Pending" }, seconds: null },
  { name: "none for a pod that has succeeded", status: { phase: "Succeeded" }, seconds: null },
  { name: "none for a pod that has failed", status: { phase: "Failed" }, seconds: null },
  { name: "none by force", body: { gracePeriodSeconds: 0 }, seconds: null },
];
for (const { name, spec, status, body, seconds } of graceCases) {
  test(`K8S-116 grace of a pod: ${name}`, async () => {
    const { call, refusal, clock } = await withPod(spec, status);
    const { object } = await call("delete", `${PODS}/p`, { body });
    assert.equal(object.kind, "Pod", "pods always answer the Pod");
    if (seconds === null) {
      assert.equal((await refusal("get", `${PODS}/p`)).code, 404);
      return;
    }
    const { deletionGracePeriodSeconds, deletionTimestamp } = metadataOf(await call("get", `${PODS}/p`));
    assert.equal(deletionGracePeriodSeconds, seconds);
    assert.equal(Date.parse(deletionTimestamp!), clock.now() + seconds * 1000);
  });
}

test("K8S-116 a second delete may shorten the grace, not lengthen it; the node's delete with 0 removes", async () => {
  const { call, refusal, clock } = await withPod();
  const start = clock.now();
  await call("delete", `${PODS}/p`);
  clock.advanceTo(start + 4000);
  const longer = metadataOf(await call("delete", `${PODS}/p`, { body: { gracePeriodSeconds: 60 } }));
  assert.equal(longer.deletionGracePeriodSeconds, 30);
  const shorter = metadataOf(await call("delete", `${PODS}/p`, { body: { gracePeriodSeconds: 10 } }));
  assert.equal(shorter.deletionGracePeriodSeconds, 10);
  assert.equal(Date.parse(shorter.deletionTimestamp!), start + 10_000);
  await call("delete", `${PODS}/p`);
  assert.equal(metadataOf(await call("get", `${PODS}/p`)).deletionGracePeriodSeconds, 10);
  await call("delete", `${PODS}/p`, { body: { gracePeriodSeconds: 0 } });
  assert.equal((await refusal("get", `${PODS}/p`)).code, 404);
});

test("K8S-116 a second delete that names no grace leaves the first one's alone", async () => {
  const { call } = await withPod();
  await call("delete", `${PODS}/p`, { body: { gracePeriodSeconds: 60 } });
  assert.equal(metadataOf(await call("delete", `${PODS}/p`)).deletionGracePeriodSeconds, 60);
});

test("K8S-116 a status write does not remove a pod whose grace still runs", async () => {
  const { call } = await withPod();
  await call("delete", `${PODS}/p`);
  await call("patch", `${PODS}/p/status`, { patchType: "merge", body: { status: { message: "stopping" } } });
  assert.equal(metadataOf(await call("get", `${PODS}/p`)).deletionGracePeriodSeconds, 30);
});

interface PropagationCase {
  readonly body?: object;
  readonly query?: string;
  readonly finalizers: string[] | null;
}

const propagationCases: PropagationCase[] = [
  { body: { propagationPolicy: "Foreground" }, finalizers: ["foregroundDeletion"] },
  { body: { propagationPolicy: "Orphan" }, finalizers: ["orphan"] },
  { body: { orphanDependents: true }, finalizers: ["orphan"] },
  { query: "?propagationPolicy=Foreground", finalizers: ["foregroundDeletion"] },
  { body: { propagationPolicy: "Background" }, finalizers: null },
  { body: {}, finalizers: null },
];
for (const { body, query = "", finalizers } of propagationCases) {
  test(`K8S-117 delete ${JSON.stringify(body ?? query)} leaves ${JSON.stringify(finalizers)}`, async () => {
    const { call, refusal } = await startTestServer();
    await call("create", DEPLOYMENTS, { body: { metadata: { name: "web" } } });
    await call("delete", `${DEPLOYMENTS}/web${query}`, { body });
    if (finalizers === null) {
      assert.equal((await refusal("get", `${DEPLOYMENTS}/web`)).code, 404);
      return;
    }
    const metadata = metadataOf(await call("get", `${DEPLOYMENTS}/web`));
    assert.deepEqual(metadata.finalizers, finalizers);
    assert.equal(metadata.generation, 2, "K8S-111: deletion bumps the generation");
  });
}

test("K8S-95 an unknown propagation policy is refused, and so are two that contradict", async () => {
  const { refusal } = await withConfigMap();
  const weird = await refusal("delete", `${CM}/c1`, { body: { propagationPolicy: "Weird" } });
  assert.equal(
    weird.message,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Weird": supported values: "Foreground", "Background", "Orphan", "nil"',
  );
  const both = await refusal("delete", `${CM}/c1`, { body: { propagationPolicy: "Orphan", orphanDependents: false } });
  assert.equal(both.code, 422);
});

test("K8S-76 preconditions must match", async () => {
  const { call, refusal } = await withConfigMap();
  const { uid, resourceVersion } = metadataOf(await call("get", `${CM}/c1`));
  const byUid = await refusal("delete", `${CM}/c1`, { body: { preconditions: { uid: "x" } } });
  assert.equal(
    byUid.message,
    `Operation cannot be fulfilled on ConfigMap "c1": the UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  );
  const byRevision = await refusal("delete", `${CM}/c1`, { body: { preconditions: { resourceVersion: "1" } } });
  assert.match(
    byRevision.message,
    /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record/,
  );
  await call("delete", `${CM}/c1`, { body: { preconditions: { uid, resourceVersion } } });
});

test("K8S-12 a dry-run delete keeps the object", async () => {
  const { call } = await withConfigMap();
  await call("delete", `${CM}/c1`, { body: { dryRun: ["All"] } });
  await call("get", `${CM}/c1`);
});

test("K8S-118 a collection delete honours selectors and answers what it deleted; namespaces refuse it", async () => {
  const { call, refusal } = await startTestServer();
  for (const [name, x] of [
    ["a", "1"],
    ["b", "2"],
    ["c", "1"],
  ] as const) {
    await call("create", CM, { body: { metadata: { name, labels: { x } } } });
  }
  const { object } = await call("deletecollection", `${CM}?labelSelector=x%3D1`);
  assert.equal(object.kind, "ConfigMapList");
  const names = (list: unknown) => (list as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  assert.deepEqual(names(object["items"]), ["a", "c"]);
  assert.deepEqual(names((await call("list", CM)).object["items"]), ["b"]);
  assert.equal((await refusal("deletecollection", "/api/v1/namespaces")).code, 405);
});

test("K8S-88 default, kube-system and kube-public cannot be deleted", async () => {
  const { refusal } = await startTestServer();
  for (const name of ["default", "kube-system", "kube-public"]) {
    const error = await refusal("delete", `/api/v1/namespaces/${name}`);
    assert.equal(error.code, 403);
    assert.equal(error.message, `namespaces "${name}" is forbidden: this namespace may not be deleted`);
  }
});

test("K8S-87 a terminating namespace refuses new content, and goes when it is finalized", async () => {
  const { call, refusal } = await startTestServer();
  await call("create", "/api/v1/namespaces", { body: { metadata: { name: "t" } } });
  await call("create", "/api/v1/namespaces/t/configmaps", { body: { metadata: { name: "old" } } });
  const { object } = await call("delete", "/api/v1/namespaces/t");
  assert.deepEqual(object["status"], { phase: "Terminating" });
  const error = await refusal("create", "/api/v1/namespaces/t/configmaps", { body: { metadata: { name: "n" } } });
  assert.equal(error.code, 403);
  assert.equal(
    error.message,
    'configmaps "n" is forbidden: unable to create new content in namespace t because it is being terminated',
  );
  assert.deepEqual(error.status.details?.causes?.[0], {
    reason: "NamespaceTerminating",
    message: "namespace t is being terminated",
    field: "metadata.namespace",
  });
  await call("patch", "/api/v1/namespaces/t/configmaps/old", { patchType: "merge", body: { data: { a: "b" } } });
  await call("delete", "/api/v1/namespaces/t/configmaps/old");
  await call("update", "/api/v1/namespaces/t/finalize", {
    body: { metadata: { name: "t" }, spec: { finalizers: [] } },
  });
  assert.equal((await refusal("get", "/api/v1/namespaces/t")).code, 404);
});
