import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { isRecord } from "../base/json.ts";

/** How to reach one API server, as one context of a kubeconfig says it. */
export interface ClusterAccess {
  /** `https://127.0.0.1:6443`, without a slash at the end. */
  readonly server: string;
  /** PEM; null: the system's authorities. */
  readonly caPem: string | null;
  readonly insecureSkipTlsVerify: boolean;
  /** The name that the server's certificate must have, when it is not the host of `server`. */
  readonly tlsServerName: string | null;
  readonly token: string | null;
  readonly clientCertificatePem: string | null;
  readonly clientKeyPem: string | null;
  /** The context's name and its namespace (`default` when it names none). */
  readonly context: string;
  readonly namespace: string;
}

/** The kubeconfig cannot be used; the message says which file and member, and what would be right. */
export class KubeconfigError extends Error {
  override readonly name = "KubeconfigError";
}

export interface KubeconfigOptions {
  /** Default: the file's current context. */
  readonly context?: string;
  /** Default: those of the context. */
  readonly cluster?: string;
  readonly user?: string;
}

/** Reads a kubeconfig file, at once: it is small and read at start. Relative paths in it are relative to its folder. */
export function loadKubeconfig(path: string, options: KubeconfigOptions = {}): ClusterAccess {
  const text = readFileOf(path, "kubeconfig", path);
  return parseKubeconfig(text, { ...options, path });
}

/** Reads the text of a kubeconfig; `path` names it in errors and is where relative paths start. */
export function parseKubeconfig(
  text: string,
  { context: asked, path = "kubeconfig", ...wanted }: KubeconfigOptions & { readonly path?: string } = {},
): ClusterAccess {
  const config = readYaml(text, path);
  const context = asked ?? textOf(config["current-context"]) ?? "";
  if (context === "") throw new KubeconfigError(`${path}: no current-context is set; name a context`);
  const contextEntry = findEntry(config, { list: "contexts", member: "context", name: context, path });
  const clusterName = wanted.cluster ?? textOf(contextEntry["cluster"]) ?? "";
  const cluster = findEntry(config, { list: "clusters", member: "cluster", name: clusterName, path });
  const userName = wanted.user ?? textOf(contextEntry["user"]) ?? "";
  const user = userName === "" ? {} : findEntry(config, { list: "users", member: "user", name: userName, path });
  refuseUnsupportedUser(user, userName, path);
  const material = (entry: Entry, member: string) => readMaterial(entry, member, path);
  return {
    server: readServer(cluster, clusterName, path),
    caPem: material(cluster, "certificate-authority"),
    insecureSkipTlsVerify: cluster["insecure-skip-tls-verify"] === true,
    tlsServerName: textOf(cluster["tls-server-name"]),
    token: readToken(user, path),
    clientCertificatePem: material(user, "client-certificate"),
    clientKeyPem: material(user, "client-key"),
    context,
    namespace: textOf(contextEntry["namespace"]) ?? "default",
  };
}

type Entry = Record<string, unknown>;

function readYaml(text: string, path: string): Entry {
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    throw new KubeconfigError(`${path} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (!isRecord(value)) throw new KubeconfigError(`${path} is not a kubeconfig: it must be a YAML object`);
  return value;
}

interface Wanted {
  readonly list: string;
  readonly member: string;
  readonly name: string;
  readonly path: string;
}

function findEntry(config: Entry, { list, member, name, path }: Wanted): Entry {
  const entries = Array.isArray(config[list]) ? (config[list] as unknown[]).filter(isRecord) : [];
  const found = entries.find((entry) => entry["name"] === name)?.[member];
  if (isRecord(found)) return found;
  const names = entries.map((entry) => `"${entry["name"]}"`).join(", ") || "none";
  throw new KubeconfigError(`${path}: there is no ${member} "${name}"; ${list}: ${names}`);
}

function readServer(cluster: Entry, name: string, path: string): string {
  const server = textOf(cluster["server"]) ?? "";
  if (!/^https?:\/\//.test(server)) {
    throw new KubeconfigError(`${path}: cluster "${name}" needs a server that is an http or https URL: "${server}"`);
  }
  return server.replace(/\/+$/, "");
}

/** Programs and old provider plugins that make credentials: running them is not our business. */
const UNSUPPORTED_MEMBERS = ["exec", "auth-provider", "username"] as const;

function refuseUnsupportedUser(user: Entry, name: string, path: string): void {
  const member = UNSUPPORTED_MEMBERS.find((candidate) => user[candidate] !== undefined);
  if (!member) return;
  throw new KubeconfigError(
    `${path}: user "${name}" signs in by "${member}", which is not supported; use a token or a client certificate`,
  );
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** PEM given in the file as base64 (`<member>-data`), or in a file of its own. */
function readMaterial(entry: Entry, member: string, path: string): string | null {
  const data = textOf(entry[`${member}-data`]);
  if (data !== null) return Buffer.from(data, "base64").toString("utf8");
  const file = textOf(entry[member]);
  return file === null ? null : readFileOf(resolve(dirname(path), file), member, path);
}

function readToken(user: Entry, path: string): string | null {
  const token = textOf(user["token"]);
  if (token !== null) return token;
  const file = textOf(user["tokenFile"]);
  return file === null ? null : readFileOf(resolve(dirname(path), file), "tokenFile", path).trim();
}

function readFileOf(file: string, what: string, path: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const where = file === path ? "" : `${path}: `;
    throw new KubeconfigError(`${where}cannot read the ${what} ${file}: ${(cause as Error).message}`, { cause });
  }
}
