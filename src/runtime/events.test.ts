import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as endOfTurn } from "node:timers/promises";
import type { KubeObject } from "../api/meta.ts";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
import { failure } from "../kube/errors.ts";
import { EventRecorder } from "./events.ts";

const regarding: KubeObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop", uid: "u1", resourceVersion: "7" },
};

function setUp() {
  const clock = new VirtualClock(Date.UTC(2030, 0, 1));
  const stored = new Map<string, Record<string, unknown>>();
  let failing = false;
  const client = {
    create: async (_type: unknown, object: KubeObject) => {
      if (failing) throw failure(500, "InternalError", "down");
      stored.set(object.metadata.name, object);
      return object;
    },
    patch: async (_type: unknown, { name }: { name: string }, { body }: { body: Record<string, unknown> }) => {
      if (!stored.has(name)) throw failure(404, "NotFound", "gone");
      stored.set(name, { ...stored.get(name), ...body });
    },
  } as unknown as KubeClient;
  const recorder = new EventRecorder(client, clock, silentLogger);
  const record = async (message: string, object = regarding, type: "Normal" | "Warning" = "Normal") => {
    recorder.record("tester", { regarding: object, type, reason: "Scaled", message });
    await endOfTurn();
  };
  return {
    clock,
    record,
    stored,
    events: () => [...stored.values()],
    setFailing: (value: boolean) => {
      failing = value;
    },
  };
}

test("K8S-244 an event names its object, source and times, and is named after object and nanoseconds", async () => {
  const { record, events } = setUp();
  await record("hello");
  const [event] = events();
  const nanoseconds = (BigInt(Date.UTC(2030, 0, 1)) * 1_000_000n).toString(16);
  assert.deepEqual(event?.["metadata"], { name: `web.${nanoseconds}`, namespace: "shop" });
  assert.deepEqual(event?.["involvedObject"], {
    apiVersion: "apps/v1",
    kind: "Deployment",
    name: "web",
    namespace: "shop",
    uid: "u1",
    resourceVersion: "7",
  });
  assert.deepEqual(event?.["source"], { component: "tester" });
  assert.equal(event?.["reportingComponent"], "tester");
  assert.equal(event?.["firstTimestamp"], "2030-01-01T00:00:00Z");
  assert.equal(event?.["count"], 1);
});

test("K8S-244 a repeat raises the count and the last time", async () => {
  const { record, events, clock } = setUp();
  await record("hello");
  clock.advanceTo(clock.now() + 5000);
  await record("hello");
  assert.equal(events().length, 1);
  assert.equal(events()[0]?.["count"], 2);
  assert.equal(events()[0]?.["firstTimestamp"], "2030-01-01T00:00:00Z");
  assert.equal(events()[0]?.["lastTimestamp"], "2030-01-01T00:00:05Z");
});

test("K8S-244 a repeat of an expired event is a new one", async () => {
  const { record, events, stored } = setUp();
  await record("hello");
  stored.clear();
  await record("hello");
  assert.equal(events().length, 1);
  assert.equal(events()[0]?.["count"], 1);
});

test("K8S-244 the eleventh similar message within ten minutes is merged, and further ones with it", async () => {
  const { record, events } = setUp();
  for (let count = 1; count <= 13; count++) await record(`message ${count}`);
  assert.equal(events().length, 11);
  assert.equal(events().at(-1)?.["message"], "(combined from similar events): message 13");
  assert.equal(events().at(-1)?.["count"], 3);
});

test("K8S-244 after ten quiet minutes messages stand for themselves again", async () => {
  const { record, events, clock } = setUp();
  for (let count = 1; count <= 10; count++) await record(`message ${count}`);
  clock.advanceTo(clock.now() + 10 * 60_000 + 1);
  await record("message 11");
  assert.equal(events().at(-1)?.["message"], "message 11");
});

test("K8S-244 an object gets 25 events at once and one more every five minutes", async () => {
  const { record, events, clock } = setUp();
  for (let count = 1; count <= 30; count++) await record("again");
  assert.equal(events()[0]?.["count"], 25);
  clock.advanceTo(clock.now() + 5 * 60_000);
  for (let count = 1; count <= 3; count++) await record("again");
  assert.equal(events()[0]?.["count"], 26);
  await record("other object", { ...regarding, metadata: { ...regarding.metadata, name: "db", uid: "u2" } });
  assert.equal(events().length, 2);
});

test("K8S-244 an object's many normal events do not silence its warnings", async () => {
  const { record, events } = setUp();
  for (let count = 1; count <= 30; count++) await record("progress");
  await record("why it failed", regarding, "Warning");
  assert.deepEqual([events().at(-1)?.["message"], events().at(-1)?.["type"]], ["why it failed", "Warning"]);
});

test("K8S-244 a failing server loses the event and nothing else", async () => {
  const { record, events, setFailing } = setUp();
  setFailing(true);
  await record("lost");
  setFailing(false);
  await record("kept");
  assert.deepEqual(
    events().map((event) => event["message"]),
    ["kept"],
  );
});

test("K8S-244 an event about a cluster-scoped object lives in default", async () => {
  const { record, events } = setUp();
  await record("hello", { apiVersion: "v1", kind: "Node", metadata: { name: "n", uid: "u3" } });
  assert.match(JSON.stringify(events()[0]?.["metadata"]), /"namespace":"default"/);
});
