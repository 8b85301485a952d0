import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  bin,
  eventually,
  examples,
  fairway,
  get,
  podProcesses,
  processesOf,
  type RunningFairway,
  run,
  startFairway,
} from "../support/fairway.ts";

/** Starting, stopping, crashing: nothing is lost and nothing is left behind. */

let cluster: RunningFairway;

before(async () => {
  cluster = await startFairway();
  for (const file of ["gateway", "apps", "lanes"]) {
    await cluster.kubectlOk("apply", "-f", path.join(examples, `${file}.yaml`));
  }
  await cluster.kubectlOk("rollout", "status", "deployment/mocka-v1", "--timeout=30s");
});

after(() => cluster.remove());

const chain = () => get(`${cluster.instance.gateway}/mock`, { "x-asm-prefer-tag": "base", "my-request-id": "1" });
const podAddresses = async () =>
  (await cluster.kubectlOk("get", "pods", "-o", "jsonpath={.items[*].status.podIP}")).split(" ");
const served = () => eventually("the base lane is served", chain, ({ status }) => status === 200);

test("K8S-40 the kubeconfig is private and env points a shell at the cluster", async () => {
  assert.equal(statSync(cluster.instance.kubeconfig).mode & 0o777, 0o600);
  const script = `eval "$(${path.join(bin, "fairway")} env --data ${cluster.directory})" && kubectl get ns default -o name && kubectl kruise --help >/dev/null && echo "$GATEWAY"`;
  const { stdout, stderr } = await run("sh", ["-c", script]);
  assert.equal(stdout, `namespace/default\n${cluster.instance.gateway}\n`, stderr);
});

test("K8S-295 a second up on the same data directory is refused", async () => {
  const { stderr, exitCode } = await fairway("up", "--data", cluster.directory, "--api-port", "0");
  assert.match(stderr, /^error: .*already/);
  assert.match(stderr, /--data DIR/);
  assert.equal(exitCode, 1);
});

test("K8S-292 objects and pods are there again after down and up", async () => {
  await served();
  const before = await cluster.kubectlOk("get", "pods", "-o", "name");
  const addresses = await podAddresses();
  assert.equal(podProcesses(addresses).length, 3);
  const { stdout } = await cluster.down();
  assert.match(stdout, /^stopped the cluster/);
  assert.deepEqual([...processesOf(cluster.directory), ...podProcesses(addresses)], []);
  await cluster.start();
  await served();
  assert.equal(await cluster.kubectlOk("get", "pods", "-o", "name"), before);
});

test("K8S-196 kill -9 of the main process loses nothing and leaves no pod running twice", async () => {
  await served();
  await cluster.kubectlOk("create", "configmap", "survivor", "--from-literal=a=b");
  process.kill(cluster.instance.pid, "SIGKILL");
  await eventually(
    "the main process is gone",
    async () => processesOf(cluster.directory).filter(({ pid }) => pid === cluster.instance.pid),
    (left) => left.length === 0,
  );
  await cluster.start();
  assert.equal(await cluster.kubectlOk("get", "configmap", "survivor", "-o", "jsonpath={.data.a}"), "b");
  await served();
  const programs = podProcesses(await podAddresses());
  assert.equal(programs.length, 3, JSON.stringify(programs));
});

test("kill -9 of the mesh: it is started again and serves", async () => {
  await served();
  const [mesh] = processesOf(cluster.directory).filter(({ command }) => command.includes("mesh.ts"));
  assert.ok(mesh);
  process.kill(mesh.pid, "SIGKILL");
  await served();
});

test("K8S-254 kill -9 of a pod's process: the container is started again", async () => {
  await served();
  const [program] = podProcesses(await podAddresses());
  assert.ok(program);
  process.kill(program.pid, "SIGKILL");
  await eventually(
    "a restart is counted",
    () => cluster.kubectlOk("get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}"),
    (counts) => counts.split(" ").some((count) => count !== "0"),
  );
  await served();
});

test("status says where the cluster is, and exits with 1 when there is none", async () => {
  const { stdout } = await fairway("status", "--json", "--data", cluster.directory);
  assert.equal(JSON.parse(stdout).running, true);
  const none = await fairway("status", "--data", path.join(cluster.directory, "none"));
  assert.equal(none.exitCode, 1);
  assert.match(none.stdout, /^no cluster is running on /);
});

test("the log is kept in the data directory", () => {
  assert.match(readFileSync(path.join(cluster.directory, "fairway.log"), "utf8"), /the cluster is ready/);
});
