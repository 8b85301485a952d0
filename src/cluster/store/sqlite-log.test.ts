import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { testRevisionLog } from "./revision-log.suite.ts";
import { SqliteLog } from "./sqlite-log.ts";

function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "fairway-log-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

testRevisionLog("SQLite log", () => {
  const directory = temporaryDirectory();
  let log = new SqliteLog(directory.path);
  return {
    log,
    reopen() {
      log.close();
      log = new SqliteLog(directory.path);
      return log;
    },
    close() {
      log.close();
      directory.remove();
    },
  };
});

function refusal(path: string): string {
  try {
    new SqliteLog(path).close();
  } catch (error) {
    assert.equal((error as Error).name, "DataDirectoryError");
    return (error as Error).message;
  }
  throw new Error("the directory was opened");
}

function filledDirectory(): { path: string; remove(): void } {
  const directory = temporaryDirectory();
  const log = new SqliteLog(directory.path);
  log.load();
  const batch = Array.from({ length: 200 }, (_, index) => ({
    revision: index + 1,
    resource: "configmaps",
    namespace: "t",
    name: `c${index}`,
    previous: null,
    object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `c${index}` }, data: { text: "x".repeat(500) } },
  }));
  log.append(batch);
  log.close();
  return directory;
}

test("K8S-295 a second start on the same directory fails and names the process", () => {
  const directory = temporaryDirectory();
  const log = new SqliteLog(directory.path);
  assert.match(refusal(directory.path), new RegExp(`in use by process ${process.pid}`));
  log.close();
  new SqliteLog(directory.path).close();
  directory.remove();
});

test("K8S-295 the lock of a process that is gone is taken over", () => {
  const directory = temporaryDirectory();
  const { pid } = spawnSync("true");
  writeFileSync(join(directory.path, "lock"), `${pid} 1\n`);
  new SqliteLog(directory.path).close();
  directory.remove();
});

test("K8S-295 the lock of a crash is taken over although another process has its pid now", () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory.path, "lock"), `${process.pid} 1\n`);
  new SqliteLog(directory.path).close();
  directory.remove();
});

test("K8S-295 without the lock file SQLite's own lock still keeps a second writer out", () => {
  const directory = temporaryDirectory();
  const log = new SqliteLog(directory.path);
  rmSync(join(directory.path, "lock"));
  assert.match(refusal(directory.path), /in use by another process/);
  log.close();
  directory.remove();
});

const damages: [name: string, damage: (file: string) => void][] = [
  ["an empty file", (file) => truncateSync(file, 0)],
  ["a file of another kind", (file) => writeFileSync(file, "this is not a database, it is a text".repeat(200))],
  ["a file cut in the middle", (file) => truncateSync(file, 20_480)],
];
for (const [name, damage] of damages) {
  test(`K8S-292 ${name} is reported as damage and left as it is`, () => {
    const directory = filledDirectory();
    const file = join(directory.path, "cluster.db");
    damage(file);
    const before = readFileSync(file);
    assert.match(refusal(directory.path), /is damaged .*nothing was changed/);
    assert.deepEqual(readFileSync(file), before);
    directory.remove();
  });
}

test("K8S-292 a directory that cannot be made is one clear message", () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory.path, "file"), "");
  assert.match(refusal(join(directory.path, "file", "data")), /^cannot write to data directory .*\(ENOTDIR\)$/);
  directory.remove();
});

test("K8S-292 after a fast run the revision skips ahead of what a power cut may have taken back", () => {
  const directory = temporaryDirectory();
  const fast = new SqliteLog(directory.path, "fast");
  fast.load();
  fast.append([{ revision: 7, resource: "configmaps", namespace: "t", name: "a", previous: null, object: null }]);
  fast.close();
  const durable = new SqliteLog(directory.path, "durable");
  assert.equal(durable.load().revision, 10_007);
  durable.close();
  directory.remove();
});

/** Acknowledges on its output every write that the log has taken, until it is killed. */
const WRITER = `
  import { SqliteLog } from ${JSON.stringify(join(import.meta.dirname, "sqlite-log.ts"))};
  import { writeSync } from "node:fs";
  const log = new SqliteLog(process.argv[1]);
  let { revision } = log.load();
  for (;;) {
    const batch = [1, 2, 3].map((part) => ({
      revision: ++revision, resource: "configmaps", namespace: "t", name: "c" + (revision % 40),
      previous: revision > 40 ? revision - 40 : null,
      object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" + (revision % 40) }, data: { revision, part } },
    }));
    log.append(batch);
    writeSync(1, revision + "\\n");
  }
`;

test("K8S-292 kill -9 loses no acknowledged write, keeps groups whole, and never takes the revision back", async () => {
  const directory = temporaryDirectory();
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, directory.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(child, "exit");
    const enough = acknowledged + 150 + 30 * round;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      if (acknowledged >= enough) child.kill("SIGKILL");
    }
    await exit;
    const log = new SqliteLog(directory.path);
    const { entries, revision } = log.load();
    log.close();
    assert.ok(revision >= acknowledged, `revision ${revision} is behind the acknowledged ${acknowledged}`);
    assert.equal(revision % 3, 0, "a group of three was written in part");
    assert.equal(entries.length, 40);
    assert.equal(entries.at(-1)?.revision, revision);
    acknowledged = revision;
  }
  directory.remove();
});
