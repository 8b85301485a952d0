import type { KubeObject } from "../api/meta.ts";
import type {
  DeleteOptions,
  KubeClient,
  ListOptions,
  ListResult,
  Patch,
  SubresourceOptions,
  WatchHandle,
  WatchHandler,
  WatchOptions,
  WriteOptions,
} from "./client.ts";
import { isApiError } from "./errors.ts";
import { keyOf, type ObjectKey, type ResourceType } from "./resource.ts";

/** One request that was answered. */
export interface CountedRequest {
  readonly verb: "Get" | "List" | "Watch" | "Create" | "Update" | "Patch" | "Delete";
  readonly type: ResourceType;
  readonly namespace: string;
  /** "" where a request names no object. */
  readonly name: string;
  /** HTTP status; 0 when there was no answer. */
  readonly code: number;
  /** Who writes; "" for reads and deletes. */
  readonly fieldManager: string;
}

/** The same client, with each answered request told to `count`. */
export function countingClient(client: KubeClient, count: (request: CountedRequest) => void): KubeClient {
  return new CountingClient(client, count);
}

class CountingClient implements KubeClient {
  readonly #client: KubeClient;
  readonly #count: (request: CountedRequest) => void;

  constructor(client: KubeClient, count: (request: CountedRequest) => void) {
    this.#client = client;
    this.#count = count;
  }

  get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T> {
    return this.#counted({ verb: "Get", type, ...key, fieldManager: "" }, () => this.#client.get<T>(type, key));
  }

  list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<ListResult<T>> {
    const { namespace = "" } = options;
    return this.#counted({ verb: "List", type, namespace, name: "", fieldManager: "" }, () =>
      this.#client.list<T>(type, options),
    );
  }

  create<T extends KubeObject>(type: ResourceType, object: KubeObject, options: WriteOptions = {}): Promise<T> {
    const { fieldManager = "" } = options;
    return this.#counted({ verb: "Create", type, ...keyOf(object), fieldManager }, () =>
      this.#client.create<T>(type, object, options),
    );
  }

  update<T extends KubeObject>(type: ResourceType, object: KubeObject, options: SubresourceOptions = {}): Promise<T> {
    const { fieldManager = "" } = options;
    return this.#counted({ verb: "Update", type, ...keyOf(object), fieldManager }, () =>
      this.#client.update<T>(type, object, options),
    );
  }

  patch<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    patch: Patch,
    options: SubresourceOptions = {},
  ): Promise<T> {
    const { fieldManager = "" } = options;
    return this.#counted({ verb: "Patch", type, ...key, fieldManager }, () =>
      this.#client.patch<T>(type, key, patch, options),
    );
  }

  delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    return this.#counted({ verb: "Delete", type, ...key, fieldManager: "" }, () =>
      this.#client.delete(type, key, options),
    );
  }

  watch(type: ResourceType, options: WatchOptions, handler: WatchHandler): WatchHandle {
    this.#count({ verb: "Watch", type, namespace: options.namespace ?? "", name: "", code: 200, fieldManager: "" });
    return this.#client.watch(type, options, handler);
  }

  async #counted<T>(request: Omit<CountedRequest, "code">, send: () => Promise<T>): Promise<T> {
    try {
      const answer = await send();
      this.#count({ ...request, code: request.verb === "Create" ? 201 : 200 });
      return answer;
    } catch (error) {
      this.#count({ ...request, code: isApiError(error) ? error.code : 0 });
      throw error;
    }
  }
}
