import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { VirtualClock } from "../base/clock.ts";
import { parseExposition } from "./exposition.ts";
import { startScraping, type Target, TargetSamples } from "./scrape.ts";
import { SampleStore } from "./store.ts";
import { ask, show } from "./test-series.ts";

const text = String.raw`
# HELP istio_requests_total Requests.\nAll of them.
# TYPE istio_requests_total counter
istio_requests_total{reporter="source",path="a\\b\"c\nd",empty="",} 3
plain 1.5e3
  spaced  { a = "b" , c="d" } NaN 1700000000123
inf +Inf
with_exemplar_bucket{le="1"} 4 # {trace_id="x"} 0.5
`;

test("MESH-387 the text format: labels, escapes, timestamps, odd numbers, help", () => {
  const { samples, metadata } = parseExposition(text);
  assert.deepEqual(
    samples.map(({ labels, value, time }) => [show(labels), value, time]),
    [
      ['istio_requests_total{path="a\\b"c\nd",reporter="source"}', 3, null],
      ["plain", 1500, null],
      ['spaced{a="b",c="d"}', Number.NaN, 1_700_000_000_123],
      ["inf", Number.POSITIVE_INFINITY, null],
      ['with_exemplar_bucket{le="1"}', 4, null],
    ],
  );
  assert.deepEqual(metadata.get("istio_requests_total"), {
    type: "counter",
    help: "Requests.\nAll of them.",
    unit: "",
  });
});

test("MESH-387 a text read with the cache of the last one gives the same", () => {
  const cache = new Map();
  const texts = [text, text, `${text}x 1 5\nx{l="} 2"} 3\n`, 'x{l="} 2"} 4 7\nx{l="} 2"} 5\n', 'x{l="} 2"} 6\nx 1 9\n'];
  for (const one of texts) {
    const plain = ({ samples }: ReturnType<typeof parseExposition>) =>
      samples.map(({ labels, value, time }) => [labels.key, value, time]);
    assert.deepEqual(plain(parseExposition(one, cache)), plain(parseExposition(one)));
  }
  assert.deepEqual([...cache.keys()], ['x{l="} 2"}']);
});

for (const [name, bad] of Object.entries({
  "no value": "x",
  "no number": "x y",
  "an open label": 'x{a="b 1',
  "no name": "{} 1",
  "no time": "x 1 soon",
  "a page": "<html>",
})) {
  test(`an answer with ${name} is refused with its line`, () => {
    assert.throws(() => parseExposition(`ok 1\n${bad}\n`), /^ExpositionError: line 2: expected/);
  });
}

test("PQ-002 a series that its target no longer exposes ends at once", () => {
  const store = new SampleStore();
  const target = new TargetSamples(store, { job: "mesh" });
  target.scrape('x{l="a"} 1\nx{l="b"} 2\n', 0);
  target.scrape('x{l="a"} 3\n', 5000);
  assert.deepEqual(ask(store, "x", 5), ['x{job="mesh",l="a"} 3']);
  assert.deepEqual(ask(store, "x", 4.999), ['x{job="mesh",l="a"} 1', 'x{job="mesh",l="b"} 2']);
});

test("PQ-002 a target that answers nonsense is down and its series end", () => {
  const store = new SampleStore();
  const target = new TargetSamples(store, { job: "mesh" });
  target.scrape("x 1\n", 0);
  assert.throws(() => target.scrape("<html>", 5000), /line 1/);
  assert.deepEqual(ask(store, "x or up", 5), ['up{job="mesh"} 0']);
});

test("PQ-002 a target that is no more leaves nothing, not even up", () => {
  const store = new SampleStore();
  const target = new TargetSamples(store, { job: "mesh" });
  target.scrape("x 1\n", 0);
  target.end(5000);
  assert.deepEqual(ask(store, '{job="mesh"}', 5), []);
  assert.deepEqual(ask(store, "up", 4), ['up{job="mesh"} 1']);
});

test("an exposed label of a target's label becomes exported_", () => {
  const store = new SampleStore();
  new TargetSamples(store, { job: "mesh" }).scrape('x{job="own"} 1\n', 0);
  assert.deepEqual(ask(store, "x", 0), ['x{exported_job="own",job="mesh"} 1']);
});

/** Lets promises settle; nothing else in these tests takes time. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
};

test("SE-006 each target is asked every 5 seconds; targets come and go; stop stops", async () => {
  const clock = new VirtualClock(0);
  const store = new SampleStore();
  const a: Target = { url: "http://a", labels: { job: "a" } };
  const b: Target = { url: "http://b", labels: { job: "b" } };
  let targets = [a];
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(`${url}@${clock.now()}`);
    return `n ${asked.length}\n`;
  };
  const scraping = startScraping({ targets: () => targets, clock, fetch, store });
  await settle();
  targets = [a, b];
  clock.advanceTo(5000);
  await settle();
  targets = [b];
  clock.advanceTo(10_000);
  await settle();
  scraping.stop();
  clock.advanceTo(60_000);
  await settle();
  assert.deepEqual(asked, ["http://a@0", "http://a@5000", "http://b@5000", "http://b@10000"]);
  assert.deepEqual(ask(store, "n", 10), ['n{job="b"} 4']);
});

test("a target that fails is down, said once, and back, said once", async () => {
  const clock = new VirtualClock(0);
  const store = new SampleStore();
  let fails = false;
  const said: (string | null)[] = [];
  const scraping = startScraping({
    targets: () => [{ url: "http://a", labels: {} }],
    clock,
    store,
    fetch: async () => (fails ? Promise.reject(new Error("connection refused")) : "x 1\n"),
    onHealth: (_, problem) => said.push(problem),
  });
  for (const now of [0, 5, 10, 15, 20]) {
    clock.advanceTo(now * 1000);
    await settle();
    fails = now === 0 || now === 5;
  }
  scraping.stop();
  assert.deepEqual(said, ["connection refused", null]);
  assert.deepEqual(ask(store, "up[1m]", 20), ["up 0:1 5:0 10:0 15:1 20:1"]);
  assert.deepEqual(ask(store, "x", 10), []);
});

test("a target that does not answer within the interval is down, and its request aborted", async () => {
  const clock = new VirtualClock(0);
  const store = new SampleStore();
  let isAborted = false;
  const scraping = startScraping({
    targets: () => [{ url: "http://a", labels: {} }],
    clock,
    store,
    fetch: (_, signal) =>
      new Promise(() => {
        signal.addEventListener("abort", () => {
          isAborted = true;
        });
      }),
  });
  await settle();
  clock.advanceTo(5000);
  await settle();
  scraping.stop();
  assert.ok(isAborted);
  assert.deepEqual(ask(store, "up @ 0 or vector(9)", 5), ["up 0"]);
});
