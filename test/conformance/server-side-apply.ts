import assert from "node:assert/strict";
import type { Loose } from "./cluster.ts";
import { configMap, web, widget } from "./fixtures.ts";
import { type CheckGroup, check, refused, type Scene, succeeded } from "./scene.ts";

function owners(object: Loose): string[] {
  return (object.metadata.managedFields ?? []).map((entry: Loose) => `${entry.manager} ${entry.operation}`).sort();
}

async function apply(scene: Scene, object: Loose, flags = "", mayFail = false) {
  const input = JSON.stringify(object);
  return scene.kubectl(`apply --server-side ${flags} -f -`.replace(/ +/g, " "), { input, mayFail });
}

/** A CRD whose file is longer than an annotation may be, so that client-side apply cannot bring it (K8S section 23, 9). */
function longCrd(): Loose {
  const property = (index: number) => ({
    type: "string",
    description: `${"Why this field is there. ".repeat(40)}${index}`,
  });
  const properties = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`field${index}`, property(index)]));
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "longs.long.ex.io" },
    spec: {
      group: "long.ex.io",
      names: { plural: "longs", kind: "Long" },
      scope: "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } },
        },
      ],
    },
  };
}

export const serverSideApply: CheckGroup = {
  name: "server-side apply",
  checks: [
    check(92, "kubectl apply --server-side", async (scene) => {
      const { out } = await apply(scene, configMap("s1", { a: "1", b: "2" }));
      assert.equal(out, "configmap/s1 serverside-applied\n");
      assert.deepEqual(owners(await scene.get(`${scene.CM}/s1`)), ["kubectl Apply"]);
      const hidden = await scene.kubectl("get cm s1 -o yaml");
      assert.ok(!hidden.out.includes("managedFields"));
      const shown = await scene.kubectl("get cm s1 -o yaml --show-managed-fields");
      assert.match(
        shown.out,
        /managedFields:\n {2}- apiVersion: v1\n {4}fieldsType: FieldsV1\n {4}fieldsV1:\n {6}f:data:\n/,
      );
      assert.match(shown.out, /manager: kubectl\n {4}operation: Apply\n/);
    }),
    check(93, "a conflict, and taking over by force", async (scene) => {
      const type = "application/apply-patch+yaml";
      const asManager = (manager: string, data: Record<string, string>, more = "") =>
        scene.http(`${scene.CM}/s2?fieldManager=${manager}${more}`, {
          method: "PATCH",
          type,
          body: configMap("s2", data),
        });
      succeeded(await asManager("x", { a: "1" }), 201);
      const error = refused(
        await asManager("y", { a: "2" }),
        409,
        'Apply failed with 1 conflict: conflict with "x": .data.a',
        "Conflict",
      );
      assert.equal(error.details?.causes?.[0]?.reason, "FieldManagerConflict");
      assert.equal(succeeded(await asManager("y", { a: "2" }, "&force=true"), 200).data.a, "2");
    }),
    check(93, "kubectl tells of the conflict and takes --force-conflicts", async (scene) => {
      await apply(scene, configMap("s3", { a: "1" }), "--field-manager=other");
      const { code, err } = await apply(scene, configMap("s3", { a: "2" }), "", true);
      assert.equal(code, 1);
      assert.match(err, /^error: Apply failed with 1 conflict: conflict with "other": \.data\.a\n/);
      const forced = await apply(scene, configMap("s3", { a: "2" }), "--force-conflicts");
      assert.equal(forced.out, "configmap/s3 serverside-applied\n");
      assert.deepEqual(owners(await scene.get(`${scene.CM}/s3`)), ["kubectl Apply"]);
    }),
    check(94, "what leaves the configuration leaves the object", async (scene) => {
      await apply(scene, configMap("s1", { b: "2" }));
      assert.deepEqual((await scene.get(`${scene.CM}/s1`)).data, { b: "2" });
    }),
    check(95, "no manager, and managedFields in the body", async (scene) => {
      const type = "application/apply-patch+yaml";
      const path = `${scene.CM}/s1`;
      const unnamed = await scene.http(path, { method: "PATCH", type, body: configMap("s1") });
      refused(unnamed, 422, "fieldManager: Required value: is required for apply patch", "Invalid");
      const body = configMap("s1", {}, { managedFields: [] });
      const owned = await scene.http(`${path}?fieldManager=x`, { method: "PATCH", type, body });
      refused(owned, 400, "metadata.managedFields must be nil", "BadRequest");
    }),
    check(95, "a scaler's count is not fought over (K8S-145)", async (scene) => {
      await apply(scene, web("s4"));
      await scene.kubectl("scale deploy s4 --replicas=5");
      const { err } = await apply(scene, web("s4"), "", true);
      assert.match(err, /conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas\n/);
      const { replicas: _replicas, ...spec } = web("s4").spec;
      await apply(scene, { ...web("s4"), spec });
      assert.equal((await scene.get(`${scene.DEP}/s4`)).spec.replicas, 5);
    }),
    check(92, "from client-side to server-side apply (K8S-11)", async (scene) => {
      const before = web("s5", { metadata: { labels: { app: "s5", gone: "soon" } } });
      await scene.kubectl("apply -f -", { input: JSON.stringify(before) });
      await scene.kubectl("annotate deploy s5 note=kept");
      await apply(scene, before);
      const migrated = await scene.get(`${scene.DEP}/s5`);
      assert.ok(owners(migrated).includes("kubectl Apply"));
      assert.ok(!owners(migrated).includes("kubectl-client-side-apply Update"));
      const after = web("s5");
      after.spec.template.spec.containers[0].image = "echo:2";
      assert.equal((await apply(scene, after)).code, 0);
      const { metadata, spec } = await scene.get(`${scene.DEP}/s5`);
      assert.deepEqual(metadata.labels, { app: "s5" });
      assert.equal(metadata.annotations.note, "kept");
      assert.equal(spec.template.spec.containers[0].image, "echo:2");
      assert.equal(spec.replicas, 2);
    }),
    check(92, "and back to client-side apply", async (scene) => {
      const object = web("s5");
      object.spec.replicas = 3;
      const { out } = await scene.kubectl("apply -f -", { input: JSON.stringify(object) });
      assert.equal(out, "deployment.apps/s5 configured\n");
      assert.equal((await scene.get(`${scene.DEP}/s5`)).spec.replicas, 3);
    }),
    check(92, "a dry run and a diff of server-side apply store nothing", async (scene) => {
      const { metadata } = await scene.get(`${scene.CM}/s1`);
      const dry = await apply(scene, configMap("s1", { b: "9" }), "--dry-run=server");
      assert.equal(dry.out, "configmap/s1 serverside-applied (server dry run)\n");
      const input = JSON.stringify(configMap("s1", { b: "9" }));
      const diff = await scene.kubectl("diff --server-side -f -", { input, mayFail: true });
      assert.equal(diff.code, 1, diff.err);
      assert.match(diff.out, /^\+ {2}b: "9"$/m);
      assert.equal((await scene.get(`${scene.CM}/s1`)).metadata.resourceVersion, metadata.resourceVersion);
    }),
    check(92, "custom kinds: keys of lists, unknown fields (K8S-147)", async (scene) => {
      await apply(scene, widget("s6", { size: 2, items: [{ name: "a", v: 1 }] }), "--field-manager=x");
      await apply(scene, widget("s6", { size: 2, items: [{ name: "b", v: 2 }] }), "--field-manager=y");
      await apply(scene, widget("s6", { size: 2 }), "--field-manager=x");
      assert.deepEqual((await scene.get(`${scene.WD}/s6`)).spec.items, [{ name: "b", v: 2 }]);
      const { err } = await apply(scene, widget("s6", { size: 2, what: 1 }), "", true);
      assert.match(err, /\.spec\.what: field not declared in schema/);
    }),
    check(187, "a CRD that is too long for client-side apply", async (scene) => {
      const crd = longCrd();
      assert.ok(JSON.stringify(crd).length > 262_144);
      const clientSide = await scene.kubectl("apply -f -", { input: JSON.stringify(crd), mayFail: true });
      assert.match(clientSide.err, /metadata\.annotations: Too long/);
      const { out } = await apply(scene, crd);
      assert.equal(out, "customresourcedefinition.apiextensions.k8s.io/longs.long.ex.io serverside-applied\n");
      assert.equal((await apply(scene, crd)).code, 0);
      await scene.kubectl("delete crd longs.long.ex.io");
    }),
  ],
};
