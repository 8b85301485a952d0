import assert from "node:assert/strict";
import { configMap, pod, web } from "./fixtures.ts";
import { type CheckGroup, check, refused, succeeded } from "./scene.ts";

export const deletion: CheckGroup = {
  name: "deletion",
  async setUp(scene) {
    for (const name of ["c1", "c2", "c3"]) {
      await scene.create(scene.CM, configMap(name, {}, { labels: { x: name === "c1" ? "0" : "1" } }));
    }
  },
  checks: [
    check(121, "a delete that is done at once (K8S-19, K8S-103)", async (scene) => {
      const { uid } = (await scene.get(`${scene.CM}/c1`)).metadata;
      const status = succeeded(await scene.delete(`${scene.CM}/c1`));
      assert.deepEqual([status.kind, status.status], ["Status", "Success"]);
      assert.deepEqual(status.details, { name: "c1", kind: "configmaps", uid });
      refused(await scene.http(`${scene.CM}/c1`), 404, /not found/);
      await scene.create(scene.CM, configMap("c1"));
      const { out } = await scene.kubectl("delete cm c1");
      assert.match(out, /^configmap "c1" deleted/);
    }),
    check(122, "a finalizer holds the object (K8S-103)", async (scene) => {
      await scene.create(scene.CM, configMap("f122", {}, { finalizers: ["ex.io/f"] }));
      const { metadata } = succeeded(await scene.delete(`${scene.CM}/f122`));
      assert.ok(metadata.deletionTimestamp);
      assert.equal(metadata.deletionGracePeriodSeconds, 0);
      succeeded(await scene.patch(`${scene.CM}/f122`, "merge", { metadata: { finalizers: null } }));
      refused(await scene.http(`${scene.CM}/f122`), 404, /not found/);
    }),
    check(128, "a pod that is deleted by force", async (scene) => {
      await scene.create(scene.POD, pod("p128"));
      const { err } = await scene.kubectl("delete po p128 --force --grace-period=0");
      assert.match(err, /Warning: Immediate deletion does not wait/);
      refused(await scene.http(`${scene.POD}/p128`), 404, /^pods "p128" not found$/);
    }),
    check(129, "a delete of another uid", async (scene) => {
      const reply = await scene.delete(`${scene.CM}/c2`, { preconditions: { uid: "other" } });
      refused(reply, 409, "the UID in the precondition", "Conflict");
    }),
    check(130, "an unknown propagation", async (scene) => {
      const reply = await scene.delete(`${scene.CM}/c2`, { propagationPolicy: "Weird" });
      refused(reply, 422, 'propagationPolicy: Unsupported value: "Weird"');
    }),
    check(124, "foreground deletion sets its finalizer", async (scene) => {
      await scene.create(scene.DEP, web("d124", { spec: { replicas: 0 }, metadata: { finalizers: ["ex.io/keep"] } }));
      const { metadata } = succeeded(await scene.delete(`${scene.DEP}/d124`, { propagationPolicy: "Foreground" }));
      assert.ok(metadata.finalizers.includes("foregroundDeletion"));
      await scene.patch(`${scene.DEP}/d124`, "merge", { metadata: { finalizers: null } });
    }),
    check(131, "a collection is deleted by selector (K8S-103)", async (scene) => {
      const list = succeeded(await scene.delete(`${scene.CM}?labelSelector=x%3D1`));
      assert.equal(list.kind, "ConfigMapList");
      assert.deepEqual(
        list.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
        ["c2", "c3"],
      );
    }),
    check(132, "a namespace that goes takes nothing new", async (scene) => {
      const name = `${scene.namespace}-going`;
      const path = `/api/v1/namespaces/${name}`;
      await scene.create("/api/v1/namespaces", { metadata: { name } });
      await scene.create(`${path}/configmaps`, configMap("held", {}, { finalizers: ["ex.io/f"] }));
      const namespace = succeeded(await scene.delete(path));
      assert.equal(namespace.status.phase, "Terminating");
      const status = refused(await scene.post(`${path}/configmaps`, configMap("new")), 403, "is being terminated");
      assert.equal(status.details.causes[0].reason, "NamespaceTerminating");
      await scene.patch(`${path}/configmaps/held`, "merge", { metadata: { finalizers: null } });
    }),
    check(133, "kube-system stays", async (scene) => {
      const reply = await scene.delete("/api/v1/namespaces/kube-system");
      refused(reply, 403, /^namespaces "kube-system" is forbidden: this namespace may not be deleted$/);
    }),
  ],
};
