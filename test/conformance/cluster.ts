/**
 * The API server under test: an embedded one in this process, or with `FAIRWAY_CONFORMANCE_KUBECONFIG` a real one.
 * Checks see it only through HTTP and through `kubectl`, so that the same file judges both.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type Dispatcher } from "undici";
import { systemClock } from "../../src/base/clock.ts";
import { type ClusterAccess, loadKubeconfig } from "../../src/kube/kubeconfig.ts";
import { startEmbeddedServer } from "./embedded-server.ts";

/** A JSON value that a check looks into. */
// biome-ignore lint/suspicious/noExplicitAny: the checks read answers of every shape
export type Loose = any;

export interface Reply {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Null when the text is not JSON. */
  readonly json: Loose;
}

export interface HttpOptions {
  readonly method?: Dispatcher.HttpMethod;
  /** Sent as JSON unless it is text. */
  readonly body?: unknown;
  /** Content-Type; null sends none. Default JSON where there is a body. */
  readonly type?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null: no credentials. */
  readonly token?: string | null;
}

export interface KubectlResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface KubectlOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: an exit code other than 0 fails the check. */
  readonly mayFail?: boolean;
}

export interface WatchLine {
  readonly type: string;
  readonly object: Loose;
}

/** A watch over HTTP, read line by line. */
export interface OpenWatch {
  readonly code: number;
  readonly headers: Reply["headers"];
  /** Null at the end of the stream. Throws when nothing comes for a while. */
  next(): Promise<WatchLine | null>;
  close(): void;
}

export interface Cluster {
  http(path: string, options?: HttpOptions): Promise<Reply>;
  watch(path: string, headers?: Readonly<Record<string, string>>): Promise<OpenWatch>;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  stop(): Promise<void>;
}

/** An event that is due comes at once; this only keeps a failing check from hanging. */
const EVENT_TIMEOUT_MS = 5_000;
const KUBECTL_TIMEOUT_MS = 20_000;

export async function openCluster(): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), "fairway-conformance-"));
  const given = process.env["FAIRWAY_CONFORMANCE_KUBECONFIG"];
  const embedded = given ? null : await startEmbeddedServer(directory);
  const kubeconfig = given ?? join(directory, "kubeconfig");
  if (embedded) await writeFile(kubeconfig, embedded.kubeconfig, { mode: 0o600 });
  const access = loadKubeconfig(kubeconfig);
  const agent = createAgent(access);
  return {
    http: (path, options = {}) => sendHttp(agent, access, path, options),
    watch: (path, headers = {}) => openWatch(agent, access, path, headers),
    kubectl: (args, options = {}) => runKubectl(kubeconfig, directory, args, options),
    async stop() {
      await agent.destroy();
      await embedded?.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function createAgent(access: ClusterAccess): Agent {
  return new Agent({
    connect: {
      ...(access.caPem === null ? {} : { ca: access.caPem }),
      ...(access.clientCertificatePem === null ? {} : { cert: access.clientCertificatePem }),
      ...(access.clientKeyPem === null ? {} : { key: access.clientKeyPem }),
      rejectUnauthorized: !access.insecureSkipTlsVerify,
    },
  });
}

function credentialsOf(access: ClusterAccess, token: string | null | undefined): Record<string, string> {
  const bearer = token === undefined ? access.token : token;
  return bearer === null ? {} : { authorization: `Bearer ${bearer}` };
}

async function sendHttp(agent: Agent, access: ClusterAccess, path: string, options: HttpOptions): Promise<Reply> {
  const { method = "GET", body, type, headers = {}, token } = options;
  const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  const contentType = type === undefined ? "application/json" : type;
  const response = await agent.request({
    origin: access.server,
    path,
    method,
    headers: {
      ...credentialsOf(access, token),
      ...(text === null || contentType === null ? {} : { "content-type": contentType }),
      ...(text === null ? {} : { "content-length": String(Buffer.byteLength(text)) }),
      ...headers,
    },
    body: text,
  });
  const answer = await response.body.text();
  return { code: response.statusCode, headers: response.headers, text: answer, json: parseJson(answer) };
}

function parseJson(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function openWatch(
  agent: Agent,
  access: ClusterAccess,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<OpenWatch> {
  const response = await agent.request({
    origin: access.server,
    path,
    method: "GET",
    headers: { ...credentialsOf(access, undefined), ...headers },
    bodyTimeout: 0,
  });
  const chunks = response.body[Symbol.asyncIterator]();
  let rest = "";
  return {
    code: response.statusCode,
    headers: response.headers,
    async next() {
      while (!rest.includes("\n")) {
        const chunk = await withTimeout(chunks.next(), EVENT_TIMEOUT_MS, `no event on ${path}`);
        if (chunk.done) return null;
        rest += String(chunk.value);
      }
      const end = rest.indexOf("\n");
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return JSON.parse(line);
    },
    close: () => void response.body.destroy(),
  };
}

export function withTimeout<T>(promise: Promise<T>, timeoutMs: number, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = systemClock.schedule(timeoutMs, () => reject(new Error(message)));
    promise.then(resolve, reject).finally(cancel);
  });
}

async function runKubectl(
  kubeconfig: string,
  directory: string,
  args: readonly string[],
  { input, env = {}, mayFail = false }: KubectlOptions,
): Promise<KubectlResult> {
  const child = spawn("kubectl", ["--cache-dir", join(directory, "cache"), ...args], {
    env: { ...process.env, HOME: directory, KUBECONFIG: kubeconfig, ...env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: KUBECTL_TIMEOUT_MS,
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const [code, out, err] = await Promise.all([
    new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve(status ?? -1));
    }),
    readAll(child.stdout),
    readAll(child.stderr),
  ]);
  if (code !== 0 && !mayFail) throw new Error(`kubectl ${args.join(" ")} exited with ${code}\n${out}${err}`);
  return { code, out, err };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
