import assert from "node:assert/strict";
import { test } from "node:test";
import { countsRequests } from "./prometheus-requests.ts";

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
