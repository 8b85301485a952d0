import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createHttpClient, type Impersonation } from "../../kube/http-client.ts";
import { type ClusterAccess, loadKubeconfig } from "../../kube/kubeconfig.ts";
import { CommandError, type Session } from "./command.ts";
import { readText } from "./files.ts";

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly token?: string;
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly as?: string;
  readonly asUid?: string;
  readonly asGroup?: readonly string[];
  /** Milliseconds. */
  readonly requestTimeout?: number;
}

export interface ConnectionOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `name/version`: the default field manager. */
  readonly userAgent: string;
}

/** Finds the cluster as kubectl does: the flag, else the first file of $KUBECONFIG that exists, else ~/.kube/config. */
export function connect(flags: ConnectionFlags, { env, userAgent }: ConnectionOptions): Session {
  const candidates = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  const fallback = join(env["HOME"] ?? "", ".kube", "config");
  const path = flags.kubeconfig ?? candidates.find(existsSync) ?? candidates[0] ?? fallback;
  const { context, cluster, user, requestTimeout: requestTimeoutMs } = flags;
  const access = loadKubeconfig(path, {
    ...(context === undefined ? {} : { context }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(user === undefined ? {} : { user }),
  });
  const client = createHttpClient(override(access, flags), {
    userAgent,
    impersonate: impersonationOf(flags),
    // 0: no limit but the client's own.
    ...(requestTimeoutMs ? { requestTimeoutMs } : {}),
  });
  return { client, namespace: flags.namespace ?? access.namespace, close: () => client.close() };
}

function impersonationOf({ as: user, asUid: uid, asGroup: groups = [] }: ConnectionFlags): Impersonation {
  if (user === undefined && (uid !== undefined || groups.length > 0)) {
    throw new CommandError("requesting uid, groups or user-extra for a user without impersonating a user");
  }
  return { groups, ...(user === undefined ? {} : { user }), ...(uid === undefined ? {} : { uid }) };
}

/** Flags go over what the kubeconfig says. */
function override(access: ClusterAccess, flags: ConnectionFlags): ClusterAccess {
  const pem = (file: string | undefined, from: string | null) => (file === undefined ? from : readText(file));
  const server = flags.server ?? access.server;
  if (!/^https?:\/\//.test(server)) throw new CommandError(`--server must be an http or https URL: "${server}"`);
  return {
    ...access,
    server: server.replace(/\/+$/, ""),
    token: flags.token ?? access.token,
    caPem: pem(flags.certificateAuthority, access.caPem),
    clientCertificatePem: pem(flags.clientCertificate, access.clientCertificatePem),
    clientKeyPem: pem(flags.clientKey, access.clientKeyPem),
    tlsServerName: flags.tlsServerName ?? access.tlsServerName,
    insecureSkipTlsVerify: flags.insecureSkipTlsVerify ?? access.insecureSkipTlsVerify,
  };
}
