import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { startTestServer, type TestServer } from "./api-server.fixture.ts";
import type { ApiResult } from "./request.ts";

const CM = "/api/v1/namespaces/t/configmaps";

async function withFive(): Promise<TestServer> {
  const started = await startTestServer();
  await started.call("create", "/api/v1/namespaces", { body: { metadata: { name: "t" } } });
  for (const name of ["c", "a", "e", "b", "d"]) {
    await started.call("create", CM, { body: { metadata: { name, labels: { name, group: name < "c" ? "1" : "2" } } } });
  }
  return started;
}

function names({ object }: ApiResult): string[] {
  return (object["items"] as KubeObject[]).map(({ metadata }) => metadata.name);
}

function listMetadata({ object }: ApiResult): Record<string, unknown> {
  return object.metadata as unknown as Record<string, unknown>;
}

test("K8S-121 a list is sorted and carries the store's revision", async () => {
  const { call, server } = await withFive();
  const result = await call("list", CM);
  assert.equal(result.object.kind, "ConfigMapList");
  assert.equal(result.object.apiVersion, "v1");
  assert.deepEqual(names(result), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(listMetadata(result), { resourceVersion: String(server.currentRevision()) });
});

test("K8S-122 pages of two show one snapshot, whatever is written in between", async () => {
  const { call, server } = await withFive();
  const revision = String(server.currentRevision());
  const first = await call("list", `${CM}?limit=2`);
  assert.deepEqual(names(first), ["a", "b"]);
  assert.equal(listMetadata(first)["remainingItemCount"], 3);
  await call("delete", `${CM}/c`);
  await call("create", CM, { body: { metadata: { name: "bb" } } });
  const second = await call("list", `${CM}?limit=2&continue=${listMetadata(first)["continue"]}`);
  assert.deepEqual(names(second), ["c", "d"]);
  const third = await call("list", `${CM}?limit=2&continue=${listMetadata(second)["continue"]}`);
  assert.deepEqual(names(third), ["e"]);
  for (const page of [first, second, third]) assert.equal(listMetadata(page)["resourceVersion"], revision);
  assert.equal(listMetadata(third)["continue"], undefined);
});

test("K8S-122 pages over all namespaces go on after the last item", async () => {
  const { call } = await withFive();
  await call("create", "/api/v1/namespaces/default/configmaps", { body: { metadata: { name: "z" } } });
  const seen: string[] = [];
  let token = "";
  do {
    const page = await call("list", `/api/v1/configmaps?limit=1&continue=${token}`);
    seen.push(...names(page));
    token = String(listMetadata(page)["continue"] ?? "");
  } while (token !== "");
  assert.deepEqual(seen, ["z", "a", "b", "c", "d", "e"]);
});

test("K8S-122 with a selector pages are full and have no remaining count; RV=0 is served whole", async () => {
  const { call } = await withFive();
  const page = await call("list", `${CM}?limit=2&labelSelector=group%3D2`);
  assert.deepEqual(names(page), ["c", "d"]);
  assert.equal(listMetadata(page)["remainingItemCount"], undefined);
  const whole = await call("list", `${CM}?limit=2&resourceVersion=0`);
  assert.equal(names(whole).length, 5);
});

test("K8S-122 a token that is no token is 400", async () => {
  const { refusal } = await withFive();
  assert.equal((await refusal("list", `${CM}?continue=xyz`)).code, 400);
});

test("K8S-97 an expired token is 410 with a token that goes on in the present", async () => {
  const { call, server, log, clock } = await withFive();
  const first = await call("list", `${CM}?limit=2`);
  await call("delete", `${CM}/c`);
  server.stop();
  // A restart starts a new window, which is the quickest way to make a revision too old.
  const next = await startTestServer({ log, clock });
  const error = await next.refusal("list", `${CM}?limit=2&continue=${listMetadata(first)["continue"]}`);
  assert.deepEqual([error.code, error.reason], [410, "Expired"]);
  assert.match(error.message, /^The provided continue parameter is too old to display a consistent list result\./);
  const rest = await next.call("list", `${CM}?limit=2&continue=${error.status.metadata["continue"]}`);
  assert.deepEqual(names(rest), ["d", "e"]);
});

test("K8S-97 a token of the revision that the window starts at is still good", async () => {
  const { call, server, log, clock } = await withFive();
  const first = await call("list", `${CM}?limit=2`);
  server.stop();
  const next = await startTestServer({ log, clock });
  await next.call("delete", `${CM}/c`);
  const second = await next.call("list", `${CM}?limit=2&continue=${listMetadata(first)["continue"]}`);
  assert.deepEqual(names(second), ["c", "d"]);
});

test("K8S-121 Exact shows the state at a revision, and 410 when it is gone", async () => {
  const { call, server, log, clock } = await withFive();
  const revision = server.currentRevision();
  await call("delete", `${CM}/a`);
  const then = await call("list", `${CM}?resourceVersion=${revision}&resourceVersionMatch=Exact`);
  assert.deepEqual(names(then), ["a", "b", "c", "d", "e"]);
  assert.equal(listMetadata(then)["resourceVersion"], String(revision));
  server.stop();
  const next = await startTestServer({ log, clock });
  const error = await next.refusal("list", `${CM}?resourceVersion=${revision}&resourceVersionMatch=Exact`);
  assert.deepEqual([error.code, error.reason], [410, "Expired"]);
  assert.equal(error.message, "The resourceVersion for the provided list is too old.");
});

test("K8S-96 a revision of the future is waited for, 3 s at most", async () => {
  const { call, refusal, server, clock } = await withFive();
  const revision = server.currentRevision();
  const soon = call("list", `${CM}?resourceVersion=${revision + 1}`);
  await call("delete", `${CM}/a`);
  assert.deepEqual(names(await soon), ["b", "c", "d", "e"]);
  assert.equal(clock.nextWakeAt(), null, "the time limit is taken back");
  const never = refusal("list", `${CM}?resourceVersion=${revision + 1000}`);
  await null;
  clock.advanceTo(clock.now() + 3000);
  const error = await never;
  assert.deepEqual([error.code, error.reason], [504, "Timeout"]);
  assert.equal(error.message, `Timeout: Too large resource version: ${revision + 1000}, current: ${revision + 1}`);
  assert.equal(error.status.details?.retryAfterSeconds, 1);
  assert.equal(error.status.details?.causes?.[0]?.reason, "ResourceVersionTooLarge");
});

const badOptions: [query: string, code: number, message: string | RegExp][] = [
  [
    "resourceVersionMatch=Exact",
    422,
    'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  ],
  [
    "resourceVersionMatch=Exact&resourceVersion=0",
    422,
    /resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"$/,
  ],
  ["sendInitialEvents=true", 422, /sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list$/],
  ["resourceVersion=abc", 400, /invalid resource version "abc"/],
  ["labelSelector=a%3D%3Db%3D%3Dc", 400, /found '==', expected: ',' or 'end of string'/],
  [
    "fieldSelector=data.k%3Dv",
    400,
    '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ],
];
for (const [query, code, message] of badOptions) {
  test(`K8S-93 K8S-94 list?${query} is refused`, async () => {
    const { refusal } = await withFive();
    const error = await refusal("list", `${CM}?${query}`);
    assert.equal(error.code, code);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
  });
}

test("selectors of labels and fields choose items", async () => {
  const { call, refusal } = await withFive();
  assert.deepEqual(names(await call("list", `${CM}?labelSelector=name+in+(a,b),group!%3D2`)), ["a", "b"]);
  assert.deepEqual(names(await call("list", `${CM}?fieldSelector=metadata.name%3Dd`)), ["d"]);
  const pods = "/api/v1/namespaces/t/pods";
  await call("create", pods, { body: { metadata: { name: "p" }, spec: { nodeName: "n1" } } });
  await call("create", pods, { body: { metadata: { name: "q" }, spec: {} } });
  assert.deepEqual(names(await call("list", `${pods}?fieldSelector=spec.nodeName%3Dn1`)), ["p"]);
  assert.deepEqual(names(await call("list", `${pods}?fieldSelector=spec.nodeName!%3Dn1,status.phase%3DPending`)), [
    "q",
  ]);
  assert.equal(
    (await refusal("list", `${pods}?fieldSelector=spec.foo%3D1`)).message,
    "field label not supported: spec.foo",
  );
});
