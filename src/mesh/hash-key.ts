import type { Socket } from "node:net";
import { type HashPolicy, hashKey, newCookie } from "../routing/consistent-hash.ts";
import { peerOf } from "./record.ts";
import type { RequestFacts } from "./request.ts";

/** What the balancer places the request by (MESH-182), and the cookie that the client gets with its answer. */
export interface RequestKey {
  /** Null: the request has none. */
  readonly key: string | null;
  readonly setCookie: string | null;
}

/** `path` as it is sent on; `socket` is the client's. The same request gets the same key at every attempt. */
export function requestKey(
  policy: HashPolicy,
  { facts, path, socket }: { facts: RequestFacts; path: string; socket: Socket },
): RequestKey {
  const peer = peerOf(socket);
  const key = hashKey(policy, { header: (name) => facts.header(name), path, peer });
  if (key !== null) return { key, setCookie: null };
  const connection = `${peer}:${socket.remotePort} ${socket.localAddress}:${socket.localPort}`;
  const cookie = newCookie(policy, connection);
  return { key: cookie?.value ?? null, setCookie: cookie?.line ?? null };
}
