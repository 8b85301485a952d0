import { createServer, type Server } from "node:net";
import { StartError } from "./data-directory.ts";

/**
 * Pods have addresses of their own from 127.64.0.0/11 (K8S-277; 127.96.0.0/16 is the service range). Several clusters
 * may run on one machine (a demo beside `fairway up`, tests), so each claims a block of 4,096 addresses by listening on
 * a port of the block's first address for as long as it lives. The claim ends with the process, however that ends.
 */
export interface AddressBlock {
  /** For example `127.64.16.0/20`. */
  readonly range: string;
  release(): void;
}

const BLOCKS = 32 * 16;
const CLAIM_PORT = 15000;

function blockAddress(index: number): string {
  return `127.${64 + Math.floor(index / 16)}.${(index % 16) * 16}`;
}

/** `preferred` is the block used last time by the same cluster, so that restarted pods keep their addresses. */
export async function claimAddressBlock(preferred: number): Promise<AddressBlock> {
  for (let attempt = 0; attempt < BLOCKS; attempt++) {
    const index = (preferred + attempt) % BLOCKS;
    const server = await listen(`${blockAddress(index)}.1`);
    if (server) return { range: `${blockAddress(index)}.0/20`, release: () => server.close() };
  }
  throw new StartError(`cannot claim addresses for pods: all ${BLOCKS} blocks of 127.64.0.0/11 are in use`);
}

function listen(host: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(new StartError(`cannot use loopback address ${host} for pods: ${error.message}`, { cause: error }));
    });
    server.listen({ host, port: CLAIM_PORT, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}
