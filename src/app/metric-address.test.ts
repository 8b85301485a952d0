import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { metricAddresses } from "./metric-address.ts";

const EMBEDDED = "http://127.0.0.1:19090";
const addressOf = metricAddresses({
  embedded: EMBEDDED,
  clock: systemClock,
  resolves: (host) => Promise.resolve(host === "prometheus.example.com"),
});

const cases: readonly { name: string; address: string; want: string }[] = [
  {
    name: "the document's placeholder, with its path",
    address: "http://xxx.aliyuncs.com:9090/api/v1/prometheus/",
    want: `${EMBEDDED}/api/v1/prometheus/`,
  },
  { name: "a Service by name and namespace", address: "http://prometheus.istio-system:9090", want: EMBEDDED },
  { name: "a Service by its full name", address: "http://thanos.m.svc.cluster.local:9090/", want: EMBEDDED },
  { name: "https", address: "https://prometheus-k8s.monitoring", want: EMBEDDED },
  {
    name: "a host that resolves stays",
    address: "http://prometheus.example.com/x",
    want: "http://prometheus.example.com/x",
  },
  { name: "an IP address stays", address: "http://10.1.2.3:9090", want: "http://10.1.2.3:9090" },
  { name: "an IPv6 address stays", address: "http://[::1]:9090/p", want: "http://[::1]:9090/p" },
  { name: "localhost stays", address: "http://localhost:9090", want: "http://localhost:9090" },
  { name: "no address stays, for the provider to refuse", address: "prometheus", want: "prometheus" },
];

for (const { name, address, want } of cases) {
  test(`SE-008 ${name}`, async () => assert.equal(await addressOf(address), want));
}
