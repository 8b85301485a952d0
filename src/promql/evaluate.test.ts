import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../base/clock.ts";
import { queryInstant, queryRange } from "./evaluate.ts";
import { ask, type SeriesTable, storeOf } from "./test-series.ts";

interface Case {
  readonly name: string;
  readonly series: SeriesTable;
  readonly query: string;
  /** Seconds. */
  readonly at?: number;
  readonly is: readonly string[];
}

const codes: SeriesTable = {
  'req_total{svc="canary",code="200"}': "0:1",
  'req_total{svc="canary",code="503"}': "0:2",
  'req_total{svc="istio-rollout-canary",code="200"}': "0:3",
  req_total: "0:4",
};
const pair: SeriesTable = { 'a{l="x"}': "0:8", 'a{l="y"}': "0:9", 'b{l="x"}': "0:2", 'b{l="z"}': "0:5" };
const many: SeriesTable = { 'm{l="x",n="1"}': "0:1", 'm{l="x",n="2"}': "0:2", 'o{l="x",v="v1"}': "0:10" };
const steady = "0:100 10:110 20:120 30:130 40:140";
const buckets: SeriesTable = {
  'h_bucket{le="1"}': "0:10",
  'h_bucket{le="2"}': "0:30",
  'h_bucket{le="4"}': "0:40",
  'h_bucket{le="+Inf"}': "0:50",
};

const cases: readonly Case[] = [
  // PQ-001 matchers
  {
    name: "PQ-001 a regular expression matches the whole value",
    series: codes,
    query: 'req_total{svc=~"canary"}',
    is: ['req_total{code="200",svc="canary"} 1', 'req_total{code="503",svc="canary"} 2'],
  },
  { name: "PQ-001 part of a value is no match", series: codes, query: 'req_total{svc=~"rollout"}', is: [] },
  { name: "PQ-001 a missing label is an empty one", series: codes, query: 'req_total{svc=""}', is: ["req_total 4"] },
  {
    name: "PQ-001 !~ keeps series without the label",
    series: codes,
    query: 'req_total{code!~"5.*|2.*"}',
    is: ["req_total 4"],
  },
  {
    name: "PQ-001 the dot matches a line feed",
    series: { x: "0:1" },
    query: 'label_replace(x, "l", "1", "missing", "") and on() label_replace(x, "l", "a\\nb", "", "")',
    is: ['x{l="1"} 1'],
  },
  // PQ-002 windows
  {
    name: "PQ-002 a sample counts for less than 5 minutes",
    series: { x: "0:1" },
    query: "x",
    at: 299.999,
    is: ["x 1"],
  },
  { name: "PQ-002 at 5 minutes it is gone", series: { x: "0:1" }, query: "x", at: 300, is: [] },
  { name: "PQ-002 a sample of the very instant counts", series: { x: "0:1 10:2" }, query: "x", at: 10, is: ["x 2"] },
  {
    name: "PQ-002 a staleness marker ends a series at once",
    series: { x: "0:1 10:stale" },
    query: "x",
    at: 10,
    is: [],
  },
  {
    name: "PQ-002 before the marker the series is there",
    series: { x: "0:1 10:stale" },
    query: "x",
    at: 9.999,
    is: ["x 1"],
  },
  {
    name: "PQ-002 a window leaves out its start and has its end",
    series: { x: "0:1 10:2 20:3" },
    query: "x[20s]",
    at: 20,
    is: ["x 10:2 20:3"],
  },
  {
    name: "PQ-002 markers are no samples of a window",
    series: { x: "0:1 10:stale 20:3" },
    query: "count_over_time(x[1m])",
    at: 20,
    is: ["{} 2"],
  },
  // PQ-003 extrapolation
  { name: "PQ-003 one sample gives no rate", series: { c: "0:1" }, query: "rate(c[1m])", at: 1, is: [] },
  {
    name: "PQ-003 near both edges the whole window is covered",
    series: { c: steady },
    query: "increase(c[40s])",
    at: 41,
    is: ["{} 40"],
  },
  { name: "PQ-003 rate is increase by the second", series: { c: steady }, query: "rate(c[40s])", at: 41, is: ["{} 1"] },
  {
    name: "PQ-003 a drop adds what was before it",
    series: { c: "1:100 11:110 21:5 31:15" },
    query: "increase(c[31s])",
    at: 31.5,
    is: ["{} 25.833333333333336"],
  },
  {
    name: "PQ-003 far from the edges half a distance is added",
    series: { c: "100:1000 110:1010 120:1020" },
    query: "increase(c[200s])",
    at: 200,
    is: ["{} 30"],
  },
  {
    name: "PQ-003 just under 1.1 distances from the start counts as near",
    series: { c: "100:1000 110:1010 120:1020" },
    query: "increase(c[30900ms])",
    at: 120,
    is: ["{} 30.9"],
  },
  {
    name: "PQ-003 at 1.1 distances it does not",
    series: { c: "100:1000 110:1010 120:1020" },
    query: "increase(c[31s])",
    at: 120,
    is: ["{} 25"],
  },
  {
    name: "PQ-003 a counter is not stretched below zero",
    series: { c: "100:2 110:12 120:22" },
    query: "increase(c[200s])",
    at: 120,
    is: ["{} 22"],
  },
  { name: "PQ-003 a gauge is", series: { c: "100:2 110:12 120:22" }, query: "delta(c[200s])", at: 120, is: ["{} 25"] },
  // PQ-004
  {
    name: "PQ-004 irate looks at the last two samples",
    series: { c: "0:0 10:5 30:45" },
    query: "irate(c[40s])",
    at: 35,
    is: ["{} 2"],
  },
  {
    name: "PQ-004 on a reset the last value is the difference",
    series: { c: "0:90 10:100 20:30" },
    query: "irate(c[40s])",
    at: 20,
    is: ["{} 3"],
  },
  {
    name: "PQ-004 idelta knows no reset",
    series: { c: "0:90 10:100 20:30" },
    query: "idelta(c[40s])",
    at: 20,
    is: ["{} -70"],
  },
  {
    name: "PQ-004 one sample in the window: absent",
    series: { c: "0:90 10:100" },
    query: "irate(c[5s])",
    at: 10,
    is: [],
  },
  // PQ-005
  { name: "PQ-005 sum without labels has none", series: pair, query: "sum(a)", is: ["{} 17"] },
  {
    name: "PQ-005 by keeps the named labels, without drops them and the name",
    series: many,
    query: "sum without (n) (m) or sum by (n) (m)",
    is: ['{l="x"} 3', '{n="1"} 1', '{n="2"} 2'],
  },
  { name: "PQ-005 over nothing there is no sum", series: {}, query: "sum(a)", is: [] },
  { name: "PQ-005 over nothing there is no count", series: {}, query: "count(a)", is: [] },
  { name: "PQ-005 absent speaks of nothing", series: {}, query: 'absent(a{l="x",m=~"y"})', is: ['{l="x"} 1'] },
  { name: "PQ-005 absent is silent where something is", series: pair, query: "absent(a)", is: [] },
  {
    name: "PQ-005 absent leaves out a label that was asked for twice",
    series: {},
    query: 'absent(a{l="x",l="y",m="z"})',
    is: ['{m="z"} 1'],
  },
  // PQ-006
  { name: "PQ-006 equal label sets meet, others disappear", series: pair, query: "a / b", is: ['{l="x"} 4'] },
  { name: "PQ-006 two sums meet in the empty set", series: pair, query: "sum(a) / sum(b)", is: [`{} ${17 / 7}`] },
  { name: "PQ-006 on() decides alone", series: many, query: "sum by (l) (m) * on(l) o", is: ['{l="x"} 30'] },
  {
    name: "PQ-006 many to one must be said",
    series: many,
    query: "m * on(l) o",
    is: ["error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"],
  },
  {
    name: "PQ-006 group_left copies labels of the one side",
    series: many,
    query: "m * on(l) group_left(v) o",
    is: ['{l="x",n="1",v="v1"} 10', '{l="x",n="2",v="v1"} 20'],
  },
  {
    name: "PQ-006 group_right is its mirror",
    series: many,
    query: "o - on(l) group_right m",
    is: ['{l="x",n="1"} 9', '{l="x",n="2"} 8'],
  },
  {
    name: "PQ-006 many to many is an error that names the series",
    series: many,
    query: "o * on(l) m",
    is: [
      'error: found duplicate series for the match group {l="x"} on the right hand-side of the operation: [{__name__="m", l="x", n="2"}, {__name__="m", l="x", n="1"}];many-to-many matching not allowed: matching labels must be unique on one side',
    ],
  },
  {
    name: "PQ-006 a name dropped from two series is an error",
    series: pair,
    query: '{l="x"} * 2',
    is: ["error: vector cannot contain metrics with the same labelset"],
  },
  // PQ-007
  { name: "PQ-007 zero by zero is NaN", series: {}, query: "0 / 0", is: ["NaN"] },
  { name: "PQ-007 one by zero is infinite", series: {}, query: "-1 / 0", is: ["-Inf"] },
  { name: "PQ-007 the rest by zero is NaN", series: {}, query: "5 % 0", is: ["NaN"] },
  { name: "PQ-007 a comparison filters and keeps the value", series: pair, query: "a > 8", is: ['a{l="y"} 9'] },
  { name: "PQ-007 also when the vector stands on the right", series: pair, query: "8 < a", is: ['a{l="y"} 9'] },
  {
    name: "PQ-007 between vectors the left value stays",
    series: pair,
    query: "a > b",
    is: ['a{l="x"} 8'],
  },
  {
    name: "PQ-007 bool gives 0 and 1 without the name",
    series: pair,
    query: "a > bool 8",
    is: ['{l="x"} 0', '{l="y"} 1'],
  },
  { name: "PQ-007 NaN passes no filter", series: { x: "0:NaN" }, query: "x > 0 or x <= 0 or x == x", is: [] },
  // PQ-008
  {
    name: "PQ-008 or adds what the left has not",
    series: pair,
    query: "a or b",
    is: ['a{l="x"} 8', 'a{l="y"} 9', 'b{l="z"} 5'],
  },
  {
    name: "PQ-008 or vector(0) joins other labels",
    series: pair,
    query: "a or vector(0)",
    is: ["{} 0", 'a{l="x"} 8', 'a{l="y"} 9'],
  },
  {
    name: "PQ-008 or on() vector(0) fills only emptiness",
    series: pair,
    query: "a or on() vector(0)",
    is: ['a{l="x"} 8', 'a{l="y"} 9'],
  },
  { name: "PQ-008 which it does", series: {}, query: "a or on() vector(0)", is: ["{} 0"] },
  {
    name: "PQ-008 and keeps, unless drops",
    series: pair,
    query: "(a and b) or (a unless b)",
    is: ['a{l="x"} 8', 'a{l="y"} 9'],
  },
  // PQ-009
  {
    name: "PQ-009 linear inside a bucket",
    series: buckets,
    query: "histogram_quantile(0.4, h_bucket)",
    is: ["{} 1.5"],
  },
  {
    name: "PQ-009 the first bucket starts at 0",
    series: buckets,
    query: "histogram_quantile(0.1, h_bucket)",
    is: ["{} 0.5"],
  },
  {
    name: "PQ-009 in the last bucket the highest finite bound",
    series: buckets,
    query: "histogram_quantile(0.95, h_bucket)",
    is: ["{} 4"],
  },
  { name: "PQ-009 below 0", series: buckets, query: "histogram_quantile(-0.1, h_bucket)", is: ["{} -Inf"] },
  { name: "PQ-009 above 1", series: buckets, query: "histogram_quantile(1.1, h_bucket)", is: ["{} +Inf"] },
  {
    name: "PQ-009 without +Inf there is no answer",
    series: buckets,
    query: 'histogram_quantile(0.5, h_bucket{le!="+Inf"})',
    is: ["{} NaN"],
  },
  {
    name: "PQ-009 without observations there is none",
    series: buckets,
    query: "histogram_quantile(0.5, h_bucket * 0)",
    is: ["{} NaN"],
  },
  {
    name: "PQ-009 a falling count is raised",
    series: { ...buckets, 'h_bucket{le="2"}': "0:5" },
    query: "histogram_quantile(0.4, h_bucket)",
    is: [`{} ${2 + 2 / 3}`],
  },
  {
    name: "PQ-009 a first bound below zero is the answer",
    series: { 'h_bucket{le="-1"}': "0:5", 'h_bucket{le="+Inf"}': "0:6" },
    query: "histogram_quantile(0.5, h_bucket)",
    is: ["{} -1"],
  },
  {
    name: "PQ-009 a share of the observations",
    series: buckets,
    query: "histogram_fraction(1, 3, h_bucket)",
    is: ["{} 0.5"],
  },
  // PQ-010
  { name: "PQ-010 ^ binds to the right", series: {}, query: "2 ^ 3 ^ 2", is: ["512"] },
  { name: "PQ-010 ^ binds before the sign", series: {}, query: "-2 ^ 2", is: ["-4"] },
  { name: "PQ-010 * before +, left to right", series: {}, query: "1 + 2 * 3 - 8 / 4 / 2", is: ["6"] },
  {
    name: "PQ-010 and before or, comparison before and",
    series: pair,
    query: "a or b and b > 4",
    is: ['a{l="x"} 8', 'a{l="y"} 9', 'b{l="z"} 5'],
  },
  {
    name: "PQ-010 keywords in capitals, a comma that ends a list, comments",
    series: many,
    query: "SUM(m) # all\n  BY (l,)",
    is: ['{l="x"} 3'],
  },
  {
    name: "PQ-010 names of functions are not",
    series: many,
    query: "ABS(m)",
    is: ['error: 1:1: parse error: unknown function with name "ABS"'],
  },
  { name: "PQ-010 durations combine", series: { x: "0:1" }, query: "x offset 1h30m", at: 5400, is: ["x 1"] },
  {
    name: "PQ-010 three kinds of quotes",
    series: codes,
    query: "count(req_total{svc=`canary`,code='200',code!=\"\"})",
    is: ["{} 1"],
  },
  // PQ-011
  {
    name: "PQ-011 round: ties go up",
    series: {},
    query: "round(vector(-2.5)) + round(vector(1.25), 0.5)",
    is: ["{} -0.5"],
  },
  { name: "PQ-011 clamp_min", series: pair, query: "clamp_min(b, 3)", is: ['{l="x"} 3', '{l="z"} 5'] },
  { name: "PQ-011 scalar of two is NaN", series: pair, query: "scalar(a)", is: ["NaN"] },
  { name: "PQ-011 scalar of one is it", series: pair, query: 'scalar(a{l="x"})', is: ["8"] },
  {
    name: "PQ-011 topk keeps labels, best first",
    series: pair,
    query: "topk(3, {l=~'.+'})",
    is: ['a{l="y"} 9', 'a{l="x"} 8', 'b{l="z"} 5'],
  },
  { name: "PQ-011 quantile between two", series: pair, query: "quantile(0.25, a)", is: ["{} 8.25"] },
  { name: "PQ-011 stddev of a population", series: pair, query: "stddev(a)", is: ["{} 0.5"] },
  {
    name: "PQ-011 label_replace fills $1",
    series: pair,
    query: 'label_replace(a, "c", "<$1>", "l", "(x)")',
    is: ['a{c="<x>",l="x"} 8', 'a{l="y"} 9'],
  },
  {
    name: "PQ-011 a bad target is an error",
    series: pair,
    query: 'label_replace(a, "1", "", "l", "")',
    is: ["error: invalid destination label name in label_replace(): 1"],
  },
  {
    name: "PQ-011 count_values writes without an exponent",
    series: { x: "0:1e21" },
    query: 'count_values("v", x)',
    is: ['{v="1000000000000000000000"} 1'],
  },
  // PQ-012
  {
    name: "PQ-012 a negative offset looks ahead",
    series: { x: "0:1 60:2" },
    query: "x offset -1m",
    at: 0,
    is: ["x 2"],
  },
  {
    name: "PQ-012 @ replaces the instant, offset shifts it",
    series: { x: "0:1 60:2 120:3" },
    query: "x @ 120 offset 1m",
    at: 600,
    is: ["x 2"],
  },
  {
    name: "PQ-012 steps of a subquery lie on multiples of it",
    series: { x: "0:1 25:2 31:3" },
    query: "x[30s:10s]",
    at: 35,
    is: ["x 10:1 20:1 30:2"],
  },
  {
    name: "PQ-012 without a step it is one minute",
    series: { x: "0:1" },
    query: "x[4m:]",
    at: 200,
    is: ["x 0:1 60:1 120:1 180:1"],
  },
  {
    name: "PQ-012 a subquery is open to the left too",
    series: { x: "0:1" },
    query: "x[20s:10s]",
    at: 20,
    is: ["x 10:1 20:1"],
  },
  // PQ-013
  {
    name: "PQ-013 series come in the order of their labels",
    series: { 'x{l="b"}': "0:1", 'x{l="a"}': "0:2" },
    query: "x",
    is: ['x{l="a"} 2', 'x{l="b"} 1'],
  },
  {
    name: "PQ-013 unless the query sorts",
    series: { 'x{l="b"}': "0:1", 'x{l="a"}': "0:2" },
    query: "sort(x)",
    is: ['x{l="b"} 1', 'x{l="a"} 2'],
  },
  // PQ-014
  {
    name: "PQ-014 position counts lines and columns from 1",
    series: {},
    query: "sum(\n  x y)",
    is: ['error: 2:5: parse error: unexpected identifier "y"'],
  },
  {
    name: "PQ-014 an empty text",
    series: {},
    query: " ",
    is: ["error: 1:1: parse error: no expression found in input"],
  },
  {
    name: "PQ-014 a switched-off function says so",
    series: {},
    query: "info(x)",
    is: ['error: 1:1: parse error: function "info" is not enabled'],
  },
  {
    name: "PQ-014 depth is bounded",
    series: {},
    query: `${"(".repeat(500)}1${")".repeat(500)}`,
    is: ["error: 1:201: parse error: expression is nested deeper than 200 levels"],
  },
  {
    name: "PQ-014 so is the number of operators",
    series: {},
    query: `1${"+1".repeat(2000)}`,
    is: ["error: 1:2002: parse error: expression has more than 1000 operators"],
  },
];

for (const { name, series, query, at = 0, is } of cases) {
  test(name, () => assert.deepEqual(ask(storeOf(series), query, at), is));
}

test("SE-005 only errors in the window: the success ratio is 0, not absent", () => {
  const store = storeOf({ 'r{c="200"}': "0:5 20:5", 'r{c="500"}': "0:1 20:9" });
  assert.deepEqual(ask(store, 'sum(irate(r{c!~"5.*"}[40s])) / sum(irate(r[40s]))', 20), ["{} 0"]);
});

test("SE-005 no success ever: nothing", () => {
  const store = storeOf({ 'r{c="500"}': "0:1 20:9" });
  assert.deepEqual(ask(store, 'sum(irate(r{c!~"5.*"}[40s])) / sum(irate(r[40s]))', 20), []);
});

test("SE-013 traffic that stopped: NaN", () => {
  const store = storeOf({ 'r{c="200"}': "0:5 20:5" });
  assert.deepEqual(ask(store, 'sum(irate(r{c!~"5.*"}[40s])) / sum(irate(r[40s]))', 20), ["{} NaN"]);
});

test("6.3 a range query steps from start to end and leaves gaps out", () => {
  const store = storeOf({ x: "0:1 10:2 20:stale 30:3" });
  const { value } = queryRange(store, "x", { start: 0, end: 30_000, stepMs: 10_000 });
  assert.ok(value.type === "matrix");
  assert.deepEqual(
    value.series.map(({ times, values }) => [times, values]),
    [
      [
        [0, 10_000, 30_000],
        [1, 2, 3],
      ],
    ],
  );
});

test("6.3 a range query for a window is refused", () => {
  const ranged = () => queryRange(storeOf({}), "x[5m]", { start: 0, end: 1, stepMs: 1 });
  assert.throws(ranged, /invalid expression type "range vector" for range query, must be Scalar or instant Vector/);
});

test("6.3 more than 11,000 points are refused, 11,000 are not", () => {
  const ranged = (end: number) => queryRange(storeOf({}), "x", { start: 0, end, stepMs: 1 });
  assert.throws(() => ranged(11_001), /exceeded maximum resolution of 11,000 points per timeseries/);
  assert.deepEqual(ranged(11_000).warnings, []);
});

test("6.3 a query that takes too long ends", () => {
  const clock = new VirtualClock(0);
  const checkTime = () => {
    clock.advanceTo(clock.now() + 1);
    if (clock.now() > 5) throw new Error("over");
  };
  const slow = () => queryInstant(storeOf({}), "count_over_time(x[10m:1s])", 0, { checkTime });
  assert.throws(slow, /over/);
});

test("6.3 a subquery with absurdly many steps ends", () => {
  const absurd = () => queryInstant(storeOf({}), "count_over_time(vector(1)[1y:1ms])", 0);
  assert.throws(absurd, /more than 5000000 steps/);
});

test("6.3 rate of what is no counter, a quantile of 2 and a bad bucket are remarked on", () => {
  const store = storeOf({ g: "0:1 10:2", 'h_bucket{le="x"}': "0:1" });
  assert.deepEqual(queryInstant(store, "rate(g[1m])", 10_000).infos, [
    'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "g" (1:6)',
  ]);
  assert.deepEqual(queryInstant(store, "histogram_quantile(2, h_bucket)", 0).warnings, [
    "PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)",
    'PromQL warning: bucket label "le" is missing or has a malformed value of "x" (1:23)',
  ]);
});
