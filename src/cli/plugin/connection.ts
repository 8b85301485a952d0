import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createHttpClient } from "../../kube/http-client.ts";
import { type ClusterAccess, loadKubeconfig } from "../../kube/kubeconfig.ts";
import { CommandError, type Session } from "./command.ts";
import { readText } from "./files.ts";

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly token?: string;
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
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
  const access = loadKubeconfig(path, flags.context === undefined ? {} : { context: flags.context });
  const client = createHttpClient(override(access, flags), { userAgent });
  return { client, namespace: flags.namespace ?? access.namespace, close: () => client.close() };
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
