import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { resources } from "../../kube/resource.ts";
import type { LogLine, LogOptions } from "../apiserver/wire/logs.ts";
import { SERVER_VERSION } from "../version.ts";
import { createKubelet, type Kubelet } from "./kubelet.ts";
import { isReady, type NodeFixture, stateOf, withNode } from "./node.fixture.ts";
import type { Container, Pod } from "./pod.ts";

const SAMPLE = "registry.cn-beijing.aliyuncs.com/aliacs-app-catalog/go-http-sample";
const key = (name: string) => ({ namespace: "default", name });

function sample(env: Record<string, string>, tag = "1.0"): Container {
  return {
    name: "default",
    image: `${SAMPLE}:${tag}`,
    env: Object.entries(env).map(([name, value]) => ({ name, value })),
    ports: [{ containerPort: 8000 }],
  };
}

function shell(script: string, more: Partial<Container> = {}): Container {
  return { name: "c", image: "busybox:1.36", command: ["sh", "-c", script], ...more };
}

function get(pod: Pod, headers: http.OutgoingHttpHeaders = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: pod.status!.podIP!, port: 8000, path: "/mock", headers, agent: false as const };
    http
      .get(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode!, text }));
      })
      .on("error", reject);
  });
}

async function logOf({ kubelet }: NodeFixture, pod: Pod, previous = false): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text } of openLog(kubelet, pod, { previous })) lines.push(text);
  return lines;
}

/** A server of the test's own, for what pods call or probes ask. */
async function withServer(
  answer: http.RequestListener,
  use: (port: number) => Promise<void>,
  { host = "127.0.0.1", port = 0 } = {},
): Promise<void> {
  const server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function accepts(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: 8000 });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** The first line that the pod prints: it has got that far. */
async function firstLine({ kubelet }: NodeFixture, pod: Pod): Promise<string> {
  for await (const { text } of openLog(kubelet, pod, { follow: true })) return text;
  return "";
}

function openLog({ logSource }: Kubelet, pod: Pod, options: Partial<LogOptions>): AsyncIterable<LogLine> {
  const all: LogOptions = { follow: false, previous: false, since: null, tailLines: null, stream: "all" };
  return logSource.open(pod, pod.spec.containers[0]!.name, { ...all, ...options }, new AbortController().signal);
}

test("K8S-258 the chain service is ready within a second of its creation, and then answers", () =>
  withNode({}, async (fixture) => {
    const { createPod, podWhen } = fixture;
    await createPod("mockb", { containers: [sample({ app: "mockb", version: "v1" }, "2.0")] });
    const mockb = await podWhen("mockb", isReady);
    const startedAt = performance.now();
    const upstream = `http://${mockb.status!.podIP}:8000/`;
    await createPod("mocka", { containers: [sample({ app: "mocka", version: "v1", upstream_url: upstream })] });
    const mocka = await podWhen("mocka", isReady);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 3_000, `took ${tookMs} ms on a busy machine; alone it takes some 150`);

    const a = `-> mocka(version: v1, ip: ${mocka.status!.podIP})`;
    const b = `-> mockb(version: v2, ip: ${mockb.status!.podIP})`;
    assert.deepEqual(await get(mocka), { status: 200, text: a + b }, "SEED-011: image 2.0 says v2");
    assert.equal(mocka.spec.nodeName, "n1");
    assert.equal(mocka.status!.phase, "Running");
    assert.deepEqual(await logOf(fixture, mocka), [`mocka version v1 listens on ${mocka.status!.podIP}:8000`]);
  }));

test("LANE-250 the chain service forwards my-request-id and nothing else", () => {
  const seen: http.IncomingHttpHeaders[] = [];
  const upstream: http.RequestListener = (request, response) => {
    seen.push(request.headers);
    response.end("-> upstream");
  };
  return withServer(upstream, (port) =>
    withNode({}, async ({ createPod, podWhen }) => {
      const env = { app: "mocka", upstream_url: `http://127.0.0.1:${port}/` };
      await createPod("mocka", { containers: [sample(env)] });
      const pod = await podWhen("mocka", isReady);
      const { text } = await get(pod, { "my-request-id": "9999", "x-asm-prefer-tag": "canary" });
      assert.match(text, /^-> mocka\(.*\)-> upstream$/);
      assert.equal(seen[0]!["my-request-id"], "9999");
      assert.equal(seen[0]!["x-asm-prefer-tag"], undefined);
    }),
  );
});

test("K8S-279 the chain service asks its upstream through the proxy on its own address", () =>
  withNode({ proxyPort: 15001 }, async ({ options, createPod, podWhen }) => {
    const firstIp = options.podRange.replace(/\.0\/24$/, ".3");
    const lines: string[] = [];
    const proxy: http.RequestListener = (request, response) => {
      lines.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers["my-request-id"]}`);
      response.end("-> mockb");
    };
    const ask = async () => {
      await createPod("mocka", { containers: [sample({ app: "mocka", upstream_url: "http://mockb:8000/" })] });
      const pod = await podWhen("mocka", isReady);
      assert.match((await get(pod, { "my-request-id": "1" })).text, /-> mockb$/);
      assert.deepEqual(lines, ["GET http://mockb:8000/ mockb:8000 1"]);
    };
    await withServer(proxy, ask, { host: firstIp, port: 15001 });
  }));

test("the chain service passes on the status of a broken chain with a clear text", () =>
  withNode({}, async ({ createPod, podWhen }) => {
    await createPod("mocka", { containers: [sample({ app: "mocka", upstream_url: "http://127.0.0.1:1/" })] });
    const { status, text } = await get(await podWhen("mocka", isReady));
    assert.equal(status, 502);
    assert.match(text, /^-> mocka\(.*\)-> 127\.0\.0\.1:1 failed \(connect ECONNREFUSED 127\.0\.0\.1:1\)$/);
  }));

test("MESH-211 not ready is stored, then the data plane lets go, then SIGTERM; open requests finish", () => {
  const asked = Promise.withResolvers<http.ServerResponse>();
  const gate = Promise.withResolvers<void>();
  const gateReached = Promise.withResolvers<void>();
  const drainGate = () => {
    gateReached.resolve();
    return gate.promise;
  };
  return withServer(
    (_request, response) => asked.resolve(response),
    (port) =>
      withNode({ drainGate }, async ({ client, createPod, podWhen, gone }) => {
        const env = { app: "mocka", upstream_url: `http://127.0.0.1:${port}/` };
        await createPod("mocka", { containers: [sample(env)] });
        const pod = await podWhen("mocka", isReady);
        const answer = get(pod);
        const upstreamResponse = await asked.promise;
        await client.delete(resources.pods, key("mocka"), { gracePeriodSeconds: 10 });
        await gateReached.promise;
        const leaving = await client.get<Pod>(resources.pods, key("mocka"));
        assert.deepEqual([isReady(leaving), stateOf(leaving)], [false, "running"]);
        assert.ok(await accepts(pod.status!.podIP!), "before the gate opens the process gets no signal");
        gate.resolve();
        // The process has its SIGTERM when it no longer accepts connections.
        while (await accepts(pod.status!.podIP!));
        upstreamResponse.end("-> slow");
        assert.equal((await answer).status, 200);
        await gone("mocka");
      }),
  );
});

test("check 126: a deleted pod is gone soon after its process ended", () =>
  withNode({}, async (fixture) => {
    const { client, createPod, podWhen, gone, eventsWhen } = fixture;
    await createPod("p", { containers: [shell("trap 'exit 0' TERM; echo trapped; while :; do sleep 0.05; done")] });
    await firstLine(fixture, await podWhen("p", isReady));
    const startedAt = performance.now();
    await client.delete(resources.pods, key("p"));
    await gone("p");
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 2_000, `took ${tookMs} ms`);
    await eventsWhen("p", (events) => events.includes("Normal Killing Stopping container c"));
  }));

test("check 127: a process that ignores SIGTERM is killed when the grace period ends", () =>
  withNode({}, async (fixture) => {
    const { client, createPod, podWhen, gone } = fixture;
    const stubborn = shell("trap '' TERM; echo trapped; while :; do sleep 0.05; done");
    await createPod("p", { terminationGracePeriodSeconds: 1, containers: [stubborn] });
    await firstLine(fixture, await podWhen("p", isReady));
    const startedAt = performance.now();
    await client.delete(resources.pods, key("p"));
    await gone("p");
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 900 && tookMs < 3_000, `took ${tookMs} ms`);
  }));

test("K8S-259 preStop runs before SIGTERM, and a shorter second deletion shortens the grace", () =>
  withNode({}, async (fixture) => {
    const { client, createPod, podWhen, gone } = fixture;
    const lifecycle = { preStop: { exec: { command: ["sh", "-c", "exit 3"] } } };
    const stubborn = shell("trap '' TERM; echo trapped; while :; do sleep 0.05; done", { lifecycle });
    await createPod("p", { terminationGracePeriodSeconds: 60, containers: [stubborn] });
    await firstLine(fixture, await podWhen("p", isReady));
    await client.delete(resources.pods, key("p"));
    await fixture.eventsWhen("p", (events) => events.some((event) => event.startsWith("Warning FailedPreStopHook")));
    await client.delete(resources.pods, key("p"), { gracePeriodSeconds: 1 });
    await gone("p");
  }));

test("check 128: a forced deletion removes the object at once and the process too", () =>
  withNode({}, async ({ client, createPod, podWhen, gone }) => {
    await createPod("p", { containers: [sample({ app: "p" })] });
    const pod = await podWhen("p", isReady);
    await client.delete(resources.pods, key("p"), { gracePeriodSeconds: 0 });
    await gone("p");
    while (
      await get(pod).then(
        () => true,
        () => false,
      )
    )
      await new Promise(setImmediate);
  }));

test("check 158: an unknown image shows ErrImagePull, then ImagePullBackOff; adding it to the table helps", () =>
  withNode({}, async ({ options, createPod, podWhen, eventsWhen }) => {
    await createPod("p", { containers: [{ name: "c", image: "shop/cart:1" }] });
    await podWhen("p", (pod) => stateOf(pod) === "ErrImagePull");
    const pod = await podWhen("p", (each) => stateOf(each) === "ImagePullBackOff");
    const { message } = pod.status!.containerStatuses![0]!.state.waiting!;
    assert.match(message!, /^Back-off pulling image "shop\/cart:1": .*add one to .*images\.yaml/);
    const events = await eventsWhen("p", (all) => all.some((event) => event.startsWith("Normal BackOff")));
    for (const expected of ['Normal Pulling Pulling image "shop/cart:1"', "Warning Failed Error: ErrImagePull"]) {
      assert.ok(events.includes(expected), expected);
    }
    const table = "images: [{image: shop/cart, command: [sleep, '60']}]";
    writeFileSync(path.join(options.dataDirectory, "images.yaml"), table);
    await podWhen("p", isReady);
  }));

test("check 159: a crashing container goes into a crash loop", () =>
  withNode({}, async (fixture) => {
    const { createPod, podWhen, eventsWhen } = fixture;
    await createPod("p", { containers: [shell("echo boom; exit 1")] });
    const pod = await podWhen(
      "p",
      (each) => stateOf(each) === "CrashLoopBackOff" && each.status!.containerStatuses![0]!.restartCount >= 2,
    );
    const status = pod.status!.containerStatuses![0]!;
    assert.equal(pod.status!.phase, "Running");
    assert.deepEqual([status.lastState.terminated!.exitCode, status.lastState.terminated!.reason], [1, "Error"]);
    assert.match(status.state.waiting!.message!, /^back-off \d+ms restarting failed container=c pod=p_default\(/);
    await eventsWhen("p", (events) =>
      events.some((event) => /^Warning BackOff Back-off restarting failed container c in pod p_/.test(event)),
    );
    assert.deepEqual(await logOf(fixture, pod, true), ["boom"]);
  }));

for (const [code, phase, reason] of [
  [0, "Succeeded", "Completed"],
  [3, "Failed", "Error"],
] as const) {
  test(`check 160: restartPolicy Never and exit ${code}: ${phase}`, () =>
    withNode({}, async ({ createPod, podWhen }) => {
      await createPod("p", { restartPolicy: "Never", containers: [shell(`exit ${code}`)] });
      const pod = await podWhen("p", (each) => each.status?.phase === phase);
      assert.equal(stateOf(pod), reason);
      assert.equal(pod.status!.containerStatuses![0]!.state.terminated!.exitCode, code);
    }));
}

test("check 161: a failing readiness probe keeps a pod unready and says why", () => {
  let status = 500;
  return withServer(
    (_request, response) => response.writeHead(status).end(),
    (port) =>
      withNode({}, async ({ createPod, podWhen, eventsWhen }) => {
        const readinessProbe = { httpGet: { host: "127.0.0.1", port, path: "/fail" }, periodSeconds: 1 };
        await createPod("p", { containers: [shell("sleep 60", { readinessProbe })] });
        const failed = "Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 500";
        await eventsWhen("p", (events) => events.includes(failed));
        const pod = await podWhen("p", (each) => stateOf(each) === "running");
        assert.equal(pod.status!.conditions!.find(({ type }) => type === "Ready")!.reason, "ContainersNotReady");
        status = 200;
        await podWhen("p", isReady);
      }),
  );
});

test("check 162: a failing liveness probe restarts the container", () =>
  withNode({}, async ({ createPod, podWhen, eventsWhen }) => {
    const livenessProbe = { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 2 };
    await createPod("p", { containers: [shell("exec sleep 60", { livenessProbe })] });
    await podWhen("p", (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1);
    await eventsWhen("p", (events) =>
      events.includes("Normal Killing Container c failed liveness probe, will be restarted"),
    );
  }));

test("check 163: init containers run in order, a startup probe delays readiness", () =>
  withNode({}, async ({ createPod, podWhen }) => {
    const startupProbe = { exec: { command: ["sh", "-c", "exit 1"] }, periodSeconds: 60 };
    await createPod("p", {
      initContainers: [shell("exit 0", { name: "i0" }), shell("sleep 0.2", { name: "i1" })],
      containers: [shell("sleep 60", { startupProbe })],
    });
    const during = await podWhen("p", (pod) => pod.status?.initContainerStatuses?.[1]?.state.running !== undefined);
    assert.equal(during.status!.initContainerStatuses![0]!.state.terminated!.exitCode, 0);
    assert.equal(stateOf(during), "PodInitializing");
    const pod = await podWhen("p", (each) => stateOf(each) === "running");
    assert.deepEqual([pod.status!.containerStatuses![0]!.started, isReady(pod)], [false, false]);
  }));

test("check 164: a missing ConfigMap is shown, and the container starts when it is there", () =>
  withNode({}, async (fixture) => {
    const { client, createPod, podWhen } = fixture;
    const env = [
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "K", valueFrom: { configMapKeyRef: { name: "x", key: "k" } } },
    ];
    await createPod("p", { containers: [shell("echo $IP $(K); sleep 60", { env })] });
    const pod = await podWhen("p", (each) => stateOf(each) === "CreateContainerConfigError");
    assert.equal(pod.status!.containerStatuses![0]!.state.waiting!.message, 'configmap "x" not found');
    const configMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "x", namespace: "default" },
      data: { k: "v" },
    };
    await client.create(resources.configMaps, configMap as KubeObject);
    const ready = await podWhen("p", isReady);
    assert.equal(await firstLine(fixture, ready), `${ready.status!.podIP} v`);
  }));

test("K8S-283 a pod sees nothing of our own environment", () =>
  withNode({ hostEnvironment: { PATH: process.env["PATH"], SECRET: "x" } }, async (fixture) => {
    await fixture.createPod("p", {
      restartPolicy: "Never",
      containers: [shell("env | cut -d= -f1 | sort | tr '\\n' ' '")],
    });
    const pod = await fixture.podWhen("p", (each) => each.status?.phase === "Succeeded");
    const names = (await logOf(fixture, pod))[0]!.trim().split(" ");
    // PWD, SHLVL, OLDPWD and _ are the shell's own.
    const own = new Set(["PWD", "OLDPWD", "SHLVL", "_"]);
    assert.deepEqual(
      names.filter((name) => !own.has(name)),
      ["FAIRWAY_POD_TOKEN", "HOST", "HOSTNAME", "IMAGE", "IMAGE_TAG", "PATH", "POD_IP"],
    );
  }));

test("check 196: after a restart of the cluster pods run again, each once, with their old address", () =>
  withNode({}, async ({ options, kubelet, createPod, podWhen }) => {
    await createPod("web", { containers: [sample({ app: "web" })] });
    await createPod("job", { restartPolicy: "Never", containers: [shell("sleep 60")] });
    const before = await podWhen("web", isReady);
    await podWhen("job", isReady);
    await kubelet.stop(500);
    await assert.rejects(get(before), "its process is gone");

    const again = createKubelet(options);
    await again.start();
    try {
      const after = await podWhen(
        "web",
        (pod) => isReady(pod) && pod.status!.containerStatuses![0]!.restartCount === 1,
      );
      assert.equal(after.metadata.uid, before.metadata.uid);
      assert.equal(after.status!.podIP, before.status!.podIP);
      assert.equal((await get(after)).status, 200);
      const job = await podWhen("job", (pod) => pod.status!.phase === "Failed");
      assert.equal(stateOf(job), "ContainerStatusUnknown");
    } finally {
      await again.stop(500);
    }
  }));

test("K8S-250 the node and its lease are there", () =>
  withNode({}, async ({ client }) => {
    const node = await client.get(resources.nodes, { namespace: "", name: "n1" });
    const status = node["status"] as { conditions: { type: string; status: string }[]; capacity: { pods: string } };
    assert.deepEqual(
      status.conditions.map(({ type, status: value }) => `${type}=${value}`),
      ["MemoryPressure=False", "DiskPressure=False", "PIDPressure=False", "Ready=True"],
    );
    assert.equal(status.capacity.pods, "250");
    const { kubeletVersion } = (node["status"] as { nodeInfo: { kubeletVersion: string } }).nodeInfo;
    assert.equal(kubeletVersion, SERVER_VERSION.gitVersion);
    const lease = await client.get(resources.leases, { namespace: "kube-node-lease", name: "n1" });
    assert.equal((lease["spec"] as { holderIdentity: string }).holderIdentity, "n1");
  }));
