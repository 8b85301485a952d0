/** What every `KubeClient` does, whatever lies between it and the API server. Run by one test file per client. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { KubeObject } from "../api/meta.ts";
import type { KubeClient, WatchEvent, WatchHandle, WatchOptions } from "./client.ts";
import { type ApiError, isAlreadyExists, isApiError, isConflict, isInvalid, isNotFound } from "./errors.ts";
import { keyOf, type ResourceType, resources } from "./resource.ts";

export interface ClientUnderTest {
  readonly client: KubeClient;
  stop(): Promise<void> | void;
}

const namespace = "client-suite";
const { configMaps, deployments, leases, namespaces, pods } = resources;

function configMap(name: string, changes: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { a: "1" }, ...changes };
}

function labelled(name: string, label: string): KubeObject {
  return configMap(name, { metadata: { name, namespace, labels: { suite: label } } });
}

function deployment(name: string): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "echo:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name, namespace, labels }, spec };
}

export function clientSuite(name: string, open: () => Promise<ClientUnderTest>): void {
  describe(`${name} keeps the promises of KubeClient`, () => {
    let opened: ClientUnderTest;
    let client: KubeClient;

    before(async () => {
      opened = await open();
      ({ client } = opened);
      await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    });

    after(() => opened?.stop());

    test("create fills the metadata and get answers the same", async () => {
      const created = await client.create(configMaps, configMap("made"));
      assert.ok(created.metadata.uid && created.metadata.resourceVersion && created.metadata.creationTimestamp);
      assert.deepEqual(await client.get(configMaps, keyOf(created)), created);
    });

    test("an object that is handed in is left as it was", async () => {
      const object = Object.freeze(configMap("untouched"));
      await client.create(configMaps, object);
      assert.deepEqual(object, configMap("untouched"));
    });

    test("refusals are ApiErrors that can be told apart", async () => {
      await assert.rejects(client.get(configMaps, { namespace, name: "absent" }), isNotFound);
      await client.create(configMaps, configMap("twice"));
      await assert.rejects(client.create(configMaps, configMap("twice")), isAlreadyExists);
      await assert.rejects(client.create(configMaps, configMap("Bad_Name")), isInvalid);
      const unserved: ResourceType = { ...configMaps, group: "no.such.group", plural: "things" };
      await assert.rejects(client.list(unserved), isNotFound);
    });

    test("a list has its kind in every item, a revision, and what the selectors ask for", async () => {
      await client.create(configMaps, labelled("list-1", "list"));
      await client.create(configMaps, labelled("list-2", "list"));
      const { items, resourceVersion } = await client.list(configMaps, { namespace, labelSelector: "suite=list" });
      assert.deepEqual(
        items.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name]),
        [
          ["v1", "ConfigMap", "list-1"],
          ["v1", "ConfigMap", "list-2"],
        ],
      );
      assert.match(resourceVersion, /^\d+$/);
      const everywhere = await client.list(configMaps, { fieldSelector: "metadata.name=list-2" });
      assert.equal(everywhere.items.length, 1);
      assert.deepEqual((await client.list(configMaps, { namespace: "elsewhere" })).items, []);
    });

    test("update replaces, and a stale one is a conflict", async () => {
      const first = await client.create(configMaps, configMap("update"));
      const second = await client.update(configMaps, { ...first, data: { a: "2" } });
      assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion);
      await assert.rejects(client.update(configMaps, { ...first, data: { a: "3" } }), isConflict);
    });

    test("patches of all three kinds", async () => {
      const key = keyOf(await client.create(configMaps, configMap("patch")));
      const merged = await client.patch(configMaps, key, { kind: "merge", body: { data: { a: null, b: "2" } } });
      assert.deepEqual(merged["data"], { b: "2" });
      const operations = [{ op: "replace", path: "/data/b", value: "3" }] as const;
      assert.deepEqual((await client.patch(configMaps, key, { kind: "json", body: operations }))["data"], { b: "3" });
      const strategic = { metadata: { labels: { l: "1" } } };
      const labelled = await client.patch(configMaps, key, { kind: "strategic", body: strategic });
      assert.deepEqual(labelled.metadata.labels, { l: "1" });
    });

    test("status is written apart from spec", async () => {
      const created = await client.create(deployments, deployment("status"));
      const body = { spec: { replicas: 7 }, status: { replicas: 1, collisionCount: 2 } };
      const subresource = { subresource: "status" } as const;
      const patched = await client.patch(deployments, keyOf(created), { kind: "merge", body }, subresource);
      assert.equal((patched["spec"] as { replicas: number }).replicas, 1);
      assert.deepEqual(patched["status"], body.status);
      const status = { ...body.status, collisionCount: 3 };
      const updated = await client.update(deployments, { ...patched, status }, subresource);
      assert.deepEqual(updated["status"], status);
    });

    test("scale is read and written as a Scale", async () => {
      const created = await client.create(deployments, deployment("scale"));
      const body = { spec: { replicas: 5 } };
      const patch = { kind: "merge", body } as const;
      const scale = await client.patch(deployments, keyOf(created), patch, { subresource: "scale" });
      assert.equal(scale.kind, "Scale");
      const after = await client.get(deployments, keyOf(created));
      assert.equal((after["spec"] as { replicas: number }).replicas, 5);
    });

    test("a binding gives a pod its node", async () => {
      const spec = { containers: [{ name: "c", image: "echo:1" }] };
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "bound", namespace }, spec };
      await client.create(pods, pod);
      const target = { apiVersion: "v1", kind: "Node", name: "n1" };
      const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "bound", namespace }, target };
      await client.update(pods, binding, { subresource: "binding" });
      const bound = await client.get(pods, { namespace, name: "bound" });
      assert.equal((bound["spec"] as { nodeName: string }).nodeName, "n1");
    });

    test("K8S-243 an eviction is made below its pod and takes it away", async () => {
      const spec = { containers: [{ name: "c", image: "echo:1" }] };
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "evicted", namespace }, spec };
      const { metadata } = await client.create(pods, pod);
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted", namespace } };
      const other = { ...eviction, deleteOptions: { preconditions: { uid: "other" } } };
      await assert.rejects(client.update(pods, other, { subresource: "eviction" }), isConflict);
      const ours = { ...eviction, deleteOptions: { preconditions: { uid: metadata.uid } } };
      await client.update(pods, ours, { subresource: "eviction" });
      await assert.rejects(client.get(pods, { namespace, name: "evicted" }), isNotFound);
    });

    test("a dry run leaves nothing behind", async () => {
      await client.create(configMaps, configMap("dry"), { dryRun: true });
      await assert.rejects(client.get(configMaps, { namespace, name: "dry" }), isNotFound);
    });

    test("delete honours preconditions", async () => {
      const created = await client.create(configMaps, configMap("delete"));
      const key = keyOf(created);
      await assert.rejects(client.delete(configMaps, key, { preconditions: { uid: "other" } }), isConflict);
      await client.delete(configMaps, key, { preconditions: { uid: created.metadata.uid! } });
      await assert.rejects(client.get(configMaps, key), isNotFound);
      await assert.rejects(client.delete(configMaps, key), isNotFound);
    });

    test("cluster-scoped and grouped kinds have their own paths", async () => {
      assert.equal((await client.get(namespaces, { namespace: "", name: namespace })).metadata.name, namespace);
      const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "l", namespace } };
      await client.create(leases, { ...lease, spec: { holderIdentity: "me" } });
      assert.equal((await client.list(leases, { namespace })).items.length, 1);
    });

    test("a watch tells every change after its revision, in order", async () => {
      const { resourceVersion } = await client.list(configMaps, { namespace });
      const watch = new RecordedWatch(client, { namespace, resourceVersion, labelSelector: "suite=watch" });
      const created = await client.create(configMaps, labelled("watched", "watch"));
      await client.create(configMaps, labelled("ignored", "other"));
      await client.patch(configMaps, keyOf(created), { kind: "merge", body: { data: { a: "ä€😀" } } });
      await client.delete(configMaps, keyOf(created));
      const events = await watch.take(3);
      assert.deepEqual(
        events.map(({ type, object }) => [type, object.metadata.name]),
        [
          ["ADDED", "watched"],
          ["MODIFIED", "watched"],
          ["DELETED", "watched"],
        ],
      );
      assert.deepEqual(events[1]!.object["data"], { a: "ä€😀" });
      const revisions = events.map(({ object }) => Number(object.metadata.resourceVersion));
      assert.ok(revisions[0]! < revisions[1]! && revisions[1]! < revisions[2]!);
      watch.stop();
    });

    test("a watch that is stopped says nothing more, not even that it ended", async () => {
      const { resourceVersion } = await client.list(configMaps, { namespace });
      const stopped = new RecordedWatch(client, { namespace, resourceVersion });
      const other = new RecordedWatch(client, { namespace, resourceVersion });
      await client.create(configMaps, configMap("stop-1"));
      await Promise.all([stopped.take(1), other.take(1)]);
      stopped.stop();
      await client.create(configMaps, configMap("stop-2"));
      await other.take(2);
      assert.deepEqual([stopped.events.length, stopped.end], [1, undefined]);
      other.stop();
    });

    test("a watch that is refused ends with the reason", async () => {
      const watch = new RecordedWatch(client, { namespace, resourceVersion: "0", labelSelector: "==" });
      const error = await watch.ended();
      assert.ok(isApiError(error) && error.code === 400);
    });
  });
}

/** Keeps what a watch says and lets a test wait for it. */
class RecordedWatch {
  readonly events: WatchEvent[] = [];
  /** Undefined while the watch runs. */
  end: ApiError | null | undefined;
  readonly #handle: WatchHandle;
  #onChange: () => void = () => {};

  constructor(client: KubeClient, options: WatchOptions) {
    this.#handle = client.watch(configMaps, options, {
      onEvent: (event) => {
        if (event.type !== "BOOKMARK") this.events.push(event);
        this.#onChange();
      },
      onEnd: (error) => {
        this.end = error;
        this.#onChange();
      },
    });
  }

  stop(): void {
    this.#handle.stop();
  }

  take(count: number): Promise<readonly WatchEvent[]> {
    return this.#until(() => this.events.length >= count || this.end !== undefined).then(() => this.events);
  }

  ended(): Promise<ApiError | null | undefined> {
    return this.#until(() => this.end !== undefined).then(() => this.end);
  }

  #until(isReached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (isReached()) resolve();
      };
      this.#onChange();
    });
  }
}
