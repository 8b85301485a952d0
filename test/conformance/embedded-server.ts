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
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/** An API server alone, without controllers and node, over HTTPS on a free port. */
export async function startEmbeddedServer(directory: string): Promise<EmbeddedServer> {
  const api = new ApiServer({
    log: new MemoryLog(),
    clock: systemClock,
    random: systemRandom,
    builtins: builtinDefinitions,
  });
  await api.start();
  const credentials = await loadOrCreateCredentials({ directory: `${directory}/pki`, clock: systemClock });
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
    kubeconfig: renderKubeconfig({ server: server.url, caPem: credentials.caPem, token: credentials.adminToken }),
    async stop() {
      await server.stop();
      api.stop();
    },
  };
}
