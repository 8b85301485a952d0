import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogEntry, RevisionLog } from "./revision-log.ts";

/** What every revision log promises. `reopen` closes the log and opens the same data again. */
export interface LogUnderTest {
  readonly log: RevisionLog;
  reopen(): RevisionLog;
  close(): void;
}

function entry(revision: number, name: string, value: string | null, previous: number | null = null): LogEntry {
  const object = value === null ? null : { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value } };
  return { revision, resource: "configmaps", namespace: "t", name, previous, object };
}

function valuesOf(log: RevisionLog): string[] {
  return log.load().entries.map(({ name, revision, object }) => {
    return `${name}@${revision}=${(object!["data"] as { value: string }).value}`;
  });
}

export function testRevisionLog(implementation: string, open: () => LogUnderTest): void {
  const check = (name: string, body: (subject: LogUnderTest) => void | Promise<void>) =>
    test(`${implementation}: ${name}`, async () => {
      const subject = open();
      try {
        await body(subject);
      } finally {
        subject.close();
      }
    });

  check("K8S-293 a new log holds nothing and starts at revision 0", ({ log }) => {
    assert.deepEqual(log.load(), { entries: [], revision: 0 });
  });

  check("K8S-293 after a restart the last value of each key is there, in order of revision", ({ log, reopen }) => {
    log.load();
    log.append([entry(1, "a", "1"), entry(2, "b", "1")]);
    log.append([entry(3, "a", "2", 1)]);
    assert.deepEqual(valuesOf(reopen()), ["b@2=1", "a@3=2"]);
  });

  check("K8S-292 a deletion survives, and its revision is never given out again", ({ log, reopen }) => {
    log.load();
    log.append([entry(1, "a", "1")]);
    log.append([entry(2, "a", null, 1)]);
    assert.deepEqual(reopen().load(), { entries: [], revision: 2 });
  });

  check("K8S-292 a key that was deleted and made again has its new value", ({ log, reopen }) => {
    log.load();
    log.append([entry(1, "a", "1"), entry(2, "a", null, 1), entry(3, "a", "2")]);
    assert.deepEqual(valuesOf(reopen()), ["a@3=2"]);
  });

  check("K8S-110 a revision that does not rise is our own mistake and is refused", ({ log }) => {
    log.load();
    log.append([entry(5, "a", "1")]);
    assert.throws(() => log.append([entry(5, "b", "1")]), { name: "AssertionError" });
  });

  check("K8S-292 keys of different resources and namespaces are apart", ({ log, reopen }) => {
    log.load();
    log.append([
      entry(1, "a", "1"),
      { ...entry(2, "a", "2"), namespace: "u" },
      { ...entry(3, "a", "3"), resource: "secrets" },
    ]);
    assert.deepEqual(valuesOf(reopen()), ["a@1=1", "a@2=2", "a@3=3"]);
  });

  check("K8S-291 a commit is called later, once", async ({ log }) => {
    let calls = 0;
    log.schedule(() => calls++);
    assert.equal(calls, 0);
    await new Promise(setImmediate);
    assert.equal(calls, 1);
  });
}
