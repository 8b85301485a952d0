import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { createHttpClient } from "../kube/http-client.ts";
import { loadKubeconfig } from "../kube/kubeconfig.ts";
import { startMesh } from "../mesh/mesh.ts";
import { createLogger } from "./log.ts";
import type { MeshMessage, MeshSettings } from "./mesh-process.ts";

/** The mesh's own process: started by `mesh-process.ts`, lives no longer than the process that started it. */
const settings = JSON.parse(process.argv[2] ?? "{}") as MeshSettings;
const logger = createLogger("mesh", 2, settings.logLevel);
const tell = (message: MeshMessage) => process.connected && process.send?.(message);

const client = createHttpClient(loadKubeconfig(settings.kubeconfig), { userAgent: "fairway-mesh" });
const mesh = await startMesh({
  client,
  clock: systemClock,
  random: systemRandom,
  logger,
  adminPort: settings.adminPort,
  proxyPort: settings.proxyPort,
  gateway: { ports: settings.gatewayPorts },
  tracing: settings.tracing,
  onRevision: (acknowledgement) => tell({ acknowledgement }),
});
tell({ ready: { adminPort: mesh.adminPort } });

async function stop(): Promise<void> {
  await mesh.stop();
  await client.close();
  process.exit(0);
}

process.once("SIGTERM", () => void stop());
// The terminal sends Ctrl-C to the whole group; the main process decides when the mesh may go.
process.on("SIGINT", () => {});
process.once("disconnect", () => void stop());
