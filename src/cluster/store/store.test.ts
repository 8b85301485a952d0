import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { VirtualClock } from "../../base/clock.ts";
import { MemoryLog } from "./memory-log.ts";
import type { LogEntry } from "./revision-log.ts";
import { RevisionError, Store, type StoreEvent, type Transaction } from "./store.ts";

function open(log = new MemoryLog()): { store: Store; clock: VirtualClock; log: MemoryLog } {
  const clock = new VirtualClock();
  const store = new Store({ log, clock });
  store.load();
  return { store, clock, log };
}

function configMap(name: string, value = "", namespace = "t"): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { value } };
}

const put = (object: KubeObject) => (transaction: Transaction) => transaction.put("configmaps", object);
const remove = (name: string) => (transaction: Transaction) => transaction.delete("configmaps", "t", name);

function names(objects: readonly KubeObject[]): string[] {
  return objects.map(({ metadata }) => `${metadata.namespace}/${metadata.name}@${metadata.resourceVersion}`);
}

function describe({ revision, name, deleted, old }: StoreEvent): string {
  return `${revision} ${deleted ? "-" : old ? "~" : "+"}${name}`;
}

test("K8S-110 every write takes the next revision, whatever its resource", async () => {
  const { store } = open();
  const first = await store.transact(put(configMap("a")));
  const second = await store.transact((transaction) => transaction.put("secrets", configMap("b")));
  assert.deepEqual([first.metadata.resourceVersion, second.metadata.resourceVersion], ["1", "2"]);
  assert.equal(store.revision, 2);
});

test("K8S-290 stored objects cannot be changed by a reader", async () => {
  const { store } = open();
  await store.transact(put(configMap("a", "1")));
  const stored = store.get("configmaps", "t", "a")!;
  assert.throws(() => {
    (stored["data"] as { value: string }).value = "2";
  }, TypeError);
});

test("K8S-291 nothing is visible before the commit, all of it when the writer has its answer", async () => {
  const { store } = open();
  const seen: string[] = [];
  store.watch("configmaps", { namespace: null, after: 0 }, (event) => seen.push(describe(event)));
  const written = store.transact((transaction) => {
    transaction.put("configmaps", configMap("a"));
    transaction.put("configmaps", configMap("b"));
  });
  assert.equal(store.get("configmaps", "t", "a"), null);
  await written;
  assert.deepEqual(seen, ["1 +a", "2 +b"]);
});

test("K8S-291 the writes of one turn go to the log as one group", async () => {
  const batches: number[] = [];
  class CountingLog extends MemoryLog {
    override append(batch: readonly LogEntry[]): void {
      batches.push(batch.length);
      super.append(batch);
    }
  }
  const { store } = open(new CountingLog());
  await Promise.all(["a", "b", "c"].map((name) => store.transact(put(configMap(name)))));
  await store.transact(put(configMap("d")));
  assert.deepEqual(batches, [3, 1]);
});

test("K8S-292 work that throws leaves nothing behind and does not touch its neighbours in the group", async () => {
  const { store } = open();
  await store.transact(put(configMap("a", "1")));
  const [good, bad] = await Promise.allSettled([
    store.transact(put(configMap("b"))),
    store.transact((transaction) => {
      transaction.put("configmaps", configMap("a", "2"));
      transaction.delete("configmaps", "t", "b");
      throw new Error("refused");
    }),
  ]);
  assert.deepEqual([good.status, bad.status], ["fulfilled", "rejected"]);
  assert.deepEqual(names(store.list("configmaps", "t")), ["t/a@1", "t/b@2"]);
  assert.equal(store.revision, 2);
});

test("K8S-291 when the log fails no write of the group is kept, shown or answered", async () => {
  class FullLog extends MemoryLog {
    isFull = false;
    override append(batch: readonly LogEntry[]): void {
      if (this.isFull) throw new Error("disk full");
      super.append(batch);
    }
  }
  const log = new FullLog();
  const { store } = open(log);
  await store.transact(put(configMap("a", "1")));
  const seen: string[] = [];
  store.watch("configmaps", { namespace: null, after: 1 }, (event) => seen.push(describe(event)));
  log.isFull = true;
  await assert.rejects(store.transact(put(configMap("a", "2"))), /disk full/);
  await assert.rejects(store.transact(remove("a")), /disk full/);
  assert.deepEqual(names(store.list("configmaps", null)), ["t/a@1"]);
  log.isFull = false;
  await store.transact(put(configMap("b")));
  assert.deepEqual(seen, ["2 +b"]);
});

test("K8S-293 a new store on the same log has the objects and goes on after their revision", async () => {
  const { store, log } = open();
  await store.transact(put(configMap("a", "1")));
  await store.transact(put(configMap("b")));
  await store.transact(remove("b"));
  const next = open(log).store;
  assert.deepEqual(names(next.list("configmaps", null)), ["t/a@1"]);
  assert.equal(next.revision, 3);
  assert.throws(() => next.watch("configmaps", { namespace: null, after: 2 }, () => {}), RevisionError);
  assert.equal((await next.transact(put(configMap("c")))).metadata.resourceVersion, "4");
});

test("K8S-121 lists are sorted by namespace, then name, also after changes", async () => {
  const { store } = open();
  for (const [name, namespace] of [
    ["b", "t"],
    ["a", "u"],
    ["a", "t"],
    ["c", "s"],
  ] as const) {
    await store.transact(put(configMap(name, "", namespace)));
  }
  assert.deepEqual(names(store.list("configmaps", null)), ["s/c@4", "t/a@3", "t/b@1", "u/a@2"]);
  await store.transact((transaction) => transaction.delete("configmaps", "s", "c"));
  await store.transact(put(configMap("0", "", "t")));
  assert.deepEqual(names(store.list("configmaps", null)), ["t/0@6", "t/a@3", "t/b@1", "u/a@2"]);
  assert.deepEqual(names(store.list("configmaps", "u")), ["u/a@2"]);
});

test("K8S-122 the state at an earlier revision is shown as it was", async () => {
  const { store } = open();
  await store.transact(put(configMap("a", "1")));
  await store.transact(put(configMap("b", "1")));
  await store.transact(put(configMap("a", "2")));
  await store.transact(remove("b"));
  await store.transact(put(configMap("c", "1")));
  await store.transact(put(configMap("a", "3")));
  assert.deepEqual(names(store.listAt("configmaps", null, 2)), ["t/a@1", "t/b@2"]);
  assert.deepEqual(names(store.listAt("configmaps", "t", 3)), ["t/a@3", "t/b@2"]);
  assert.deepEqual(names(store.listAt("configmaps", null, 5)), ["t/a@3", "t/c@5"]);
});

test("K8S-125 a watch from a revision has the later events once each, past and present", async () => {
  const { store } = open();
  await store.transact(put(configMap("a")));
  await store.transact(put(configMap("b")));
  const seen: string[] = [];
  store.watch("configmaps", { namespace: "t", after: 1 }, (event) => {
    seen.push(describe(event));
  });
  await store.transact(remove("a"));
  assert.deepEqual(seen, ["2 +b", "3 -a"]);
});

test("K8S-125 a watch started in the middle of a delivery gets no event twice", async () => {
  const { store } = open();
  const seen: string[] = [];
  let isStarted = false;
  store.watch("configmaps", { namespace: null, after: 0 }, () => {
    if (isStarted) return;
    isStarted = true;
    store.watch("configmaps", { namespace: null, after: 0 }, (event) => seen.push(describe(event)));
  });
  await Promise.all([store.transact(put(configMap("a"))), store.transact(put(configMap("b")))]);
  assert.deepEqual(seen, ["1 +a", "2 +b"]);
});

test("K8S-131 a watcher that fails is dropped and fails no write", async () => {
  const { store } = open();
  const seen: string[] = [];
  store.watch("configmaps", { namespace: null, after: 0 }, () => {
    throw new Error("reader's mistake");
  });
  store.watch("configmaps", { namespace: null, after: 0 }, (event) => seen.push(describe(event)));
  await store.transact(put(configMap("a")));
  await store.transact(put(configMap("b")));
  assert.deepEqual(seen, ["1 +a", "2 +b"]);
});

test("K8S-290 the window keeps 10 000 events however old, and five minutes beyond that", async () => {
  const { store, clock } = open();
  const writeMany = (count: number) =>
    store.transact((transaction) => {
      for (let index = 0; index < count; index++) transaction.put("configmaps", configMap("a", String(index)));
    });
  await writeMany(10_000);
  clock.advanceTo(clock.now() + 3_600_000);
  assert.equal(store.oldestRevision, 0);
  await writeMany(3);
  assert.equal(store.oldestRevision, 3);
  await writeMany(10_000);
  clock.advanceTo(clock.now() + 299_999);
  await writeMany(1);
  assert.equal(store.oldestRevision, 10_000);
  clock.advanceTo(clock.now() + 1);
  await writeMany(1);
  assert.equal(store.oldestRevision, 10_005);
  assert.throws(() => store.watch("configmaps", { namespace: null, after: 10_004 }, () => {}), RevisionError);
  assert.throws(() => store.listAt("configmaps", null, 10_004), RevisionError);
});

test("K8S-96 whoever waits for a revision is called when it is reached, or not at all once stopped", async () => {
  const { store } = open();
  const reached: number[] = [];
  store.whenReached(2, () => reached.push(2));
  store.whenReached(1, () => reached.push(1));
  store.whenReached(2, () => reached.push(-2))();
  await store.transact(put(configMap("a")));
  assert.deepEqual(reached, [1]);
  await store.transact(put(configMap("b")));
  assert.deepEqual(reached, [1, 2]);
});
