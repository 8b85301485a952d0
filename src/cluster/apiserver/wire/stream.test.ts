import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { VirtualClock } from "../../../base/clock.ts";
import { AnswerStream } from "./stream.ts";

/** A response whose reader takes a piece only when the test says so. */
class ScriptedResponse extends EventEmitter {
  readonly chunks: Buffer[] = [];
  isDestroyed = false;
  #taken: (() => void)[] = [];

  write(chunk: Buffer, taken: () => void): void {
    this.chunks.push(chunk);
    this.#taken.push(taken);
  }

  take(): void {
    this.#taken.shift()?.();
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

interface Case {
  readonly name: string;
  readonly pieces: number;
  readonly pieceBytes: number;
  /** How long the reader has not taken its first piece when the others come. */
  readonly waitedMs: number;
  readonly isBounded: boolean;
  readonly isCutOff: boolean;
}

const burst: Case = {
  name: "K8S-131 a burst of many events does not cut off a reader that had no time to read",
  pieces: 5000,
  pieceBytes: 100,
  waitedMs: 1000,
  isBounded: true,
  isCutOff: false,
};
const cases: readonly Case[] = [
  burst,
  { ...burst, name: "K8S-131 a slow reader is cut off at 1001 events", pieces: 1001, waitedMs: 1001, isCutOff: true },
  { ...burst, name: "K8S-131 1000 events wait for a slow reader", pieces: 1000, waitedMs: 1001 },
  { ...burst, name: "K8S-131 more than 4 MiB cut off any reader", pieceBytes: 1024, isCutOff: true },
  { ...burst, name: "K8S-131 what is unbounded is never cut off", waitedMs: 60_000, isBounded: false },
];
for (const { name, pieces, pieceBytes, waitedMs, isBounded, isCutOff } of cases) {
  test(name, () => {
    const clock = new VirtualClock();
    const response = new ScriptedResponse();
    let gone = 0;
    const stream = new AnswerStream(response as unknown as ServerResponse, clock, () => gone++);
    stream.write(Buffer.from("first"), true);
    clock.advanceTo(clock.now() + waitedMs);
    const piece = Buffer.alloc(pieceBytes);
    for (let index = 0; index < pieces; index++) stream.write(piece, isBounded);
    assert.deepEqual([response.isDestroyed, gone], isCutOff ? [true, 1] : [false, 0]);
    response.take();
    const bytes = isCutOff ? [5] : [5, pieces * pieceBytes];
    assert.deepEqual(
      response.chunks.map(({ length }) => length),
      bytes,
    );
  });
}

test("K8S-131 a reader that takes its pieces starts anew", () => {
  const clock = new VirtualClock();
  const response = new ScriptedResponse();
  const stream = new AnswerStream(response as unknown as ServerResponse, clock, () => {});
  for (let round = 0; round < 10; round++) {
    for (let index = 0; index < 900; index++) stream.write(Buffer.from("x"), true);
    clock.advanceTo(clock.now() + 5000);
    response.take();
  }
  assert.equal(response.isDestroyed, false);
});
