import type { KubeObject } from "../api/meta.ts";
import { deepEqual } from "../base/json.ts";
import type { Logger } from "../base/log.ts";
import type { KubeClient } from "../kube/client.ts";
import { isNotFound } from "../kube/errors.ts";
import { qualifiedPlural, resources } from "../kube/resource.ts";
import { DATA_PLANE_KEY, type DataPlaneRevisions } from "../traffic/data-plane.ts";
import type { MeshProcess } from "./mesh-process.ts";

/**
 * Only what reconcilers wait for. Pods and endpoints change with every restart; noting each would be a write a change
 * for nobody.
 */
const NOTED = [resources.gateways, resources.virtualServices, resources.destinationRules].map(qualifiedPlural);

/** Keeps the ConfigMap of `traffic/data-plane.ts` equal to what the mesh acknowledges. */
export function noteDataPlane(mesh: MeshProcess, client: KubeClient, logger: Logger): () => void {
  let noted: DataPlaneRevisions = {};
  let isWriting = false;

  async function note(): Promise<void> {
    if (isWriting) return;
    isWriting = true;
    try {
      for (let wanted = current(mesh); wanted && !deepEqual(wanted, noted); wanted = current(mesh)) {
        await write(client, wanted);
        noted = wanted;
      }
    } catch (error) {
      logger.warn({ error: String(error) }, "cannot note what the mesh runs; tried again at its next change");
    } finally {
      isWriting = false;
    }
  }

  const stop = mesh.onAcknowledgement(() => void note());
  void note();
  return stop;
}

function current(mesh: MeshProcess): DataPlaneRevisions | null {
  const acknowledgement = mesh.acknowledged();
  if (acknowledgement === null) return null;
  return Object.fromEntries(NOTED.map((kind) => [kind, acknowledgement.kinds[kind] ?? "0"]));
}

async function write(client: KubeClient, data: DataPlaneRevisions): Promise<void> {
  const patch = { kind: "merge" as const, body: { data } };
  try {
    await client.patch(resources.configMaps, DATA_PLANE_KEY, patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const object: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...DATA_PLANE_KEY }, data };
    await client.create(resources.configMaps, object);
  }
}
