import assert from "node:assert/strict";
import { test } from "node:test";
import type { AdmissionPlugin, AdmissionRequest } from "../../kube/admission.ts";
import { resources } from "../../kube/resource.ts";
import { metadataOf, startTestServer } from "./api-server.fixture.ts";

const CM = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

test("binding puts a pod on a node, once", async () => {
  const { call, refusal } = await startTestServer();
  await call("create", PODS, { body: { metadata: { name: "p" }, spec: {} } });
  const binding = { metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
  const { object, code } = await call("create", `${PODS}/p/binding`, { body: binding });
  assert.deepEqual([code, object["status"]], [201, "Success"]);
  const pod = (await call("get", `${PODS}/p`)).object;
  assert.equal((pod["spec"] as { nodeName: string }).nodeName, "n1");
  const { conditions } = pod["status"] as { conditions: { type: string; status: string }[] };
  assert.deepEqual(
    conditions.map(({ type, status }) => `${type}=${status}`),
    ["PodScheduled=True"],
  );
  const again = await refusal("create", `${PODS}/p/binding`, { body: binding });
  assert.equal(
    again.message,
    'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
  );
  assert.equal((await refusal("create", `${PODS}/q/binding`, { body: binding })).code, 404);
});

interface Seen extends Pick<AdmissionRequest, "operation" | "subresource" | "name" | "dryRun"> {
  readonly plugin: string;
}

function plugin(name: string, kind: AdmissionPlugin["kind"], admit: AdmissionPlugin["admit"]): AdmissionPlugin {
  return { name, kind, admit };
}

function withAdmission(...admission: AdmissionPlugin[]) {
  return startTestServer({ packs: [{ crds: [], converters: {}, admission }] });
}

test("K8S-168 mutating plugins change the object before it is stored, and old and new are shown to both kinds", async () => {
  const seen: Seen[] = [];
  const record = (name: string, kind: AdmissionPlugin["kind"], change: boolean) =>
    plugin(name, kind, (request) => {
      if (request.namespace !== "default") return { allowed: true };
      const { operation, subresource, dryRun } = request;
      seen.push({ plugin: name, operation, subresource, name: request.name, dryRun });
      if (!change || request.object === null) return { allowed: true };
      const labels = { ...request.object.metadata.labels, [name]: request.oldObject === null ? "new" : "old" };
      return {
        allowed: true,
        object: { ...request.object, metadata: { ...request.object.metadata, labels } },
        warnings: [`${name} was here`],
      };
    });
  const { call } = await withAdmission(
    record("check", "validating", false),
    record("first", "mutating", true),
    record("second", "mutating", true),
  );
  const created = await call("create", CM, { body: { metadata: { name: "a" } } });
  assert.deepEqual(metadataOf(created).labels, { first: "new", second: "new" });
  assert.deepEqual(created.warnings, ["first was here", "second was here"]);
  assert.deepEqual(
    seen.map((each) => each.plugin),
    ["first", "second", "check"],
  );
  seen.length = 0;
  const changed = await call("patch", `${CM}/a`, { patchType: "merge", body: { data: { x: "1" } } });
  assert.deepEqual(metadataOf(changed).labels, { first: "old", second: "old" });
  await call("delete", `${CM}/a`);
  assert.deepEqual(
    seen.map(({ plugin: name, operation }) => `${name} ${operation}`),
    ["first UPDATE", "second UPDATE", "check UPDATE", "first DELETE", "second DELETE", "check DELETE"],
  );
});

test("K8S-168 a refusal is 403 Forbidden unless the plugin says otherwise, and nothing is stored", async () => {
  const refuse = plugin("no", "validating", ({ type, namespace }) => {
    if (namespace !== "default") return { allowed: true };
    if (type.plural === "configmaps") return { allowed: false, message: "no way" };
    return {
      allowed: false,
      code: 422,
      reason: "Invalid",
      message: "spec is wrong",
      causes: [{ reason: "FieldValueInvalid", field: "spec", message: "wrong" }],
    };
  });
  const { refusal, server } = await withAdmission(refuse);
  const before = server.currentRevision();
  const forbidden = await refusal("create", CM, { body: { metadata: { name: "a" } } });
  assert.deepEqual([forbidden.code, forbidden.reason, forbidden.message], [403, "Forbidden", "no way"]);
  const invalid = await refusal("create", DEPLOYMENTS, { body: { metadata: { name: "a" } } });
  assert.deepEqual([invalid.code, invalid.reason], [422, "Invalid"]);
  assert.equal(invalid.status.details?.kind, "Deployment");
  assert.equal(invalid.status.details?.causes?.[0]?.field, "spec");
  assert.equal(server.currentRevision(), before);
});

test("K8S-168 plugins read the present state, writes of the same group included", async () => {
  const once = plugin("once", "validating", ({ type, operation }, reader) => {
    if (type.plural !== "deployments" || operation !== "CREATE") return { allowed: true };
    const isTaken = reader.list(resources.deployments, "default").length > 0;
    const namespace = reader.get(resources.namespaces, { namespace: "", name: "default" });
    return isTaken || namespace === null ? { allowed: false, message: "one is enough" } : { allowed: true };
  });
  const { call } = await withAdmission(once);
  const outcomes = await Promise.allSettled(
    ["a", "b"].map((name) => call("create", DEPLOYMENTS, { body: { metadata: { name } } })),
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
});

test("K8S-168 status and scale writes are admitted under their subresource", async () => {
  const seen: string[] = [];
  const spy = plugin("spy", "validating", ({ type, operation, subresource, object }) => {
    if (type.plural === "deployments") seen.push(`${operation} ${subresource} ${object?.kind}`);
    return { allowed: true };
  });
  const { call } = await withAdmission(spy);
  await call("create", DEPLOYMENTS, { body: { metadata: { name: "a" } } });
  await call("patch", `${DEPLOYMENTS}/a/status`, { patchType: "merge", body: { status: { replicas: 1 } } });
  await call("patch", `${DEPLOYMENTS}/a/scale`, { patchType: "merge", body: { spec: { replicas: 2 } } });
  assert.deepEqual(seen, ["CREATE  Deployment", "UPDATE status Deployment", "UPDATE scale Deployment"]);
});
