import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLocalClient } from "../../src/cluster/apiserver/local-client.ts";
import { clientSuite } from "../../src/kube/client.suite.ts";
import { isApiError, isNotFound } from "../../src/kube/errors.ts";
import { createHttpClient } from "../../src/kube/http-client.ts";
import { parseKubeconfig } from "../../src/kube/kubeconfig.ts";
import { resources } from "../../src/kube/resource.ts";
import { startApiServer, startEmbeddedServer } from "./embedded-server.ts";

clientSuite("the local client", async () => {
  const api = await startApiServer();
  return { client: createLocalClient(api, { userAgent: "suite" }), stop: () => api.stop() };
});

clientSuite("the HTTP client", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fairway-client-"));
  const server = await startEmbeddedServer(directory);
  const client = createHttpClient(parseKubeconfig(server.kubeconfig));
  return {
    client,
    async stop() {
      await client.close();
      await server.stop();
      await rm(directory, { recursive: true });
    },
  };
});

test("a server that cannot be reached is a 503 that says where it was sought", async () => {
  const access = parseKubeconfig(
    "{current-context: c, contexts: [{name: c, context: {cluster: c}}], clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]}",
  );
  const client = createHttpClient(access);
  await assert.rejects(
    client.list(resources.pods),
    (error) => isApiError(error) && error.code === 503 && error.message.includes("cannot reach https://127.0.0.1:1"),
  );
  await client.close();
});

test("K8S-72 a kind that the server does not have is told in kubectl's words", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fairway-client-"));
  const server = await startEmbeddedServer(directory);
  const client = createHttpClient(parseKubeconfig(server.kubeconfig));
  const unknown = { group: "example.com", version: "v1", plural: "things", kind: "Thing", namespaced: true };
  await assert.rejects(
    client.list(unknown),
    (error) =>
      isNotFound(error) && error instanceof Error && /^the server could not find the requested/.test(error.message),
  );
  await client.close();
  await server.stop();
  await rm(directory, { recursive: true });
});

test("a server that stops ends its watches in order", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fairway-client-"));
  const server = await startEmbeddedServer(directory);
  const client = createHttpClient(parseKubeconfig(server.kubeconfig));
  const { resourceVersion } = await client.list(resources.configMaps);
  const first = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  client.watch(resources.configMaps, { resourceVersion }, { onEvent: () => first.resolve(), onEnd: end.resolve });
  await client.create(resources.configMaps, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", namespace: "default" },
  });
  await first.promise;
  await server.stop();
  assert.equal(await end.promise, null);
  await client.close();
  await rm(directory, { recursive: true });
});
