import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, KubeObject } from "../../api/meta.ts";
import type { Converter } from "../../kube/admission.ts";
import { eventNames, metadataOf, startTestServer, type TestServer } from "./api-server.fixture.ts";
import { compareVersions } from "./crd.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WD = "/apis/ex.io/v1/namespaces/default/widgets";

const specSchema = {
  type: "object",
  properties: {
    size: { type: "integer", maximum: 10 },
    color: { type: "string", default: "red" },
    raw: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    nd: { type: "string", default: "dd" },
    nn: { type: "string", nullable: true },
    m: { type: "string" },
    replicas: { type: "integer" },
  },
};

function version(name: string, rest: Record<string, unknown> = {}): Record<string, unknown> {
  const properties = { spec: specSchema, status: { type: "object", properties: { phase: { type: "string" } } } };
  return { name, served: true, storage: true, schema: { openAPIV3Schema: { type: "object", properties } }, ...rest };
}

const withStatus = {
  subresources: {
    status: {},
    scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
  },
};

function widgets(rest: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.ex.io" },
    spec: {
      group: "ex.io",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget", shortNames: ["wd"] },
      versions: [version("v1", withStatus)],
      ...rest,
    },
  };
}

function widget(spec: object, rest: object = {}): object {
  return { apiVersion: "ex.io/v1", kind: "Widget", metadata: { name: "w" }, spec, ...rest };
}

async function withWidgets(rest: Record<string, unknown> = {}): Promise<TestServer> {
  const started = await startTestServer();
  await started.call("create", CRDS, { body: widgets(rest) });
  return started;
}

function conditions(object: KubeObject): string[] {
  const { conditions: list = [] } = object["status"] as { conditions?: Condition[] };
  return list.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

test("K8S-150 K8S-151 names are defaulted, the status is set at once, and the kind is served", async () => {
  const { call, server } = await startTestServer();
  const before = server.discoveryRevision();
  const { object } = await call("create", CRDS, { body: widgets() });
  const { names, conversion } = object["spec"] as { names: object; conversion: object };
  assert.deepEqual(names, {
    plural: "widgets",
    kind: "Widget",
    shortNames: ["wd"],
    singular: "widget",
    listKind: "WidgetList",
  });
  assert.deepEqual(conversion, { strategy: "None" });
  assert.deepEqual(conditions(object), ["NamesAccepted=True NoConflicts", "Established=True InitialNamesAccepted"]);
  const { acceptedNames, storedVersions } = object["status"] as Record<string, unknown>;
  assert.deepEqual(acceptedNames, names);
  assert.deepEqual(storedVersions, ["v1"]);
  assert.notEqual(server.discoveryRevision(), before);
  const definition = server.definition("ex.io", "v1", "widgets")!;
  assert.deepEqual([definition.listKind, definition.singular, definition.shortNames], ["WidgetList", "widget", ["wd"]]);
  assert.deepEqual((await call("list", WD)).object["items"], []);
});

interface BadCrd {
  readonly name: string;
  readonly crd: KubeObject;
  readonly field: string;
}

const badCrds: BadCrd[] = [
  { name: "another name", crd: { ...widgets(), metadata: { name: "gadgets.ex.io" } }, field: "metadata.name" },
  {
    name: "two storage versions",
    crd: widgets({ versions: [version("v1"), version("v2")] }),
    field: "spec.versions",
  },
  { name: "no version", crd: widgets({ versions: [] }), field: "spec.versions" },
  { name: "no scope", crd: widgets({ scope: undefined }), field: "spec.scope" },
  { name: "no kind", crd: widgets({ names: { plural: "widgets" } }), field: "spec.names.kind" },
  {
    name: "no schema",
    crd: widgets({ versions: [version("v1", { schema: undefined })] }),
    field: "spec.versions[0].schema.openAPIV3Schema",
  },
  {
    name: "a column without path",
    crd: widgets({ versions: [version("v1", { additionalPrinterColumns: [{ name: "Size", type: "integer" }] })] }),
    field: "spec.versions[0].additionalPrinterColumns[0].jsonPath",
  },
  {
    name: "a scale without paths",
    crd: widgets({ versions: [version("v1", { subresources: { scale: { specReplicasPath: ".spec.replicas" } } })] }),
    field: "spec.versions[0].subresources.scale.statusReplicasPath",
  },
  {
    name: "a property without type",
    crd: widgets({
      versions: [version("v1", { schema: { openAPIV3Schema: { type: "object", properties: { a: {} } } } })],
    }),
    field: "spec.versions[0].schema.openAPIV3Schema.properties[a].type",
  },
];
for (const { name, crd, field } of badCrds) {
  test(`K8S-150 a definition with ${name} is invalid`, async () => {
    const { refusal } = await startTestServer();
    const error = await refusal("create", CRDS, { body: structuredClone(crd) });
    assert.equal(error.code, 422);
    assert.equal(error.status.details?.causes?.[0]?.field, field);
  });
}

test("K8S-153 unknown fields are pruned, nulls dropped, defaults filled, the status removed", async () => {
  const { call } = await withWidgets();
  const spec = { size: 2, unk: 1, raw: { z: 1 }, nn: null, nd: null, m: null };
  const { object, warnings } = await call("create", WD, { body: widget(spec, { status: { phase: "x" } }) });
  assert.deepEqual(object["spec"], { size: 2, raw: { z: 1 }, nn: null, nd: "dd", color: "red" });
  assert.equal(object["status"], undefined);
  assert.deepEqual(warnings, ['unknown field "spec.unk"']);
});

test("K8S-155 values that do not fit the schema are one 422", async () => {
  const { refusal } = await withWidgets();
  const error = await refusal("create", WD, { body: widget({ size: 99, color: 7 }) });
  assert.equal(error.code, 422);
  assert.match(error.message, /^Widget.ex.io "w" is invalid: \[/);
  assert.match(error.message, /spec.size in body should be less than or equal to 10/);
  assert.match(error.message, /spec.color in body must be of type string/);
});

const badBodies: [name: string, body: object, code: number, message: RegExp][] = [
  [
    "another version",
    { ...widget({}), apiVersion: "ex.io/v2" },
    400,
    /^the API version in the data \(ex.io\/v2\) does not match the expected API version \(ex.io\/v1\)$/,
  ],
  ["another kind", { ...widget({}), kind: "Foo" }, 422, /kind: Invalid value: "Foo": must be Widget$/],
  ["no kind", { apiVersion: "ex.io/v1", metadata: { name: "w" } }, 400, /^Object 'Kind' is missing in '/],
];
for (const [name, body, code, message] of badBodies) {
  test(`K8S-79 a custom body with ${name} is refused`, async () => {
    const { refusal } = await withWidgets();
    const error = await refusal("create", WD, { body });
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}

test("K8S-81 Strict refuses an unknown field of a custom body", async () => {
  const { refusal } = await withWidgets();
  const error = await refusal("create", `${WD}?fieldValidation=Strict`, { body: widget({ unk: 1 }) });
  assert.match(error.message, /strict decoding error: unknown field "spec.unk"$/);
});

test("K8S-85 a PUT of a custom object needs a revision", async () => {
  const { call, refusal } = await withWidgets();
  await call("create", WD, { body: widget({}) });
  const error = await refusal("update", `${WD}/w`, { body: widget({ size: 1 }) });
  assert.equal(
    error.message,
    'widgets.ex.io "w" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
});

test("K8S-164 a custom object answers a strategic patch with 415", async () => {
  const { call, refusal } = await withWidgets();
  await call("create", WD, { body: widget({}) });
  const error = await refusal("patch", `${WD}/w`, { patchType: "strategic", body: {} });
  assert.equal(error.code, 415);
  assert.doesNotMatch(error.message, /strategic/);
});

test("K8S-112 K8S-111 of a custom object /status changes the status alone, a spec change bumps the generation", async () => {
  const { call } = await withWidgets();
  await call("create", WD, { body: widget({ size: 1 }) });
  const body = {
    metadata: { labels: { x: "y" }, annotations: { x: "y" } },
    spec: { size: 2 },
    status: { phase: "Ok" },
  };
  const status = await call("patch", `${WD}/w/status`, { patchType: "merge", body });
  assert.deepEqual(status.object["status"], { phase: "Ok" });
  assert.equal((status.object["spec"] as { size: number }).size, 1);
  assert.deepEqual([metadataOf(status).labels, metadataOf(status).annotations], [undefined, undefined]);
  assert.equal(metadataOf(status).generation, 1);
  const labelled = await call("patch", `${WD}/w`, { patchType: "merge", body: { metadata: { labels: { x: "y" } } } });
  assert.equal(metadataOf(labelled).generation, 1);
  const changed = await call("patch", `${WD}/w`, {
    patchType: "merge",
    body: { spec: { size: 3 }, status: { phase: "No" } },
  });
  assert.equal(metadataOf(changed).generation, 2);
  assert.deepEqual(changed.object["status"], { phase: "Ok" });
});

test("K8S-113 scale uses the paths of the definition", async () => {
  const { call } = await withWidgets();
  await call("create", WD, { body: widget({}) });
  assert.deepEqual((await call("get", `${WD}/w/scale`)).object["spec"], { replicas: 0 });
  await call("patch", `${WD}/w/scale`, { patchType: "merge", body: { spec: { replicas: 4 } } });
  assert.equal(((await call("get", `${WD}/w`)).object["spec"] as { replicas: number }).replicas, 4);
});

const twoVersions = {
  versions: [version("v1", { storage: false }), version("v2"), version("v1alpha1", { storage: false, served: false })],
};

test("K8S-159 versions without a converter differ in apiVersion alone; what is not served is 404", async () => {
  const { call, server, watch, refusal } = await withWidgets(twoVersions);
  const asV2 = watch(`/apis/ex.io/v2/widgets?resourceVersion=${server.currentRevision()}`);
  await call("create", WD, { body: widget({ size: 1 }) });
  const v2 = await call("get", "/apis/ex.io/v2/namespaces/default/widgets/w");
  const v1 = await call("get", `${WD}/w`);
  assert.equal(v2.object.apiVersion, "ex.io/v2");
  assert.equal(v1.object.apiVersion, "ex.io/v1");
  assert.deepEqual({ ...v2.object, apiVersion: "ex.io/v1" }, v1.object);
  assert.equal(asV2.events[0]?.object.apiVersion, "ex.io/v2");
  assert.equal((await refusal("list", "/apis/ex.io/v1alpha1/widgets")).code, 404);
  const same = await call("update", `${WD}/w`, { body: structuredClone(v1.object) });
  assert.equal(metadataOf(same).resourceVersion, metadataOf(v1).resourceVersion);
});

/** v1 says `size`, v2 says `replicas`. */
const sizeConverter: Converter = (object, toVersion) => {
  const { size, replicas, ...spec } = object["spec"] as { size?: number; replicas?: number };
  const count = size ?? replicas;
  return { ...object, spec: { ...spec, [toVersion === "v1" ? "size" : "replicas"]: count } };
};

test("K8S-160 a registered converter translates between the stored and the served version", async () => {
  const pack = { crds: [widgets(twoVersions)], converters: { "widgets.ex.io": sizeConverter }, admission: [] };
  const { call, watch, log } = await startTestServer({ packs: [pack] });
  const asV1 = watch("/apis/ex.io/v1/widgets");
  await call("create", WD, { body: widget({ size: 3 }) });
  const v2 = await call("get", "/apis/ex.io/v2/namespaces/default/widgets/w");
  assert.deepEqual(v2.object["spec"], { replicas: 3, color: "red", nd: "dd" });
  const v1 = await call("patch", `${WD}/w`, { patchType: "merge", body: { spec: { size: 4 } } });
  assert.deepEqual(v1.object["spec"], { size: 4, color: "red", nd: "dd" });
  const stored = log.load().entries.find(({ resource }) => resource === "widgets.ex.io")!;
  assert.equal(stored.object?.apiVersion, "ex.io/v2");
  assert.deepEqual(
    asV1.events.map(({ object }) => (object["spec"] as { size: number }).size),
    [3, 4],
  );
});

test("K8S-153 a default that the schema gained later shows in reads", async () => {
  const { call } = await withWidgets();
  await call("create", WD, { body: widget({}) });
  const properties = {
    spec: { type: "object", properties: { ...specSchema.properties, extra: { type: "string", default: "new" } } },
  };
  const changed = version("v1", { schema: { openAPIV3Schema: { type: "object", properties } } });
  await call("patch", `${CRDS}/widgets.ex.io`, { patchType: "merge", body: { spec: { versions: [changed] } } });
  const { object } = await call("get", `${WD}/w`);
  assert.equal((object["spec"] as { extra: string }).extra, "new");
});

test("K8S-151 a second definition of a kind is not served until the first is gone", async () => {
  const { call, server } = await withWidgets();
  const names = { plural: "gadgets", kind: "Widget" };
  const second = { ...widgets({ names }), metadata: { name: "gadgets.ex.io" } };
  const { object } = await call("create", CRDS, { body: second });
  assert.deepEqual(conditions(object), ["NamesAccepted=False ListKindConflict", "Established=False NotAccepted"]);
  const { conditions: list } = object["status"] as { conditions: Condition[] };
  assert.equal(list[0]?.message, '"WidgetList" is already in use');
  assert.equal(server.definition("ex.io", "v1", "gadgets"), null);
  await call("delete", `${CRDS}/widgets.ex.io`);
  await settle();
  assert.notEqual(server.definition("ex.io", "v1", "gadgets"), null);
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await null;
}

test("K8S-152 deleting a definition deletes its objects, ends its watches and its service", async () => {
  const { call, refusal, server, watch } = await withWidgets();
  await call("create", WD, { body: widget({}) });
  const watching = watch(`/apis/ex.io/v1/widgets?resourceVersion=${server.currentRevision()}`);
  const { object } = await call("delete", `${CRDS}/widgets.ex.io`);
  assert.ok(object.metadata.deletionTimestamp);
  await settle();
  assert.deepEqual(eventNames(watching), ["DELETED w"]);
  assert.equal(watching.ended, null);
  assert.equal(server.definition("ex.io", "v1", "widgets"), null);
  assert.equal((await refusal("get", `${CRDS}/widgets.ex.io`)).code, 404);
  await call("create", CRDS, { body: widgets() });
  assert.deepEqual((await call("list", WD)).object["items"], []);
});

test("K8S-152 finalizers of objects are respected, meanwhile nothing new is taken; a restart goes on", async () => {
  const started = await withWidgets();
  const held = { ...widget({}), metadata: { name: "w", finalizers: ["ex.io/f"] } };
  await started.call("create", WD, { body: held });
  await started.call("delete", `${CRDS}/widgets.ex.io`);
  await settle();
  const crd = await started.call("get", `${CRDS}/widgets.ex.io`);
  assert.ok(conditions(crd.object).includes("Terminating=True InstanceDeletionInProgress"));
  assert.ok(metadataOf(await started.call("get", `${WD}/w`)).deletionTimestamp);
  const error = await started.refusal("create", WD, { body: { ...widget({}), metadata: { name: "x" } } });
  assert.equal(error.code, 405);
  started.server.stop();
  const { call, refusal, server } = await startTestServer({ log: started.log });
  await call("patch", `${WD}/w`, { patchType: "merge", body: { metadata: { finalizers: null } } });
  await settle();
  assert.equal((await refusal("get", `${CRDS}/widgets.ex.io`)).code, 404);
  assert.equal(server.definition("ex.io", "v1", "widgets"), null);
});

test("K8S-152 objects of a definition that is served in no version any more go with it", async () => {
  const { call, refusal, log } = await withWidgets();
  await call("create", WD, { body: { ...widget({}), metadata: { name: "w", finalizers: ["ex.io/f"] } } });
  const versions = [version("v1", { served: false })];
  await call("patch", `${CRDS}/widgets.ex.io`, { patchType: "merge", body: { spec: { versions } } });
  assert.equal((await refusal("get", `${WD}/w`)).code, 404);
  await call("delete", `${CRDS}/widgets.ex.io`);
  await settle();
  assert.equal((await refusal("get", `${CRDS}/widgets.ex.io`)).code, 404);
  assert.equal(
    log.load().entries.some(({ resource }) => resource === "widgets.ex.io"),
    false,
  );
});

test("a restart serves the stored definitions, and a pack's newer one replaces the stored one", async () => {
  const pack = (crd: KubeObject) => ({ crds: [crd], converters: {}, admission: [] });
  const first = await startTestServer({ packs: [pack(widgets())] });
  await first.call("create", WD, { body: widget({ size: 1 }) });
  const revision = first.server.currentRevision();
  const same = await startTestServer({ log: first.log, packs: [pack(widgets())] });
  assert.equal(same.server.currentRevision(), revision, "nothing changed, so nothing was written");
  assert.equal((await same.call("get", `${WD}/w`)).code, 200);
  const newer = await startTestServer({ log: first.log, packs: [pack(widgets(twoVersions))] });
  assert.equal((await newer.call("get", "/apis/ex.io/v2/namespaces/default/widgets/w")).object.apiVersion, "ex.io/v2");
});

test("K8S-58 a changed definition ends its watches, so that readers see it; a status write does not", async () => {
  const { call, watch, server } = await withWidgets();
  const before = server.discoveryRevision();
  const watching = watch("/apis/ex.io/v1/widgets");
  const status = { metadata: { annotations: { x: "y" } } };
  await call("patch", `${CRDS}/widgets.ex.io/status`, { patchType: "merge", body: status });
  assert.equal(watching.ended, undefined);
  assert.equal(server.discoveryRevision(), before);
  const names = { plural: "widgets", kind: "Widget", shortNames: ["wd", "wdg"] };
  await call("patch", `${CRDS}/widgets.ex.io`, { patchType: "merge", body: { spec: { names } } });
  assert.equal(watching.ended, null);
  assert.deepEqual(server.definition("ex.io", "v1", "widgets")?.shortNames, ["wd", "wdg"]);
});

const RULES = "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]";

function ruledWidgets(...rules: readonly object[]): KubeObject {
  const ruled = { ...specSchema, "x-kubernetes-validations": rules };
  const schema = { openAPIV3Schema: { type: "object", properties: { spec: ruled, status: withPhase } } };
  return widgets({ versions: [version("v1", { ...withStatus, schema })] });
}

const withPhase = {
  type: "object",
  properties: {
    phase: { type: "string", "x-kubernetes-validations": [{ rule: "self != oldSelf", message: "phases move on" }] },
  },
};

test("K8S-158 a definition with a rule that cannot be compiled is refused, and nothing is stored", async () => {
  const { call, refusal } = await startTestServer();
  const error = await refusal("create", CRDS, { body: ruledWidgets({ rule: "self.sise > 0" }) });
  assert.equal(error.code, 422);
  assert.equal(error.status.details?.causes?.[0]?.field, `${RULES}.rule`);
  assert.match(
    error.message,
    /compilation failed: ERROR: <input>:1:5: undefined field 'sise'\n \| self.sise > 0\n \| ....\^/,
  );
  const { warnings } = await call("create", CRDS, { body: ruledWidgets({ rule: "self.size > 0" }) });
  assert.deepEqual(warnings, []);
});

test("K8S-157 rules hold on create, update and patch, after defaults", async () => {
  const { call, refusal } = await startTestServer();
  const rules = [
    { rule: "self.size > 0", message: "needs a size" },
    { rule: "self.color == oldSelf.color", message: "colours stay", fieldPath: ".color" },
    { rule: "self.color != 'green'", message: "not green" },
  ];
  await call("create", CRDS, { body: ruledWidgets(...rules) });
  const refused = await refusal("create", WD, { body: widget({ size: 0 }) });
  assert.equal(refused.message, 'Widget.ex.io "w" is invalid: spec: Invalid value: needs a size');
  await call("create", WD, { body: widget({ size: 1 }) });
  const patched = await refusal("patch", `${WD}/w`, { patchType: "merge", body: { spec: { color: "blue" } } });
  assert.equal(patched.message, 'Widget.ex.io "w" is invalid: spec.color: Invalid value: colours stay');
  const both = await refusal("patch", `${WD}/w`, { patchType: "merge", body: { spec: { color: "green", size: 0 } } });
  assert.equal(both.status.details?.causes?.length, 3);
  await call("patch", `${WD}/w`, { patchType: "merge", body: { spec: { size: 2 } } });
});

test("K8S-157 rules hold on a status write", async () => {
  const { call, refusal } = await startTestServer();
  await call("create", CRDS, { body: ruledWidgets({ rule: "true" }) });
  await call("create", WD, { body: widget({ size: 1 }) });
  const write = { patchType: "merge" as const, body: { status: { phase: "Up" } } };
  await call("patch", `${WD}/w/status`, write);
  const stuck = { patchType: "merge" as const, body: { metadata: { labels: { a: "b" } } } };
  const error = await refusal("patch", `${WD}/w`, stuck);
  assert.equal(error.message, 'Widget.ex.io "w" is invalid: status.phase: Invalid value: "Up": phases move on');
  await call("patch", `${WD}/w/status`, { patchType: "merge", body: { status: { phase: "Down" } } });
});

test("K8S-157 a stricter rule does not lock what is stored: unchanged parts stay valid", async () => {
  const { call, refusal } = await startTestServer();
  await call("create", CRDS, { body: ruledWidgets({ rule: "true" }) });
  await call("create", WD, { body: widget({ size: 1 }) });
  const strict = ruledWidgets({ rule: "self.size > 1", message: "too small" });
  await call("patch", `${CRDS}/widgets.ex.io`, { patchType: "merge", body: { spec: strict["spec"] } });
  await call("patch", `${WD}/w`, { patchType: "merge", body: { metadata: { labels: { a: "b" } } } });
  const error = await refusal("patch", `${WD}/w`, { patchType: "merge", body: { spec: { m: "x" } } });
  assert.equal(error.message, 'Widget.ex.io "w" is invalid: spec: Invalid value: too small');
});

test("versions stand in Kubernetes' order: stable before beta before alpha, higher first", () => {
  const sorted = ["foo1", "v1alpha1", "v1", "v2beta1", "v10", "v1beta2", "v2", "bar"].sort(compareVersions);
  assert.deepEqual(sorted, ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "bar", "foo1"]);
});
