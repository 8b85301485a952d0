import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Labels } from "./labels.ts";
import { parseSelector } from "./parser.ts";
import { SampleStore, Series } from "./store.ts";

const x = (l: string) => Labels.of({ __name__: "x", l });
const all = parseSelector("x").matchers;

test("samples older than the retention go, and series without any", () => {
  const store = new SampleStore({ retentionMs: 1000 });
  store.append(x("old"), 0, 1);
  store.append(x("new"), 0, 1);
  store.append(x("new"), 900, 2);
  store.clean(1001);
  assert.deepEqual(
    store.select(all).map(({ labels, size }) => [labels.get("l"), size]),
    [["new", 1]],
  );
  assert.equal(store.statistics().samples, 1);
});

test("appending cleans by itself", () => {
  const store = new SampleStore({ retentionMs: 1000 });
  for (let time = 0; time < 100_000; time += 10) store.append(x("a"), time, time);
  assert.ok(store.statistics().samples <= 111, `${store.statistics().samples} samples`);
});

test("a new series beyond the bound is refused and counted, known ones go on", () => {
  const store = new SampleStore({ seriesMax: 2 });
  for (const l of ["a", "b", "c"]) store.append(x(l), 0, 1);
  assert.equal(store.append(x("c"), 1, 1), null);
  assert.notEqual(store.append(x("a"), 1, 1), null);
  assert.equal(store.statistics().series, 2);
  assert.equal(store.statistics().refusedSeries, 2);
});

test("at the bound on samples the oldest go", () => {
  const store = new SampleStore({ samplesMax: 100 });
  for (let time = 0; time < 1000; time++) store.append(x("a"), time, time);
  const [series] = store.select(all);
  assert.ok(store.statistics().samples <= 100);
  assert.ok(series!.size > 80);
  assert.equal(series!.lastTime, 999);
});

test("a sample that is not newer is refused and counted", () => {
  const store = new SampleStore();
  store.append(x("a"), 5, 1);
  store.append(x("a"), 5, 2);
  store.append(x("a"), 4, 3);
  assert.equal(store.select(all)[0]!.size, 1);
  assert.equal(store.statistics().refusedSamples, 2);
});

test("a second staleness marker in a row adds nothing", () => {
  const store = new SampleStore();
  const series = store.append(x("a"), 0, 1)!;
  store.markStale(series, 1);
  store.markStale(series, 2);
  assert.equal(series.size, 2);
});

test("property: a series holds what was appended since the last cut, whatever the order of both", () => {
  const steps = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 9 }), cut: fc.boolean() }), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (list) => {
      const series = new Series(Labels.empty);
      let model: number[] = [];
      let time = 0;
      for (const { gap, cut } of list) {
        time += gap;
        series.append(time, -time, false);
        model.push(time);
        if (cut) {
          series.dropBefore(time - 50);
          model = model.filter((kept) => kept >= time - 50);
        }
      }
      assert.deepEqual(
        Array.from({ length: series.size }, (_, index) => [series.timeAt(index), series.valueAt(index)]),
        model.map((kept) => [kept, -kept]),
      );
      assert.equal(series.countUntil(time / 2), model.filter((kept) => kept <= time / 2).length);
    }),
    { numRuns: 50 },
  );
});
