import assert from "node:assert/strict";
import { test } from "node:test";
import { metadataOf, startTestServer } from "./api-server.fixture.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

function named(name: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  return { metadata: { name }, ...rest };
}

test("K8S-200 a new cluster has its four namespaces", async () => {
  const { call } = await startTestServer();
  const { object } = await call("list", "/api/v1/namespaces");
  const names = (object["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
});

test("K8S-105 K8S-148 create sets uid, creation time, revision and namespace, and ignores the client's", async () => {
  const { call, clock } = await startTestServer();
  clock.advanceTo(clock.now() + 1500);
  const metadata = {
    name: "c1",
    uid: "mine",
    creationTimestamp: "2001-01-01T00:00:00Z",
    deletionTimestamp: "2001-01-01T00:00:00Z",
    generation: 7,
    selfLink: "/x",
    managedFields: [{}],
  };
  const result = await call("create", CM, { body: { metadata } });
  assert.equal(result.code, 201);
  const { uid, resourceVersion, ...rest } = metadataOf(result);
  assert.match(uid!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(resourceVersion, "5");
  assert.deepEqual(rest, { name: "c1", namespace: "default", creationTimestamp: "2030-01-01T00:00:01Z" });
  assert.deepEqual((await call("get", `${CM}/c1`)).object, result.object);
});

test("K8S-106 generateName is cut to 58 characters and gets five of the safe alphabet", async () => {
  const { call } = await startTestServer();
  const short = await call("create", CM, { body: { metadata: { generateName: "g-" } } });
  assert.match(metadataOf(short).name, /^g-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const long = await call("create", CM, { body: { metadata: { generateName: "x".repeat(70) } } });
  assert.equal(metadataOf(long).name.length, 63);
  const both = await call("create", CM, { body: { metadata: { name: "own", generateName: "g-" } } });
  assert.equal(metadataOf(both).name, "own");
});

test("K8S-74 generateName gives up after eight names that are taken", async () => {
  let draws = 0;
  const random = { next: () => draws++ * 0 };
  const { call, refusal } = await startTestServer({ random });
  await call("create", CM, { body: { metadata: { generateName: "g-" } } });
  draws = 0;
  const error = await refusal("create", CM, { body: { metadata: { generateName: "g-" } } });
  assert.equal(error.message, 'configmaps "g-bbbbb" already exists');
  assert.equal(draws, 40);
});

interface Refusal {
  readonly name: string;
  readonly path?: string;
  readonly body: unknown;
  readonly code: number;
  readonly reason: string;
  readonly message: string | RegExp;
  readonly field?: string;
}

const refusals: Refusal[] = [
  {
    name: "K8S-73 a name that is taken",
    body: named("taken"),
    code: 409,
    reason: "AlreadyExists",
    message: 'configmaps "taken" already exists',
  },
  {
    name: "K8S-106 neither name nor generateName",
    body: { metadata: {} },
    code: 422,
    reason: "Invalid",
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    field: "metadata.name",
  },
  {
    name: "K8S-107 a name that is no DNS subdomain",
    body: named("Bad_Name"),
    code: 422,
    reason: "Invalid",
    message:
      /^ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/,
    field: "metadata.name",
  },
  {
    name: "K8S-107 a namespace with a dot",
    path: "/api/v1/namespaces",
    body: named("a.b"),
    code: 422,
    reason: "Invalid",
    message: /must not contain dots/,
  },
  {
    name: "K8S-107 a service that starts with a capital",
    path: "/api/v1/namespaces/default/services",
    body: named("S1"),
    code: 422,
    reason: "Invalid",
    message: /a DNS-1035 label must consist of/,
  },
  {
    name: "K8S-86 a namespace that does not exist",
    path: "/api/v1/namespaces/nons/configmaps",
    body: named("a"),
    code: 404,
    reason: "NotFound",
    message: 'namespaces "nons" not found',
  },
  {
    name: "K8S-82 another namespace in the body",
    body: { metadata: { name: "a", namespace: "other" } },
    code: 400,
    reason: "BadRequest",
    message: "the namespace of the provided object does not match the namespace sent on the request",
  },
  {
    name: "K8S-84 a resourceVersion",
    body: { metadata: { name: "a", resourceVersion: "5" } },
    code: 500,
    reason: "",
    message: "resourceVersion should not be set on objects to be created",
  },
  {
    name: "K8S-78 no body",
    body: undefined,
    code: 400,
    reason: "BadRequest",
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error/,
  },
  {
    name: "K8S-79 another kind",
    body: { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } },
    code: 400,
    reason: "BadRequest",
    message: /^Secret in version "v1" cannot be handled as a ConfigMap: /,
  },
  {
    name: "K8S-80 a number where a text belongs",
    body: named("a", { data: { x: 1 } }),
    code: 400,
    reason: "BadRequest",
    message:
      /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field/,
  },
  {
    name: "K8S-108 a number as a label",
    body: { metadata: { name: "a", labels: { x: 1 } } },
    code: 400,
    reason: "BadRequest",
    message: /json: cannot unmarshal number into Go struct field ConfigMap.metadata.labels of type string$/,
  },
  {
    name: "K8S-108 a label value of 64 characters",
    body: { metadata: { name: "a", labels: { x: "v".repeat(64) } } },
    code: 422,
    reason: "Invalid",
    message: /metadata.labels: Invalid value: "v+": must be no more than 63 characters$/,
  },
  {
    name: "K8S-108 a label key with two slashes",
    body: { metadata: { name: "a", labels: { "a/b/c": "v" } } },
    code: 422,
    reason: "Invalid",
    message: /metadata.labels: Invalid value: "a\/b\/c": a qualified name/,
  },
  {
    name: "K8S-108 annotations beyond 256 KiB",
    body: { metadata: { name: "a", annotations: { x: "v".repeat(262_144) } } },
    code: 422,
    reason: "Invalid",
    message: /metadata.annotations: Too long: may not be more than 262144 bytes$/,
  },
  {
    name: "K8S-109 a finalizer without a domain",
    body: { metadata: { name: "a", finalizers: ["foo"] } },
    code: 422,
    reason: "Invalid",
    message:
      /metadata.finalizers\[0\]: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified$/,
  },
  {
    name: "K8S-109 an owner without uid",
    body: { metadata: { name: "a", ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p" }] } },
    code: 422,
    reason: "Invalid",
    message: /metadata.ownerReferences\[0\].uid: Invalid value: "": uid must not be empty$/,
  },
  {
    name: "K8S-109 two controllers",
    body: {
      metadata: {
        name: "a",
        ownerReferences: ["p", "q"].map((name) => ({
          apiVersion: "v1",
          kind: "Pod",
          name,
          uid: name,
          controller: true,
        })),
      },
    },
    code: 422,
    reason: "Invalid",
    message: /Only one reference can have Controller set to true/,
  },
  {
    name: "K8S-81 an unknown and a duplicate field under Strict",
    path: `${CM}?fieldValidation=Strict`,
    body: named("a", { foo: 1 }),
    code: 400,
    reason: "BadRequest",
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo", duplicate field "data.a"',
  },
  {
    name: "K8S-95 dryRun=Foo",
    path: `${CM}?dryRun=Foo`,
    body: named("a"),
    code: 422,
    reason: "Invalid",
    message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Foo"]: supported values: "All"',
  },
  {
    name: "K8S-95 fieldValidation=Maybe",
    path: `${CM}?fieldValidation=Maybe`,
    body: named("a"),
    code: 422,
    reason: "Invalid",
    message: /fieldValidation: Unsupported value: "Maybe": supported values: "Ignore", "Strict", "Warn"$/,
  },
  {
    name: "K8S-71 a resource that is not served",
    path: "/api/v1/namespaces/default/nosuch",
    body: named("a"),
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
  },
  {
    name: "K8S-89 K8S-104 a namespaced kind without a namespace",
    path: "/api/v1/configmaps",
    body: named("a"),
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
  },
];

for (const { name, path = CM, body, code, reason, message, field } of refusals) {
  test(`${name} is refused`, async () => {
    const { call, refusal, server } = await startTestServer();
    await call("create", CM, { body: named("taken") });
    const before = server.currentRevision();
    const error = await refusal("create", path, { body, duplicateFields: name.startsWith("K8S-81") ? ["data.a"] : [] });
    assert.equal(error.code, code, error.message);
    assert.equal(error.reason, reason);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    if (field) assert.equal(error.status.details?.causes?.[0]?.field, field);
    assert.equal(server.currentRevision(), before);
  });
}

test("K8S-73 details name the plural, K8S-77 details name the Kind", async () => {
  const { call, refusal } = await startTestServer();
  await call("create", DEPLOYMENTS, { body: named("web") });
  const taken = await refusal("create", DEPLOYMENTS, { body: named("web") });
  assert.deepEqual(taken.status.details, { name: "web", group: "apps", kind: "deployments" });
  const invalid = await refusal("create", DEPLOYMENTS, { body: named("Web") });
  const { causes, ...details } = invalid.status.details!;
  assert.deepEqual(details, { name: "Web", group: "apps", kind: "Deployment" });
  assert.equal(causes?.[0]?.reason, "FieldValueInvalid");
  assert.match(invalid.message, /^Deployment.apps "Web" is invalid: /);
});

test("K8S-120 Warn stores without the unknown field and says so, Ignore says nothing", async () => {
  const { call } = await startTestServer();
  const body = (name: string) => ({ metadata: { name, bar: 1 }, foo: 1, data: { a: "b" } });
  const duplicateFields = ["data.a"];
  const warned = await call("create", CM, { body: body("a"), duplicateFields });
  assert.deepEqual(warned.warnings, [
    'unknown field "metadata.bar"',
    'unknown field "foo"',
    'duplicate field "data.a"',
  ]);
  assert.equal("foo" in warned.object, false);
  const silent = await call("create", `${CM}?fieldValidation=Ignore`, { body: body("b"), duplicateFields });
  assert.deepEqual(silent.warnings, []);
  assert.deepEqual(silent.object["data"], { a: "b" });
});

test("K8S-108 a null label is an empty one", async () => {
  const { call } = await startTestServer();
  const result = await call("create", CM, { body: { metadata: { name: "a", labels: { v: null, w: "x" } } } });
  assert.deepEqual(metadataOf(result).labels, { v: "", w: "x" });
});

test("K8S-12 a dry run answers the object it would make and keeps nothing", async () => {
  const { call, refusal, server } = await startTestServer();
  const before = server.currentRevision();
  const result = await call("create", `${CM}?dryRun=All`, { body: named("a") });
  assert.equal(result.code, 201);
  assert.ok(metadataOf(result).uid);
  assert.equal((await refusal("get", `${CM}/a`)).message, 'configmaps "a" not found');
  assert.equal(server.currentRevision(), before);
});

test("K8S-111 generation starts at 1 for kinds that keep it, and is absent elsewhere", async () => {
  const { call } = await startTestServer();
  assert.equal(metadataOf(await call("create", DEPLOYMENTS, { body: named("web") })).generation, 1);
  assert.equal(metadataOf(await call("create", CM, { body: named("a") })).generation, undefined);
});

test("K8S-154 a status sent with a create is dropped", async () => {
  const { call } = await startTestServer();
  const { object } = await call("create", DEPLOYMENTS, { body: named("web", { status: { replicas: 9 } }) });
  assert.equal(object["status"], undefined);
});

test("K8S-104 of a reader's requests the server keeps no reference to the body", async () => {
  const { call } = await startTestServer();
  await call("create", CM, { body: named("a", { data: { x: "1" } }) });
  const { object } = await call("get", `${CM}/a`);
  assert.equal(Object.isFrozen(object), true);
});
