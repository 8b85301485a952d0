import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import type { KubeObject } from "../api/meta.ts";
import type { AdmissionRequest } from "../kube/admission.ts";
import { resources } from "../kube/resource.ts";
import { argoPack } from "./argo.ts";
import { keptCrds } from "./kept-crds.ts";

const type = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};
const versions = (schema: string) => [
  { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: schema } } },
];

function crd(name: string, schema: string, annotations = {}): KubeObject {
  const kind = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" };
  return { ...kind, metadata: { name, annotations }, spec: { group: "g", versions: versions(schema) } };
}

const ours = crd("a.g", "object");
const plugin = keptCrds("argo", [ours]);

function admit(object: KubeObject, oldObject: KubeObject | null, rest: Partial<AdmissionRequest> = {}) {
  const operation = oldObject ? "UPDATE" : "CREATE";
  const request = {
    operation,
    type,
    subresource: "",
    namespace: "",
    name: object.metadata.name,
    userAgent: "",
    dryRun: false,
  } as const;
  const result = plugin.admit({ ...request, object, oldObject, ...rest }, { get: () => null, list: () => [] });
  assert.ok(result.allowed);
  return result;
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

test("the original's definition of a pack's kind is taken with a warning, and the pack's stays", () => {
  const theirs = crd("a.g", "string", { [LAST_APPLIED]: "long", other: "stays" });
  for (const old of [ours, null]) {
    const { object, warnings } = admit(theirs, old);
    assert.deepEqual(object?.["spec"], ours["spec"]);
    assert.deepEqual(object?.metadata.annotations, { other: "stays" });
    assert.deepEqual(warnings, ["a.g is served by Fairway's argo pack: its definition stays as it is"]);
  }
});

const untouched: readonly { name: string; object: KubeObject; rest?: Partial<AdmissionRequest> }[] = [
  { name: "a label on the pack's definition", object: { ...ours, metadata: { name: "a.g", labels: { a: "b" } } } },
  { name: "another kind's definition", object: crd("b.g", "string") },
  { name: "a status", object: crd("a.g", "string"), rest: { subresource: "status" } },
  { name: "an object that is no definition", object: crd("a.g", "string"), rest: { type: resources.pods } },
];
for (const { name, object, rest } of untouched) {
  test(`${name} is left alone`, () => assert.deepEqual(admit(object, ours, rest), { allowed: true }));
}

test("applying other definitions of Argo's kinds changes nothing of how they are served", async () => {
  const world = await startWorld({ packs: [argoPack], builtinControllers: false });
  for (const { metadata } of argoPack.crds) {
    const before = await world.client.get(type, { namespace: "", name: metadata.name });
    const body = {
      metadata: { annotations: { [LAST_APPLIED]: "x".repeat(300_000) } },
      spec: { versions: versions("object") },
    };
    const after = await world.client.patch(type, { namespace: "", name: metadata.name }, { kind: "merge", body });
    assert.deepEqual(after["spec"], before["spec"]);
  }
  await world.stop();
});
