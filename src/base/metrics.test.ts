import assert from "node:assert/strict";
import { test } from "node:test";
import { CounterVector, gauge, HistogramVector, renderLabels, renderMetrics } from "./metrics.ts";

test("MESH-387 label values are escaped", () => {
  assert.equal(renderLabels([["a", 'x"\\\ny']]), 'a="x\\"\\\\\\ny"');
});

test("ARC-801 counters count by label values, and those of one object can be forgotten", () => {
  const events = new CounterVector({ name: "events_total", help: "Events.", labels: ["namespace", "name", "reason"] });
  events.add(["shop", "cart", "Paused"]);
  events.add(["shop", "cart", "Paused"], 2);
  events.add(["shop", "web", "Paused"]);
  assert.equal(
    renderMetrics([events]),
    [
      "# HELP events_total Events.",
      "# TYPE events_total counter",
      'events_total{namespace="shop",name="cart",reason="Paused"} 3',
      'events_total{namespace="shop",name="web",reason="Paused"} 1',
      "",
    ].join("\n"),
  );
  events.forget({ namespace: "shop", name: "cart" });
  assert.equal(events.size, 1);
  assert.doesNotMatch(renderMetrics([events]), /cart/);
});

test("ARC-801 a histogram's buckets are cumulative; a bound belongs to its bucket", () => {
  const seconds = new HistogramVector({ name: "seconds", help: "Time\nspent.", labels: [] }, [0.1, 1]);
  for (const value of [0.1, 0.5, 2]) seconds.observe([], value);
  assert.equal(
    renderMetrics([seconds]),
    [
      "# HELP seconds Time\\nspent.",
      "# TYPE seconds histogram",
      'seconds_bucket{le="0.1"} 1',
      'seconds_bucket{le="1"} 2',
      'seconds_bucket{le="+Inf"} 3',
      "seconds_sum 2.6",
      "seconds_count 3",
      "",
    ].join("\n"),
  );
});

test("MESH-387 a metric without series is not shown at all", () => {
  const description = { name: "nothing", help: "Nothing.", labels: ["a"] };
  assert.equal(renderMetrics([gauge(description, []), new CounterVector(description)]), "");
});
