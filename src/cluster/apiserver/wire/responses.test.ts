import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { type Exchange, sendText } from "./responses.ts";

/** An exchange whose socket takes bytes only when the test says so. */
function scripted(httpVersionMajor: number, method = "GET") {
  const sent: string[] = [];
  let take = () => {};
  const response = {
    writableEnded: false,
    destroyed: false,
    writeHead: () => {},
    write(chunk: Buffer, taken: () => void) {
      sent.push(`write ${chunk.length}`);
      take = taken;
    },
    end: (chunk?: Buffer) => sent.push(`end ${chunk?.length ?? 0}`),
  };
  const request = { httpVersionMajor, method, headers: {} };
  const exchange: Exchange = {
    request: request as unknown as IncomingMessage,
    response: response as unknown as ServerResponse,
    path: "/",
    query: new URLSearchParams(),
  };
  return { exchange, sent, take: () => take() };
}

test("K8S-40 the end of a large answer waits until the rest has left, so that the next request meets no full socket", async () => {
  const { exchange, sent, take } = scripted(1);
  await sendText(exchange, 200, "x".repeat(20_000));
  assert.deepEqual(sent, ["write 19999"]);
  take();
  assert.deepEqual(sent, ["write 19999", "end 1"]);
});

const atOnce: [name: string, version: number, method: string, bytes: number, sent: string][] = [
  ["small answers", 1, "GET", 16_384, "end 16384"],
  ["streams of HTTP/2", 2, "GET", 20_000, "end 20000"],
  ["answers to HEAD", 1, "HEAD", 20_000, "end 0"],
];
for (const [name, version, method, bytes, expected] of atOnce) {
  test(`K8S-40 ${name} go out in one piece`, async () => {
    const { exchange, sent } = scripted(version, method);
    await sendText(exchange, 200, "x".repeat(bytes));
    assert.deepEqual(sent, [expected]);
  });
}
