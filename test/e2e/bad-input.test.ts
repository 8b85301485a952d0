import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  bin,
  eventually,
  examples,
  fairway,
  hasSeedManifests,
  type RunningFairway,
  run,
  seedManifests,
  startFairway,
} from "../support/fairway.ts";

/** Each mistake gives one clear message and the right exit code, and nothing is lost. */

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway("--memory");
});

after(() => cluster.remove());

test("K8S-81 an unknown field is refused in Kubernetes' words", async () => {
  const manifest = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: typo}
spec:
  hosts: [a.test]
  http: [{routes: []}]
`;
  const { stderr, exitCode } = await cluster.kubectlInput(manifest, "apply", "-f", "-");
  assert.match(stderr, /strict decoding error: unknown field "spec\.http\[0\]\.routes"/);
  assert.equal(exitCode, 1);
});

test("K8S-77 a wrong value is refused with its path", async () => {
  const manifest = `apiVersion: rollouts.kruise.io/v1beta1
kind: Rollout
metadata: {name: wrong}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: x}
  strategy: {canary: {steps: []}}
`;
  const { stderr, exitCode } = await cluster.kubectlInput(manifest, "apply", "-f", "-");
  assert.match(stderr, /The number of Canary\.Steps cannot be empty/);
  assert.equal(exitCode, 1);
});

test("K8S-158 an unknown image: the pod waits and says how to add the image", async () => {
  await cluster.kubectlOk("create", "deployment", "odd", "--image=no.such/image:1");
  const described = await eventually(
    "the pod names the image",
    () => cluster.kubectlOk("describe", "pod", "-l", "app=odd"),
    (text) => /ErrImagePull|ImagePullBackOff/.test(text) && text.includes("no.such/image:1"),
  );
  assert.match(described, /images\.yaml/);
  await cluster.kubectlOk("delete", "deployment", "odd");
});

test("a pod that never gets ready: its deployment says so and stays", async () => {
  const manifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: never}
spec:
  progressDeadlineSeconds: 2
  selector: {matchLabels: {app: never}}
  template:
    metadata: {labels: {app: never}}
    spec:
      containers:
        - name: c
          image: go-http-sample:1.0
          ports: [{containerPort: 8000}]
          readinessProbe: {httpGet: {path: /, port: 9}, periodSeconds: 1}
`;
  await cluster.kubectlInput(manifest, "apply", "-f", "-");
  const { stderr, exitCode } = await cluster.kubectl("rollout", "status", "deployment/never", "--timeout=20s");
  assert.match(stderr, /deployment "never" exceeded its progress deadline/);
  assert.equal(exitCode, 1);
  await cluster.kubectlOk("delete", "deployment", "never");
});

test("KRUISE-131 a Rollout without workload says so", async () => {
  const manifest = `apiVersion: rollouts.kruise.io/v1beta1
kind: Rollout
metadata: {name: alone}
spec:
  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: nothing}
  strategy: {canary: {enableExtraWorkloadForCanary: true, steps: [{replicas: 1}]}}
`;
  await cluster.kubectlInput(manifest, "apply", "-f", "-");
  await eventually(
    "the Rollout's row",
    () => cluster.kubectlOk("get", "rollout", "alone"),
    (row) => /alone\s+Initial\s.*Workload Not Found/.test(row),
  );
  await cluster.kubectlOk("delete", "rollout", "alone");
});

test("LANE-031 a lane without group says so", async () => {
  const manifest = `apiVersion: istio.alibabacloud.com/v1
kind: ASMSwimLane
metadata: {name: lonely, labels: {swimlane-group: nowhere}}
spec: {labelSelector: {lane: lonely}}
`;
  await cluster.kubectlInput(manifest, "apply", "-f", "-");
  await eventually(
    "the lane's status",
    () => cluster.kubectlOk("get", "asmswimlane", "lonely", "-o", "jsonpath={.status.error}"),
    (error) => error.includes("nowhere"),
  );
  await cluster.kubectlOk("delete", "asmswimlane", "lonely");
});

test("a port in use is named, with the option that helps", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as { port: number };
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-port-"));
  try {
    const flags = ["--api-port", "--gateway-port", "--metrics-port", "--prometheus-port", "--controller-port"];
    for (const flag of flags) {
      const options = [
        "--memory",
        "--packs",
        "istio,argo",
        "--data",
        directory,
        ...flags.flatMap((name) => [name, "0"]),
      ];
      const { stderr, exitCode } = await fairway("up", ...options, flag, String(port));
      assert.equal(stderr, `error: port ${port} is in use; choose another with ${flag} PORT (0 takes any free one)\n`);
      assert.equal(exitCode, 1);
    }
  } finally {
    holder.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test("K8S-292 a corrupted data directory is refused and left as it is", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-corrupt-"));
  try {
    const first = await fairway(
      "up",
      "--detach",
      "--data",
      directory,
      "--api-port",
      "0",
      "--gateway-port",
      "0",
      "--metrics-port",
      "0",
    );
    assert.equal(first.exitCode, 0, first.stderr);
    await fairway("down", "--data", directory);
    const files = await run("sh", ["-c", `find ${directory}/store -type f -size +1k`]);
    for (const file of files.stdout.trim().split("\n")) writeFileSync(file, "this is no database".repeat(500));
    const second = await fairway(
      "up",
      "--detach",
      "--data",
      directory,
      "--api-port",
      "0",
      "--gateway-port",
      "0",
      "--metrics-port",
      "0",
    );
    assert.match(second.stderr, new RegExp(`^error: .*${directory}`));
    assert.equal(second.stderr.trim().split("\n").length, 1, second.stderr);
    assert.equal(second.exitCode, 1);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a data directory that is a file is refused", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-file-"));
  const file = path.join(directory, "data");
  writeFileSync(file, "");
  const { stderr, exitCode } = await fairway("up", "--data", file);
  assert.match(stderr, /^error: cannot use data directory .*choose another with --data DIR/);
  assert.equal(exitCode, 1);
  rmSync(directory, { recursive: true, force: true });
});

test("K8S-275 a wrong image table is named at the start", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-test-"));
  const images = path.join(directory, "images.yaml");
  writeFileSync(images, "images: [{image: shop/cart}]\n");
  const { stderr, exitCode } = await fairway("up", "--memory", "--data", directory, "--images", images);
  assert.match(stderr, /^error: the image table .*images\.yaml has a wrong entry: images\[0\]\.command: is required$/m);
  assert.equal(exitCode, 1);
  rmSync(directory, { recursive: true, force: true });
});

test("a missing kubectl is named", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-path-"));
  mkdirSync(path.join(directory, "bin"));
  const tools = await run("sh", [
    "-c",
    `for t in sh readlink dirname uname npm node; do ln -s "$(command -v $t)" ${directory}/bin/ ; done`,
  ]);
  assert.equal(tools.exitCode, 0);
  const { stderr, exitCode } = await run(path.join(bin, "fairway"), ["demo"], {
    env: { PATH: path.join(directory, "bin"), HOME: directory },
  });
  assert.match(stderr, /^error: kubectl was not found on PATH; install it from /m);
  assert.equal(exitCode, 1);
  rmSync(directory, { recursive: true, force: true });
});

test("an unknown command or pack is refused with what there is", async () => {
  const pack = await fairway("up", "--packs", "acme");
  assert.match(pack.stderr, /no pack is called acme; there are: istio, kruise, lanes, gateway-api, argo/);
  assert.equal(pack.exitCode, 1);
  const command = await fairway("fly");
  assert.match(command.stderr, /unknown command 'fly'/);
  assert.equal(command.exitCode, 1);
});

const skip = hasSeedManifests ? false : "the users' manifests are not beside this checkout";

test("SEED-013 the seed's own files get the original's answers", { skip }, async () => {
  const seed = (name: string) => path.join(seedManifests, name);
  await cluster.kubectlOk("apply", "-f", seed("000-gateway.yaml"));
  await cluster.kubectlOk("apply", "-f", seed("000-apps.yaml"));
  await cluster.kubectlOk("apply", "-f", seed("000-lanes.yaml"));
  const rollouts = await cluster.kubectl("apply", "-f", seed("000-rollouts.yaml"));
  assert.match(rollouts.stderr, /namespaces "demo" not found/);
  assert.match(rollouts.stdout, /rollouts-mocka created[\s\S]*rollouts-mockb created/);
  assert.equal(rollouts.exitCode, 1);
  const again = await cluster.kubectlOk("apply", "-f", seed("000-apps.yaml"));
  assert.match(again, /deployment\.apps\/mocka-v1 (configured|unchanged)/);
});

test("SEED-003 lint --fix of the seed's files leaves manifests that apply cleanly", { skip }, async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-mended-"));
  const files = ["000-apps.yaml", "000-gateway.yaml", "000-lanes.yaml", "000-rollouts.yaml"].map((name) =>
    path.join(seedManifests, name),
  );
  const first = await fairway("lint", "-f", ...files);
  assert.equal(first.exitCode, 1);
  for (const code of ["KRL-01", "KRL-02", "KRL-03", "KRL-04"]) assert.match(first.stdout, new RegExp(code));
  const fixed = await fairway("lint", "-f", ...files, "--fix", "--output", directory);
  assert.equal(fixed.exitCode, 0, fixed.stdout);
  const applied = await cluster.kubectl("apply", "-f", directory);
  assert.equal(applied.exitCode, 0, applied.stderr);
  rmSync(directory, { recursive: true, force: true });
});

test("SEED-001 the examples have no lint error", async () => {
  const { stdout, exitCode } = await fairway("lint", "-f", examples);
  assert.match(stdout, /^0 errors/m);
  assert.equal(exitCode, 0);
});

test("SEED-001 lint of a directory above the manifests says where they are, and descends when told to", async () => {
  const above = mkdtempSync(path.join(tmpdir(), "fairway-above-"));
  cpSync(examples, path.join(above, "lanes"), { recursive: true });
  mkdirSync(path.join(above, "more"));
  writeFileSync(
    path.join(above, "more", "namespace.json"),
    '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}}',
  );
  const flat = await fairway("lint", "-f", above);
  assert.equal(flat.exitCode, 1);
  assert.match(
    flat.stderr,
    /^error: no manifests .* in directory \S+; there are some in .*\/lanes, .*\/more: add --recursive$/m,
  );
  const deep = await fairway("lint", "-R", "-f", above);
  assert.equal(deep.exitCode, 0, deep.stderr);
  assert.match(deep.stdout, /\/lanes\/apps\.yaml:\d+: info /);
  rmSync(above, { recursive: true });
});

test("SEED-003 lint --fix refuses before it writes what would be lost", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-mended-"));
  const [argo, lanes] = ["argo", "lanes"].map((name) => path.join(path.dirname(examples), name));
  const both = await fairway("lint", "-f", argo!, lanes!, "--fix", "--output", directory);
  assert.match(both.stderr, /^error: \S+argo\/gateway\.yaml and \S+lanes\/gateway\.yaml would both become \S+$/m);
  assert.deepEqual(readdirSync(directory), []);
  const input = await run(path.join(bin, "fairway"), ["lint", "-f", "-", "--fix"], { input: "kind: Service" });
  assert.match(input.stderr, /^error: --fix of standard input needs --output DIR$/m);
  rmSync(directory, { recursive: true });
});
