import type { KubeObject } from "../api/meta.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { deepEqual } from "../base/json.ts";
import type { Logger } from "../base/log.ts";
import type { KubeClient, WatchEvent, WatchHandle } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import { diffMergePatch } from "../kube/patch.ts";
import { qualifiedPlural, resources } from "../kube/resource.ts";
import { DATA_PLANE_KEY, type DataPlaneRevisions, GATEWAY_PORTS } from "../traffic/data-plane.ts";
import type { MeshProcess } from "./mesh-process.ts";

/** Each change of these is noted at once: a release waits for it. A kind that the mesh does not watch is left out. */
const ROUTES = [
  resources.gateways,
  resources.virtualServices,
  resources.destinationRules,
  resources.ingresses,
  resources.apiGateways,
  resources.httpRoutes,
].map(qualifiedPlural);

/**
 * Which pods the mesh knows. These kinds change with every restart of a pod, and mostly nobody waits for it: they are
 * noted along with the routes; alone at once too, but then not again for a while. That bounds the writes by time and not
 * by pods, and costs none at rest. The alternative, that whoever waits asks first, would take two writes for each answer.
 */
const PODS = [resources.endpointSlices, resources.pods].map(qualifiedPlural);
const PODS_NOTED_MS = 250;

const NOTED = [...ROUTES, ...PODS];

const WHICH = { namespace: DATA_PLANE_KEY.namespace, fieldSelector: `metadata.name=${DATA_PLANE_KEY.name}` } as const;
/** After a watch has ended: client-go's reflector waits as long. */
const REREAD_MS = 800;

export interface NoteOptions {
  readonly mesh: Pick<MeshProcess, "acknowledged" | "onAcknowledgement">;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Keeps the ConfigMap of `traffic/data-plane.ts` equal to what the mesh acknowledges. */
export function noteDataPlane(options: NoteOptions): () => void {
  const notes = new DataPlaneNotes(options);
  notes.start();
  return () => notes.stop();
}

class DataPlaneNotes {
  readonly #options: NoteOptions;
  /** What the ConfigMap says; null until it was read. */
  #noted: DataPlaneRevisions | null = null;
  /** Of the ConfigMap that `#noted` is from. */
  #revision = 0;
  #watch: WatchHandle | null = null;
  #notedAt = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #isStopped = false;
  #cancelLater: Cancel | null = null;
  #stopListening = () => {};

  constructor(options: NoteOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.mesh.onAcknowledgement(() => void this.#note());
    void this.#note();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    this.#watch?.stop();
    this.#cancelLater?.();
    this.#cancelLater = null;
  }

  async #note(): Promise<void> {
    if (this.#isWriting || this.#isStopped) return;
    this.#isWriting = true;
    try {
      while (await this.#writeDue());
    } catch (error) {
      this.#options.logger.warn(
        { error: String(error) },
        "cannot note what the mesh runs; tried again at its next change",
      );
    } finally {
      this.#isWriting = false;
    }
  }

  /** False: there is nothing to write now. */
  async #writeDue(): Promise<boolean> {
    const { mesh, client, clock } = this.#options;
    const wanted = current(mesh);
    if (wanted === null) return false;
    const noted = this.#watch === null || this.#noted === null ? await this.#read() : this.#noted;
    if (deepEqual(wanted, noted)) return false;
    const waitMs = this.#notedAt + PODS_NOTED_MS - clock.now();
    if (waitMs > 0 && deepEqual(withoutPods(wanted), withoutPods(noted))) {
      this.#noteLater(waitMs);
      return false;
    }
    this.#see(await write(client, noted, wanted));
    this.#notedAt = clock.now();
    return true;
  }

  async #read(): Promise<DataPlaneRevisions> {
    const { client } = this.#options;
    const { items, resourceVersion } = await client.list(resources.configMaps, WHICH);
    const data = dataOf(items[0] ?? null);
    this.#noted = data;
    this.#revision = Number(resourceVersion);
    this.#watch?.stop();
    if (this.#isStopped) return data;
    this.#watch = client.watch(
      resources.configMaps,
      { ...WHICH, resourceVersion },
      { onEvent: (event) => this.#onEvent(event), onEnd: () => this.#onWatchEnd() },
    );
    return data;
  }

  /** Events of our own writes may come before or after their answers. */
  #see(object: KubeObject, data = dataOf(object)): void {
    const revision = Number(object.metadata.resourceVersion ?? 0);
    if (revision <= this.#revision) return;
    this.#noted = data;
    this.#revision = revision;
  }

  /**
   * Somebody else's edit, or deletion, would stand until the mesh's next change, and a release may be waiting for what it
   * says. Set right after a moment, so that a second writer makes no endless duel (INV-39).
   */
  #onEvent({ type, object }: WatchEvent): void {
    if (type === "BOOKMARK") return;
    this.#see(object, type === "DELETED" ? {} : undefined);
    const wanted = current(this.#options.mesh);
    if (wanted !== null && !deepEqual(wanted, this.#noted)) this.#noteLater(PODS_NOTED_MS);
  }

  #onWatchEnd(): void {
    this.#watch = null;
    this.#noteLater(REREAD_MS);
  }

  #noteLater(milliseconds: number): void {
    this.#cancelLater ??= this.#options.clock.schedule(milliseconds, () => {
      this.#cancelLater = null;
      void this.#note();
    });
  }
}

function current(mesh: NoteOptions["mesh"]): DataPlaneRevisions | null {
  const acknowledgement = mesh.acknowledged();
  if (acknowledgement === null) return null;
  const { kinds, gateways } = acknowledgement;
  const entries = NOTED.flatMap((kind) => (kinds[kind] === undefined ? [] : [[kind, kinds[kind]] as const]));
  const ports = Object.keys(gateways).length === 0 ? {} : { [GATEWAY_PORTS]: JSON.stringify(gateways) };
  return { ...Object.fromEntries(entries), ...ports };
}

function withoutPods(revisions: DataPlaneRevisions): DataPlaneRevisions {
  return Object.fromEntries(Object.entries(revisions).filter(([kind]) => !PODS.includes(kind)));
}

function dataOf(object: KubeObject | null): DataPlaneRevisions {
  return (object?.["data"] ?? {}) as DataPlaneRevisions;
}

/** A kind that is told no more goes, so that nobody trusts its last word. */
async function write(client: KubeClient, from: DataPlaneRevisions, to: DataPlaneRevisions): Promise<KubeObject> {
  const patch = { kind: "merge" as const, body: { data: diffMergePatch(from, to) } };
  try {
    return await client.patch(resources.configMaps, DATA_PLANE_KEY, patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data: to };
    return await client.create(resources.configMaps, object);
  }
}
