import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { isApiError } from "../../kube/errors.ts";
import type { LogOptions } from "../apiserver/wire/logs.ts";
import { createLogStore, type LogStore } from "./logs.ts";
import type { Pod } from "./pod.ts";

const start = Date.UTC(2030, 0, 1);

interface Fixture {
  readonly clock: VirtualClock;
  readonly directory: string;
  readonly store: LogStore;
  read(options?: Partial<LogOptions>): Promise<string[]>;
}

const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "web", uid: "u1" }, spec: { containers: [] } };
const all: LogOptions = { follow: false, previous: false, since: null, tailLines: null, stream: "all" };

async function withStore(use: (fixture: Fixture) => Promise<void>, partBytesMax = 1_000_000): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-logs-"));
  const clock = new VirtualClock(start);
  const store = createLogStore({ directory, clock, partBytesMax });
  const read = async (options: Partial<LogOptions> = {}) => {
    const lines: string[] = [];
    const { signal } = new AbortController();
    for await (const line of store.open(pod, "c", { ...all, ...options }, signal)) lines.push(line.text);
    return lines;
  };
  try {
    await use({ clock, directory, store, read });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("K8S-265 both streams come in the order of arrival, with time and stream", () =>
  withStore(async ({ clock, store }) => {
    const log = store.begin("u1", "c", 0);
    log.append("stdout", ["one", ""]);
    clock.advanceTo(start + 5);
    log.append("stderr", ["zwei ü"]);
    const lines = [];
    for await (const line of store.open(pod, "c", all, new AbortController().signal)) lines.push(line);
    assert.deepEqual(lines, [
      { time: start, stream: "stdout", text: "one" },
      { time: start, stream: "stdout", text: "" },
      { time: start + 5, stream: "stderr", text: "zwei ü" },
    ]);
  }));

test("K8S-265 tail, since and stream select", () =>
  withStore(async ({ clock, store, read }) => {
    const log = store.begin("u1", "c", 0);
    log.append("stdout", ["1", "2"]);
    clock.advanceTo(start + 1000);
    log.append("stderr", ["3"]);
    log.append("stdout", ["4"]);
    assert.deepEqual(await read({ tailLines: 1 }), ["4"]);
    assert.deepEqual(await read({ tailLines: 0 }), []);
    assert.deepEqual(await read({ tailLines: 99 }), ["1", "2", "3", "4"]);
    assert.deepEqual(await read({ since: start + 1 }), ["3", "4"]);
    assert.deepEqual(await read({ since: start + 1000, tailLines: 1 }), ["4"]);
    assert.deepEqual(await read({ stream: "stderr" }), ["3"]);
    assert.deepEqual(await read({ stream: "stdout", tailLines: 2 }), ["2", "4"]);
  }));

test("K8S-265 follow hands out new lines at once and ends with the container", () =>
  withStore(async ({ store }) => {
    const log = store.begin("u1", "c", 0);
    log.append("stdout", ["old", "last"]);
    const { signal } = new AbortController();
    const lines = store.open(pod, "c", { ...all, follow: true, tailLines: 1 }, signal)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value.text, "last");
    const next = lines.next();
    log.append("stdout", ["new", "newer"]);
    assert.equal((await next).value.text, "new");
    assert.equal((await lines.next()).value.text, "newer");
    const end = lines.next();
    log.end();
    assert.equal((await end).done, true);
  }));

test("K8S-265 follow ends when the reader goes away", () =>
  withStore(async ({ store }) => {
    store.begin("u1", "c", 0);
    const reader = new AbortController();
    const lines = store.open(pod, "c", { ...all, follow: true }, reader.signal)[Symbol.asyncIterator]();
    const end = lines.next();
    reader.abort();
    assert.equal((await end).done, true);
  }));

test("K8S-265 the log of the previous run is kept, older ones are not", () =>
  withStore(async ({ store, directory, read }) => {
    for (const run of [0, 1, 2]) {
      const log = store.begin("u1", "c", run);
      log.append("stdout", [`run ${run}`]);
      log.end();
    }
    assert.deepEqual(await read(), ["run 2"]);
    assert.deepEqual(await read({ previous: true }), ["run 1"]);
    assert.deepEqual(readdirSync(path.join(directory, "u1", "c")).sort(), ["1.0.log", "2.0.log"]);
  }));

test("K8S-265 while a container waits for its restart the last run is current and previous", () =>
  withStore(async ({ store }) => {
    store.begin("u1", "c", 0).end();
    const log = store.begin("u1", "c", 1);
    log.append("stdout", ["crash"]);
    log.end();
    const containerStatuses = [
      { name: "c", image: "", imageID: "", ready: false, restartCount: 1, state: { waiting: {} }, lastState: {} },
    ];
    const waiting = { ...pod, status: { containerStatuses } };
    const lines = [];
    const { signal } = new AbortController();
    for await (const line of store.open(waiting, "c", { ...all, previous: true }, signal)) lines.push(line.text);
    assert.deepEqual(lines, ["crash"]);
  }));

test("K8S-265 logs rotate, and reading goes over the parts", () =>
  withStore(async ({ store, directory, read }) => {
    const log = store.begin("u1", "c", 0);
    for (let line = 0; line < 40; line++) log.append("stdout", [String(line)]);
    const parts = readdirSync(path.join(directory, "u1", "c"));
    assert.equal(parts.length, 5);
    const lines = await read();
    assert.equal(lines.at(-1), "39");
    assert.deepEqual(
      lines,
      lines.map((_, index) => String(40 - lines.length + index)),
      "no gap",
    );
    assert.deepEqual(await read({ tailLines: 2 }), ["38", "39"]);
  }, 100));

test("K8S-265 a reader that follows goes over a rotation", () =>
  withStore(async ({ store }) => {
    const log = store.begin("u1", "c", 0);
    const { signal } = new AbortController();
    const lines = store.open(pod, "c", { ...all, follow: true }, signal)[Symbol.asyncIterator]();
    for (let line = 0; line < 12; line++) {
      const next = lines.next();
      log.append("stdout", [String(line)]);
      assert.equal((await next).value.text, String(line));
    }
  }, 60));

test("K8S-196 logs outlive a restart of the cluster, and go with their pod", () =>
  withStore(async ({ clock, directory, store }) => {
    store.begin("u1", "c", 0).append("stdout", ["before"]);
    const reopened = createLogStore({ directory, clock });
    const lines = [];
    for await (const line of reopened.open(pod, "c", all, new AbortController().signal)) lines.push(line.text);
    assert.deepEqual(lines, ["before"]);
    reopened.retainPods(new Set(["u1"]));
    assert.deepEqual(readdirSync(directory), ["u1"]);
    reopened.retainPods(new Set(["u2"]));
    assert.throws(() => reopened.open(pod, "c", all, new AbortController().signal), isApiError);
  }));
