import assert from "node:assert/strict";
import { test } from "node:test";
import { eventNames, startTestServer, type TestServer, type TestWatch } from "./api-server.fixture.ts";

const CM = "/api/v1/namespaces/default/configmaps";

async function withTwo(): Promise<TestServer & { revision: number }> {
  const started = await startTestServer();
  for (const name of ["a", "b"])
    await started.call("create", CM, { body: { metadata: { name, labels: { t: name } } } });
  return { ...started, revision: started.server.currentRevision() };
}

function label({ call }: TestServer, name: string, t: string) {
  return call("patch", `${CM}/${name}`, { patchType: "merge", body: { metadata: { labels: { t } } } });
}

function described(watch: TestWatch): string[] {
  return watch.events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.metadata.labels?.["t"]}`);
}

test("K8S-123 without a revision current objects come first as ADDED, then what happens", async () => {
  const started = await withTwo();
  const watching = started.watch(CM);
  assert.deepEqual(eventNames(watching), ["ADDED a", "ADDED b"]);
  await label(started, "a", "x");
  await started.call("delete", `${CM}/b`);
  assert.deepEqual(eventNames(watching), ["ADDED a", "ADDED b", "MODIFIED a", "DELETED b"]);
});

test("K8S-123 from a revision only what came after it is delivered, and once", async () => {
  const started = await withTwo();
  await label(started, "a", "x");
  const watching = started.watch(`${CM}?resourceVersion=${started.revision}`);
  await label(started, "a", "y");
  assert.deepEqual(described(watching), ["MODIFIED a x", "MODIFIED a y"]);
  watching.stop();
  await label(started, "a", "z");
  assert.equal(watching.events.length, 2);
  assert.equal(watching.ended, undefined, "stopping is not an end");
});

test("K8S-125 an object that leaves the selection is DELETED in its old state, one that enters is ADDED", async () => {
  const started = await withTwo();
  const watching = started.watch(`${CM}?labelSelector=t%3Da&resourceVersion=${started.revision}`);
  await label(started, "a", "b");
  await label(started, "b", "c");
  await label(started, "a", "a");
  await started.call("patch", `${CM}/a`, { patchType: "merge", body: { data: { x: "1" } } });
  await started.call("delete", `${CM}/a`);
  await started.call("delete", `${CM}/b`);
  assert.deepEqual(described(watching), ["DELETED a a", "ADDED a a", "MODIFIED a a", "DELETED a a"]);
  const revisions = watching.events.map(({ object }) => Number(object.metadata.resourceVersion) - started.revision);
  assert.deepEqual(revisions, [1, 3, 4, 5]);
});

test("K8S-125 list, then watch from its revision, misses and doubles nothing under load", async () => {
  const started = await startTestServer();
  const writes = Array.from({ length: 300 }, (_, index) =>
    started.call("create", CM, { body: { metadata: { name: `c${index}` } } }),
  );
  await Promise.all(writes.slice(0, 3));
  const { object } = await started.call("list", CM);
  const listed = (object["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  const watching = started.watch(`${CM}?resourceVersion=${object.metadata.resourceVersion}`);
  await Promise.all(writes);
  const all = [...listed, ...watching.events.map((event) => event.object.metadata.name)];
  assert.equal(all.length, 300);
  assert.equal(new Set(all).size, 300);
});

test("K8S-124 a revision before the window ends the watch with Expired", async () => {
  const { server, log, clock, revision } = await withTwo();
  server.stop();
  const next = await startTestServer({ log, clock });
  const watching = next.watch(`${CM}?resourceVersion=${revision - 1}`);
  assert.equal(watching.ended?.code, 410);
  assert.equal(watching.ended?.reason, "Expired");
  assert.equal(watching.ended?.message, `too old resource version: ${revision - 1} (${revision})`);
});

test("K8S-124 a revision of the future is waited for", async () => {
  const started = await withTwo();
  const watching = started.watch(`${CM}?resourceVersion=${started.revision + 1}`);
  await label(started, "a", "x");
  await label(started, "a", "y");
  assert.deepEqual(described(watching), ["MODIFIED a y"]);
});

test("K8S-126 timeoutSeconds ends the stream in order, with a bookmark 2 s before", async () => {
  const { watch, clock, revision } = await withTwo();
  const watching = watch(`${CM}?resourceVersion=${revision}&timeoutSeconds=4&allowWatchBookmarks=true`);
  clock.advanceTo(clock.now() + 1999);
  assert.equal(watching.events.length, 0);
  clock.advanceTo(clock.now() + 1);
  assert.deepEqual(watching.events, [
    {
      type: "BOOKMARK",
      object: { kind: "ConfigMap", apiVersion: "v1", metadata: { resourceVersion: String(revision) } },
    },
  ]);
  clock.advanceTo(clock.now() + 1999);
  assert.equal(watching.ended, undefined);
  clock.advanceTo(clock.now() + 1);
  assert.equal(watching.ended, null);
  assert.equal(clock.nextWakeAt(), null, "an ended watch leaves no timer");
});

test("K8S-126 bookmarks come once a minute when asked for; without a limit the stream ends within the hour", async () => {
  const { watch, clock, revision } = await withTwo();
  const asked = watch(`${CM}?resourceVersion=${revision}&allowWatchBookmarks=true`);
  const plain = watch(`${CM}?resourceVersion=${revision}`);
  clock.advanceTo(clock.now() + 180_000);
  assert.deepEqual([asked.events.length, plain.events.length], [3, 0]);
  clock.advanceTo(clock.now() + 27 * 60_000 - 1);
  assert.deepEqual([asked.ended, plain.ended], [undefined, undefined]);
  clock.advanceTo(clock.now() + 30 * 60_000 + 1);
  assert.deepEqual([asked.ended, plain.ended], [null, null]);
});

const END = { "k8s.io/initial-events-end": "true" };

test("K8S-127 sendInitialEvents: all objects, the marked bookmark, then live", async () => {
  const started = await withTwo();
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=1";
  const watching = started.watch(`${CM}?${query}`);
  await label(started, "a", "x");
  assert.deepEqual(eventNames(watching), ["ADDED a", "ADDED b", "BOOKMARK undefined", "MODIFIED a"]);
  const { metadata } = watching.events[2]!.object;
  assert.deepEqual(metadata.annotations, END);
  assert.equal(metadata.resourceVersion, String(started.revision));
});

test("K8S-128 the mark needs allowWatchBookmarks; RV=0 with bookmarks is marked too", async () => {
  const { watch } = await withTwo();
  const unmarked = watch(`${CM}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan`);
  assert.deepEqual(eventNames(unmarked), ["ADDED a", "ADDED b"]);
  const fromZero = watch(`${CM}?resourceVersion=0&allowWatchBookmarks=true`);
  assert.deepEqual(fromZero.events[2]?.object.metadata.annotations, END);
  const none = watch(`${CM}?sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0`);
  assert.deepEqual(none.events, []);
});

const refused: [query: string, code: number, message: RegExp][] = [
  [
    "sendInitialEvents=true",
    422,
    /Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan$/,
  ],
  [
    "resourceVersionMatch=NotOlderThan&resourceVersion=1",
    422,
    /Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided$/,
  ],
  ["resourceVersion=abc", 400, /invalid resource version "abc"/],
  ["labelSelector=a%3D%3Db%3D%3Dc", 400, /found '=='/],
];
for (const [query, code, message] of refused) {
  test(`K8S-94 K8S-127 watch?${query} is refused at once`, async () => {
    const { watch } = await withTwo();
    assert.throws(
      () => watch(`${CM}?${query}`),
      (error: Error & { code?: number }) => error.code === code && message.test(error.message),
    );
  });
}

test("K8S-71 a watch of a kind that is not served is 404", async () => {
  const { watch } = await withTwo();
  assert.throws(() => watch("/apis/ex.io/v1/widgets"), { message: "the server could not find the requested resource" });
});

test("K8S-302 a thousand changes reach two hundred watchers in order", async () => {
  const started = await withTwo();
  const watchers = Array.from({ length: 200 }, () => started.watch(`${CM}?resourceVersion=${started.revision}`));
  await Promise.all(Array.from({ length: 1000 }, (_, index) => label(started, "a", `v${index}`)));
  for (const watcher of watchers) {
    assert.equal(watcher.events.length, 1000);
    const isInOrder = watcher.events.every(
      ({ object }, index) => Number(object.metadata.resourceVersion) === started.revision + index + 1,
    );
    assert.equal(isInOrder, true);
  }
});

test("stopping the server ends its watches in order", async () => {
  const { watch, server } = await withTwo();
  const watching = watch(CM);
  server.stop();
  assert.equal(watching.ended, null);
});
