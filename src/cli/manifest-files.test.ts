import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { readManifests } from "./manifest-files.ts";

function withFiles(files: readonly string[], act: (directory: string) => void): void {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-manifests-"));
  try {
    for (const file of files) {
      mkdirSync(path.join(directory, path.dirname(file)), { recursive: true });
      writeFileSync(path.join(directory, file), file);
    }
    act(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const tree = ["b.yaml", "a.yml", "c.json", "notes.md", "deep/d.yaml", "deep/er/e.yaml"];

for (const [isRecursive, expected] of [
  [false, ["a.yml", "b.yaml", "c.json"]],
  [true, ["a.yml", "b.yaml", "c.json", "deep/d.yaml", "deep/er/e.yaml"]],
] as const) {
  test(`a directory ${isRecursive ? "with those below" : "alone"} gives what kubectl takes of it, in its order`, () =>
    withFiles(tree, (directory) => {
      const found = readManifests(directory, { isRecursive });
      assert.deepEqual(
        found.map(({ relative }) => relative),
        expected,
      );
      assert.deepEqual(found[0], { file: path.join(directory, "a.yml"), relative: "a.yml", text: "a.yml" });
    }));
}

test("a file is read whatever it is called", () =>
  withFiles(["manifest.txt"], (directory) => {
    const file = path.join(directory, "manifest.txt");
    assert.deepEqual(readManifests(file, { isRecursive: false }), [
      { file, relative: "manifest.txt", text: "manifest.txt" },
    ]);
  }));

const empty: readonly { name: string; files: readonly string[]; isRecursive: boolean; message: RegExp }[] = [
  {
    name: "names where manifests are",
    files: ["one/a.yaml", "two/b/c.yaml"],
    isRecursive: false,
    message:
      /^no manifests \(\*\.yaml, \*\.yml, \*\.json\) in directory \S+; there are some in \S+\/one, \S+\/two\/b: add --recursive$/,
  },
  {
    name: "says that there are none",
    files: ["one/a.md"],
    isRecursive: false,
    message: /^no manifests \S+ \S+ \S+ in directory \S+$/,
  },
  { name: "says that there are none anywhere", files: ["one/a.md"], isRecursive: true, message: /in directory \S+$/ },
];
for (const { name, files, isRecursive, message } of empty) {
  test(`a directory without manifests ${name}`, () =>
    withFiles(files, (directory) =>
      assert.throws(() => readManifests(directory, { isRecursive }), { name: "UsageError", message }),
    ));
}

test("what cannot be read is told in the system's words", () =>
  assert.throws(() => readManifests("/no/such/file", { isRecursive: false }), {
    name: "UsageError",
    message: "cannot read /no/such/file: no such file or directory",
  }));
