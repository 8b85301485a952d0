/**
 * `/openapi/v3`: what kubectl reads before it creates or explains something (K8S-60…64). For each kind the paths with
 * its `patch` operation, from which kubectl learns that the server validates fields, and the schema that the
 * definition has. `/openapi/v2` is an empty document in its protobuf form, which kubectl takes for "nothing known".
 */
import { createHash } from "node:crypto";
import { SERVER_VERSION } from "../../version.ts";
import type { ApiHandler } from "../request.ts";
import type { ResourceDefinition, Schema } from "../resource.ts";
import { JSON_TYPE } from "./negotiation.ts";
import { type Exchange, sendBytes, sendValue } from "./responses.ts";

/** The type under which client-go asks for and accepts the v2 document (K8S-63). */
const V2_PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

interface OpenApiDocument {
  readonly bytes: Buffer;
  readonly hash: string;
}

export class OpenApi {
  readonly #api: ApiHandler;
  #revision = Number.NaN;
  /** By `api/v1`, `apis/apps/v1`, … */
  #documents = new Map<string, OpenApiDocument>();

  constructor(api: ApiHandler) {
    this.#api = api;
  }

  /** `path` is what follows `/openapi/`. False when there is no such document. */
  async answer(exchange: Exchange, path: string): Promise<boolean> {
    if (path === "v2") {
      await answerV2(exchange);
      return true;
    }
    if (path === "v3") {
      await sendValue(exchange, { code: 200, value: this.#index() });
      return true;
    }
    const document = path.startsWith("v3/") ? this.#current().get(path.slice("v3/".length)) : undefined;
    if (!document) return false;
    const headers = { "content-type": JSON_TYPE, etag: `"${document.hash}"`, "cache-control": cacheControl(exchange) };
    await sendBytes(exchange, 200, headers, document.bytes);
    return true;
  }

  #index(): object {
    const entries = [...this.#current()].map(([path, { hash }]) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
    ]);
    return { paths: Object.fromEntries(entries) };
  }

  #current(): Map<string, OpenApiDocument> {
    const revision = this.#api.discoveryRevision();
    if (revision !== this.#revision) {
      const byVersion = Map.groupBy(this.#api.definitions(), rootOf);
      this.#documents = new Map(
        [...byVersion].map(([path, definitions]) => [path.slice(1), renderDocument(definitions)]),
      );
      this.#revision = revision;
    }
    return this.#documents;
  }
}

/** A request that names the hash may be kept for ever: another content has another hash. */
function cacheControl({ query }: Exchange): string {
  return query.has("hash") ? "public, immutable" : "no-cache, private";
}

async function answerV2(exchange: Exchange): Promise<void> {
  const { accept = "" } = exchange.request.headers;
  if (String(accept).includes("protobuf")) {
    return sendBytes(exchange, 200, { "content-type": V2_PROTOBUF_TYPE }, Buffer.alloc(0));
  }
  const info = { title: "Kubernetes", version: SERVER_VERSION.gitVersion };
  await sendValue(exchange, { code: 200, value: { swagger: "2.0", info, paths: {}, definitions: {} } });
}

function rootOf({ type }: ResourceDefinition): string {
  return type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
}

function renderDocument(definitions: readonly ResourceDefinition[]): OpenApiDocument {
  const paths: Record<string, object> = {};
  const schemas: Record<string, object> = { [META_NAME]: OBJECT_META };
  for (const definition of definitions) {
    Object.assign(paths, renderPaths(definition));
    schemas[schemaName(definition)] = renderKind(definition);
  }
  const info = { title: "Kubernetes", version: SERVER_VERSION.gitVersion };
  const bytes = Buffer.from(JSON.stringify({ openapi: "3.0.0", info, paths, components: { schemas } }), "utf8");
  return { bytes, hash: createHash("sha256").update(bytes).digest("hex").toUpperCase() };
}

/** Reverse domain name, as in `io.k8s.apps.v1.Deployment`; only its uniqueness matters. */
function schemaName({ type }: ResourceDefinition): string {
  const domain = type.group === "" ? "core" : type.group.split(".").reverse().join(".");
  return `${domain}.${type.version}.${type.kind}`;
}

function kindExtension({ type }: ResourceDefinition) {
  return { group: type.group, version: type.version, kind: type.kind };
}

const METHODS: readonly (readonly [method: string, verb: string, isItem: boolean])[] = [
  ["get", "list", false],
  ["post", "create", false],
  ["delete", "deletecollection", false],
  ["get", "get", true],
  ["put", "update", true],
  ["patch", "patch", true],
  ["delete", "delete", true],
];

function renderPaths(definition: ResourceDefinition): Record<string, object> {
  const { type, verbs } = definition;
  const scope = type.namespaced ? "/namespaces/{namespace}" : "";
  const collection = `${rootOf(definition)}${scope}/${type.plural}`;
  const operations = (isItem: boolean) =>
    Object.fromEntries(
      METHODS.filter(([, verb, ofItem]) => ofItem === isItem && verbs.includes(verb)).map(([method, verb]) => [
        method,
        renderOperation(definition, method, verb),
      ]),
    );
  return { [collection]: operations(false), [`${collection}/{name}`]: operations(true) };
}

/**
 * No request bodies on purpose: a `patch` that offers strategic merge here makes kubectl compute apply patches from
 * these schemas, which lack merge keys, instead of from its own types (K8S-62).
 */
function renderOperation(definition: ResourceDefinition, method: string, verb: string): object {
  const isWrite = method === "post" || method === "put" || method === "patch";
  const $ref = `#/components/schemas/${schemaName(definition)}`;
  return {
    operationId: `${verb}${definition.type.kind}`,
    "x-kubernetes-action": method,
    "x-kubernetes-group-version-kind": kindExtension(definition),
    parameters: isWrite ? WRITE_PARAMETERS : [],
    responses: { 200: { description: "OK", content: { [JSON_TYPE]: { schema: { $ref } } } } },
  };
}

const WRITE_PARAMETERS = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string", uniqueItems: true },
}));

/** The definition's schema with the three members of every object described in one way. */
function renderKind(definition: ResourceDefinition): object {
  const schema = renderSchema(definition.schema) as { properties?: object };
  return {
    type: "object",
    ...schema,
    properties: { ...TYPE_META, ...schema.properties, metadata: METADATA },
    "x-kubernetes-group-version-kind": [kindExtension(definition)],
  };
}

const TYPE_META = {
  apiVersion: { type: "string", description: "Group and version of this representation of the object." },
  kind: { type: "string", description: "The kind of the object." },
};

const META_NAME = "meta.v1.ObjectMeta";

const METADATA = {
  description: "Name, labels and other data that all objects have.",
  allOf: [{ $ref: `#/components/schemas/${META_NAME}` }],
  default: {},
};

const text = (description: string) => ({ type: "string", description });
const textMap = (description: string) => ({ type: "object", additionalProperties: { type: "string" }, description });

const OBJECT_META = {
  type: "object",
  description: "Data that all persisted objects have.",
  properties: {
    name: text("Unique within the namespace and kind; cannot be changed."),
    generateName: text("Prefix of a name that the server completes when no name is given."),
    namespace: text("The space in which the name is unique."),
    uid: text("Unique in time and space; set by the server."),
    resourceVersion: text("The revision of the last change; a write that names an older one is refused."),
    generation: { type: "integer", format: "int64", description: "Counts changes of the desired state." },
    creationTimestamp: { ...text("When the object was created; set by the server."), format: "date-time" },
    deletionTimestamp: { ...text("When the object is to be gone; set by a delete."), format: "date-time" },
    deletionGracePeriodSeconds: { type: "integer", format: "int64", description: "Time for an orderly end." },
    labels: textMap("Keys and values by which objects are selected."),
    annotations: textMap("Keys and values that tools keep with the object."),
    finalizers: {
      type: "array",
      items: { type: "string" },
      description: "Who must agree before the object goes.",
    },
    ownerReferences: {
      type: "array",
      items: { type: "object" },
      description: "Objects with which this one lives and dies.",
    },
    managedFields: { type: "array", items: { type: "object" }, description: "Which manager owns which fields." },
  },
};

/** Our schemas are OpenAPI already; an int-or-string has no single type there. */
function renderSchema(schema: Schema): object {
  const rendered: Record<string, unknown> = { ...schema };
  if (schema.properties) {
    const properties = Object.entries(schema.properties).map(([name, member]) => [name, renderSchema(member)]);
    rendered["properties"] = Object.fromEntries(properties);
  }
  if (schema.items) rendered["items"] = renderSchema(schema.items);
  if (typeof schema.additionalProperties === "object") {
    rendered["additionalProperties"] = renderSchema(schema.additionalProperties);
  }
  delete rendered["x-kubernetes-validations"];
  return rendered;
}
