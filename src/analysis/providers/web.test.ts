import assert from "node:assert/strict";
import { test } from "node:test";
import type { WebMetric } from "../types.ts";
import { measureWith, type Reply, startStub, testClock } from "./stub-server.fixture.ts";
import { web } from "./web.ts";

async function ask(reply: Reply, config: Omit<WebMetric, "url">, successCondition: string) {
  const stub = await startStub(() => reply);
  const outcome = await measureWith(
    { web },
    { successCondition, provider: { web: { url: `${stub.url}/x`, ...config } } },
  );
  await stub.stop();
  return { ...outcome, received: stub.received };
}

const answers: readonly (readonly [body: unknown, path: string | undefined, condition: string, value: string])[] = [
  [{ data: { ok: true, rate: 0.95 } }, "{$.data}", "result.ok && result.rate >= 0.90", '{"ok":true,"rate":0.95}'],
  [{ rate: 0.5 }, "{$.rate}", "result == 0.5", "0.5"],
  [[1, 2], undefined, "len(result) == 2", "[1,2]"],
  [{ list: [{ v: "a" }, { v: "b" }] }, "{$.list[*].v}", 'result in ["a"]', '"a"'],
  ["plainly", undefined, 'result == "plainly"', "plainly"],
];
for (const [body, jsonPath, condition, value] of answers) {
  test(`MP-022 ${condition} of ${JSON.stringify(body)}`, async () => {
    const outcome = await ask({ body }, jsonPath === undefined ? {} : { jsonPath }, condition);
    assert.deepEqual([outcome.phase, outcome.value, outcome.message], ["Successful", value, undefined]);
  });
}

const failures: readonly (readonly [reply: Reply, config: Omit<WebMetric, "url">, message: string])[] = [
  [{ status: 404, body: "" }, {}, "received non 2xx response code: 404"],
  [{ body: {} }, { jsonPath: "{$.nope}" }, "Could not find JSONPath in body: {$.nope} is not found"],
  [{ body: { a: null } }, { jsonPath: "{$.a}" }, "result of web metric produced no value"],
  [
    { body: {} },
    { method: "POST", body: "a", jsonBody: {} },
    "use either Body or JSONBody; both cannot exists for WebMetric payload",
  ],
  [{ body: {} }, { body: "a" }, "Body/JSONBody can only be used with POST or PUT WebMetric Method types"],
];
for (const [reply, config, message] of failures) {
  test(`MP-021 ${message}`, async () => {
    const outcome = await ask(reply, config, "true");
    assert.deepEqual([outcome.phase, outcome.message], ["Error", message]);
  });
}

test("MP-020 a metric source that has moved is followed", async () => {
  const moved = { status: 302, headers: { location: "/new" }, body: "" };
  const stub = await startStub(({ path }) => (path === "/new" ? { body: { rate: 1 } } : moved));
  const provider = { web: { url: `${stub.url}/old`, jsonPath: "{$.rate}" } };
  const { phase, value } = await measureWith({ web }, { successCondition: "result == 1", provider });
  await stub.stop();
  assert.deepEqual([phase, value], ["Successful", "1"]);
});

test("MP-020 a JSON body is posted as such, with the headers", async () => {
  const headers = [{ key: "X-Test", value: "1" }];
  const { received } = await ask({ body: {} }, { method: "POST", jsonBody: { a: [1] }, headers }, "true");
  assert.deepEqual([received[0]?.method, received[0]?.body], ["POST", '{"a":[1]}']);
  assert.equal(received[0]?.headers["content-type"], "application/json");
  assert.equal(received[0]?.headers["x-test"], "1");
});

test("MP-022 a client timeout is told as Go tells it", async () => {
  const stub = await startStub(() => {
    setImmediate(() => testClock.advanceTo(testClock.now() + 10_000));
    return null;
  });
  const { message } = await measureWith({ web }, { provider: { web: { url: stub.url } } });
  assert.equal(
    message,
    `Get "${stub.url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  );
  await stub.stop();
});
