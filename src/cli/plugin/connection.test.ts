import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { resources } from "../../kube/resource.ts";
import { type ConnectionFlags, connect } from "./connection.ts";

/** Lists Pods with the flags, against a server that answers as `listener` does. */
async function listWith(flags: ConnectionFlags, listener: RequestListener): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-connection-"));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = path.join(directory, "config");
  const config = {
    clusters: [{ name: "c", cluster: { server: url } }],
    contexts: [{ name: "x", context: { cluster: "c" } }],
    "current-context": "x",
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  try {
    const { client, close } = connect({ ...flags, kubeconfig }, { env: {}, userAgent: "test/1" });
    await client.list(resources.pods).finally(close);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  }
}

test("CL-002 --as, --as-group and --as-uid become Kubernetes' impersonation headers", async () => {
  let headers: IncomingHttpHeaders = {};
  await listWith({ as: "jane", asGroup: ["a", "b"], asUid: "7", token: "t" }, (request, response) => {
    headers = request.headers;
    response.end(JSON.stringify({ metadata: {}, items: [] }));
  });
  const { authorization, "impersonate-user": user, "impersonate-group": groups, "impersonate-uid": uid } = headers;
  assert.deepEqual(
    { authorization, user, groups, uid },
    { authorization: "Bearer t", user: "jane", groups: "a, b", uid: "7" },
  );
});

test("CL-002 --request-timeout ends the wait for a silent server", { timeout: 10_000 }, async () => {
  await assert.rejects(
    listWith({ requestTimeout: 100 }, () => {}),
    /cannot reach http:\/\/127\.0\.0\.1:\d+: Headers Timeout Error/,
  );
});

for (const flags of [{ asGroup: ["a"] }, { asUid: "7" }]) {
  test(`CL-002 ${JSON.stringify(flags)} without --as is refused`, () =>
    assert.rejects(
      listWith(flags, () => {}),
      { message: "requesting uid, groups or user-extra for a user without impersonating a user" },
    ));
}
