import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { WorkQueue } from "./queue.ts";

function setUp() {
  const clock = new VirtualClock(0);
  let wakes = 0;
  const queue = new WorkQueue(clock, () => {
    wakes++;
  });
  return { clock, queue, wakes: () => wakes };
}

test("K8S-245 a key is in the queue once, in order of arrival", () => {
  const { queue, wakes } = setUp();
  for (const key of ["a", "b", "a"]) queue.add(key);
  assert.equal(wakes(), 2);
  assert.deepEqual([queue.take(), queue.take(), queue.take()], ["a", "b", null]);
});

test("K8S-245 a key that is being worked on comes back when it is done, never twice at a time", () => {
  const { queue } = setUp();
  queue.add("a");
  queue.take();
  queue.add("a");
  queue.add("a");
  assert.equal(queue.take(), null);
  queue.done("a");
  assert.equal(queue.take(), "a");
  queue.done("a");
  assert.equal(queue.take(), null);
});

test("K8S-245 back-off is 5 ms doubling up to 1000 s and starts anew after success", () => {
  const { queue, clock } = setUp();
  const delays: number[] = [];
  for (let failures = 0; failures < 20; failures++) {
    delays.push(queue.addAfterFailure("a"));
    clock.advanceTo(clock.now() + 1_000_000);
    assert.equal(queue.take(), "a");
    queue.done("a");
  }
  assert.deepEqual(delays.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(delays.at(-1), 1_000_000);
  queue.forget("a");
  assert.equal(queue.addAfterFailure("a"), 5);
});

test("the earlier of two times counts, and taking the key forgets both", () => {
  const { queue, clock } = setUp();
  queue.addAt("a", 100);
  queue.addAt("a", 50);
  queue.addAt("a", 70);
  clock.advanceTo(49);
  assert.equal(queue.take(), null);
  clock.advanceTo(50);
  assert.equal(queue.take(), "a");
  queue.done("a");
  clock.advanceTo(200);
  assert.equal(queue.take(), null);
  assert.equal(clock.nextWakeAt(), null);
});

test("a key that waits for its time does not count as busy", () => {
  const { queue } = setUp();
  queue.addAt("a", 1000);
  assert.equal(queue.isIdle, true);
  queue.add("b");
  assert.equal(queue.isIdle, false);
  queue.take();
  assert.equal(queue.isIdle, false);
  queue.done("b");
  assert.equal(queue.isIdle, true);
});
