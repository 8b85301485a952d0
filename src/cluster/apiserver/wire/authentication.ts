import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { failure } from "../../../kube/errors.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export const ANONYMOUS: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** The bootstrap administrator (K8S-176). */
const ADMIN: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Who a bearer token belongs to; null when it is not known. */
export type TokenAuthenticator = (token: string) => User | null;

/** Knows one token. Compares digests in constant time, so that answers tell nothing about the token. */
export function adminTokenAuthenticator(adminToken: string): TokenAuthenticator {
  const expected = digest(adminToken);
  return (token) => (timingSafeEqual(digest(token), expected) ? ADMIN : null);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/**
 * Who sends the request (K8S-175): a client certificate of our CA (CN the user, O the groups), a bearer token, or
 * nobody. A token that is not known is refused, never taken for anonymous (K8S-98).
 */
export function authenticate(request: IncomingMessage, tokens: TokenAuthenticator): User {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const token = /^bearer\s+(\S+)\s*$/i.exec(header)?.[1];
    const user = token === undefined ? null : tokens(token);
    if (!user) throw unauthorized();
    return user;
  }
  return certificateUser(request) ?? ANONYMOUS;
}

function unauthorized() {
  return failure(401, "Unauthorized", "Unauthorized");
}

/** Undefined when the client has gone already. */
function socketOf(request: IncomingMessage): TLSSocket | undefined {
  const { stream } = request as { stream?: { session?: { socket: TLSSocket } } };
  return stream?.session?.socket ?? (request.socket as TLSSocket | undefined);
}

function certificateUser(request: IncomingMessage): User | null {
  const socket = socketOf(request);
  if (!socket?.authorized) return null;
  const subject = socket.getPeerCertificate()?.subject as { CN?: string; O?: string | string[] } | undefined;
  if (!subject?.CN) return null;
  const groups = subject.O === undefined ? [] : [subject.O].flat();
  return { name: subject.CN, groups: [...groups, "system:authenticated"] };
}
