import type { KubeObject } from "../../api/meta.ts";
import type { Cancel } from "../../base/clock.ts";
import { deepFreeze } from "../../base/json.ts";
import { randomInt } from "../../base/random.ts";
import { failure } from "../../kube/errors.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import { RevisionError, type StoreEvent, type StoreWatch } from "../store/store.ts";
import type { ServerContext } from "./context.ts";
import { isTrue, parseCount, parseRevision } from "./query.ts";
import { type ServedKind, toServed } from "./registry.ts";
import type { ServerWatchEvent, ServerWatchHandler, WatchRequest } from "./request.ts";
import { parseSelection, type Selection } from "./selection.ts";
import { invalidOptions } from "./statuses.ts";

/** K8S-126. */
const BOOKMARK_PERIOD_MS = 60_000;
const BOOKMARK_BEFORE_END_MS = 2000;
const DEFAULT_LIMIT_MS_MIN = 30 * 60_000;
const DEFAULT_LIMIT_MS_SPREAD = 30 * 60_000;

interface WatchPlan {
  readonly selection: Selection;
  /** Null: from the present. */
  readonly after: number | null;
  /** Synthetic ADDED events of all current objects come first. */
  readonly hasInitialEvents: boolean;
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly limitMs: number | null;
}

export interface WatchLimits {
  /** False for readers inside the process: they need no end to notice a dead connection. */
  readonly isTimed: boolean;
}

/** One running watch (section 6). Initial events and those of the past are delivered before the constructor's caller goes on. */
export class ServerWatch {
  readonly kind: ServedKind;
  readonly #context: ServerContext;
  readonly #handler: ServerWatchHandler;
  readonly #plan: WatchPlan;
  readonly #onStop: () => void;
  #source: StoreWatch | null = null;
  #timers = new Map<"limit" | "bookmark" | "last bookmark", Cancel>();
  #isOver = false;

  constructor(
    context: ServerContext,
    kind: ServedKind,
    options: { request: WatchRequest; handler: ServerWatchHandler; limits: WatchLimits; onStop: () => void },
  ) {
    this.kind = kind;
    this.#context = context;
    this.#handler = options.handler;
    this.#onStop = options.onStop;
    this.#plan = planWatch(context, kind, options.request.query, options.limits);
    this.#open(options.request.namespace === "" ? null : options.request.namespace);
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#source?.stop();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#onStop();
  }

  /** Ends the stream in order: the client watches again from the last revision it saw. */
  end(): void {
    if (this.#isOver) return;
    this.stop();
    this.#handler.onEnd(null);
  }

  #open(namespace: string | null): void {
    const { store } = this.#context;
    const after = this.#plan.after ?? store.revision;
    if (this.#plan.hasInitialEvents) this.#sendInitialEvents(namespace);
    if (this.#isOver) return;
    try {
      this.#source = store.watch(this.kind.table, { namespace, after }, (event) => this.#deliver(event));
    } catch (error) {
      if (!(error instanceof RevisionError)) throw error;
      this.stop();
      this.#handler.onEnd(failure(410, "Expired", `too old resource version: ${after} (${error.oldest})`));
      return;
    }
    // A handler may stop in the middle of the events of the past.
    if (this.#isOver) this.#source.stop();
    else this.#startTimers();
  }

  #sendInitialEvents(namespace: string | null): void {
    const { store } = this.#context;
    const { revision } = store;
    for (const stored of store.list(this.kind.table, namespace)) {
      const object = toServed(this.kind, stored);
      if (this.#isOver) return;
      if (this.#plan.selection.matches(object)) this.#handler.onEvent({ type: "ADDED", object });
    }
    if (this.#plan.marksInitialEnd) this.#handler.onEvent(bookmark(this.kind, revision, true));
  }

  #deliver(event: StoreEvent): void {
    if (this.#isOver) return;
    const served = selectEvent(this.kind, this.#plan.selection, event);
    if (served) this.#handler.onEvent(served);
  }

  #startTimers(): void {
    const { bookmarks, limitMs } = this.#plan;
    if (bookmarks) this.#scheduleBookmark();
    if (limitMs === null) return;
    this.#schedule("limit", limitMs, () => this.end());
    if (bookmarks && limitMs > BOOKMARK_BEFORE_END_MS) {
      this.#schedule("last bookmark", limitMs - BOOKMARK_BEFORE_END_MS, () => this.#sendBookmark());
    }
  }

  #scheduleBookmark(): void {
    this.#schedule("bookmark", BOOKMARK_PERIOD_MS, () => {
      this.#sendBookmark();
      this.#scheduleBookmark();
    });
  }

  /** Events are delivered within the commit, so whoever reads the revision has had every event up to it. */
  #sendBookmark(): void {
    if (!this.#isOver) this.#handler.onEvent(bookmark(this.kind, this.#context.store.revision, false));
  }

  #schedule(name: "limit" | "bookmark" | "last bookmark", delayMs: number, wake: () => void): void {
    if (!this.#isOver) this.#timers.set(name, this.#context.clock.schedule(delayMs, wake));
  }
}

function planWatch(
  { random }: ServerContext,
  kind: ServedKind,
  query: URLSearchParams,
  { isTimed }: WatchLimits,
): WatchPlan {
  const revision = parseRevision(query);
  const match = query.get("resourceVersionMatch") ?? "";
  const asksInitial = query.has("sendInitialEvents");
  const wantsInitial = isTrue(query, "sendInitialEvents");
  if (asksInitial && match !== "NotOlderThan") {
    const detail = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    throw invalidOptions("ListOptions", "resourceVersionMatch", detail);
  }
  if (!asksInitial && match !== "") {
    const detail = "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
    throw invalidOptions("ListOptions", "resourceVersionMatch", detail);
  }
  const bookmarks = isTrue(query, "allowWatchBookmarks");
  const isFromPresent = revision === null || revision === 0;
  const hasInitialEvents = asksInitial ? wantsInitial : isFromPresent;
  const timeoutSeconds = parseCount(query, "timeoutSeconds") ?? 0;
  return {
    selection: parseSelection(kind.definition, query),
    // Initial events show the present, whatever older revision they were asked for.
    after: isFromPresent || hasInitialEvents ? null : revision,
    hasInitialEvents,
    // K8S-128: RV=0 with bookmarks is marked too, although nobody asked for it.
    marksInitialEnd: bookmarks && hasInitialEvents && (asksInitial || revision === 0),
    bookmarks,
    limitMs: limitOf(timeoutSeconds, isTimed, () => randomInt(random, DEFAULT_LIMIT_MS_SPREAD)),
  };
}

function limitOf(timeoutSeconds: number, isTimed: boolean, spread: () => number): number | null {
  if (timeoutSeconds > 0) return timeoutSeconds * 1000;
  return isTimed ? DEFAULT_LIMIT_MS_MIN + spread() : null;
}

function bookmark({ definition }: ServedKind, revision: number, endsInitialEvents: boolean): ServerWatchEvent {
  const metadata: Record<string, unknown> = { resourceVersion: String(revision) };
  if (endsInitialEvents) metadata["annotations"] = { "k8s.io/initial-events-end": "true" };
  const object = { kind: definition.type.kind, apiVersion: apiVersionOf(definition.type), metadata };
  return { type: "BOOKMARK", object: object as unknown as KubeObject };
}

/** K8S-125: what one committed write is to a reader of a selection; null when it is nothing. */
function selectEvent(kind: ServedKind, selection: Selection, event: StoreEvent): ServerWatchEvent | null {
  const object = toServed(kind, event.object);
  if (event.deleted) {
    const old = toServed(kind, event.old ?? event.object);
    return selection.matches(old) ? { type: "DELETED", object } : null;
  }
  if (selection.isEverything) return { type: event.old ? "MODIFIED" : "ADDED", object };
  const isIn = selection.matches(object);
  const wasIn = event.old !== null && selection.matches(toServed(kind, event.old));
  if (isIn) return { type: wasIn ? "MODIFIED" : "ADDED", object };
  return wasIn ? { type: "DELETED", object: leaving(kind, event) } : null;
}

/** The old state under the new revision, made once for all readers whose selection the object left. */
const leavingViews = new WeakMap<StoreEvent, Map<ServedKind, KubeObject>>();

function leaving(kind: ServedKind, event: StoreEvent): KubeObject {
  let views = leavingViews.get(event);
  if (!views) {
    views = new Map();
    leavingViews.set(event, views);
  }
  let view = views.get(kind);
  if (!view) {
    const old = toServed(kind, event.old!);
    const { resourceVersion } = event.object.metadata;
    view = deepFreeze({ ...old, metadata: { ...old.metadata, ...(resourceVersion ? { resourceVersion } : {}) } });
    views.set(kind, view);
  }
  return view;
}
