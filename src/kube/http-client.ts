/**
 * `KubeClient` over HTTP/1.1: any API server, embedded or real. It keeps connections open, adds no cache and no
 * retry; what to do after a failure is the caller's decision.
 */
import { Agent, type Dispatcher } from "undici";
import type { KubeObject, Status } from "../api/meta.ts";
import { isRecord } from "../base/json.ts";
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListResult,
  Patch,
  SubresourceOptions,
  WatchEvent,
  WatchHandle,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
import { ApiError, failure } from "./errors.ts";
import type { ClusterAccess } from "./kubeconfig.ts";
import { apiVersionOf, type ObjectKey, type ResourceType } from "./resource.ts";

export interface HttpClientOptions {
  /** `name/version`: the server takes the name as the default field manager. */
  readonly userAgent?: string;
  /** Whom a request is for, when that is not who sends it (Kubernetes' impersonation). */
  readonly impersonate?: Impersonation;
  /** How long one request may take; default: a minute. */
  readonly requestTimeoutMs?: number;
}

export interface Impersonation {
  readonly user?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
}

export interface HttpClient extends KubeClient {
  /** Any other path, such as `/version`. The answer is JSON. */
  getPath(path: string): Promise<unknown>;
  /** Ends all watches without a word and closes the connections. */
  close(): Promise<void>;
}

/** A request that has no answer by then fails; watches are exempt once their headers are here. */
const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 60_000;

export function createHttpClient(access: ClusterAccess, options: HttpClientOptions = {}): HttpClient {
  return new UndiciClient(access, options);
}

const PATCH_TYPES: Readonly<Record<Patch["kind"], string>> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};

type Query = Readonly<Record<string, string | undefined>>;

interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
}

class UndiciClient implements HttpClient {
  readonly #agent: Agent;
  readonly #origin: string;
  /** A server may live below a path, as behind a proxy. */
  readonly #prefix: string;
  readonly #headers: Record<string, string | string[]>;
  readonly #watches = new Set<WatchHandle>();

  constructor(
    access: ClusterAccess,
    { userAgent = "fairway", impersonate = {}, requestTimeoutMs = HEADERS_TIMEOUT_MS }: HttpClientOptions,
  ) {
    const url = new URL(access.server);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/$/, "");
    this.#headers = { accept: "application/json", "user-agent": userAgent, ...impersonationHeaders(impersonate) };
    if (access.token !== null) this.#headers["authorization"] = `Bearer ${access.token}`;
    this.#agent = new Agent({
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      allowH2: false,
      connect: {
        ...(access.caPem === null ? {} : { ca: access.caPem }),
        ...(access.clientCertificatePem === null ? {} : { cert: access.clientCertificatePem }),
        ...(access.clientKeyPem === null ? {} : { key: access.clientKeyPem }),
        ...(access.tlsServerName === null ? {} : { servername: access.tlsServerName }),
        rejectUnauthorized: !access.insecureSkipTlsVerify,
      },
    });
  }

  get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T> {
    return this.#call<T>({ method: "GET", path: objectPath(type, key) });
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ListResult<T>> {
    const path = collectionPath(type, options.namespace);
    const list = await this.#call<KubeList<T>>({ method: "GET", path, query: selectors(options) });
    const identity = { apiVersion: apiVersionOf(type), kind: type.kind };
    // Items of a list may leave out what the list says of them all (K8S-3).
    const items = list.items.map((item) => (item.kind ? item : { ...identity, ...item }));
    return { items, resourceVersion: list.metadata.resourceVersion ?? "" };
  }

  create<T extends KubeObject>(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(type, type.namespaced ? object.metadata.namespace : undefined);
    return this.#call<T>({ method: "POST", path, query: writeQuery(options), body: object });
  }

  update<T extends KubeObject>(type: ResourceType, object: KubeObject, options: SubresourceOptions = {}): Promise<T> {
    const { namespace = "", name } = object.metadata;
    const path = objectPath(type, { namespace, name }, options.subresource);
    // A binding or eviction is created below its pod, everything else is replaced (K8S-104).
    const isMade = options.subresource === "binding" || options.subresource === "eviction";
    const method = isMade ? "POST" : "PUT";
    return this.#call<T>({ method, path, query: writeQuery(options), body: object });
  }

  patch<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    patch: Patch,
    options: SubresourceOptions = {},
  ): Promise<T> {
    return this.#call<T>({
      method: "PATCH",
      path: objectPath(type, key, options.subresource),
      query: writeQuery(options),
      body: patch.body,
      contentType: PATCH_TYPES[patch.kind],
    });
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", ...options };
    await this.#call({ method: "DELETE", path: objectPath(type, key), body });
  }

  watch(type: ResourceType, options: WatchOptions, handler: WatchHandler): WatchHandle {
    const abort = new AbortController();
    const handle: WatchHandle = {
      stop: () => {
        this.#watches.delete(handle);
        abort.abort();
      },
    };
    this.#watches.add(handle);
    const { resourceVersion } = options;
    const query = { ...selectors(options), watch: "true", allowWatchBookmarks: "true", resourceVersion };
    const request = this.#request(
      { method: "GET", path: collectionPath(type, options.namespace), query },
      abort.signal,
    );
    void runWatch(request, handler, abort.signal).then((error) => {
      this.#watches.delete(handle);
      if (!abort.signal.aborted) handler.onEnd(error);
    });
    return handle;
  }

  getPath(path: string): Promise<unknown> {
    return this.#call({ method: "GET", path });
  }

  async close(): Promise<void> {
    for (const watch of [...this.#watches]) watch.stop();
    await this.#agent.destroy();
  }

  async #call<T>(call: Call): Promise<T> {
    const { statusCode, body } = await this.#request(call, null);
    const text = await body.text().catch((cause: Error) => {
      throw unreachable(this.#origin, cause);
    });
    if (statusCode >= 400) throw refusal(statusCode, text);
    return parseAnswer(text) as T;
  }

  async #request(call: Call, signal: AbortSignal | null): Promise<Dispatcher.ResponseData> {
    const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body), "utf8");
    const headers: Record<string, string | string[]> = { ...this.#headers };
    if (body) {
      headers["content-type"] = call.contentType ?? "application/json";
      // Said by hand: not every HTTP library counts the body of a DELETE by itself.
      headers["content-length"] = String(body.length);
    }
    try {
      return await this.#agent.request({
        origin: this.#origin,
        path: `${this.#prefix}${call.path}${renderQuery(call.query)}`,
        method: call.method,
        headers,
        body,
        // A quiet watch is a healthy one.
        ...(signal ? { signal, bodyTimeout: 0 } : {}),
      });
    } catch (cause) {
      throw unreachable(this.#origin, cause as Error);
    }
  }
}

function impersonationHeaders({ user, uid, groups = [] }: Impersonation): Record<string, string | string[]> {
  return {
    ...(user === undefined ? {} : { "impersonate-user": user }),
    ...(uid === undefined ? {} : { "impersonate-uid": uid }),
    ...(groups.length === 0 ? {} : { "impersonate-group": [...groups] }),
  };
}

interface KubeList<T> {
  readonly metadata: { readonly resourceVersion?: string };
  readonly items: readonly T[];
}

function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${type.plural}`;
}

function objectPath(type: ResourceType, { namespace, name }: ObjectKey, subresource?: string): string {
  const path = `${collectionPath(type, namespace)}/${encodeURIComponent(name)}`;
  return subresource ? `${path}/${subresource}` : path;
}

function selectors({ labelSelector, fieldSelector }: ListOptions): Query {
  return { labelSelector, fieldSelector };
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): Query {
  return { fieldManager, dryRun: dryRun ? "All" : undefined };
}

function renderQuery(query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** 503, so that callers who back off from an overloaded server do the same here. */
function unreachable(origin: string, cause: Error): ApiError {
  const { status } = failure(503, "ServiceUnavailable", `cannot reach ${origin}: ${cause.message || cause.name}`);
  return new ApiError(status, { cause });
}

function refusal(code: number, text: string): ApiError {
  const status = tryParse(text);
  if (isRecord(status) && status["kind"] === "Status") return new ApiError({ ...status, code } as unknown as Status);
  // A server knows a path only with its kind, and says so in plain text; kubectl puts it in these words.
  if (code === 404) return failure(404, "NotFound", "the server could not find the requested resource");
  const { status: made } = failure(code, "", text.trim() || `the server answered with status ${code}`);
  return new ApiError(made);
}

function parseAnswer(text: string): unknown {
  const value = tryParse(text);
  if (value === undefined) throw failure(502, "", "the server's answer is not JSON");
  return value;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why the watch is over; null when the server ended it in order. */
async function runWatch(
  request: Promise<Dispatcher.ResponseData>,
  handler: WatchHandler,
  signal: AbortSignal,
): Promise<ApiError | null> {
  try {
    const { statusCode, body } = await request;
    if (statusCode >= 400) return refusal(statusCode, await body.text());
    return await readEvents(body, handler, signal);
  } catch (error) {
    return error instanceof ApiError ? error : unreachable("the server of the watch", error as Error);
  }
}

async function readEvents(
  body: AsyncIterable<Buffer>,
  handler: WatchHandler,
  signal: AbortSignal,
): Promise<ApiError | null> {
  for await (const line of splitLines(body)) {
    if (signal.aborted) return null;
    const event = parseAnswer(line) as WatchEvent | { type: "ERROR"; object: unknown };
    if (event.type === "ERROR") return new ApiError(event.object as Status);
    handler.onEvent(event);
    if (signal.aborted) return null;
  }
  return null;
}

const NEWLINE = 0x0a;

/** Lines of a byte stream. A line may come in pieces and a piece may hold many lines; a character is never cut. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      pieces.push(chunk.subarray(start, end));
      const line = Buffer.concat(pieces).toString("utf8");
      pieces = [];
      start = end + 1;
      if (line.trim() !== "") yield line;
    }
    if (start < chunk.length) pieces.push(chunk.subarray(start));
  }
}
