import type { KubeObject } from "../api/meta.ts";
import type { Cancel, Clock } from "../base/clock.ts";
import { deepEqual } from "../base/json.ts";
import type { Logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
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
  #notedAt = Number.NEGATIVE_INFINITY;
  #isWriting = false;
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
    this.#stopListening();
    this.#cancelLater?.();
    this.#cancelLater = null;
  }

  async #note(): Promise<void> {
    if (this.#isWriting) return;
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
    this.#noted ??= await read(client);
    if (deepEqual(wanted, this.#noted)) return false;
    const waitMs = this.#notedAt + PODS_NOTED_MS - clock.now();
    if (waitMs > 0 && deepEqual(withoutPods(wanted), withoutPods(this.#noted))) {
      this.#noteLater(waitMs);
      return false;
    }
    await write(client, this.#noted, wanted);
    this.#noted = wanted;
    this.#notedAt = clock.now();
    return true;
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

async function read(client: KubeClient): Promise<DataPlaneRevisions> {
  try {
    const object = await client.get(resources.configMaps, DATA_PLANE_KEY);
    return (object["data"] ?? {}) as DataPlaneRevisions;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return {};
  }
}

/** A kind that is told no more goes, so that nobody trusts its last word. */
async function write(client: KubeClient, from: DataPlaneRevisions, to: DataPlaneRevisions): Promise<void> {
  const patch = { kind: "merge" as const, body: { data: diffMergePatch(from, to) } };
  try {
    await client.patch(resources.configMaps, DATA_PLANE_KEY, patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data: to };
    await client.create(resources.configMaps, object);
  }
}
