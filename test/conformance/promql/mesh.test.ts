import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../../../src/base/clock.ts";
import { Telemetry } from "../../../src/mesh/telemetry.ts";
import { startScraping } from "../../../src/promql/scrape.ts";
import { createPrometheusServer } from "../../../src/promql/server.ts";
import { SampleStore } from "../../../src/promql/store.ts";
import { hasPrometheus, launchPrometheus } from "./real-prometheus.ts";

/** The query of seed 002's template, once against a real Prometheus that scrapes the mesh's metrics, once against ours. */

const selector = 'istio_requests_total{reporter="source",destination_service=~"PassthroughCluster|unknown"';
const query = `sum(irate(${selector},response_code!~"5.*"}[40s]))
  / # all of them
  sum(irate(${selector}}[40s]))`;

const request = {
  source: { kind: "gateway", namespace: "istio-system", name: "gateway", labels: {}, workload: "istio-ingressgateway" },
  cluster: null,
  clusterName: "PassthroughCluster",
  destination: null,
  flags: "-",
  durationMs: 12,
  requestBytes: 100,
  responseBytes: 200,
} as const;

async function ratio(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v1/query`, { method: "POST", body: new URLSearchParams({ query }) });
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result[0]?.value[1];
}

const skip = hasPrometheus ? false : "prometheus is not installed";

test("MESH-395 the success ratio of the document, from a real Prometheus and from the embedded one", {
  skip,
  timeout: 60_000,
}, async () => {
  const telemetry = new Telemetry();
  // Nine good answers and a bad one at once: whatever moment a scrape meets, the ratio is 0.9.
  const serve = () => {
    for (let n = 0; n < 10; n++) telemetry.count({ ...request, code: n === 0 ? 503 : 200 });
  };
  const mesh = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(telemetry.render());
    serve();
  });
  await new Promise<void>((resolve) => mesh.listen(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${(mesh.address() as AddressInfo).port}`;
  serve();
  const store = new SampleStore();
  const scraping = startScraping({
    targets: () => [{ url: `http://${address}/stats/prometheus`, labels: { job: "mesh", instance: address } }],
    intervalMs: 500,
    clock: systemClock,
    store,
    fetch: async (url, signal) => (await fetch(url, { signal })).text(),
  });
  const embedded = await createPrometheusServer({ store, clock: systemClock, port: 0 });
  const scrape = `{job_name: mesh, metrics_path: /stats/prometheus, static_configs: [{targets: ["${address}"]}]}`;
  try {
    const real = await launchPrometheus(scrape, query);
    try {
      const theirs = await ratio(real.url);
      let ours = await ratio(`${embedded.url}/api/v1/prometheus`);
      for (let tries = 0; ours === undefined && tries < 100; tries++) {
        await wait(50);
        ours = await ratio(`${embedded.url}/api/v1/prometheus`);
      }
      assert.ok(Math.abs(Number(theirs) - 0.9) < 1e-9, `a real Prometheus says ${theirs}`);
      assert.ok(Math.abs(Number(ours) - 0.9) < 1e-9, `the embedded one says ${ours}`);
    } finally {
      await real.stop();
    }
  } finally {
    scraping.stop();
    await embedded.close();
    mesh.closeAllConnections();
    await new Promise((resolve) => mesh.close(resolve));
  }
});
