import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { KubeObject } from "../../api/meta.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/log.ts";
import { systemRandom } from "../../base/random.ts";
import { TypeCache } from "../../kube/cache.ts";
import type { KubeClient } from "../../kube/client.ts";
import { Reflector } from "../../kube/reflector.ts";
import { resources } from "../../kube/resource.ts";
import { createRunner } from "../../runtime/runner.ts";
import { ApiServer } from "../apiserver/api-server.ts";
import { builtinDefinitions } from "../apiserver/builtin/index.ts";
import { createLocalClient } from "../apiserver/local-client.ts";
import { MemoryLog } from "../store/memory-log.ts";
import { createImageTable } from "./images.ts";
import { createKubelet, type Kubelet, type KubeletOptions } from "./kubelet.ts";
import type { Pod, PodSpec } from "./pod.ts";
import { schedulerController } from "./scheduler.ts";

/** For tests with real processes: an API server in memory, the scheduler and a node, and ways to wait for what happens. */
export interface NodeFixture {
  readonly client: KubeClient;
  readonly options: KubeletOptions;
  readonly kubelet: Kubelet;
  createPod(name: string, spec: Partial<PodSpec>): Promise<Pod>;
  /** The pod as soon as it is as wished; fails after some seconds, showing how it is. */
  podWhen(name: string, isAsWished: (pod: Pod) => boolean): Promise<Pod>;
  gone(name: string): Promise<void>;
  /** `type reason message` of all events about the pod, once `isAsWished` holds. */
  eventsWhen(name: string, isAsWished: (events: readonly string[]) => boolean): Promise<readonly string[]>;
}

const WAIT_MAX_MS = 8_000;
const namespace = "default";

/** Blocks of addresses that no cluster claims, another for each test process. */
let block = process.pid % 20_000;
function nextRange(): string {
  block++;
  return `127.${128 + (block >> 8)}.${block & 255}.0/24`;
}

export async function withNode(
  overrides: Partial<KubeletOptions>,
  use: (fixture: NodeFixture) => Promise<void>,
): Promise<void> {
  const dataDirectory = mkdtempSync(path.join(tmpdir(), "fairway-node-"));
  const common = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const server = new ApiServer({ log: new MemoryLog(), builtins: builtinDefinitions, ...common });
  await server.start();
  const client = createLocalClient(server, { userAgent: "test" });
  const options: KubeletOptions = {
    ...common,
    client,
    nodeName: "n1",
    images: createImageTable({
      appsDirectory: path.resolve(import.meta.dirname, "../../../apps"),
      nodePath: process.execPath,
      file: path.join(dataDirectory, "images.yaml"),
    }),
    podRange: nextRange(),
    dataDirectory,
    drainGate: async () => {},
    proxyPort: null,
    hostEnvironment: { PATH: "/usr/local/bin:/usr/bin:/bin" },
    backoff: { baseMs: 100, maxMs: 400, resetMs: 600_000 },
    ...overrides,
  };
  const kubelet = createKubelet(options);
  const runner = createRunner({ client, ...common, controllers: [schedulerController] });
  const watched = watch(client);
  try {
    await kubelet.start();
    runner.start();
    await use({ client, options, kubelet, ...watched, createPod: (name, spec) => createPod(client, name, spec) });
  } finally {
    watched.stop();
    await runner.stop();
    await kubelet.stop(500);
    server.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

function createPod(client: KubeClient, name: string, spec: Partial<PodSpec>): Promise<Pod> {
  const object = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec };
  return client.create<Pod>(resources.pods, object as unknown as KubeObject);
}

function watch(client: KubeClient) {
  const common = { client, clock: systemClock, random: systemRandom, logger: silentLogger };
  const caches = { pods: new TypeCache(resources.pods), events: new TypeCache(resources.events) };
  const listeners = new Set<() => void>();
  const onProgress = () => {
    for (const listener of [...listeners]) listener();
  };
  const reflectors = Object.values(caches).map((cache) => new Reflector({ ...common, cache, onProgress }));
  for (const reflector of reflectors) reflector.start();

  /** Asks `look` after each change until it answers something. */
  function when<T>(what: string, look: () => T | null, describe: () => unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = systemClock.schedule(WAIT_MAX_MS, () => {
        listeners.delete(check);
        reject(
          new assert.AssertionError({
            message: `${what}: not within ${WAIT_MAX_MS} ms; seen: ${JSON.stringify(describe())}`,
          }),
        );
      });
      const check = () => {
        const found = look();
        if (found === null) return;
        cancel();
        listeners.delete(check);
        resolve(found);
      };
      listeners.add(check);
      check();
    });
  }

  const pod = (name: string) => caches.pods.get({ namespace, name }) as Pod | null;
  const events = (name: string) =>
    caches.events
      .list()
      .filter((event) => (event["involvedObject"] as { name: string }).name === name)
      .map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
  return {
    stop: () => {
      for (const reflector of reflectors) reflector.stop();
    },
    podWhen: (name: string, isAsWished: (pod: Pod) => boolean) =>
      when(
        `pod ${name}`,
        () => {
          const found = pod(name);
          return found && isAsWished(found) ? found : null;
        },
        () => pod(name)?.status,
      ),
    gone: async (name: string) => {
      await when(
        `the end of pod ${name}`,
        () => (caches.pods.isSynced && pod(name) === null ? true : null),
        () => pod(name),
      );
    },
    eventsWhen: (name: string, isAsWished: (events: readonly string[]) => boolean) =>
      when(
        `events of ${name}`,
        () => (isAsWished(events(name)) ? events(name) : null),
        () => events(name),
      ),
  };
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
}

/** The waiting reason, the reason of the end, or "running" of the first container. */
export function stateOf(pod: Pod): string {
  const state = pod.status?.containerStatuses?.[0]?.state;
  if (state?.running) return "running";
  return state?.waiting?.reason ?? state?.terminated?.reason ?? "";
}
