import type { KubeObject } from "../../api/meta.ts";
import { deepCopy } from "../../base/json.ts";
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
} from "../../kube/client.ts";
import { type ApiError, isApiError } from "../../kube/errors.ts";
import { keyOf, type ObjectKey, type ResourceType } from "../../kube/resource.ts";
import type { ApiServer } from "./api-server.ts";
import type { ApiRequest } from "./request.ts";
import { internal } from "./statuses.ts";

/** A client in the API server's own process: the same requests and refusals as over HTTP, without bytes between. */
export function createLocalClient(server: ApiServer, options: { readonly userAgent: string }): KubeClient {
  return new LocalClient(server, options.userAgent);
}

class LocalClient implements KubeClient {
  readonly #server: ApiServer;
  readonly #userAgent: string;

  constructor(server: ApiServer, userAgent: string) {
    this.#server = server;
    this.#userAgent = userAgent;
  }

  async get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T> {
    return (await this.#send({ verb: "get", type, key })) as T;
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ListResult<T>> {
    const key = { namespace: options.namespace ?? "", name: "" };
    const list = await this.#send({ verb: "list", type, key, query: selectorQuery(options) });
    return { items: list["items"] as T[], resourceVersion: list.metadata.resourceVersion ?? "" };
  }

  async create<T extends KubeObject>(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<T> {
    const key = { namespace: object.metadata.namespace ?? "", name: "" };
    return (await this.#send({ verb: "create", type, key, body: object, query: writeQuery(options) })) as T;
  }

  async update<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject,
    options: SubresourceOptions = {},
  ): Promise<T> {
    const { subresource = "" } = options;
    // A binding or eviction is made, everything else is replaced.
    const verb = subresource === "binding" || subresource === "eviction" ? "create" : "update";
    const key = keyOf(object);
    return (await this.#send({ verb, type, key, subresource, body: object, query: writeQuery(options) })) as T;
  }

  async patch<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    patch: Patch,
    options: SubresourceOptions = {},
  ): Promise<T> {
    const { subresource = "" } = options;
    const { kind: patchType, body } = patch;
    const query = writeQuery(options);
    return (await this.#send({ verb: "patch", type, key, subresource, patchType, body, query })) as T;
  }

  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    await this.#send({ verb: "delete", type, key, body: options });
  }

  watch(type: ResourceType, options: WatchOptions, handler: WatchHandler): WatchHandle {
    const query = selectorQuery(options);
    query.set("resourceVersion", options.resourceVersion);
    const delivery = new Delivery(handler);
    const { group, version, plural } = type;
    const request = { group, version, plural, namespace: options.namespace ?? "", query };
    try {
      delivery.source = this.#server.watch(
        request,
        { onEvent: (event) => delivery.event(event), onEnd: (error) => delivery.end(error) },
        { isTimed: false },
      );
    } catch (error) {
      delivery.end(isApiError(error) ? error : internal(String(error)));
    }
    return delivery;
  }

  async #send(call: {
    readonly verb: ApiRequest["verb"];
    readonly type: ResourceType;
    readonly key: ObjectKey;
    readonly subresource?: string;
    readonly patchType?: ApiRequest["patchType"];
    readonly body?: object;
    readonly query?: URLSearchParams;
  }): Promise<KubeObject> {
    const { verb, type, key, subresource = "", patchType = null, body, query = new URLSearchParams() } = call;
    const { group, version, plural } = type;
    const result = await this.#server.handle({
      verb,
      group,
      version,
      plural,
      ...key,
      subresource,
      patchType,
      query,
      // The pipeline takes a body over; the caller's object may be shared and frozen.
      body: deepCopy(body),
      duplicateFields: [],
      userAgent: this.#userAgent,
    });
    return result.object;
  }
}

/**
 * Holds back what comes before `watch` has returned: over HTTP nothing can come that early either, and a handler may
 * well use the handle that it is about to get.
 */
class Delivery implements WatchHandle {
  readonly #handler: WatchHandler;
  #early: (() => void)[] | null = [];
  #isOver = false;
  source: WatchHandle | null = null;

  constructor(handler: WatchHandler) {
    this.#handler = handler;
    queueMicrotask(() => this.#release());
  }

  event(event: WatchEvent): void {
    this.#deliver(() => this.#handler.onEvent(event));
  }

  end(error: ApiError | null): void {
    this.#deliver(() => {
      this.#isOver = true;
      this.#handler.onEnd(error);
    });
  }

  stop(): void {
    this.#isOver = true;
    this.source?.stop();
  }

  #deliver(call: () => void): void {
    if (this.#isOver) return;
    if (this.#early) this.#early.push(call);
    else call();
  }

  #release(): void {
    // New events that a handler causes while it reads the early ones queue up behind them.
    for (let call = this.#early?.shift(); call && !this.#isOver; call = this.#early?.shift()) call();
    this.#early = null;
  }
}

function selectorQuery({ labelSelector, fieldSelector }: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (labelSelector) query.set("labelSelector", labelSelector);
  if (fieldSelector) query.set("fieldSelector", fieldSelector);
  return query;
}

function writeQuery({ fieldManager, dryRun }: WriteOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (fieldManager) query.set("fieldManager", fieldManager);
  if (dryRun) query.set("dryRun", "All");
  return query;
}
