import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { type Loose, withTimeout } from "./cluster.ts";
import { configMap, pod, widget } from "./fixtures.ts";
import { type CheckGroup, check, refused, type Scene, succeeded } from "./scene.ts";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

const namesOf = (list: Loose): string[] => list.items.map(({ metadata }: Loose) => metadata.name);

async function listNames(scene: Scene, path: string, query: Record<string, string>): Promise<string[]> {
  return namesOf(await scene.get(`${path}?${new URLSearchParams(query)}`));
}

async function listRevision(scene: Scene, path: string): Promise<string> {
  return (await scene.get(path)).metadata.resourceVersion;
}

export const lists: CheckGroup = {
  name: "lists, selectors, watches",
  async setUp(scene) {
    for (const name of ["p1", "p2", "p3", "p4", "p5"]) await scene.create(scene.POD, pod(name, { n: name }));
    await scene.create(scene.CM, configMap("c1", {}, { labels: { t: "a", y: "1" } }));
    await scene.create(scene.WD, widget("red", { size: 1 }));
    await scene.create(scene.WD, widget("blue", { size: 1, color: "blue" }));
  },
  checks: [
    check(99, "a list in pages", async (scene) => {
      const { out, err } = await scene.kubectl("get po --chunk-size=1 --no-headers -v=6");
      assert.equal(
        out
          .trim()
          .split("\n")
          .filter((row) => /^p\d/.test(row)).length,
        5,
        out,
      );
      assert.equal(err.match(/pods\?\S*limit=1/g)?.length, 5, err);
      const first = await scene.get(`${scene.POD}?limit=2`);
      const rest = await scene.get(`${scene.POD}?limit=9&continue=${first.metadata.continue}`);
      assert.deepEqual([...namesOf(first), ...namesOf(rest)], ["p1", "p2", "p3", "p4", "p5"]);
      assert.equal(rest.metadata.resourceVersion, first.metadata.resourceVersion);
      assert.equal(first.metadata.remainingItemCount, 3);
    }),
    check(100, "later pages show the first page's state", async (scene) => {
      const first = await scene.get(`${scene.POD}?limit=2`);
      succeeded(await scene.delete(`${scene.POD}/p4?gracePeriodSeconds=0`));
      const rest = await scene.get(`${scene.POD}?limit=2&continue=${first.metadata.continue}`);
      assert.deepEqual(namesOf(rest), ["p3", "p4"]);
    }),
    check(102, "a revision of the future", async (scene) => {
      const reply = await scene.http(
        `${scene.CM}?resourceVersion=${Number(await listRevision(scene, scene.CM)) + 1000}`,
      );
      const { details } = refused(reply, 504, "Too large resource version", "Timeout");
      assert.equal(details.causes[0].reason, "ResourceVersionTooLarge");
      assert.equal(reply.headers["retry-after"], "1");
    }),
    check(103, "resourceVersionMatch needs a revision", async (scene) => {
      const reply = await scene.http(`${scene.CM}?resourceVersionMatch=Exact`);
      refused(reply, 422, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }),
    check(104, "label selectors", async (scene) => {
      const bad = await scene.http(`${scene.CM}?labelSelector=${encodeURIComponent("a==b==c")}`);
      refused(bad, 400, "found '==', expected: ',' or 'end of string'");
      const labelSelector = "!x,y in (1,2),z notin (3)";
      assert.deepEqual(await listNames(scene, scene.CM, { labelSelector }), ["c1"]);
    }),
    check(105, "field selectors", async (scene) => {
      assert.deepEqual(await listNames(scene, scene.POD, { fieldSelector: "metadata.name=p1,status.phase=Pending" }), [
        "p1",
      ]);
      assert.deepEqual(await listNames(scene, scene.POD, { fieldSelector: "spec.nodeName=nowhere" }), []);
      const events = `/api/v1/namespaces/${scene.namespace}/events`;
      await scene.create(events, {
        metadata: { name: "e1" },
        involvedObject: { kind: "Pod", namespace: scene.namespace, name: "p1", uid: "u-1" },
        reason: "Tested",
        source: { component: "tester" },
      });
      await scene.create(events, {
        metadata: { name: "e2" },
        involvedObject: { kind: "Pod", namespace: scene.namespace, name: "p1", uid: "u-2" },
        reportingComponent: "reporter",
      });
      assert.deepEqual(await listNames(scene, events, { fieldSelector: "source=tester" }), ["e1"]);
      assert.deepEqual(await listNames(scene, events, { fieldSelector: "source=reporter" }), ["e2"]);
      assert.deepEqual(await listNames(scene, events, { fieldSelector: "involvedObject.uid=u-1" }), ["e1"]);
      refused(await scene.http(`${scene.CM}?fieldSelector=data.k%3D1`), 400, "not a known field selector");
    }),
    check(106, "field selectors of a custom kind", async (scene) => {
      assert.deepEqual(await listNames(scene, scene.WD, { fieldSelector: "spec.color=red" }), ["red"]);
      const reply = await scene.http(`${scene.WD}?fieldSelector=spec.size%3D1`);
      refused(reply, 400, "field label not supported: spec.size");
    }),
    check(107, "a watch starts with what is there, or after a revision", async (scene) => {
      const revision = await listRevision(scene, scene.CM);
      const all = await scene.watch(`${scene.CM}?watch=true`);
      assert.deepEqual((await all.next())?.type, "ADDED");
      const later = await scene.watch(`${scene.CM}?watch=true&resourceVersion=${revision}`);
      await scene.create(scene.CM, configMap("w107"));
      const event = await later.next();
      assert.deepEqual([event?.type, event?.object.metadata.name], ["ADDED", "w107"]);
      all.close();
      later.close();
    }),
    check(108, "leaving and entering a selection", async (scene) => {
      const revision = await listRevision(scene, scene.CM);
      const watch = await scene.watch(`${scene.CM}?watch=true&labelSelector=t%3Da&resourceVersion=${revision}`);
      const label = (t: string) => scene.patch(`${scene.CM}/c1`, "merge", { metadata: { labels: { t } } });
      const changed = succeeded(await label("b"));
      const left = await watch.next();
      assert.deepEqual([left?.type, left?.object.metadata.labels.t], ["DELETED", "a"]);
      assert.equal(left?.object.metadata.resourceVersion, changed.metadata.resourceVersion);
      await label("a");
      assert.equal((await watch.next())?.type, "ADDED");
      watch.close();
    }),
    check(109, "a deletion has a revision of its own", async (scene) => {
      const { metadata } = await scene.create(scene.CM, configMap("d109"));
      const watch = await scene.watch(`${scene.CM}?watch=true&resourceVersion=${metadata.resourceVersion}`);
      await scene.delete(`${scene.CM}/d109`);
      const event = await watch.next();
      assert.equal(event?.type, "DELETED");
      assert.ok(Number(event?.object.metadata.resourceVersion) > Number(metadata.resourceVersion));
      watch.close();
    }),
    check(110, "a revision that is too old", async (scene) => {
      const watch = await scene.watch(`${scene.CM}?watch=true&resourceVersion=1`);
      assert.equal(watch.code, 200);
      const event = await watch.next();
      assert.deepEqual([event?.type, event?.object.code, event?.object.reason], ["ERROR", 410, "Expired"]);
      assert.match(event?.object.message, /^too old resource version: 1 \(\d+\)$/);
      assert.equal(await watch.next(), null);
    }),
    check(111, "a watch ends when its time is over", async (scene) => {
      const start = systemClock.now();
      const watch = await scene.watch(`${scene.CM}?watch=true&timeoutSeconds=2&resourceVersion=0`);
      assert.equal(watch.code, 200);
      for (let line = await watch.next(); line !== null; line = await watch.next());
      const seconds = (systemClock.now() - start) / 1000;
      assert.ok(seconds > 1.5 && seconds < 2.5, `${seconds} s`);
    }),
    check(112, "a bookmark before the end", async (scene) => {
      const revision = await listRevision(scene, scene.CM);
      const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=${revision}`;
      const watch = await scene.watch(`${scene.CM}?${query}`);
      const event = await watch.next();
      assert.equal(event?.type, "BOOKMARK");
      assert.deepEqual(Object.keys(event?.object).sort(), ["apiVersion", "kind", "metadata"]);
      watch.close();
    }),
    check(113, "a list by watch", async (scene) => {
      const query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true";
      refused(await scene.http(`${scene.WD}?${query}`), 422, "sendInitialEvents");
      const watch = await scene.watch(`${scene.WD}?${query}&resourceVersionMatch=NotOlderThan`);
      const events = [await watch.next(), await watch.next(), await watch.next()];
      assert.deepEqual(
        events.map((event) => event?.type),
        ["ADDED", "ADDED", "BOOKMARK"],
      );
      assert.equal(events[2]?.object.metadata.annotations["k8s.io/initial-events-end"], "true");
      watch.close();
    }),
    check(115, "the headers of a watch come at once", async (scene) => {
      const secrets = `/api/v1/namespaces/${scene.namespace}/podtemplates`;
      const revision = await listRevision(scene, secrets);
      const opening = scene.watch(`${secrets}?watch=true&resourceVersion=${revision}`);
      const watch = await withTimeout(opening, 500, "no headers within 500 ms");
      assert.equal(watch.code, 200);
      watch.close();
    }),
    check(116, "only the first row of a Table watch has columns (K8S-5, K8S-162)", async (scene) => {
      const revision = await listRevision(scene, scene.CM);
      const watch = await scene.watch(`${scene.CM}?watch=true&resourceVersion=${revision}`, { accept: TABLE });
      for (const name of ["t116a", "t116b"]) await scene.create(scene.CM, configMap(name));
      const [first, second] = [await watch.next(), await watch.next()];
      assert.equal(first?.object.columnDefinitions[0].name, "Name");
      assert.deepEqual([second?.object.columnDefinitions, second?.object.rows[0].cells[0]], [null, "t116b"]);
      watch.close();
    }),
    check(119, "kubectl wait sees a change and a deletion", async (scene) => {
      await scene.create(scene.CM, configMap("w119", { a: "1" }));
      const changed = scene.kubectl("wait --for=jsonpath={.data.a}=2 cm/w119 --timeout=10s");
      await scene.patch(`${scene.CM}/w119`, "merge", { data: { a: "2" } });
      assert.equal((await changed).out, "configmap/w119 condition met\n");
      const deleted = scene.kubectl("wait --for=delete cm/w119 --timeout=10s");
      await scene.delete(`${scene.CM}/w119`);
      assert.equal((await deleted).code, 0);
    }),
    check(117, "many watchers see every change in order", async (scene) => {
      const revision = await listRevision(scene, scene.CM);
      const path = `${scene.CM}?watch=true&fieldSelector=metadata.name%3Dc1&resourceVersion=${revision}`;
      const watches = await Promise.all(Array.from({ length: 20 }, () => scene.watch(path)));
      for (let round = 0; round < 50; round++) {
        succeeded(await scene.patch(`${scene.CM}/c1`, "merge", { data: { round: String(round) } }));
      }
      for (const watch of watches) {
        for (let round = 0; round < 50; round++) {
          assert.equal((await watch.next())?.object.data.round, String(round));
        }
        watch.close();
      }
    }),
  ],
};
