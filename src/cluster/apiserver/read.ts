import type { KubeObject } from "../../api/meta.ts";
import { isRecord } from "../../base/json.ts";
import { type ApiError, failure } from "../../kube/errors.ts";
import { apiVersionOf } from "../../kube/resource.ts";
import { RevisionError } from "../store/store.ts";
import type { ServerContext } from "./context.ts";
import { parseCount, parseRevision } from "./query.ts";
import { type ServedKind, toServed } from "./registry.ts";
import type { ApiRequest, ApiResult } from "./request.ts";
import { parseSelection } from "./selection.ts";
import { badRequest, invalidOptions, notFound } from "./statuses.ts";

export function getObject({ store }: ServerContext, kind: ServedKind, request: ApiRequest): ApiResult {
  const stored = store.get(kind.table, request.namespace, request.name);
  if (!stored) throw notFound(kind.definition.type, request.name);
  return { code: 200, object: toServed(kind, stored), definition: kind.definition, warnings: [] };
}

/** Section 6, K8S-121 and K8S-122. */
export async function listObjects(context: ServerContext, kind: ServedKind, request: ApiRequest): Promise<ApiResult> {
  const { definition } = kind;
  const { query } = request;
  const selection = parseSelection(definition, query);
  const limit = parseCount(query, "limit") ?? 0;
  const position = startOf(context, query);
  await waitForRevision(context, position.notOlderThan);

  const namespace = request.namespace === "" ? null : request.namespace;
  const revision = position.exact ?? context.store.revision;
  const stored = objectsAt(context, kind, namespace, position);
  const rest = position.after === null ? stored : stored.slice(firstAfter(stored, position.after));
  const items: KubeObject[] = [];
  let index = 0;
  // A list that any state satisfies is served whole, as from the original's watch cache.
  const pageSize = limit > 0 && !position.isAnyState ? limit : Number.POSITIVE_INFINITY;
  for (; index < rest.length && items.length < pageSize; index++) {
    const object = toServed(kind, rest[index]!);
    if (selection.matches(object)) items.push(object);
  }
  const metadata: Record<string, unknown> = { resourceVersion: String(revision) };
  if (index < rest.length) {
    metadata["continue"] = encodeContinue({ revision, start: `${sortKey(rest[index - 1]!)}\0` });
    if (selection.isEverything) metadata["remainingItemCount"] = rest.length - index;
  }
  const list = { kind: definition.listKind, apiVersion: apiVersionOf(definition.type), metadata, items };
  return { code: 200, object: list as unknown as KubeObject, definition, warnings: [] };
}

interface Position {
  /** The one revision to show; null: the present. */
  readonly exact: number | null;
  readonly notOlderThan: number;
  /** Sort key (and a little more) of the last item of the page before. */
  readonly after: string | null;
  readonly isAnyState: boolean;
}

function startOf({ store }: ServerContext, query: URLSearchParams): Position {
  const revision = parseRevision(query);
  const match = query.get("resourceVersionMatch") ?? "";
  const token = query.get("continue") ?? "";
  if (query.has("sendInitialEvents")) {
    throw invalidOptions("ListOptions", "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list");
  }
  if (token !== "") {
    if (revision !== null && revision !== 0) {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const { revision: exact, start } = decodeContinue(token);
    // -1 goes on in the present: what a client gets with an expired token (K8S-97).
    if (exact < 0) return { exact: null, notOlderThan: 0, after: start, isAnyState: false };
    if (exact < store.oldestRevision) throw expiredContinue(start);
    return { exact, notOlderThan: 0, after: start, isAnyState: false };
  }
  if (match !== "" && revision === null)
    throw forbiddenMatch("resourceVersionMatch is forbidden unless resourceVersion is provided");
  switch (match) {
    case "":
    case "NotOlderThan":
      return { exact: null, notOlderThan: revision ?? 0, after: null, isAnyState: revision === 0 };
    case "Exact":
      if (revision === 0) throw forbiddenMatch('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
      return { exact: revision, notOlderThan: revision ?? 0, after: null, isAnyState: false };
    default:
      throw invalidOptions(
        "ListOptions",
        "resourceVersionMatch",
        `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`,
      );
  }
}

function forbiddenMatch(detail: string): ApiError {
  return invalidOptions("ListOptions", "resourceVersionMatch", `Forbidden: ${detail}`);
}

function objectsAt(
  { store }: ServerContext,
  kind: ServedKind,
  namespace: string | null,
  { exact }: Position,
): readonly KubeObject[] {
  if (exact === null) return store.list(kind.table, namespace);
  try {
    return store.listAt(kind.table, namespace, exact);
  } catch (error) {
    if (!(error instanceof RevisionError)) throw error;
    throw failure(410, "Expired", "The resourceVersion for the provided list is too old.");
  }
}

function sortKey({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

function firstAfter(sorted: readonly KubeObject[], start: string): number {
  // Names hold neither "/" nor "\0", so the last name read is everything before the "\0".
  const [namespace, name] = splitKey(start.replace(/\0$/, ""));
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { metadata } = sorted[middle]!;
    const itsNamespace = metadata.namespace ?? "";
    const isAfter = itsNamespace === namespace ? metadata.name > name : itsNamespace > namespace;
    if (isAfter) high = middle;
    else low = middle + 1;
  }
  return low;
}

function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf("/");
  return slash < 0 ? ["", key] : [key.slice(0, slash), key.slice(slash + 1)];
}

/** The original's token format, so that tools that look into it find what they expect. */
function encodeContinue({ revision, start }: { revision: number; start: string }): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start })).toString("base64url");
}

function decodeContinue(token: string): { revision: number; start: string } {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (isRecord(value) && value["v"] === "meta.k8s.io/v1") {
      const { rv, start } = value;
      if (Number.isInteger(rv) && typeof start === "string") return { revision: rv as number, start };
    }
  } catch {
    // Falls through: whatever it was, it is no token of ours.
  }
  throw badRequest("continue key is not valid: unexpected format");
}

/** The Status itself carries a token with which the client can go on in the present. */
function expiredContinue(start: string): ApiError {
  const error = failure(
    410,
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  error.status.metadata["continue"] = encodeContinue({ revision: -1, start });
  return error;
}

/** K8S-96. */
const FUTURE_REVISION_WAIT_MS = 3000;

async function waitForRevision({ store, clock }: ServerContext, revision: number): Promise<void> {
  if (revision <= store.revision) return;
  const isReached = await new Promise<boolean>((resolve) => {
    const stopWaiting = store.whenReached(revision, () => {
      cancel();
      resolve(true);
    });
    const cancel = clock.schedule(FUTURE_REVISION_WAIT_MS, () => {
      stopWaiting();
      resolve(false);
    });
  });
  if (isReached) return;
  throw failure(504, "Timeout", `Timeout: Too large resource version: ${revision}, current: ${store.revision}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  });
}
