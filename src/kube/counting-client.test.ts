import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../../test/support/world.ts";
import { countingClient } from "./counting-client.ts";
import { resources } from "./resource.ts";

test("ARC-801 every request is counted with its verb, object and answer", async () => {
  const world = await startWorld({ builtinControllers: false });
  const told: string[] = [];
  const client = countingClient(world.client, ({ verb, type, namespace, name, code, fieldManager }) => {
    told.push([verb, type.plural, namespace, name, code, fieldManager].join(" "));
  });
  const key = { namespace: "default", name: "a" };
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: key };
  const options = { fieldManager: "me" };
  const created = await client.create(resources.configMaps, map, options);
  await client.get(resources.configMaps, key);
  await client.list(resources.configMaps);
  await client.update(resources.configMaps, { ...created, data: { x: "1" } }, options);
  await client.patch(resources.configMaps, key, { kind: "merge", body: { data: { x: "2" } } }, options);
  await assert.rejects(client.create(resources.configMaps, map, options), /already exists/);
  client.watch(resources.configMaps, { resourceVersion: "0" }, { onEvent: () => {}, onEnd: () => {} }).stop();
  await client.delete(resources.configMaps, key);
  await assert.rejects(client.get(resources.configMaps, key), /not found/);
  assert.deepEqual(told, [
    "Create configmaps default a 201 me",
    "Get configmaps default a 200 ",
    "List configmaps   200 ",
    "Update configmaps default a 200 me",
    "Patch configmaps default a 200 me",
    "Create configmaps default a 409 me",
    "Watch configmaps   200 ",
    "Delete configmaps default a 200 ",
    "Get configmaps default a 404 ",
  ]);
  await world.stop();
});
