import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { commandLine, createImageTable, imageFileProblem, parseImage, parseImageTable } from "./images.ts";

const references: [string, string | null][] = [
  ["busybox", "busybox latest"],
  ["busybox:1.36", "busybox 1.36"],
  ["registry:5000/team/app", "registry:5000/team/app latest"],
  ["registry:5000/team/app:1.2", "registry:5000/team/app 1.2"],
  ["app:1.2@sha256:0123456789abcdef0123456789abcdef", "app 1.2"],
  [
    "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample:1.0",
    "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample 1.0",
  ],
  ["App:1", null],
  ["a b", null],
  ["", null],
];

for (const [image, expected] of references) {
  test(`K8S-275 image "${image}" reads as ${expected ?? "invalid"}`, () => {
    const reference = parseImage(image);
    assert.equal(reference && `${reference.repository} ${reference.tag}`, expected);
  });
}

function withTable(yaml: string | null, use: (lookup: (image: string) => string, file: string) => void): void {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-images-"));
  const file = path.join(directory, "images.yaml");
  if (yaml !== null) writeFileSync(file, yaml);
  const table = createImageTable({ appsDirectory: "/apps", nodePath: "/node", file });
  try {
    use((image) => {
      const found = table.lookup(image);
      if (!("entry" in found)) return `${found.reason}: ${found.message}`;
      const version = found.entry.environment?.["version"];
      return [...commandLine({}, found.entry), ...(version ? [`version=${version}`] : [])].join(" ");
    }, file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const sample = "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample";

test("SEED-011 image 1.0 reports the version of the manifest, image 2.0 always v2", () => {
  withTable(null, (lookup) => {
    assert.equal(lookup(`${sample}:1.0`), "/node /apps/go-http-sample/server.js");
    assert.equal(lookup(`${sample}:2.0`), "/node /apps/go-http-sample/server.js version=v2");
  });
});

test("K8S-275 an unknown image or tag is refused with the way to add it", () => {
  withTable(null, (lookup, file) => {
    for (const image of [`${sample}:3.0`, "shop/cart:1"]) {
      const answer = lookup(image);
      assert.match(
        answer,
        /^ErrImagePull: Failed to pull image ".*": the image table has no program for it; add one to /,
      );
      assert.ok(answer.includes(file));
    }
  });
});

test("K8S-255 an image name that cannot be read", () => {
  withTable(null, (lookup) => assert.match(lookup("UPPER:1"), /^InvalidImageName: .*invalid reference format$/));
});

test("K8S-275 Docker Hub's official images are known by every spelling", () => {
  withTable(null, (lookup) => {
    for (const image of ["busybox", "busybox:1.36", "docker.io/library/busybox:1"]) assert.equal(lookup(image), "sh");
  });
});

test("K8S-275 the user's entries come first and count at once", () => {
  withTable("images:\n- image: 'busybox'\n  tags: ['1.*']\n  command: [mine]\n", (lookup, file) => {
    assert.equal(lookup("busybox:1.36"), "mine");
    assert.equal(lookup("busybox:2"), "sh");
    writeFileSync(file, "images: [{image: 'shop/*', command: [cart]}]");
    assert.equal(lookup("shop/cart:1"), "cart");
  });
});

const image = { image: "a", command: ["entry"], args: ["cmd"] };
const lines: [Parameters<typeof commandLine>[0], string][] = [
  [{}, "entry cmd"],
  [{ args: ["x"] }, "entry x"],
  [{ command: ["y"] }, "y"],
  [{ command: ["y"], args: ["x"] }, "y x"],
];

for (const [container, expected] of lines) {
  test(`K8S-275 ${JSON.stringify(container)} over an image's entry and cmd runs "${expected}"`, () => {
    assert.equal(commandLine(container, image).join(" "), expected);
  });
}

const wrong: [string, RegExp][] = [
  ["images: {", /cannot read the image table/],
  ["[]", /has no list "images"/],
  ["images: [1]", /images\[0\]: must be a mapping$/],
  ["images: [{image: a}]", /images\[0\]\.command: is required$/],
  ["images: [{image: a, command: x}]", /images\[0\]\.command: must be a list of texts$/],
  ["images: [{image: a, command: [x], ports: 1}]", /images\[0\]\.ports: is not known; known are image, tags/],
  ["images: [{image: a, command: [x], port: 0}]", /images\[0\]\.port: must be a port number$/],
];

for (const [yaml, problem] of wrong) {
  test(`K8S-275 an image table that is wrong says where: ${yaml}`, () => {
    const result = parseImageTable(yaml, "images.yaml");
    assert.ok("problem" in result);
    assert.match(result.problem, problem);
  });
}

test("K8S-275 a user's file is looked at before a cluster starts; it need not be there", () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-images-"));
  const file = path.join(directory, "images.yaml");
  assert.equal(imageFileProblem(file), null);
  writeFileSync(file, "images: [{image: a}]");
  assert.match(imageFileProblem(file) ?? "", /images\[0\]\.command: is required$/);
  writeFileSync(file, "images: [{image: a, command: [b]}]");
  assert.equal(imageFileProblem(file), null);
  rmSync(directory, { recursive: true });
});
