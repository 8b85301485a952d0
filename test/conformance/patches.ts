import assert from "node:assert/strict";
import type { Loose } from "./cluster.ts";
import { configMap, web, widget } from "./fixtures.ts";
import { type CheckGroup, check, refused, type Scene, succeeded } from "./scene.ts";

const template = (containers: Loose[]): Loose => ({ spec: { template: { spec: { containers } } } });

async function containersOf(scene: Scene, name: string): Promise<Loose[]> {
  return (await scene.get(`${scene.DEP}/${name}`)).spec.template.spec.containers;
}

/** A Deployment whose containers are named as given. */
async function createWith(scene: Scene, name: string, containers: Loose[]): Promise<void> {
  const deployment = web(name);
  deployment.spec.template.spec.containers = containers;
  await scene.create(scene.DEP, deployment);
}

export const patches: CheckGroup = {
  name: "update, patch, status, generation",
  async setUp(scene) {
    await scene.create(scene.DEP, web());
    await scene.create(scene.CM, configMap("c1"));
    await scene.create(scene.WD, widget("w1"));
  },
  checks: [
    check(65, "a patch that changes nothing writes nothing", async (scene) => {
      const body = { metadata: { labels: { t: "a" } } };
      const first = succeeded(await scene.patch(`${scene.CM}/c1`, "merge", body));
      const { resourceVersion } = first.metadata;
      const watch = await scene.watch(`${scene.CM}?watch=true&resourceVersion=${resourceVersion}`);
      const second = succeeded(await scene.patch(`${scene.CM}/c1`, "merge", body));
      assert.equal(second.metadata.resourceVersion, resourceVersion);
      await scene.create(scene.CM, configMap("after65"));
      assert.equal((await watch.next())?.object.metadata.name, "after65");
      watch.close();
    }),
    check(66, "annotating a Deployment raises its generation, labelling does not", async (scene) => {
      const generation = async () => (await scene.get(`${scene.DEP}/web`)).metadata.generation;
      const before = await generation();
      await scene.kubectl("label deploy web x=y");
      assert.equal(await generation(), before);
      await scene.kubectl("annotate deploy web x=y");
      assert.equal(await generation(), before + 1);
    }),
    check(67, "the main path ignores status", async (scene) => {
      const before = await scene.get(`${scene.DEP}/web`);
      const after = succeeded(await scene.patch(`${scene.DEP}/web`, "merge", { status: { replicas: 9 } }));
      assert.deepEqual(after, before);
    }),
    check(68, "the status path ignores spec and labels", async (scene) => {
      await scene.create(scene.DEP, web("s68", { spec: { paused: true, replicas: 0 } }));
      const body = { metadata: { labels: { no: "no" } }, spec: { replicas: 7 }, status: { collisionCount: 3 } };
      const after = succeeded(await scene.patch(`${scene.DEP}/s68/status`, "merge", body));
      assert.deepEqual([after.spec.replicas, after.metadata.labels], [0, { app: "s68" }]);
      assert.equal(after.status.collisionCount, 3);
    }),
    check(69, "the status path of a custom kind (K8S-33)", async (scene) => {
      const before = await scene.get(`${scene.WD}/w1`);
      const body = { metadata: { labels: { no: "no" } }, spec: { size: 9 }, status: { phase: "Up" } };
      const after = succeeded(await scene.patch(`${scene.WD}/w1/status`, "merge", body));
      assert.deepEqual([after.spec, after.metadata.labels, after.status], [before.spec, undefined, { phase: "Up" }]);
      assert.equal(after.metadata.generation, before.metadata.generation);
    }),
    check(70, "a change of spec raises the generation, the same again does not", async (scene) => {
      const before = await scene.get(`${scene.WD}/w1`);
      const first = succeeded(await scene.patch(`${scene.WD}/w1`, "merge", { spec: { size: 4 } }));
      assert.equal(first.metadata.generation, before.metadata.generation + 1);
      const second = succeeded(await scene.patch(`${scene.WD}/w1`, "merge", { spec: { size: 4 } }));
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    }),
    check(71, "strategic merge by name", async (scene) => {
      const env = [
        { name: "E1", value: "1" },
        { name: "E2", value: "2" },
      ];
      await createWith(scene, "d71", [{ name: "c", image: "echo:1", args: ["a", "b"], env }]);
      const patch = {
        name: "c",
        args: ["z"],
        env: [
          { name: "E3", value: "3" },
          { $patch: "delete", name: "E1" },
        ],
      };
      succeeded(await scene.patch(`${scene.DEP}/d71`, "strategic", template([patch])));
      const [container] = await containersOf(scene, "d71");
      assert.deepEqual([container.image, container.args], ["echo:1", ["z"]]);
      assert.deepEqual(
        container.env.map(({ name }: Loose) => name),
        ["E3", "E2"],
      );
    }),
    check(72, "a new list element comes first", async (scene) => {
      await createWith(
        scene,
        "d72",
        ["a", "b"].map((name) => ({ name, image: "x" })),
      );
      succeeded(await scene.patch(`${scene.DEP}/d72`, "strategic", template([{ name: "c2", image: "x" }])));
      const names = (await containersOf(scene, "d72")).map(({ name }) => name);
      assert.deepEqual(names, ["c2", "a", "b"]);
    }),
    check(73, "an order that is asked for", async (scene) => {
      await createWith(
        scene,
        "d73",
        ["a", "b"].map((name) => ({ name, image: "x" })),
      );
      const body = { spec: { template: { spec: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] } } } };
      succeeded(await scene.patch(`${scene.DEP}/d73`, "strategic", body));
      const names = (await containersOf(scene, "d73")).map(({ name }) => name);
      assert.deepEqual(names, ["b", "a"]);
    }),
    check(74, "a list that is replaced", async (scene) => {
      const body = template([{ $patch: "replace" }, { name: "z", image: "x" }]);
      succeeded(await scene.patch(`${scene.DEP}/d73`, "strategic", body));
      assert.deepEqual(
        (await containersOf(scene, "d73")).map(({ name }) => name),
        ["z"],
      );
    }),
    check(75, "keys that are retained", async (scene) => {
      await scene.create(scene.DEP, web("d75"));
      const without = { spec: { strategy: { type: "Recreate" } } };
      refused(await scene.patch(`${scene.DEP}/d75`, "strategic", without), 422, "spec.strategy.rollingUpdate");
      const body = { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } };
      const { spec } = succeeded(await scene.patch(`${scene.DEP}/d75`, "strategic", body));
      assert.deepEqual(spec.strategy, { type: "Recreate" });
    }),
    check(77, "primitives that are deleted from a set", async (scene) => {
      await scene.create(scene.CM, configMap("f77", {}, { finalizers: ["x.io/a", "x.io/b"] }));
      const body = { metadata: { "$deleteFromPrimitiveList/finalizers": ["x.io/a"] } };
      const { metadata } = succeeded(await scene.patch(`${scene.CM}/f77`, "strategic", body));
      assert.deepEqual(metadata.finalizers, ["x.io/b"]);
      await scene.patch(`${scene.CM}/f77`, "merge", { metadata: { finalizers: null } });
    }),
    check(78, "maps that are replaced, keys that are removed", async (scene) => {
      await scene.create(scene.CM, configMap("m78", {}, { labels: { a: "1", b: "2" } }));
      const path = `${scene.CM}/m78`;
      const removed = succeeded(await scene.patch(path, "strategic", { metadata: { labels: { a: null } } }));
      assert.deepEqual(removed.metadata.labels, { b: "2" });
      const body = { metadata: { labels: { $patch: "replace", z: "9" } } };
      assert.deepEqual(succeeded(await scene.patch(path, "strategic", body)).metadata.labels, { z: "9" });
    }),
    check(79, "a list element without its key", async (scene) => {
      const reply = await scene.patch(`${scene.DEP}/web`, "strategic", template([{ image: "x" }]));
      refused(reply, reply.code, "does not contain declared merge key: name");
    }),
    check(80, "a merge patch replaces lists", async (scene) => {
      await createWith(
        scene,
        "d80",
        ["a", "b"].map((name) => ({ name, image: "x" })),
      );
      succeeded(await scene.patch(`${scene.DEP}/d80`, "merge", template([{ name: "n", image: "y" }])));
      assert.equal((await containersOf(scene, "d80")).length, 1);
    }),
    check(81, "JSON patch: append, escapes, copy, move", async (scene) => {
      await createWith(scene, "d81", [{ name: "c", image: "x", args: ["1"] }]);
      const container = "/spec/template/spec/containers/0";
      const { metadata } = succeeded(
        await scene.patch(`${scene.DEP}/d81`, "json", [
          { op: "add", path: `${container}/args/-`, value: "2" },
          { op: "add", path: "/metadata/annotations", value: { "a/b": "1" } },
          { op: "replace", path: "/metadata/annotations/a~1b", value: "2" },
          { op: "copy", from: "/metadata/annotations/a~1b", path: "/metadata/annotations/copy" },
          { op: "move", from: "/metadata/annotations/copy", path: "/metadata/annotations/moved" },
          { op: "test", path: "/metadata/annotations/moved", value: "2" },
        ]),
      );
      assert.deepEqual(metadata.annotations, { "a/b": "2", moved: "2" });
      assert.deepEqual((await containersOf(scene, "d81"))[0].args, ["1", "2"]);
    }),
    check(82, "a JSON patch whose test fails", async (scene) => {
      const operations = [{ op: "test", path: "/metadata/name", value: "other" }];
      const reply = await scene.patch(`${scene.CM}/c1`, "json", operations);
      refused(reply, 422, "the server rejected our request due to an error in our request", "Invalid");
    }),
    check(83, "patches of the wrong type", async (scene) => {
      const asJson = await scene.http(`${scene.CM}/c1`, { method: "PATCH", body: {} });
      refused(asJson, 415, "application/strategic-merge-patch+json", "UnsupportedMediaType");
      const custom = await scene.patch(`${scene.WD}/w1`, "strategic", {});
      const types = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
      const { message } = refused(custom, 415, types);
      assert.ok(!message.includes("strategic"));
    }),
    check(84, "a merge patch that is a list", async (scene) => {
      refused(await scene.patch(`${scene.CM}/c1`, "merge", []), 400, "error decoding patch");
    }),
    check(85, "parallel patches all succeed", async (scene) => {
      const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
      const replies = await Promise.all(
        names.map((name) => scene.patch(`${scene.CM}/c1`, "merge", { metadata: { labels: { [name]: "x" } } })),
      );
      for (const reply of replies) succeeded(reply);
      const { labels } = (await scene.get(`${scene.CM}/c1`)).metadata;
      for (const name of names) assert.equal(labels[name], "x");
    }),
    check(86, "kubectl set image (K8S-15)", async (scene) => {
      const { out } = await scene.kubectl("set image deploy/web c=echo:2");
      assert.equal(out, "deployment.apps/web image updated\n");
      assert.equal((await containersOf(scene, "web"))[0].image, "echo:2");
    }),
    check(87, "kubectl scale (K8S-16)", async (scene) => {
      await scene.kubectl("scale deploy web --replicas=3");
      assert.equal((await scene.kubectl("scale deploy web --replicas=4 --current-replicas=3")).code, 0);
      assert.equal((await scene.get(`${scene.DEP}/web`)).spec.replicas, 4);
      const { code, err } = await scene.kubectl("scale deploy web --replicas=5 --current-replicas=9", {
        mayFail: true,
      });
      assert.equal(code, 1);
      assert.match(err, /Expected replicas to be 9, was 4/);
    }),
    check(87, "the scale of a ReplicationController names its selector (K8S-113)", async (scene) => {
      const path = `/api/v1/namespaces/${scene.namespace}/replicationcontrollers`;
      const { template } = web("rc").spec;
      await scene.create(path, { metadata: { name: "rc" }, spec: { replicas: 0, selector: { app: "rc" }, template } });
      const { status } = await scene.get(`${path}/rc/scale`);
      assert.deepEqual(status, { replicas: 0, selector: "app=rc" });
    }),
    check(88, "the scale of a custom kind", async (scene) => {
      const scale = await scene.get(`${scene.WD}/w1/scale`);
      assert.deepEqual([scale.apiVersion, scale.kind, scale.spec.replicas], ["autoscaling/v1", "Scale", 1]);
      succeeded(await scene.patch(`${scene.WD}/w1/scale`, "merge", { spec: { replicas: 4 } }));
      assert.equal((await scene.get(`${scene.WD}/w1`)).spec.replicas, 4);
    }),
    check(89, "kubectl apply: created, unchanged, configured", async (scene) => {
      const apply = async (deployment: Loose) =>
        (await scene.kubectl("apply -f -", { input: JSON.stringify(deployment) })).out;
      const deployment = web("a89", { metadata: { labels: { app: "a89", gone: "soon" } } });
      deployment.spec.template.spec.containers[0].env = [{ name: "GONE", value: "soon" }];
      assert.equal(await apply(deployment), "deployment.apps/a89 created\n");
      assert.equal(await apply(deployment), "deployment.apps/a89 unchanged\n");
      const { generation } = (await scene.get(`${scene.DEP}/a89`)).metadata;
      deployment.spec.template.spec.containers[0].image = "echo:2";
      assert.equal(await apply(deployment), "deployment.apps/a89 configured\n");
      const after = await scene.get(`${scene.DEP}/a89`);
      assert.equal(after.spec.template.spec.containers[0].image, "echo:2");
      assert.ok(after.metadata.generation > generation);
    }),
    check(90, "kubectl apply removes what left the file", async (scene) => {
      const input = JSON.stringify(web("a89"));
      await scene.kubectl("apply -f -", { input });
      const { metadata, spec } = await scene.get(`${scene.DEP}/a89`);
      assert.deepEqual(metadata.labels, { app: "a89" });
      assert.equal(spec.template.spec.containers[0].env, undefined);
    }),
    check(206, "a label without a value", async (scene) => {
      const deployment = web("l206", { metadata: { labels: { app: "l206", version: null } } });
      const apply = async () => (await scene.kubectl("apply -f -", { input: JSON.stringify(deployment) })).out;
      assert.equal(await apply(), "deployment.apps/l206 created\n");
      const before = (await scene.get(`${scene.DEP}/l206`)).metadata;
      assert.deepEqual(before.labels, { app: "l206" });
      assert.equal(await apply(), "deployment.apps/l206 configured\n");
      const after = (await scene.get(`${scene.DEP}/l206`)).metadata;
      assert.deepEqual([after.resourceVersion, after.generation], [before.resourceVersion, before.generation]);
      const posted = await scene.create(scene.CM, configMap("l206", {}, { labels: { v: null } }));
      assert.deepEqual(posted.metadata.labels, { v: "" });
    }),
    check(91, "kubectl diff", async (scene) => {
      const deployment = web("a89");
      deployment.spec.replicas = 7;
      const input = JSON.stringify(deployment);
      const { code, out } = await scene.kubectl("diff -f -", { input, mayFail: true });
      assert.equal(code, 1, out);
      assert.match(out, /^\+ +replicas: 7$/m);
      assert.equal((await scene.get(`${scene.DEP}/a89`)).spec.replicas, 2);
    }),
    check(96, "kubectl replace --force", async (scene) => {
      const { uid } = (await scene.get(`${scene.CM}/c1`)).metadata;
      await scene.kubectl("replace --force -f -", { input: JSON.stringify(configMap("c1")) });
      assert.notEqual((await scene.get(`${scene.CM}/c1`)).metadata.uid, uid);
    }),
    check(97, "kubectl edit without a change", async (scene) => {
      const { out, err } = await scene.kubectl("edit cm c1", { env: { EDITOR: "true" } });
      assert.match(out + err, /Edit cancelled, no changes made\./);
    }),
  ],
};
