import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../routing/types.ts";
import { Telemetry } from "./telemetry.ts";

const source = (labels: Record<string, string>, workload = "w"): Source => ({
  kind: "pod",
  namespace: "default",
  name: "p",
  labels,
  workload,
});

const measured = {
  cluster: null,
  clusterName: "PassthroughCluster",
  destination: null,
  code: 200,
  flags: "-",
  durationMs: 1,
  requestBytes: 0,
  responseBytes: 0,
};

test("MESH-386 a value on a bucket's bound belongs to it; buckets are cumulative", () => {
  const telemetry = new Telemetry();
  for (const durationMs of [25, 26, 4_000_000]) telemetry.count({ ...measured, source: source({}), durationMs });
  const buckets = [...telemetry.render().matchAll(/milliseconds_bucket\{.*,le="([^"]+)"\} (\d+)/g)].map(
    ([, le, n]) => `${le}:${n}`,
  );
  assert.deepEqual(
    buckets.join(" "),
    "0.5:0 1:0 5:0 10:0 25:1 50:2 100:2 250:2 500:2 1000:2 2500:2 5000:2 10000:2 30000:2 60000:2 300000:2 600000:2 1800000:2 3600000:2 +Inf:3",
  );
});

test("MESH 18.2 canonical names come from labels in Istio's order", () => {
  const telemetry = new Telemetry();
  telemetry.count({ ...measured, source: source({ app: "a", "app.kubernetes.io/name": "k", version: "v2" }) });
  telemetry.count({ ...measured, source: source({}, "lonely") });
  const text = telemetry.render();
  assert.match(
    text,
    /source_workload="w",source_canonical_service="k",source_canonical_revision="v2",.*source_app="a",source_version="v2"/,
  );
  assert.match(text, /source_workload="lonely",source_canonical_service="lonely",source_canonical_revision="latest"/);
  assert.match(text, /destination_service="unknown".*destination_service_name="PassthroughCluster"/);
});

test("pods of one version share a series, whatever their names", () => {
  const telemetry = new Telemetry();
  for (const name of ["a", "b"]) telemetry.count({ ...measured, source: { ...source({ app: "x" }), name } });
  assert.match(telemetry.render(), /istio_requests_total\{.*\} 2\n/);
});

test("label values are escaped", () => {
  const telemetry = new Telemetry();
  telemetry.count({ ...measured, source: source({}, 'a"b\\c\nd') });
  assert.ok(telemetry.render().includes('source_workload="a\\"b\\\\c\\nd"'));
});

test("LANE-212 lanes asked for by clients cannot make series without bound", () => {
  const telemetry = new Telemetry();
  const lane = {
    group: "g",
    source: "header:x",
    served: "base",
    reason: "fallback:unknown-lane",
    ambiguous: false,
  } as const;
  for (let index = 0; index < 3_000; index++) telemetry.countLane({ ...lane, requested: `lane-${index}` }, "s");
  const lines = telemetry.render().match(/^lane_requests_total.*$/gm) ?? [];
  assert.equal(lines.length, 2_001);
  assert.match(lines.at(-1) ?? "", /requested="\(other\)",.*\} 1000$/);
});
