import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createHttpClient } from "../../kube/http-client.ts";
import { loadKubeconfig } from "../../kube/kubeconfig.ts";
import type { Session } from "./command.ts";

export interface ConnectionFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Finds the cluster as kubectl does: the flag, else the first file of $KUBECONFIG that exists, else ~/.kube/config. */
export function connect(flags: ConnectionFlags, env: Readonly<Record<string, string | undefined>>): Session {
  const candidates = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  const fallback = join(env["HOME"] ?? "", ".kube", "config");
  const path = flags.kubeconfig ?? candidates.find(existsSync) ?? candidates[0] ?? fallback;
  const access = loadKubeconfig(path, flags.context === undefined ? {} : { context: flags.context });
  const client = createHttpClient(access, { userAgent: "kubectl-kruise/fairway" });
  return { client, namespace: flags.namespace ?? access.namespace, close: () => client.close() };
}
