import assert from "node:assert/strict";
import { test } from "node:test";
import { TRACE_LIFE_MS, TraceTable } from "./trace-table.ts";

const group = "rollout";

test("LANE-260 LANE-261 an open inbound request gives its lane to outbound calls", () => {
  const table = new TraceTable();
  table.open(group, "7", "canary", 0);
  assert.deepEqual(table.lane(group, "7", 5), { lane: "canary", ambiguous: false });
  assert.equal(table.lane(group, "8", 5), null);
  assert.equal(table.lane("other", "7", 5), null);
});

test("LANE-262 the value lives 30 s after the last request closed", () => {
  const table = new TraceTable();
  const record = table.open(group, "7", "canary", 0)!;
  assert.ok(table.lane(group, "7", 10 * TRACE_LIFE_MS), "while open there is no limit");
  table.close(record, 1000);
  assert.ok(table.lane(group, "7", 1000 + TRACE_LIFE_MS - 1));
  assert.equal(table.lane(group, "7", 1000 + TRACE_LIFE_MS), null);
  table.open(group, "8", "base", 1000 + TRACE_LIFE_MS);
  assert.equal(table.size, 1, "the dead key is gone");
});

test("LANE-263 only closed keys make room, oldest first; else the new key is not stored", () => {
  const table = new TraceTable(2);
  const first = table.open(group, "1", "canary", 0)!;
  const second = table.open(group, "2", "canary", 0)!;
  assert.equal(table.open(group, "3", "canary", 1), null);
  assert.equal(table.droppedCount, 1);
  table.close(second, 2);
  table.close(first, 3);
  assert.ok(table.open(group, "3", "canary", 4));
  assert.equal(table.lane(group, "2", 5), null);
  assert.ok(table.lane(group, "1", 5));
});

test("LANE-263 a key with one of two requests closed is still open and keeps its place", () => {
  const table = new TraceTable(1);
  const first = table.open(group, "1", "canary", 0)!;
  table.open(group, "1", "canary", 0);
  table.close(first, 1);
  assert.equal(table.open(group, "2", "canary", 2), null);
  assert.ok(table.lane(group, "1", 2 + TRACE_LIFE_MS));
});

test("LANE-264 open requests of two lanes are ambiguous: the most recent counts", () => {
  const table = new TraceTable();
  const canary = table.open(group, "7", "canary", 0)!;
  table.open(group, "7", "base", 1);
  assert.deepEqual(table.lane(group, "7", 2), { lane: "base", ambiguous: true });
  assert.equal(table.conflictCount, 1);
  table.close(canary, 3);
  assert.deepEqual(table.lane(group, "7", 4), { lane: "base", ambiguous: false });
});

test("LANE-264 when the most recent request closes first, the lane of the open one counts", () => {
  const table = new TraceTable();
  table.open(group, "7", "canary", 0);
  table.close(table.open(group, "7", "base", 1)!, 2);
  assert.deepEqual(table.lane(group, "7", 3), { lane: "canary", ambiguous: false });
});

test("LANE-265 the same lane twice is no conflict and closes twice", () => {
  const table = new TraceTable();
  const first = table.open(group, "7", "canary", 0)!;
  const second = table.open(group, "7", "canary", 0)!;
  assert.equal(table.conflictCount, 0);
  table.close(first, 1);
  assert.ok(table.lane(group, "7", 1 + TRACE_LIFE_MS * 2), "still open");
  table.close(second, 2);
  assert.equal(table.lane(group, "7", 2 + TRACE_LIFE_MS), null);
});

test("LANE-260 only the first 256 characters of a value count", () => {
  const table = new TraceTable();
  const long = "x".repeat(256);
  table.open(group, `${long}a`, "canary", 0);
  assert.ok(table.lane(group, `${long}b`, 1));
});
