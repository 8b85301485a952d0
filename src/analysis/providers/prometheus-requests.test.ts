import assert from "node:assert/strict";
import { test } from "node:test";
import { countsRequests, requestCount, windowsOf } from "./prometheus-requests.ts";

const cases: readonly (readonly [query: string, counts: boolean])[] = [
  ['sum(irate(istio_requests_total{response_code!~"5.*"}[40s])) / sum(irate(istio_requests_total[40s]))', true],
  ["(sum by (app) (rate(http_requests_total[1m]))) / (sum by (app) (rate(http_requests_total[1m])))", true],
  ["sum(rate(errors_total[1m])) / sum(rate(http_server_requests_seconds_count[1m]))", true],
  ["increase(envoy_cluster_upstream_rq_5xx[1m]) / increase(envoy_cluster_upstream_rq_total[1m])", true],
  // The divisor is no count, no count of requests, or not alone.
  ["sum(rate(istio_requests_total[1m])) / sum(rate(container_cpu_usage_seconds_total[1m]))", false],
  ["sum(istio_requests_total) / sum(up)", false],
  ["sum(rate(istio_requests_total[1m])) / sum(rate(istio_requests_total[1m])) - 1", false],
  ["sum(rate(a[1m])) / (sum(rate(istio_requests_total[1m])) - sum(rate(istio_requests_total[1m])))", false],
  ['sum(rate({__name__=~".*_requests_total"}[1m])) / sum(rate({__name__=~".*_requests_total"}[1m]))', false],
  ["histogram_quantile(0.9, sum(rate(istio_request_duration_milliseconds_bucket[1m])) by (le))", false],
  ["sum(rate(", false],
];
for (const [query, counts] of cases) {
  test(`SE-013 NaN of ${query} ${counts ? "means no request" : "may mean anything"}`, () =>
    assert.equal(countsRequests(query), counts));
}

const counted: readonly (readonly [query: string, count: string | null])[] = [
  [
    'sum(irate(istio_requests_total{code!~"5.*"}[40s])) / (sum by (app) (irate(istio_requests_total{app="a"}[40s])))',
    'sum by (response_code) (increase(istio_requests_total{app="a"}[40s])) in 40000',
  ],
  [
    'histogram_quantile(0.9, sum(rate(istio_request_duration_milliseconds_bucket{app="a"}[2m])) by (le))',
    'sum by (response_code) (increase(istio_request_duration_milliseconds_count{app="a"}[2m])) in 120000',
  ],
  // Nothing is said of requests, or of others than those of the value.
  ["sum(rate(istio_requests_total[1m]))", null],
  ["sum(rate(a[1m])) / sum(rate(istio_requests_total[1m] offset 5m))", null],
  ["histogram_quantile(0.9, sum(rate(cache_age_bucket[2m])) by (le))", null],
  ['histogram_quantile(0.9, sum(rate(http_request_duration_bucket{le="1"}[2m])) by (le))', null],
  ['histogram_quantile(0.9, sum(rate({__name__="http_request_duration_bucket"}[2m])) by (le))', null],
  ["sum(rate(", null],
];
for (const [query, expected] of counted) {
  test(`EC-020 the requests behind ${query}`, () => {
    const found = requestCount(query);
    assert.equal(found && `${found.query} in ${found.windowMs}`, expected);
  });
}

test("EC-020 whether the value is of all of the window", () => {
  const isOfLastTwo = (growth: string) => requestCount(`a / sum(${growth}(http_requests_total[40s]))`)?.isOfLastTwo;
  assert.deepEqual(["rate", "increase", "irate"].map(isOfLastTwo), [false, false, true]);
});

test("EC-020 the windows of a query", () => {
  assert.deepEqual(windowsOf("rate(a[40s]) / rate(b[40s])"), [40_000]);
  assert.deepEqual(windowsOf("rate(a[40s]) / max_over_time(b[5m:])"), [40_000, 300_000]);
  assert.deepEqual(windowsOf("up"), []);
});
