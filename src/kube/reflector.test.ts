import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as endOfTurn } from "node:timers/promises";
import type { KubeObject } from "../api/meta.ts";
import { VirtualClock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { TypeCache } from "./cache.ts";
import type { KubeClient, WatchHandler } from "./client.ts";
import { failure } from "./errors.ts";
import { Reflector } from "./reflector.ts";
import { resources } from "./resource.ts";

function pod(name: string, resourceVersion: string): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "a", uid: name, resourceVersion } };
}

/** A server whose answers the test gives, and which writes down what it was asked. */
class Script {
  readonly clock = new VirtualClock();
  readonly cache = new TypeCache(resources.pods);
  readonly asked: string[] = [];
  lists: (readonly KubeObject[] | Error)[] = [];
  revision = 10;
  stream: WatchHandler | null = null;
  readonly reflector: Reflector;

  constructor() {
    const client = {
      list: async () => {
        this.asked.push("list");
        const answer = this.lists.shift() ?? [];
        if (answer instanceof Error) throw answer;
        return { items: answer, resourceVersion: String(this.revision) };
      },
      watch: (_type: unknown, { resourceVersion }: { resourceVersion: string }, handler: WatchHandler) => {
        this.asked.push(`watch ${resourceVersion}`);
        this.stream = handler;
        return { stop: () => this.asked.push("stop") };
      },
    } as unknown as KubeClient;
    const { clock, cache } = this;
    this.reflector = new Reflector({ client, cache, clock, random: { next: () => 0 }, logger: silentLogger });
  }

  /** Lets `milliseconds` pass. */
  async pass(milliseconds = 0): Promise<void> {
    await endOfTurn();
    this.clock.advanceTo(this.clock.now() + milliseconds);
    await endOfTurn();
  }
}

test("lists, then watches from the list's revision", async () => {
  const script = new Script();
  script.lists = [[pod("a", "3")]];
  script.reflector.start();
  await script.pass();
  assert.deepEqual(script.asked, ["list", "watch 10"]);
  assert.equal(script.cache.isSynced, true);
  assert.equal(script.cache.list().length, 1);
  assert.equal(script.reflector.state, "watching");
});

test("a stream that ends in order goes on at once from the last revision seen", async () => {
  const script = new Script();
  script.reflector.start();
  await script.pass();
  script.stream?.onEvent({ type: "ADDED", object: pod("a", "12") });
  script.stream?.onEvent({ type: "BOOKMARK", object: pod("", "17") });
  script.stream?.onEnd(null);
  await script.pass();
  assert.deepEqual(script.asked, ["list", "watch 10", "watch 17"]);
});

test("K8S-124 an expired revision lists anew", async () => {
  const script = new Script();
  script.lists = [[pod("a", "3")], [pod("b", "19")]];
  script.reflector.start();
  await script.pass();
  script.revision = 20;
  script.stream?.onEnd(failure(410, "Expired", "too old resource version"));
  await script.pass();
  assert.deepEqual(script.asked, ["list", "watch 10", "list", "watch 20"]);
  assert.deepEqual(
    script.cache.list().map(({ metadata }) => metadata.name),
    ["b"],
  );
});

test("a failing server is asked again after 0, 800 and 1600 ms", async () => {
  const script = new Script();
  const down = failure(503, "ServiceUnavailable", "down");
  script.lists = [down, down, down];
  script.reflector.start();
  await script.pass();
  assert.equal(script.asked.length, 2, "the first retry is immediate");
  await script.pass(799);
  assert.equal(script.asked.length, 2);
  await script.pass(1);
  assert.equal(script.asked.length, 3);
  await script.pass(1599);
  assert.equal(script.asked.length, 3);
  await script.pass(1);
  assert.deepEqual(script.asked.slice(3), ["list", "watch 10"]);
});

test("a kind that is not served counts as empty and is tried again", async () => {
  const script = new Script();
  script.lists = [failure(404, "NotFound", "the server could not find the requested resource")];
  script.reflector.start();
  await endOfTurn();
  assert.equal(script.cache.isSynced, true);
  await script.pass();
  assert.deepEqual(script.asked, ["list", "list", "watch 10"]);
});

test("after stop nothing arrives any more", async () => {
  const script = new Script();
  script.reflector.start();
  await script.pass();
  script.reflector.stop();
  script.stream?.onEvent({ type: "ADDED", object: pod("a", "12") });
  script.stream?.onEnd(null);
  await script.pass(60_000);
  assert.equal(script.cache.size, 0);
  assert.deepEqual(script.asked, ["list", "watch 10", "stop"]);
});
