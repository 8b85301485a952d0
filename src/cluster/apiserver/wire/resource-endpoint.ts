import type { Clock } from "../../../base/clock.ts";
import { failure } from "../../../kube/errors.ts";
import type { ApiHandler, ApiRequest, ApiResult } from "../request.ts";
import type { ResourceDefinition } from "../resource.ts";
import type { User } from "./authentication.ts";
import { authorizeResource } from "./authorization.ts";
import { type DecodedBody, decodeObject, decodeOptionalObject, decodePatch, patchTypeOf, readBody } from "./body.ts";
import { answerLog } from "./log-endpoint.ts";
import type { LogSource } from "./logs.ts";
import { negotiate, type Representation } from "./negotiation.ts";
import { type Exchange, sendText, sendValue } from "./responses.ts";
import { type IncludeObject, renderMetadataOnly, renderTable } from "./table.ts";
import type { ResourceRoute } from "./url.ts";
import { answerWatch, type EndStream } from "./watch-endpoint.ts";

export interface ResourceEndpointOptions {
  readonly api: ApiHandler;
  readonly clock: Clock;
  readonly logSource: LogSource | null;
  /** Long answers, so that a stopping server can end them in order. */
  readonly streams: Set<EndStream>;
}

type Verb = ApiRequest["verb"] | "watch";

/** Subresources that a later version will serve; until then discovery hides them and the answer says so by name. */
const MISSING_FEATURES: ReadonlySet<string> = new Set([
  "exec",
  "attach",
  "portforward",
  "proxy",
  "token",
  "ephemeralcontainers",
  "resize",
]);

/** One request for an object or a collection, from the URL to the bytes of the answer. */
export async function answerResource(
  exchange: Exchange,
  route: ResourceRoute,
  user: User,
  options: ResourceEndpointOptions,
): Promise<void> {
  const verb = verbOf(exchange, route);
  authorizeResource(user, verb ?? String(exchange.request.method).toLowerCase(), route);
  const { api } = options;
  const definition = api.definition(route.group, route.version, route.plural);
  if (!definition) return answerUnknown(exchange, route, api);
  if (verb === null) throw methodNotAllowed();
  requireSensible(route, verb, definition);
  if (verb === "watch") return startWatch(exchange, route, definition, options);
  if (route.plural === "pods" && route.subresource === "log" && verb === "get") {
    return answerPodLog(exchange, route, options);
  }

  const representation = negotiate(exchange.request.headers.accept);
  const request = await readRequest(exchange, route, verb, definition);
  const result = await api.handle(request);
  const value = renderResult(result, representation, exchange.query, options.clock);
  await sendValue(exchange, {
    code: result.code,
    value,
    encoding: representation.encoding,
    warnings: result.warnings,
  });
}

/** A group or version that is not served is no API at all (K8S-72); within one it is the resource that is missing. */
function answerUnknown(exchange: Exchange, { group, version }: ResourceRoute, api: ApiHandler): Promise<void> {
  const isServed = api.definitions().some(({ type }) => type.group === group && type.version === version);
  if (!isServed) return sendText(exchange, 404, "404 page not found\n");
  throw resourceNotFound();
}

function resourceNotFound() {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

function methodNotAllowed() {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** Null when the method means nothing at this kind of path. `watch` on one object is a plain get (K8S-123). */
function verbOf({ request, query }: Exchange, { name, subresource, isWatch }: ResourceRoute): Verb | null {
  const isCollection = name === "";
  switch (request.method) {
    case "GET":
    case "HEAD":
      if (isWatch || (isCollection && isTrue(query.get("watch")))) return "watch";
      return isCollection ? "list" : "get";
    case "POST":
      return isCollection || subresource !== "" ? "create" : null;
    case "PUT":
      return isCollection ? null : "update";
    case "PATCH":
      return isCollection ? null : "patch";
    case "DELETE":
      return isCollection ? "deletecollection" : "delete";
    default:
      return null;
  }
}

function isTrue(value: string | null): boolean {
  return value !== null && value !== "false" && value !== "0";
}

/** Scope, verbs and subresources that do not exist, decided before the body is read. */
function requireSensible(route: ResourceRoute, verb: Verb, definition: ResourceDefinition): void {
  const { name, namespace, subresource } = route;
  const { namespaced } = definition.type;
  if (!namespaced && namespace !== "") throw resourceNotFound();
  if (namespaced && namespace === "" && name !== "" && !route.isWatch) throw resourceNotFound();
  if (subresource === "") {
    if (!definition.verbs.includes(verb)) throw methodNotAllowed();
    const isWholeCluster = namespaced && namespace === "";
    if (isWholeCluster && (verb === "create" || verb === "deletecollection")) throw methodNotAllowed();
    return;
  }
  const [first = ""] = subresource.split("/");
  if (MISSING_FEATURES.has(first)) {
    const message = `${definition.type.plural} "${name}": ${first} is not supported by this version of Fairway`;
    throw failure(501, "NotImplemented", message, { name, kind: definition.type.plural });
  }
  const isKnown =
    (subresource === "status" && definition.hasStatus) ||
    (subresource === "scale" && definition.scale !== null) ||
    definition.subresources.includes(subresource);
  if (!isKnown) throw resourceNotFound();
}

async function readRequest(
  { request, query }: Exchange,
  route: ResourceRoute,
  verb: ApiRequest["verb"],
  definition: ResourceDefinition,
): Promise<ApiRequest> {
  const contentType = request.headers["content-type"];
  const { kind } = definition.type;
  let body: DecodedBody = { value: undefined, duplicateFields: [] };
  let patchType: ApiRequest["patchType"] = null;
  if (verb === "patch") {
    patchType = patchTypeOf(contentType, definition);
    body = decodePatch(await readBody(request), patchType);
  } else if (verb === "create" || verb === "update") {
    body = decodeObject(await readBody(request), contentType, kind);
  } else if (verb === "delete" || verb === "deletecollection") {
    body = decodeOptionalObject(await readBody(request), contentType, "DeleteOptions");
  }
  const { group, version, plural, namespace, name, subresource } = route;
  return {
    verb,
    group,
    version,
    plural,
    namespace,
    name,
    subresource,
    query,
    body: body.value,
    duplicateFields: body.duplicateFields,
    patchType,
    userAgent: request.headers["user-agent"] ?? "",
  };
}

function renderResult(
  { object, definition }: ApiResult,
  { form }: Representation,
  query: URLSearchParams,
  clock: Clock,
): object {
  if (object.kind === "Status" || definition === null || form === "object") return object;
  if (form === "metadata") return renderMetadataOnly(object);
  // A Scale has other columns than the object that it scales; it is printed by the client.
  if (object.kind !== definition.type.kind && object.kind !== definition.listKind) return object;
  const includeObject = includeObjectOf(query);
  return renderTable(object, definition, { includeObject, now: clock.now(), withColumns: true });
}

function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get("includeObject");
  if (value === "None" || value === "Object") return value;
  return "Metadata";
}

function startWatch(
  exchange: Exchange,
  route: ResourceRoute,
  definition: ResourceDefinition,
  { api, clock, streams }: ResourceEndpointOptions,
): void {
  const { group, version, plural, namespace } = route;
  const query = route.name === "" ? exchange.query : withNameSelector(exchange.query, route.name);
  const end = answerWatch(
    exchange,
    api,
    { group, version, plural, namespace, query },
    {
      representation: negotiate(exchange.request.headers.accept),
      includeObject: includeObjectOf(exchange.query),
      clock,
      definition,
      onClose: () => streams.delete(end),
    },
  );
  if (!exchange.response.writableEnded) streams.add(end);
}

function withNameSelector(query: URLSearchParams, name: string): URLSearchParams {
  const changed = new URLSearchParams(query);
  const others = query.get("fieldSelector");
  changed.set("fieldSelector", [...(others ? [others] : []), `metadata.name=${name}`].join(","));
  return changed;
}

async function answerPodLog(exchange: Exchange, route: ResourceRoute, options: ResourceEndpointOptions): Promise<void> {
  const { group, version, plural, namespace, name } = route;
  const { object } = await options.api.handle({
    verb: "get",
    group,
    version,
    plural,
    namespace,
    name,
    subresource: "",
    query: new URLSearchParams(),
    body: undefined,
    duplicateFields: [],
    patchType: null,
    userAgent: exchange.request.headers["user-agent"] ?? "",
  });
  let running: EndStream | null = null;
  await answerLog(exchange, object, {
    source: options.logSource,
    clock: options.clock,
    onStream(end) {
      if (running) options.streams.delete(running);
      if (end) options.streams.add(end);
      running = end;
    },
  });
}
