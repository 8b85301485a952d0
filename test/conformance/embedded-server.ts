import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { ApiServer } from "../../src/cluster/apiserver/api-server.ts";
import { builtinDefinitions } from "../../src/cluster/apiserver/builtin/index.ts";
import { adminTokenAuthenticator } from "../../src/cluster/apiserver/wire/authentication.ts";
import { loadOrCreateCredentials, renderKubeconfig } from "../../src/cluster/apiserver/wire/certificates.ts";
import { startHttpServer } from "../../src/cluster/apiserver/wire/http-server.ts";
import { MemoryLog } from "../../src/cluster/store/memory-log.ts";

export interface EmbeddedServer {
  readonly api: ApiServer;
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/**
 * An API server in memory, without controllers and node. It has been restarted once, so that there are revisions which
 * it no longer keeps.
 */
export async function startApiServer(): Promise<ApiServer> {
  const log = new MemoryLog();
  const open = () => new ApiServer({ log, clock: systemClock, random: systemRandom, builtins: builtinDefinitions });
  const first = open();
  await first.start();
  first.stop();
  const api = open();
  await api.start();
  return api;
}

/** The same over HTTPS on a free port; keys and certificates go into `directory`. */
export async function startEmbeddedServer(directory: string): Promise<EmbeddedServer> {
  const api = await startApiServer();
  const credentials = await loadOrCreateCredentials({ directory, clock: systemClock });
  const server = await startHttpServer({
    api,
    certificates: credentials,
    tokens: adminTokenAuthenticator(credentials.adminToken),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    port: 0,
  });
  return {
    api,
    kubeconfig: renderKubeconfig({ server: server.url, caPem: credentials.caPem, token: credentials.adminToken }),
    async stop() {
      await server.stop();
      api.stop();
    },
  };
}
