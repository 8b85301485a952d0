import assert from "node:assert/strict";
import { test } from "node:test";
import { deepFreeze } from "../../base/json.ts";
import type { WatchEvent } from "../../kube/client.ts";
import { keyOf, resources } from "../../kube/resource.ts";
import { startTestServer } from "./api-server.fixture.ts";
import { builtinDefinitions } from "./builtin/index.ts";
import { createLocalClient } from "./local-client.ts";

// The suite of every KubeClient runs over this one in test/conformance/clients.test.ts; here is what is its own.

const { configMaps } = resources;

function configMap(name: string) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { a: "1" } };
}

async function open() {
  const started = await startTestServer({ builtins: builtinDefinitions });
  return { ...started, client: createLocalClient(started.server, { userAgent: "test" }) };
}

test("a watch says nothing before its caller has the handle, and then everything in order", async () => {
  const { client, server } = await open();
  const revision = String(server.currentRevision());
  await client.create(configMaps, configMap("a"));
  const seen: string[] = [];
  const handle = client.watch(
    configMaps,
    { resourceVersion: revision },
    {
      onEvent: ({ type, object }) => seen.push(`${type} ${object.metadata.name}`),
      onEnd: (error) => seen.push(`end ${error}`),
    },
  );
  assert.deepEqual(seen, []);
  await client.create(configMaps, configMap("b"));
  assert.deepEqual(seen, ["ADDED a", "ADDED b"]);
  handle.stop();
  await client.create(configMaps, configMap("c"));
  assert.equal(seen.length, 2);
});

test("an object that is frozen through and through can be written, and is not touched", async () => {
  const { client } = await open();
  const spec = { containers: [{ name: "c", image: "echo:1", ports: [{ containerPort: 80 }] }] };
  const pod = deepFreeze({ apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default" }, spec });
  const created = await client.create(resources.pods, pod);
  assert.notDeepEqual(created["spec"], spec, "defaults were filled in");
  const merge = { kind: "merge", body: deepFreeze({ metadata: { labels: { x: "y" } } }) } as const;
  await client.patch(resources.pods, keyOf(pod), merge);
});

test("a watch that is stopped at once says nothing at all", async () => {
  const { client } = await open();
  const seen: WatchEvent[] = [];
  client.watch(configMaps, { resourceVersion: "0" }, { onEvent: (event) => seen.push(event), onEnd() {} }).stop();
  await client.create(configMaps, configMap("a"));
  assert.deepEqual(seen, []);
});

test("K8S-124 a watch from a revision that is gone ends with 410", async () => {
  const first = await open();
  await first.client.create(configMaps, configMap("a"));
  first.server.stop();
  const { server } = await startTestServer({ builtins: builtinDefinitions, log: first.log });
  const client = createLocalClient(server, { userAgent: "test" });
  const code = await new Promise((resolve) => {
    client.watch(configMaps, { resourceVersion: "1" }, { onEvent() {}, onEnd: (error) => resolve(error?.code) });
  });
  assert.equal(code, 410);
});

test("watches of a client in the process leave no timer, so that virtual time can come to rest", async () => {
  const { client, clock } = await open();
  client.watch(configMaps, { resourceVersion: "0" }, { onEvent() {}, onEnd() {} });
  await client.create(configMaps, configMap("a"));
  assert.equal(clock.nextWakeAt(), null);
});

test("the same seed gives the same objects", async () => {
  const run = async () => {
    const { client } = await open();
    await client.create(configMaps, {
      ...configMap("x"),
      metadata: { name: "", generateName: "g-", namespace: "default" },
    });
    return (await client.list(configMaps)).items;
  };
  assert.deepEqual(await run(), await run());
});
