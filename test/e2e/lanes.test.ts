import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "../../src/api/meta.ts";
import { parseChain, shortChain } from "../../src/cli/demo/chain.ts";
import { resources } from "../../src/kube/resource.ts";
import {
  eventually,
  examples,
  fairway,
  get,
  hasSeedManifests,
  podProcesses,
  seedManifests,
} from "../support/fairway.ts";
import { type LaneLoad, laneRequests, startLoad } from "../support/lane-load.ts";
import {
  addressOf,
  approve,
  canaryDeployments,
  expectChain,
  isReady,
  type LaneCluster,
  podsOf,
  release,
  request,
  type Service,
  services,
  startLanes,
  undo,
  untilRollout,
  untilSubsets,
} from "../support/lanes.ts";

/** The life of the lanes with Kruise releases (LANE-300), seen from outside: kubectl, curl and the mesh's own log. */

const CANARY = "canary";

describe("the lanes of the examples", () => {
  let cluster: LaneCluster;
  let load: LaneLoad;
  let servicesBefore: string;

  before(async () => {
    cluster = await startLanes(examples, { rollouts: false });
    load = startSteadyLoad(cluster);
    servicesBefore = await serviceVersions(cluster);
  });

  after(async () => {
    await load?.stop();
    await cluster?.remove();
  });

  const expectState = async (
    id: string,
    want: { subsets: readonly [string, string, string]; base: string; canary: string },
  ) => {
    await untilSubsets(cluster, ...want.subsets);
    await expectChain(cluster, "base", `${id}-base`, want.base);
    await expectChain(cluster, CANARY, `${id}-canary`, want.canary);
    await expectExplained(cluster, id);
  };

  test("LANE-300 step 0: both lanes answer from base, no lane gets 404", async () => {
    await expectState("0", { subsets: ["base", "base", "base"], base: "a1 b1 c1", canary: "a1 b1 c1" });
    assert.equal((await request(cluster, null, "0-untagged")).status, 404);
    assert.equal((await request(cluster, "unknown", "0-unknown")).status, 404);
  });

  test("LANE-300 step 1: Rollouts change nothing", async () => {
    const rules = routingVersions(cluster);
    await cluster.fairway.kubectlOk("apply", "-f", path.join(examples, "rollouts.yaml"));
    for (const service of services) await untilRollout(cluster, service, "healthy");
    await expectState("1", { subsets: ["base", "base", "base"], base: "a1 b1 c1", canary: "a1 b1 c1" });
    assert.deepEqual(routingVersions(cluster), rules);
  });

  test("LANE-300 step 2, LANE-302, LANE-303: mocka has a canary, and only its DestinationRule changed", async () => {
    const rules = routingVersions(cluster);
    await release(cluster, "mocka", "2.0");
    await untilRollout(cluster, "mocka", "waiting");
    await expectState("2", { subsets: ["base,canary", "base", "base"], base: "a1 b1 c1", canary: "a2 b1 c1" });
    const changed = Object.entries(routingVersions(cluster)).filter(([name, version]) => rules[name] !== version);
    assert.deepEqual(
      changed.map(([name]) => name),
      ["trafficlabel-dr-rollout-default-mocka"],
    );
    expectCanaryDeployment(cluster, "mocka");
  });

  test("LANE-300 step 3: every service has a canary", async () => {
    await release(cluster, "mockb", "2.0");
    await release(cluster, "mockc", "2.0");
    for (const service of services) await untilRollout(cluster, service, "waiting");
    const subsets = ["base,canary", "base,canary", "base,canary"] as const;
    await expectState("3", { subsets, base: "a1 b1 c1", canary: "a2 b2 c2" });
  });

  test("LANE-300 alt, LANE-306: undo takes mocka's canary away and leaves its base pod alone", async () => {
    const before = podsOf(cluster, "mocka", "base").map(({ metadata }) => metadata.uid);
    assert.equal(await undo(cluster, "mocka"), "deployment.apps/mocka-v1 rolled back\n");
    await untilRollout(cluster, "mocka", "canceled");
    const subsets = ["base", "base,canary", "base,canary"] as const;
    await expectState("alt", { subsets, base: "a1 b1 c1", canary: "a1 b2 c2" });
    assert.deepEqual(
      podsOf(cluster, "mocka", "base").map(({ metadata }) => metadata.uid),
      before,
    );
    await cluster.until("mocka's canary Deployment is gone", () => canaryDeployments(cluster, "mocka").length === 0);
    await release(cluster, "mocka", "2.0");
    await untilRollout(cluster, "mocka", "waiting");
    await untilSubsets(cluster, "base,canary", "base,canary", "base,canary");
    await expectChain(cluster, CANARY, "alt-again", "a2 b2 c2");
  });

  test("LANE-300 step 4, LANE-301, LANE-304, LANE-305: mockb completes, and the lane outlives its base hop", async () => {
    const whileCompleting = startLoad(cluster, { workers: 2, restMs: 5, next: alwaysCanary("a2 b2 c2") });
    assert.equal(await approve(cluster, "mockb"), "rollout.rollouts.kruise.io/rollouts-mockb approved\n");
    await untilRollout(cluster, "mockb", "completed");
    const subsets = ["base,canary", "base", "base,canary"] as const;
    await expectState("4", { subsets, base: "a1 b2 c1", canary: "a2 b2 c2" });
    const { sent, failures } = await whileCompleting.stop();
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(sent > 20, `only ${sent} requests were sent`);
    await cluster.until("mockb's canary Deployment is gone", () => canaryDeployments(cluster, "mockb").length === 0);
  });

  test("LANE minimum set 7: one id in two lanes at once is counted as ambiguous", async () => {
    // mockb has base pods only, so that its one pod serves both lanes.
    const conflicts = async () => {
      const burst = Array.from({ length: 40 }, (_, index) =>
        request(cluster, index % 2 === 0 ? "base" : CANARY, "same"),
      );
      for (const { status, body } of await Promise.all(burst)) assert.equal(status, 200, body);
      const { body } = await get(cluster.fairway.instance.metrics);
      return Number(/^lane_context_conflicts_total (\d+)$/m.exec(body)?.[1] ?? 0);
    };
    await eventually("a conflict is counted", conflicts, (count) => count > 0);
  });

  test("LANE-300 step 5: all complete, both lanes answer from base", async () => {
    const whileCompleting = startLoad(cluster, { workers: 2, restMs: 5, next: alwaysCanary("a2 b2 c2") });
    await approve(cluster, "mocka");
    await approve(cluster, "mockc");
    for (const service of services) await untilRollout(cluster, service, "completed");
    await expectState("5", { subsets: ["base", "base", "base"], base: "a2 b2 c2", canary: "a2 b2 c2" });
    assert.deepEqual((await whileCompleting.stop()).failures.slice(0, 10), []);
    for (const service of services) {
      await cluster.until(`${service} has no canary`, () => canaryDeployments(cluster, service).length === 0);
    }
    assert.equal(await serviceVersions(cluster), servicesBefore, "Kruise and the lanes leave Services alone");
  });

  test("SEED-030 step 7: undo after the end is a new release, back to the old image, behind the gate", async () => {
    await undo(cluster, "mocka");
    await untilRollout(cluster, "mocka", "waiting");
    await expectState("7", { subsets: ["base,canary", "base", "base"], base: "a2 b2 c2", canary: "a1 b2 c2" });
  });

  test("LANE minimum set 5: kill -9 of the only canary pod under canary load: base answers, nothing fails", async () => {
    const canaries = startLoad(cluster, { workers: 16, next: laneRequests(cluster, [CANARY]) });
    for (let round = 1; round <= 3; round++) {
      const [pod] = podsOf(cluster, "mocka", CANARY);
      assert.ok(pod);
      const [program] = podProcesses([addressOf(pod)]);
      assert.ok(program);
      process.kill(program.pid, "SIGKILL");
      await cluster.until(`restart ${round} is counted and the pod is ready`, () => {
        const [found] = podsOf(cluster, "mocka", CANARY);
        return found !== undefined && isReady(found) && restartsOf(found) === round;
      });
    }
    const { sent, failures } = await canaries.stop();
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(sent > 100, `only ${sent} requests were sent`);
    await expectChain(cluster, CANARY, "5-after", "a1 b2 c2");
  });

  test("SEED-030 the steady load of all lanes met no error from first to last", async () => {
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(sent > 500, `only ${sent} requests were sent`);
  });

  test("LANE minimum set 8: plain Service traffic meets no 503 while the group is deleted", async () => {
    const applied = await cluster.fairway.kubectlInput(JSON.stringify(plainRoute), "apply", "-f", "-");
    assert.equal(applied.exitCode, 0, applied.stderr);
    await cluster.until(
      "the route is seen",
      () => cluster.cache.get(resources.virtualServices, plainRoute.metadata) !== null,
    );
    await cluster.untilLive();
    const plain = startLoad(cluster, { workers: 8, next: plainRequest });
    await cluster.fairway.kubectlOk("delete", "asmswimlanegroup", "rollout");
    await cluster.until("the group's objects are gone", () => Object.keys(routingVersions(cluster)).length === 0);
    await cluster.untilLive();
    const { sent, failures } = await plain.stop();
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(sent > 50, `only ${sent} requests were sent`);
    assert.equal((await request(cluster, "base", "8")).status, 404);
  });
});

describe("the users' manifests, mended by lint", { skip: !hasSeedManifests && "the manifests are not here" }, () => {
  const directory = mkdtempSync(path.join(tmpdir(), "fairway-mended-"));
  let cluster: LaneCluster;
  let load: LaneLoad;

  before(async () => {
    const files = ["gateway", "apps", "lanes", "rollouts"].map((name) => path.join(seedManifests, `000-${name}.yaml`));
    const { exitCode, stdout, stderr } = await fairway("lint", "-f", ...files, "--fix", "--output", directory);
    assert.equal(exitCode, 0, stdout + stderr);
    cluster = await startLanes(directory, { prefix: "000-" });
    load = startSteadyLoad(cluster);
  });

  after(async () => {
    await load?.stop();
    await cluster?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  test("SEED-030 step 1: five VirtualServices and three DestinationRules as the document prints them", async () => {
    await expectChain(cluster, "base", "m1", "a1 b1 c1");
    await expectChain(cluster, CANARY, "m1", "a1 b1 c1");
    const expected = printed("routing");
    assert.equal(expected.length, 8);
    assert.deepEqual(await generated(cluster, "virtualservices", "destinationrules"), expected);
  });

  test("SEED-030 step 2: first listing", async () => {
    await release(cluster, "mocka", "2.0");
    await untilRollout(cluster, "mocka", "waiting");
    await untilSubsets(cluster, "base,canary", "base", "base");
    await expectListing(cluster, "destinationrules-1-mocka-canary");
    await expectChain(cluster, "base", "m2", "a1 b1 c1");
    await expectChain(cluster, CANARY, "m2", "a2 b1 c1");
  });

  test("SEED-030 step 3: second listing", async () => {
    await release(cluster, "mockb", "2.0");
    await release(cluster, "mockc", "2.0");
    for (const service of services) await untilRollout(cluster, service, "waiting");
    await untilSubsets(cluster, "base,canary", "base,canary", "base,canary");
    await expectListing(cluster, "destinationrules-2-all-canary");
    await expectChain(cluster, "base", "m3", "a1 b1 c1");
    await expectChain(cluster, CANARY, "m3", "a2 b2 c2");
  });

  test("SEED-030 step 4: third listing", async () => {
    await approve(cluster, "mockb");
    await untilRollout(cluster, "mockb", "completed");
    await untilSubsets(cluster, "base,canary", "base", "base,canary");
    await expectListing(cluster, "destinationrules-3-mockb-approved");
    await expectChain(cluster, "base", "m4", "a1 b2 c1");
    await expectChain(cluster, CANARY, "m4", "a2 b2 c2");
  });

  test("SEED-030 step 5: fourth listing", async () => {
    await approve(cluster, "mocka");
    await approve(cluster, "mockc");
    for (const service of services) await untilRollout(cluster, service, "completed");
    await untilSubsets(cluster, "base", "base", "base");
    await expectListing(cluster, "destinationrules-4-final");
    await expectChain(cluster, "base", "m5", "a2 b2 c2");
    await expectChain(cluster, CANARY, "m5", "a2 b2 c2");
    const { sent, failures } = await load.stop();
    assert.deepEqual(failures.slice(0, 10), []);
    assert.ok(sent > 200, `only ${sent} requests were sent`);
  });
});

function startSteadyLoad(cluster: LaneCluster): LaneLoad {
  return startLoad(cluster, { workers: 3, restMs: 20, next: laneRequests(cluster, ["base", CANARY, null]) });
}

/** Requests of the canary lane whose every answer must be the same chain. */
function alwaysCanary(want: string): Parameters<typeof startLoad>[1]["next"] {
  return (number) => ({
    id: `steady-${number}`,
    headers: { "my-request-id": `steady-${number}`, "x-asm-prefer-tag": CANARY },
    judge: ({ status, body }) =>
      status === 200 && shortChain(parseChain(body)) === want ? null : `expected ${want}, got ${status}: ${body}`,
  });
}

const plainRoute = {
  apiVersion: "networking.istio.io/v1beta1",
  kind: "VirtualService",
  metadata: { name: "plain", namespace: "default" },
  spec: {
    gateways: ["istio-system/ingressgateway"],
    hosts: ["plain.example"],
    http: [{ route: [{ destination: { host: "mocka.default.svc.cluster.local", port: { number: 8000 } } }] }],
  },
};

function plainRequest(number: number): ReturnType<Parameters<typeof startLoad>[1]["next"]> {
  return {
    id: `plain-${number}`,
    headers: { host: "plain.example", "my-request-id": `plain-${number}` },
    judge: ({ status, body }) =>
      status === 200 && parseChain(body).length === services.length ? null : `${status}: ${body}`,
  };
}

/** `fairway explain --live` for both lanes: it says the same as what the request then does (LANE-905). */
async function expectExplained(cluster: LaneCluster, id: string): Promise<void> {
  const explain = (lane: string) =>
    fairway(
      ...["explain", "--data", cluster.fairway.directory, "--path", "/mock", "--live", "--json"],
      ...["-H", `x-asm-prefer-tag: ${lane}`, "-H", `my-request-id: explain-${id}-${lane}`],
    );
  for (const { stdout, stderr, exitCode } of await Promise.all(["base", CANARY].map(explain))) {
    assert.equal(exitCode, 0, stdout + stderr);
    const { hops, observed, differences } = JSON.parse(stdout);
    assert.deepEqual([hops.length, observed.length, differences], [3, 3, []]);
  }
}

function expectCanaryDeployment(cluster: LaneCluster, service: Service): void {
  const [deployment, ...others] = canaryDeployments(cluster, service);
  assert.ok(deployment && others.length === 0);
  assert.match(deployment.metadata.name, new RegExp(`^${service}-v1-[a-z0-9]{5}$`));
  const { selector, replicas, template } = deployment["spec"] as {
    selector: unknown;
    replicas: number;
    template: { metadata: { labels: unknown } };
  };
  assert.deepEqual({ selector, replicas }, { selector: { matchLabels: { app: service } }, replicas: 1 });
  assert.deepEqual(template.metadata.labels, { app: service, version: "v1", ASM_TRAFFIC_TAG: CANARY });
}

/** Revision of each object that the group generated. */
function routingVersions({ cache }: LaneCluster): Record<string, string> {
  const rules = [...cache.list(resources.virtualServices), ...cache.list(resources.destinationRules)];
  const owned = rules.filter(({ metadata }) => metadata.labels?.["swimlane-group"] === "rollout");
  return Object.fromEntries(owned.map(({ metadata }) => [metadata.name, metadata.resourceVersion ?? ""]));
}

function serviceVersions({ fairway }: LaneCluster): Promise<string> {
  const columns = "jsonpath={range .items[*]}{.metadata.name} {.metadata.resourceVersion}{'\\n'}{end}";
  return fairway.kubectlOk("get", "service", ...services, "-o", columns);
}

function restartsOf(pod: KubeObject): number {
  const { containerStatuses = [] } = (pod["status"] ?? {}) as { containerStatuses?: { restartCount: number }[] };
  return containerStatuses[0]?.restartCount ?? 0;
}

// ── The document's listings ──────────────────────────────────────────────────────────────────────────────────────────

async function expectListing(cluster: LaneCluster, name: string): Promise<void> {
  assert.deepEqual(await generated(cluster, "destinationrules"), printed(name));
}

function printed(name: string): readonly KubeObject[] {
  const text = readFileSync(path.join(seedManifests, `000-expected-${name}.yaml`), "utf8");
  return comparable(parseAllDocuments(text).map((document) => document.toJS() as KubeObject));
}

/** What kubectl shows of the group's objects, in the version that the document prints (LANE-100). */
async function generated({ fairway }: LaneCluster, ...plurals: readonly string[]): Promise<readonly KubeObject[]> {
  const kinds = plurals.map((plural) => `${plural}.v1alpha3.networking.istio.io`).join();
  const { items } = JSON.parse(await fairway.kubectlOk("get", kinds, "-n", "istio-system", "-o", "json"));
  return comparable(items);
}

/** The fields that a document prints of an object, in one order. */
function comparable(objects: readonly KubeObject[]): readonly KubeObject[] {
  const fields = ({ apiVersion, kind, metadata, spec }: KubeObject) => {
    const { name, namespace, labels } = metadata;
    return { apiVersion, kind, metadata: { name, namespace, labels }, spec } as KubeObject;
  };
  return objects
    .map(fields)
    .sort((a, b) => `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`));
}
