import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { type CallOptions, startTestServer } from "../api-server.fixture.ts";
import { builtinDefinitions } from "../builtin/index.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const SERVICES = "/api/v1/namespaces/default/services";

/** A server with the real built-in kinds, and apply as a manager does it. */
async function startServer() {
  const world = await startTestServer({ builtins: builtinDefinitions });
  const query = (manager: string, more = "") => `fieldManager=${manager}${more}`;
  return {
    ...world,
    apply: async (path: string, manager: string, body: unknown, more = "") =>
      world.call("patch", `${path}?${query(manager, more)}`, { patchType: "apply", body }),
    applyRefused: async (path: string, manager: string, body: unknown, more = "") =>
      world.refusal("patch", `${path}?${query(manager, more)}`, { patchType: "apply", body }),
    get: async (path: string): Promise<KubeObject> => (await world.call("get", path)).object,
    merge: async (path: string, manager: string, body: unknown, more: Partial<CallOptions> = {}) =>
      world.call("patch", `${path}?${query(manager)}`, { patchType: "merge", body, ...more }),
  };
}

function configMap(data: Record<string, string>, metadata: object = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c1", ...metadata }, data };
}

function deployment(spec: object = {}, containers: readonly object[] = [{ name: "c", image: "c:1" }]) {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers } },
      ...spec,
    },
  };
}

function ownersOf({ metadata }: KubeObject): Record<string, unknown> {
  const entries = (metadata.managedFields ?? []) as Record<string, unknown>[];
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      [manager, operation, ...(subresource ? [subresource] : [])].join(" "),
      fieldsV1,
    ]),
  );
}

test("K8S-144 apply creates an object, whose fields are the manager's", async () => {
  const { apply, get } = await startServer();
  const created = await apply(`${CM}/c1`, "x", configMap({ a: "1" }, { labels: { app: "a" } }));
  assert.equal(created.code, 201);
  assert.deepEqual(created.object.metadata.managedFields, [
    {
      manager: "x",
      operation: "Apply",
      apiVersion: "v1",
      time: created.object.metadata.creationTimestamp,
      fieldsType: "FieldsV1",
      fieldsV1: { "f:data": { "f:a": {} }, "f:metadata": { "f:labels": { "f:app": {} } } },
    },
  ]);
  assert.deepEqual(await get(`${CM}/c1`), created.object);
});

test("K8S-144 applying the same again changes nothing, not even the time", async () => {
  const { apply, clock, server } = await startServer();
  const first = await apply(`${CM}/c1`, "x", configMap({ a: "1" }));
  clock.advanceTo(clock.now() + 60_000);
  const before = server.currentRevision();
  const again = await apply(`${CM}/c1`, "x", configMap({ a: "1" }, { creationTimestamp: null }));
  assert.equal(again.code, 200);
  assert.deepEqual(again.object, first.object);
  assert.equal(server.currentRevision(), before);
});

test("K8S-144 what a manager leaves out goes, unless somebody else owns it", async () => {
  const { apply, get } = await startServer();
  await apply(`${CM}/c1`, "x", configMap({ a: "1", b: "2", c: "3" }));
  await apply(`${CM}/c1`, "y", configMap({ b: "2" }));
  await apply(`${CM}/c1`, "x", configMap({ c: "3" }));
  const object = await get(`${CM}/c1`);
  assert.deepEqual(object["data"], { b: "2", c: "3" });
  assert.deepEqual(ownersOf(object), {
    "x Apply": { "f:data": { "f:c": {} } },
    "y Apply": { "f:data": { "f:b": {} } },
  });
});

test("K8S-145 another value of somebody's field is a conflict, the same value is shared, force takes over", async () => {
  const { apply, applyRefused, get } = await startServer();
  await apply(`${CM}/c1`, "x", configMap({ a: "1", b: "2" }));
  const one = await applyRefused(`${CM}/c1`, "y", configMap({ a: "9" }));
  assert.equal(one.code, 409);
  assert.equal(one.reason, "Conflict");
  assert.equal(one.message, 'Apply failed with 1 conflict: conflict with "x": .data.a');
  assert.deepEqual(one.status.details?.causes, [
    { reason: "FieldManagerConflict", message: 'conflict with "x"', field: ".data.a" },
  ]);
  const two = await applyRefused(`${CM}/c1`, "y", configMap({ b: "9", a: "9" }));
  assert.equal(two.message, 'Apply failed with 2 conflicts: conflicts with "x":\n- .data.a\n- .data.b');
  await apply(`${CM}/c1`, "y", configMap({ a: "1" }));
  await apply(`${CM}/c1`, "y", configMap({ a: "9" }), "&force=true");
  const object = await get(`${CM}/c1`);
  assert.deepEqual(object["data"], { a: "9", b: "2" });
  assert.deepEqual(ownersOf(object), {
    "x Apply": { "f:data": { "f:b": {} } },
    "y Apply": { "f:data": { "f:a": {} } },
  });
});

test("K8S-145 whoever updates owns what changed, and is named with the version", async () => {
  const { apply, applyRefused, get, merge } = await startServer();
  await apply(`${DEPLOYMENTS}/web`, "gitops", deployment({ replicas: 1 }));
  await merge(`${DEPLOYMENTS}/web/scale`, "hpa", { spec: { replicas: 4 } });
  const owners = ownersOf(await get(`${DEPLOYMENTS}/web`));
  assert.deepEqual(owners["hpa Update scale"], { "f:spec": { "f:replicas": {} } });
  const refused = await applyRefused(`${DEPLOYMENTS}/web`, "gitops", deployment({ replicas: 1 }));
  const name = '"hpa" with subresource "scale" using apps/v1';
  assert.equal(refused.message, `Apply failed with 1 conflict: conflict with ${name}: .spec.replicas`);
  await apply(`${DEPLOYMENTS}/web`, "gitops", deployment());
  assert.equal(((await get(`${DEPLOYMENTS}/web`))["spec"] as { replicas: number }).replicas, 4);
});

test("K8S-146 writes of the status have an entry of their own; a status in a configuration is nobody's", async () => {
  const { apply, get, merge } = await startServer();
  await apply(`${DEPLOYMENTS}/web`, "gitops", { ...deployment(), status: { replicas: 7 } });
  const condition = { type: "Available", status: "True" };
  await merge(`${DEPLOYMENTS}/web/status`, "ctl", { status: { replicas: 1, conditions: [condition] } });
  const object = await get(`${DEPLOYMENTS}/web`);
  const owners = ownersOf(object);
  assert.deepEqual(object["status"], { replicas: 1, conditions: [condition] });
  const key = 'k:{"type":"Available"}';
  assert.deepEqual(owners["ctl Update status"], {
    "f:status": {
      ".": {},
      "f:conditions": { ".": {}, [key]: { ".": {}, "f:status": {}, "f:type": {} } },
      "f:replicas": {},
    },
  });
  assert.ok(!Object.hasOwn(owners["gitops Apply"] as object, "f:status"));
});

test("K8S-146 an apply of the status owns the status alone", async () => {
  const { apply, applyRefused, get } = await startServer();
  const missing = await applyRefused(`${DEPLOYMENTS}/web/status`, "ctl", deployment());
  assert.equal(missing.code, 404);
  await apply(`${DEPLOYMENTS}/web`, "gitops", deployment({ replicas: 2 }));
  await apply(`${DEPLOYMENTS}/web/status`, "ctl", { ...deployment({ replicas: 9 }), status: { replicas: 2 } });
  const object = await get(`${DEPLOYMENTS}/web`);
  assert.equal((object["spec"] as { replicas: number }).replicas, 2);
  assert.deepEqual(ownersOf(object)["ctl Apply status"], { "f:status": { "f:replicas": {} } });
});

test("K8S-113 an apply of the scale owns the replica count", async () => {
  const { apply, applyRefused, get } = await startServer();
  await apply(`${DEPLOYMENTS}/web`, "gitops", deployment());
  const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "web" }, spec: { replicas: 3 } };
  const { object } = await apply(`${DEPLOYMENTS}/web/scale`, "hpa", scale);
  assert.deepEqual([object.kind, object["spec"]], ["Scale", { replicas: 3 }]);
  const owners = ownersOf(await get(`${DEPLOYMENTS}/web`));
  assert.deepEqual(owners["hpa Apply scale"], { "f:spec": { "f:replicas": {} } });
  const wrong = await applyRefused(`${DEPLOYMENTS}/web/scale`, "hpa", deployment());
  assert.equal(wrong.message, "invalid object type: apps/v1, Kind=Deployment");
});

test("K8S-146 the first apply finds who wrote before it; plain objects have no managedFields", async () => {
  const { apply, applyRefused, call, get, merge } = await startServer();
  await call("create", CM, { body: configMap({ a: "1", b: "2" }) });
  await merge(`${CM}/c1`, "someone", { data: { b: "3" } });
  assert.equal((await get(`${CM}/c1`)).metadata.managedFields, undefined);
  const refused = await applyRefused(`${CM}/c1`, "x", configMap({ a: "9" }));
  assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a');
  await apply(`${CM}/c1`, "x", configMap({ a: "1" }));
  assert.deepEqual(ownersOf(await get(`${CM}/c1`)), {
    "x Apply": { "f:data": { "f:a": {} } },
    "before-first-apply Update": { "f:data": { "f:a": {}, "f:b": {} } },
  });
});

test("K8S-146 managedFields of an update: handed over, thrown away, or ignored when nobody can read them", async () => {
  const { apply, get, merge } = await startServer();
  const { object } = await apply(`${CM}/c1`, "x", configMap({ a: "1" }));
  const [entry] = object.metadata.managedFields as object[];
  const send = async (managedFields: unknown) => {
    await merge(`${CM}/c1`, "z", { metadata: { managedFields } });
    return ownersOf(await get(`${CM}/c1`));
  };
  assert.deepEqual(await send([{ ...entry, manager: "y" }]), { "y Apply": { "f:data": { "f:a": {} } } });
  assert.deepEqual(await send([{ ...entry, fieldsV1: { wrong: {} } }]), { "y Apply": { "f:data": { "f:a": {} } } });
  assert.deepEqual(await send([{ ...entry, operation: "Guess" }]), { "y Apply": { "f:data": { "f:a": {} } } });
  for (const reset of [[{}], []]) {
    assert.deepEqual(await send([entry]), { "x Apply": { "f:data": { "f:a": {} } } });
    assert.deepEqual(await send(reset), {});
    assert.ok(!("managedFields" in (await get(`${CM}/c1`)).metadata));
  }
});

test("K8S-143 keys of lists that are maps: ports by number and protocol, environment by name", async () => {
  const { apply, get } = await startServer();
  const service = (ports: readonly object[]) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "dns" },
    spec: { ports },
  });
  await apply(`${SERVICES}/dns`, "x", service([{ name: "tcp", port: 53 }]));
  await apply(`${SERVICES}/dns`, "y", service([{ name: "udp", port: 53, protocol: "UDP" }]));
  const object = await get(`${SERVICES}/dns`);
  const ports = (object["spec"] as { ports: { name: string; protocol: string }[] }).ports;
  assert.deepEqual(
    ports.map(({ name, protocol }) => [name, protocol]),
    [
      ["tcp", "TCP"],
      ["udp", "UDP"],
    ],
  );
  assert.deepEqual(ownersOf(object)["x Apply"], {
    "f:spec": { "f:ports": { 'k:{"port":53,"protocol":"TCP"}': { ".": {}, "f:name": {}, "f:port": {} } } },
  });
});

test("K8S-144 a manager's container and its environment go, the sidecar of another stays", async () => {
  const { apply, get } = await startServer();
  const main = (env: readonly object[]) => ({ name: "c", image: "c:1", env });
  await apply(
    `${DEPLOYMENTS}/web`,
    "gitops",
    deployment({}, [
      main([
        { name: "A", value: "1" },
        { name: "B", value: "2" },
      ]),
    ]),
  );
  await apply(`${DEPLOYMENTS}/web`, "mesh", deployment({}, [{ name: "sidecar", image: "s:1" }]));
  await apply(`${DEPLOYMENTS}/web`, "gitops", deployment({}, [main([{ name: "B", value: "3" }])]));
  const { spec } = (await get(`${DEPLOYMENTS}/web`)) as unknown as {
    spec: { template: { spec: { containers: { name: string; env?: object[] }[] } } };
  };
  const { containers } = spec.template.spec;
  assert.deepEqual(
    containers.map(({ name, env }) => ({ name, ...(env ? { env } : {}) })),
    [{ name: "c", env: [{ name: "B", value: "3" }] }, { name: "sidecar" }],
  );
});

test("K8S-143 more than ten managers that update are folded", async () => {
  const { apply, clock, get, merge } = await startServer();
  await apply(`${CM}/c1`, "x", configMap({}));
  await apply(`${CM}/c1`, "x", configMap({ mine: "1" }));
  for (let index = 0; index < 13; index++) {
    clock.advanceTo(clock.now() + 1000);
    await merge(`${CM}/c1`, `m${index}`, { data: { [`k${index}`]: "1" } });
  }
  const owners = ownersOf(await get(`${CM}/c1`));
  assert.equal(Object.keys(owners).filter((name) => name.endsWith("Update")).length, 10);
  assert.deepEqual(Object.keys((owners["ancient-changes Update"] as { "f:data": object })["f:data"]), [
    "f:k0",
    "f:k1",
    "f:k2",
    "f:k3",
  ]);
});

test("K8S-12 a dry run answers the would-be object and stores nothing", async () => {
  const { apply, applyRefused, server, refusal } = await startServer();
  const before = server.currentRevision();
  const created = await apply(`${CM}/c1`, "x", configMap({ a: "1" }), "&dryRun=All");
  assert.equal(created.code, 201);
  assert.deepEqual(ownersOf(created.object), { "x Apply": { "f:data": { "f:a": {} } } });
  assert.equal(server.currentRevision(), before);
  assert.equal((await refusal("get", `${CM}/c1`)).code, 404);
  await apply(`${CM}/c1`, "x", configMap({ a: "1" }));
  assert.equal((await applyRefused(`${CM}/c1`, "y", configMap({ a: "2" }), "&dryRun=All")).code, 409);
});

test("K8S-119 the manager of a plain write is the program when it names none", async () => {
  const { apply, call, get } = await startServer();
  await apply(`${CM}/c1`, "x", configMap({ a: "1" }));
  await call("patch", `${CM}/c1`, { patchType: "merge", body: { data: { b: "1" } } });
  assert.deepEqual(ownersOf(await get(`${CM}/c1`))["test Update"], { "f:data": { "f:b": {} } });
});

const refusals: readonly [name: string, options: { path?: string; body?: unknown }, code: number, message: RegExp][] = [
  [
    "K8S-144 no manager",
    { path: `${CM}/c1` },
    422,
    /^PatchOptions\.meta\.k8s\.io "" is invalid: fieldManager: Required value: is required for apply patch$/,
  ],
  [
    "K8S-144 managedFields in the body",
    { body: configMap({}, { managedFields: [] }) },
    400,
    /^metadata\.managedFields must be nil$/,
  ],
  [
    "K8S-144 another kind",
    { body: { ...configMap({}), kind: "Secret" } },
    400,
    /^invalid object type: \/v1, Kind=Secret$/,
  ],
  ["K8S-144 no kind", { body: { metadata: { name: "c1" } } }, 400, /^invalid object type: \/, Kind=$/],
  ["K8S-144 no name", { body: { ...configMap({}), metadata: {} } }, 400, /^name must be provided$/],
  [
    "K8S-144 another name",
    { body: configMap({}, { name: "c2" }) },
    400,
    /^the name of the object \(c2\) does not match the name on the URL \(c1\)$/,
  ],
  [
    "K8S-147 an unknown field",
    { body: { ...configMap({}), foo: 1 } },
    400,
    /^failed to create typed patch object \(default\/c1; \/v1, Kind=ConfigMap\): \.foo: field not declared in schema$/,
  ],
  [
    "K8S-147 several mistakes",
    { body: { ...configMap({}, { labelz: {} }), immutable: "yes" } },
    400,
    /: errors:\n {2}\.metadata\.labelz: field not declared in schema\n {2}\.immutable: expected boolean, got string$/,
  ],
  [
    "K8S-119 a manager that cannot be printed",
    { path: `${CM}/c1?fieldManager=a%0Ab` },
    422,
    /fieldManager: Invalid value: "a\\nb": invalid character U\+000A \(at position 1\)$/,
  ],
  [
    "K8S-145 a revision that is gone",
    { body: configMap({}, { resourceVersion: "1" }) },
    409,
    /the object has been modified/,
  ],
];

for (const [name, { path = `${CM}/c1?fieldManager=x`, body = configMap({}) }, code, message] of refusals) {
  test(`${name} is refused`, async () => {
    const { apply, refusal } = await startServer();
    await apply(`${CM}/c1`, "first", configMap({ z: "1" }));
    const error = await refusal("patch", path, { patchType: "apply", body });
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test("K8S-147 lists that are maps take an element once, and with a key", async () => {
  const { applyRefused } = await startServer();
  const twice = [
    { name: "c", image: "a" },
    { name: "c", image: "b" },
  ];
  const path = "\\.spec\\.template\\.spec\\.containers";
  const double = await applyRefused(`${DEPLOYMENTS}/web`, "x", deployment({}, twice));
  assert.match(double.message, new RegExp(`${path}: duplicate entries for key \\[name="c"\\]$`));
  const keyless = await applyRefused(`${DEPLOYMENTS}/web`, "x", deployment({}, [{ image: "a" }]));
  assert.match(keyless.message, new RegExp(`${path}: element 0: associative list with keys has an element that omits`));
});
