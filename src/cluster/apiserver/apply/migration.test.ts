import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { startTestServer } from "../api-server.fixture.ts";
import { builtinDefinitions } from "../builtin/index.ts";

/** From client-side apply to server-side apply (K8S-11), and from one version of a kind to another. */

const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";
const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

function deployment(spec: object, metadata: object = {}) {
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "c:1" }] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", ...metadata },
    spec: { selector: { matchLabels: { app: "web" } }, template, ...spec },
  };
}

/** As `kubectl apply` leaves it, and then changed by somebody. */
async function clientSideApplied() {
  const world = await startTestServer({ builtins: builtinDefinitions });
  const file = deployment({ replicas: 2, minReadySeconds: 5 });
  const annotations = { [ANNOTATION]: `${JSON.stringify(file)}\n`, note: "theirs" };
  await world.call("create", DEPLOYMENTS, { body: deployment({ replicas: 2, minReadySeconds: 5 }, { annotations }) });
  await world.call("patch", `${DEPLOYMENTS}/web`, { patchType: "merge", body: { spec: { minReadySeconds: 9 } } });
  const apply = (manager: string, body: unknown, more = "") =>
    world.call("patch", `${DEPLOYMENTS}/web?fieldManager=${manager}${more}`, { patchType: "apply", body });
  return { ...world, apply };
}

function entryOf({ metadata }: KubeObject, name: string): { fieldsV1: Record<string, object> } | undefined {
  return (metadata.managedFields as { manager: string; fieldsV1: Record<string, object> }[]).find(
    ({ manager }) => manager === name,
  );
}

test("K8S-146 what client-side apply wrote is told from the rest at the first apply", async () => {
  const { apply } = await clientSideApplied();
  const { object } = await apply("kubectl", deployment({}));
  const byClient = entryOf(object, "kubectl-client-side-apply")!.fieldsV1;
  assert.deepEqual(byClient["f:metadata"], { "f:annotations": { [`f:${ANNOTATION}`]: {} } });
  const { "f:selector": _selector, "f:template": _template, ...spec } = byClient["f:spec"] as Record<string, object>;
  assert.deepEqual(Object.keys(spec), [
    "f:progressDeadlineSeconds",
    "f:replicas",
    "f:revisionHistoryLimit",
    "f:strategy",
  ]);
  const others = entryOf(object, "before-first-apply")!.fieldsV1;
  assert.deepEqual(others, {
    "f:metadata": { "f:annotations": { "f:note": {} } },
    "f:spec": { "f:minReadySeconds": {} },
  });
});

test("K8S-11 kubectl may change what its client-side apply wrote and nobody changed since; others may not", async () => {
  const world = await clientSideApplied();
  const { object } = await world.apply("kubectl", deployment({ replicas: 3 }));
  assert.equal((object["spec"] as { replicas: number }).replicas, 3);
  const path = (manager: string) => `${DEPLOYMENTS}/web?fieldManager=${manager}`;
  const theirs = await world.refusal("patch", path("kubectl"), {
    patchType: "apply",
    body: deployment({ replicas: 3, minReadySeconds: 7 }),
  });
  assert.match(theirs.message, /^Apply failed with 1 conflict: conflict with "before-first-apply" using apps\/v1: /);
  const other = await (await clientSideApplied()).refusal("patch", path("flux"), {
    patchType: "apply",
    body: deployment({ replicas: 3 }),
  });
  const name = '"kubectl-client-side-apply" using apps/v1';
  assert.equal(other.message, `Apply failed with 1 conflict: conflict with ${name}: .spec.replicas`);
});

test("K8S-11 kubectl's annotation is kept in step, that of another manager is not touched", async () => {
  const world = await clientSideApplied();
  const config = deployment({ replicas: 3 });
  const annotationOf = (object: KubeObject) => JSON.parse(object.metadata.annotations![ANNOTATION]!);
  assert.deepEqual(annotationOf((await world.apply("kubectl", config)).object), config);
  const { object } = await world.apply("flux", deployment({ revisionHistoryLimit: 10 }));
  assert.deepEqual(annotationOf(object), config);
});

test("K8S-146 an annotation that nobody can read gives nobody a claim", async () => {
  for (const text of [
    "{",
    "[]",
    '{"apiVersion":"apps/v1beta1"}',
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{},"spec":7}',
  ]) {
    const { apply, call } = await clientSideApplied();
    const body = { metadata: { annotations: { [ANNOTATION]: text } } };
    await call("patch", `${DEPLOYMENTS}/web`, { patchType: "merge", body });
    const { object } = await apply("kubectl", deployment({}));
    assert.equal(entryOf(object, "kubectl-client-side-apply"), undefined);
    assert.ok(entryOf(object, "before-first-apply"));
  }
});

function widgetCrd(versions: readonly string[]) {
  const text = { type: "string" };
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: { spec: { type: "object", properties: { a: text, b: text, c: text } } },
    },
  };
  return {
    metadata: { name: "widgets.ex.io" },
    spec: {
      group: "ex.io",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: versions.map((name, index) => ({ name, served: true, storage: index === 0, schema })),
    },
  };
}

test("K8S-144 a manager that moves to another version takes its fields along", async () => {
  const { call } = await startTestServer({ builtins: builtinDefinitions });
  await call("create", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", { body: widgetCrd(["v1", "v2"]) });
  const apply = (version: string, manager: string, spec: object) =>
    call("patch", `/apis/ex.io/${version}/namespaces/default/widgets/w?fieldManager=${manager}`, {
      patchType: "apply",
      body: { apiVersion: `ex.io/${version}`, kind: "Widget", metadata: { name: "w" }, spec },
    });
  await apply("v1", "x", { a: "1", b: "2" });
  await apply("v1", "y", { b: "2", c: "3" });
  const { object } = await apply("v2", "x", { a: "1" });
  assert.deepEqual(object["spec"], { a: "1", b: "2", c: "3" });
  const versions = (object.metadata.managedFields as { manager: string; apiVersion: string }[]).map(
    ({ manager, apiVersion }) => `${manager} ${apiVersion}`,
  );
  assert.deepEqual(versions, ["x ex.io/v2", "y ex.io/v1"]);
  const after = await apply("v2", "y", { c: "3" });
  assert.deepEqual(after.object["spec"], { a: "1", c: "3" });
});
