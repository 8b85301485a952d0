import type { KubeObject } from "../../api/meta.ts";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { deepCopy } from "../../base/json.ts";
import { type Logger, silentLogger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { AdmissionPlugin, Converter } from "../../kube/admission.ts";
import type { WatchHandle } from "../../kube/client.ts";
import { failure, isApiError } from "../../kube/errors.ts";
import { applyJsonPatch, applyMergePatch } from "../../kube/patch.ts";
import { resources } from "../../kube/resource.ts";
import { applyStrategicMergePatch } from "../../kube/strategic-merge.ts";
import type { RevisionLog } from "../store/revision-log.ts";
import { Store, type Transaction } from "../store/store.ts";
import type { UsageSource } from "../usage.ts";
import { builtinConverters } from "./builtin/index.ts";
import type { ServerContext, WriteContext } from "./context.ts";
import { CrdLifecycle } from "./crd.ts";
import { deleteCollection, deleteObject } from "./delete.ts";
import { evictPod } from "./eviction.ts";
import { fieldOwnership } from "./lazy-apply.ts";
import { parseWriteOptions } from "./query.ts";
import { getObject, listObjects } from "./read.ts";
import { Registry, type ServedKind, toServed } from "./registry.ts";
import type { ApiHandler, ApiRequest, ApiResult, ServerWatchHandler, WatchRequest } from "./request.ts";
import type { ResourceDefinition } from "./resource.ts";
import { answerReview, isReview } from "./reviews.ts";
import { parseAddressRange } from "./service-allocation.ts";
import { internal, methodNotAllowed, unknownResource, unsupportedPatch } from "./statuses.ts";
import { bindPod, finalizeNamespace, toScale, updateScale } from "./subresources.ts";
import { answerUsage, isMeasured } from "./usage.ts";
import { ServerWatch, type WatchLimits } from "./watch.ts";
import { createObject, updateObject } from "./write.ts";

/** What a resource pack brings; `packs/` has more in its values, which the server does not need. */
export interface ServerPack {
  readonly crds: readonly KubeObject[];
  readonly converters: Readonly<Record<string, Converter>>;
  readonly admission: readonly AdmissionPlugin[];
}

export interface ApiServerOptions {
  readonly log: RevisionLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly builtins: readonly ResourceDefinition[];
  readonly packs?: readonly ServerPack[];
  /** IPv4 network of cluster addresses; default 127.96.0.0/16, which every Linux process can listen on (K8S-241). */
  readonly serviceRange?: string;
  readonly logger?: Logger;
  /** What answers metrics.k8s.io, where that group is among the built-in kinds; asked anew for each request. */
  usage?(): UsageSource | null;
}

const DEFAULT_SERVICE_RANGE = "127.96.0.0/16";

/** K8S-200. */
const FIRST_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"];

/**
 * The API server without a wire: requests in, objects out. The HTTP server and the in-process client both call this,
 * so built-in and custom kinds, people and controllers all go through the same pipeline.
 *
 *   handle ─▶ read.ts                          get, list
 *          ─▶ store.transact ─▶ write.ts       create, update, patch, /status
 *                            ─▶ apply/         server-side apply, and whose a field is
 *                            ─▶ delete.ts      delete, deletecollection
 *                            ─▶ subresources   /scale, /binding, /finalize
 *                            ─▶ eviction.ts    /eviction
 *   watch  ─▶ watch.ts
 */
export class ApiServer implements ApiHandler {
  readonly #context: ServerContext;
  readonly #crds: CrdLifecycle;
  readonly #watches = new Set<ServerWatch>();
  readonly #usage: () => UsageSource | null;

  constructor(options: ApiServerOptions) {
    this.#usage = () => options.usage?.() ?? null;
    const { log, clock, random, builtins, packs = [], logger = silentLogger } = options;
    const converters: Record<string, Converter> = { ...builtinConverters };
    for (const pack of packs) Object.assign(converters, pack.converters);
    const packCrds = new Map(packs.flatMap(({ crds }) => crds.map((crd) => [crd.metadata.name, crd] as const)));
    this.#context = {
      store: new Store({ log, clock, logger }),
      registry: new Registry(builtins, converters, [...packCrds.keys()]),
      clock,
      random,
      logger,
      converters,
      admission: packs.flatMap((pack) => pack.admission),
      serviceRange: parseAddressRange(options.serviceRange ?? DEFAULT_SERVICE_RANGE),
      packCrds,
    };
    this.#crds = new CrdLifecycle(this.#context, {
      writeContext: (transaction, kind) => this.#internalContext(transaction, kind),
      onChanged: (name) => this.#endWatches((watch) => watch.kind.table === name),
    });
  }

  /** Loads what is stored, then adds what every cluster has and what the packs bring. */
  async start(): Promise<void> {
    const { store } = this.#context;
    store.load();
    store.onCommit((event) => this.#crds.onCommit(event));
    this.#crds.resume();
    for (const name of FIRST_NAMESPACES) {
      if (!store.get("namespaces", "", name)) await this.#write("create", resources.namespaces, { metadata: { name } });
    }
    for (const crd of this.#context.packCrds.values()) await this.#install(crd);
  }

  /** Ends all watches in order and closes the log. Writes that were not answered yet fail. */
  stop(): void {
    this.#endWatches(() => true);
    this.#context.store.close();
  }

  definition(group: string, version: string, plural: string): ResourceDefinition | null {
    return this.#context.registry.lookup({ group, version, plural })?.definition ?? null;
  }

  definitions(): readonly ResourceDefinition[] {
    return this.#context.registry.definitions;
  }

  currentRevision(): number {
    return this.#context.store.revision;
  }

  discoveryRevision(): number {
    return this.#context.registry.revision;
  }

  async handle(request: ApiRequest): Promise<ApiResult> {
    try {
      const kind = this.#requireKind(request);
      requireOffered(kind.definition, request);
      if (isReview(kind.definition)) return answerReview(kind.definition, request.body);
      if (isMeasured(kind.definition)) {
        return await answerUsage(kind.definition, request, { usage: this.#usage(), clock: this.#context.clock });
      }
      if (request.verb === "get") return this.#get(kind, request);
      if (request.verb === "list") return await listObjects(this.#context, kind, request);
      if (request.verb === "create" && this.#crds.isTerminating(kind.table)) {
        throw failure(405, "MethodNotAllowed", "create not allowed while CustomResourceDefinition is terminating");
      }
      return await this.#context.store.transact((transaction) =>
        performWrite(this.#writeContext(transaction, kind, request)),
      );
    } catch (error) {
      if (isApiError(error)) throw error;
      const { verb, plural, namespace, name } = request;
      this.#context.logger.error({ verb, plural, namespace, name, error: String(error) }, "a request failed");
      throw internal(error instanceof Error ? error.message : String(error));
    }
  }

  watch(
    request: WatchRequest,
    handler: ServerWatchHandler,
    limits: WatchLimits = { isTimed: true },
  ): { readonly definition: ResourceDefinition } & WatchHandle {
    const kind = this.#requireKind(request);
    if (!kind.definition.verbs.includes("watch")) throw methodNotAllowed();
    let isOver = false;
    let running: ServerWatch | null = null;
    const onStop = () => {
      isOver = true;
      if (running) this.#watches.delete(running);
    };
    running = new ServerWatch(this.#context, kind, { request, handler, limits, onStop });
    if (!isOver) this.#watches.add(running);
    return { definition: kind.definition, stop: () => running.stop() };
  }

  #get(kind: ServedKind, request: ApiRequest): ApiResult {
    const result = getObject(this.#context, kind, request);
    const { scale } = kind.definition;
    if (request.subresource === "" || request.subresource === "status") return result;
    if (request.subresource === "scale" && scale) {
      return { ...result, object: toScale(result.object, scale), definition: null };
    }
    throw methodNotAllowed();
  }

  #requireKind(type: { group: string; version: string; plural: string }): ServedKind {
    const kind = this.#context.registry.lookup(type);
    if (!kind) throw unknownResource();
    return kind;
  }

  #writeContext(transaction: Transaction, kind: ServedKind, request: ApiRequest): WriteContext {
    const isDelete = request.verb === "delete" || request.verb === "deletecollection";
    const dryRun = isDelete ? false : parseWriteOptions(request).dryRun;
    return { ...this.#context, transaction, kind, request, dryRun, warnings: [] };
  }

  #internalContext(transaction: Transaction, kind: ServedKind): WriteContext {
    return this.#writeContext(transaction, kind, internalRequest("delete", kind.definition.type));
  }

  #endWatches(isMeant: (watch: ServerWatch) => boolean): void {
    for (const watch of [...this.#watches]) if (isMeant(watch)) watch.end();
  }

  async #write(verb: "create" | "update", type: TypePath, body: Record<string, unknown>, name = ""): Promise<void> {
    await this.handle({ ...internalRequest(verb, type), name, body });
  }

  /** A pack's CRD replaces the stored one of the same name, so that an upgrade brings new fields. */
  async #install(crd: KubeObject): Promise<void> {
    const type = resources.customResourceDefinitions;
    const kind = this.#context.registry.lookup(type);
    assert(kind, "a pack's CRDs need CustomResourceDefinition among the built-in kinds");
    const { name } = crd.metadata;
    const stored = this.#context.store.get(kind.table, "", name);
    if (!stored) return this.#write("create", type, deepCopy(crd));
    const body = { ...deepCopy(crd), metadata: deepCopy(toServed(kind, stored).metadata) };
    return this.#write("update", type, body as unknown as Record<string, unknown>, name);
  }
}

type TypePath = Pick<ResourceDefinition["type"], "group" | "version" | "plural">;

function internalRequest(verb: ApiRequest["verb"], { group, version, plural }: TypePath): ApiRequest {
  return {
    verb,
    group,
    version,
    plural,
    namespace: "",
    name: "",
    subresource: "",
    query: new URLSearchParams(),
    body: undefined,
    duplicateFields: [],
    patchType: null,
    userAgent: "fairway",
  };
}

/** K8S-71, K8S-89, K8S-104: what the kind does not offer, whichever way the request came. */
function requireOffered(definition: ResourceDefinition, request: ApiRequest): void {
  const { verb, subresource, namespace, name } = request;
  const { type } = definition;
  if (!type.namespaced && namespace !== "") throw unknownResource();
  if (type.namespaced && namespace === "" && name !== "") throw unknownResource();
  if (subresource !== "") {
    const isKnown =
      (subresource === "status" && definition.hasStatus) ||
      (subresource === "scale" && definition.scale !== null) ||
      definition.subresources.includes(subresource);
    if (!isKnown) throw unknownResource();
    return;
  }
  if (!definition.verbs.includes(verb)) throw methodNotAllowed();
  if (type.namespaced && namespace === "" && (verb === "create" || verb === "deletecollection")) {
    throw methodNotAllowed();
  }
}

function performWrite(context: WriteContext): ApiResult {
  const { request } = context;
  switch (request.verb) {
    case "create":
      return request.subresource === "" ? createObject(context, request.body) : createSubresource(context);
    case "update":
      return change(context, () => request.body);
    case "patch":
      if (request.patchType === "apply") return apply(context);
      return change(context, (current) => applyPatch(context, current));
    case "delete":
      if (request.subresource !== "") throw methodNotAllowed();
      return deleteObject(context);
    case "deletecollection":
      return deleteCollection(context);
    default:
      throw methodNotAllowed();
  }
}

function change(context: WriteContext, bodyOf: (current: KubeObject) => unknown): ApiResult {
  switch (context.request.subresource) {
    case "":
    case "status":
      return updateObject(context, bodyOf);
    case "scale":
      return updateScale(context, bodyOf);
    case "finalize":
      return finalizeNamespace(context, bodyOf);
    default:
      throw methodNotAllowed();
  }
}

function apply(context: WriteContext): ApiResult {
  switch (context.request.subresource) {
    case "":
    case "status":
      return fieldOwnership().applyObject(context);
    case "scale":
      return fieldOwnership().applyScale(context);
    default:
      throw methodNotAllowed();
  }
}

function createSubresource(context: WriteContext): ApiResult {
  switch (context.request.subresource) {
    case "binding":
      return bindPod(context);
    case "eviction":
      return evictPod(context);
    default:
      throw methodNotAllowed();
  }
}

function applyPatch({ kind, request }: WriteContext, current: KubeObject): unknown {
  const { isCustom } = kind.definition;
  switch (request.patchType) {
    case "merge":
      return applyMergePatch(current, request.body);
    case "json":
      return applyJsonPatch(current, request.body);
    case "strategic":
      if (isCustom) throw unsupportedPatch(isCustom);
      return deepCopy(applyStrategicMergePatch(current, request.body));
    default:
      throw unsupportedPatch(isCustom);
  }
}
