import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { renderMetrics } from "../base/metrics.ts";
import { WorkQueue } from "./queue.ts";
import { QueueMetrics } from "./queue-metrics.ts";

function setUp() {
  const clock = new VirtualClock(0);
  const metrics = new QueueMetrics(clock);
  const queue = new WorkQueue(clock, () => {}, metrics.observer("Rollouts"));
  const value = (name: string) => {
    const line = renderMetrics([metrics])
      .split("\n")
      .find((text) => text.startsWith(`workqueue_${name}{name="Rollouts"}`));
    return line === undefined ? null : Number(line.split(" ").at(-1));
  };
  return { clock, queue, value, metrics };
}

test("ARC-801 a key counts as added once until it is taken, and its wait is measured", () => {
  const { clock, queue, value } = setUp();
  queue.add("a");
  queue.add("a");
  assert.equal(value("depth"), 1);
  assert.equal(value("adds_total"), 1);
  clock.advanceTo(3000);
  queue.take();
  assert.equal(value("depth"), 0);
  assert.equal(value("queue_duration_seconds_sum"), 3);
  assert.equal(value("queue_duration_seconds_count"), 1);
});

test("ARC-801 a key that is added while it is worked on waits from then on", () => {
  const { clock, queue, value } = setUp();
  queue.add("a");
  queue.take();
  queue.add("a");
  queue.add("a");
  assert.equal(value("adds_total"), 2);
  clock.advanceTo(2000);
  assert.equal(value("unfinished_work_seconds"), 2);
  assert.equal(value("longest_running_processor_seconds"), 2);
  queue.done("a");
  assert.equal(value("unfinished_work_seconds"), 0);
  assert.equal(value("work_duration_seconds_sum"), 2);
  clock.advanceTo(5000);
  queue.take();
  assert.equal(value("queue_duration_seconds_sum"), 5);
});

test("ARC-801 a failure counts as a retry; what is never used is shown as zero", () => {
  const { queue, value } = setUp();
  assert.equal(value("retries_total"), 0);
  assert.equal(value("adds_total"), 0);
  queue.addAfterFailure("a");
  assert.equal(value("retries_total"), 1);
});
