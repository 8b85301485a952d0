import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestServer, type TestServer } from "./api-server.fixture.ts";
import type { ServiceSpec } from "./service-allocation.ts";

const SERVICES = "/api/v1/namespaces/default/services";

async function create({ call }: TestServer, name: string, spec: object): Promise<ServiceSpec> {
  const { object } = await call("create", SERVICES, { body: { metadata: { name }, spec } });
  return object["spec"] as ServiceSpec;
}

async function patch({ call }: TestServer, name: string, spec: object): Promise<ServiceSpec> {
  const { object } = await call("patch", `${SERVICES}/${name}`, { patchType: "merge", body: { spec } });
  return object["spec"] as ServiceSpec;
}

const http = { port: 80, protocol: "TCP" };

test("K8S-241 a service gets an address of the range, above the static band", async () => {
  const started = await startTestServer();
  const addresses = new Set<string>();
  for (let index = 0; index < 40; index++) {
    const { clusterIP, clusterIPs } = await create(started, `s${index}`, { ports: [http] });
    assert.deepEqual(clusterIPs, [clusterIP]);
    const [a, b, c, d] = clusterIP!.split(".").map(Number);
    assert.deepEqual([a, b], [127, 96]);
    assert.ok(c! * 256 + d! >= 256, clusterIP ?? "");
    addresses.add(clusterIP!);
  }
  assert.equal(addresses.size, 40);
});

test("K8S-241 a small range is used up to the last address, static band last, and a freed one is given again", async () => {
  const started = await startTestServer({ serviceRange: "10.0.0.0/28" });
  const given: string[] = [];
  for (let index = 0; index < 14; index++) given.push((await create(started, `s${index}`, {})).clusterIP!);
  assert.deepEqual(new Set(given).size, 14);
  const full = await started.refusal("create", SERVICES, { body: { metadata: { name: "x" }, spec: {} } });
  assert.match(full.message, /range is full/);
  await started.call("delete", `${SERVICES}/s3`);
  assert.equal((await create(started, "x", {})).clusterIP, given[3]);
});

test("K8S-241 K8S-190 an explicit address is honoured when it is free and in the range", async () => {
  const started = await startTestServer();
  assert.equal((await create(started, "a", { clusterIP: "127.96.0.10" })).clusterIP, "127.96.0.10");
  const refuse = async (clusterIP: string) =>
    (await started.refusal("create", SERVICES, { body: { metadata: { name: "b" }, spec: { clusterIP } } })).message;
  assert.equal(
    await refuse("1.2.3.4"),
    'Service "b" is invalid: spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range',
  );
  assert.match(await refuse("127.96.0.10"), /failed to allocate IP 127.96.0.10: provided IP is already allocated$/);
});

test("K8S-188 headless and ExternalName services get no address", async () => {
  const started = await startTestServer();
  assert.deepEqual((await create(started, "a", { clusterIP: "None" })).clusterIPs, ["None"]);
  const external = await create(started, "b", { type: "ExternalName", externalName: "example.com" });
  assert.equal(external.clusterIP, undefined);
});

test("K8S-241 two services of one group commit never share an address or a port", async () => {
  const started = await startTestServer({ random: { next: () => 0 } });
  const spec = { type: "NodePort", ports: [http] };
  const made = await Promise.all(["a", "b", "c"].map((name) => create(started, name, spec)));
  assert.deepEqual(
    made.map(({ clusterIP }) => clusterIP),
    ["127.96.1.0", "127.96.1.1", "127.96.1.2"],
  );
  assert.deepEqual(
    made.map(({ ports }) => ports![0]!.nodePort),
    [30086, 30087, 30088],
  );
});

test("K8S-241 an update keeps address and node ports that it does not mention", async () => {
  const started = await startTestServer();
  const before = await create(started, "a", { type: "NodePort", ports: [http] });
  const { object } = await started.call("update", `${SERVICES}/a`, {
    body: {
      metadata: { name: "a" },
      spec: { type: "NodePort", ports: [http, { port: 81, protocol: "TCP", name: "x" }] },
    },
  });
  const after = object["spec"] as ServiceSpec;
  assert.equal(after.clusterIP, before.clusterIP);
  assert.equal(after.ports![0]!.nodePort, before.ports![0]!.nodePort);
  assert.notEqual(after.ports![1]!.nodePort, after.ports![0]!.nodePort);
});

test("K8S-241 changing the type gives and takes node ports and the address", async () => {
  const started = await startTestServer();
  const { clusterIP } = await create(started, "a", { ports: [http] });
  const nodePort = (await patch(started, "a", { type: "NodePort" })).ports![0]!.nodePort!;
  assert.ok(nodePort >= 30_086 && nodePort <= 32_767);
  assert.equal((await patch(started, "a", { type: "ClusterIP" })).ports![0]!.nodePort, undefined);
  assert.equal((await patch(started, "a", { type: "ExternalName" })).clusterIP, undefined);
  await create(started, "b", { clusterIP });
  assert.notEqual((await patch(started, "a", { type: "ClusterIP" })).clusterIP, clusterIP);
});

test("K8S-190 node ports must be free and in the range; TCP and UDP may share one", async () => {
  const started = await startTestServer();
  const ports = (nodePort: number, protocol = "TCP") => ({
    type: "NodePort",
    ports: [{ port: 80, protocol, nodePort }],
  });
  await create(started, "a", ports(30_099));
  const refuse = async (spec: object) =>
    (await started.refusal("create", SERVICES, { body: { metadata: { name: "b" }, spec } })).message;
  assert.equal(
    await refuse(ports(30_099)),
    'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30099: provided port is already allocated',
  );
  assert.match(
    await refuse(ports(80)),
    /provided port is not in the valid range. The range of valid ports is 30000-32767$/,
  );
  assert.equal((await create(started, "b", ports(30_099, "UDP"))).ports![0]!.nodePort, 30_099);
});
