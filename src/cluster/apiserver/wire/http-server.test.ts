import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Agent, type Dispatcher } from "undici";
import type { KubeObject } from "../../../api/meta.ts";
import { systemClock } from "../../../base/clock.ts";
import { silentLogger } from "../../../base/log.ts";
import { systemRandom } from "../../../base/random.ts";
import { failure } from "../../../kube/errors.ts";
import { type ResourceType, resources } from "../../../kube/resource.ts";
import { builtin } from "../builtin/define.ts";
import { nameColumn } from "../columns/cells.ts";
import type { ApiHandler, ApiRequest, ServerWatchEvent, ServerWatchHandler } from "../request.ts";
import type { ResourceDefinition } from "../resource.ts";
import { adminTokenAuthenticator } from "./authentication.ts";
import { type Credentials, issueCertificate, loadOrCreateCredentials, renderKubeconfig } from "./certificates.ts";
import { type HttpServer, startHttpServer } from "./http-server.ts";
import type { LogLine, LogSource } from "./logs.ts";

/** The wire alone: behind it stands a handler that answers what the test tells it to. */
class ScriptedApi implements ApiHandler {
  readonly #definitions: readonly ResourceDefinition[];
  requests: ApiRequest[] = [];
  watchers = new Set<ServerWatchHandler>();
  answer: (request: ApiRequest) => { code: number; object: KubeObject; warnings?: string[] } = () => {
    throw failure(500, "InternalError", "no answer is scripted");
  };

  constructor(definitions: readonly ResourceDefinition[]) {
    this.#definitions = definitions;
  }

  definition(group: string, version: string, plural: string) {
    const isAsked = ({ type }: ResourceDefinition) =>
      type.group === group && type.version === version && type.plural === plural;
    return this.#definitions.find(isAsked) ?? null;
  }

  definitions() {
    return this.#definitions;
  }

  async handle(request: ApiRequest) {
    this.requests.push(request);
    const definition = this.definition(request.group, request.version, request.plural);
    return { definition, warnings: [], ...this.answer(request) };
  }

  watch(
    request: { group: string; version: string; plural: string; query: URLSearchParams },
    handler: ServerWatchHandler,
  ) {
    if (request.query.get("labelSelector") === "==") throw failure(400, "BadRequest", "unable to parse requirement");
    this.watchers.add(handler);
    const definition = this.definition(request.group, request.version, request.plural)!;
    return { definition, stop: () => this.watchers.delete(handler) };
  }

  emit(event: ServerWatchEvent) {
    for (const watcher of this.watchers) watcher.onEvent(event);
  }

  currentRevision() {
    return 7;
  }

  discoveryRevision() {
    return 1;
  }
}

const data = { type: "object", description: "Words." } as const;

function define(type: ResourceType, changes: Partial<ResourceDefinition> = {}): ResourceDefinition {
  const schema = { type: "object", properties: { data } } as const;
  return { ...builtin(type, { columns: [nameColumn] }), schema, ...changes };
}

const widget: ResourceType = { group: "ex.io", version: "v1", kind: "Widget", plural: "widgets", namespaced: true };
const scale = { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", labelSelector: null };
const api = new ScriptedApi([
  define(resources.configMaps, { shortNames: ["cm"] }),
  define(resources.pods, { hasStatus: true, subresources: ["log", "exec"] }),
  define(resources.namespaces),
  define(resources.deployments, { hasStatus: true, scale, shortNames: ["deploy"], categories: ["all"] }),
  define(widget, { isCustom: true }),
]);

const logSource: LogSource = {
  async *open(_pod, container): AsyncGenerator<LogLine> {
    yield { time: Date.UTC(2030, 0, 1), stream: "stdout", text: `hello from ${container}` };
    yield { time: Date.UTC(2030, 0, 1, 0, 0, 1) + 5, stream: "stderr", text: "bye" };
  },
};

let directory: string;
let credentials: Credentials;
let server: HttpServer;
let agent: Agent;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "fairway-wire-"));
  credentials = await loadOrCreateCredentials({ directory, clock: systemClock });
  server = await startHttpServer({
    api,
    certificates: credentials,
    tokens: adminTokenAuthenticator(credentials.adminToken),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    port: 0,
    logSource,
  });
  agent = new Agent({ connect: { ca: credentials.caPem } });
});

after(async () => {
  await agent.destroy();
  await server.stop();
  await rm(directory, { recursive: true });
});

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape are looked into
type Loose = any;

interface Reply {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: Loose;
}

type Send = {
  method?: Dispatcher.HttpMethod;
  headers?: Record<string, string>;
  body?: string | Buffer;
  token?: string | null;
};

async function send(path: string, { method = "GET", headers = {}, body, token }: Send = {}): Promise<Reply> {
  const bearer = token === undefined ? credentials.adminToken : token;
  const response = await agent.request({
    origin: server.url,
    path,
    method,
    headers: { ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }), ...headers },
    body: body ?? null,
  });
  const text = await response.body.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {}
  return { code: response.statusCode, headers: response.headers, text, json };
}

const CM = "/api/v1/namespaces/t/configmaps";

function configMap(name: string, changes: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "t", resourceVersion: "5" }, ...changes };
}

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

interface RefusalCase {
  readonly name: string;
  readonly path: string;
  readonly send?: Send;
  readonly code: number;
  readonly message: RegExp;
}

const refusals: readonly RefusalCase[] = [
  { name: "K8S-72 an unknown path is plain text", path: "/nonexist", code: 404, message: /^404 page not found\n$/ },
  {
    name: "K8S-72 an unknown group too",
    path: "/apis/no.such/v1/things",
    code: 404,
    message: /^404 page not found\n$/,
  },
  {
    name: "K8S-71 an unknown resource of a served version is a Status",
    path: "/api/v1/nosuch",
    code: 404,
    message: /the server could not find the requested resource/,
  },
  {
    name: "K8S-71 an unknown subresource is a Status",
    path: `${CM}/x/status`,
    code: 404,
    message: /the server could not find the requested resource/,
  },
  {
    name: "K8S-104 a cluster-scoped kind is not found in a namespace",
    path: "/api/v1/namespaces/t/namespaces",
    code: 404,
    message: /could not find/,
  },
  {
    name: "K8S-89 K8S-104 nothing is created without a namespace",
    path: "/api/v1/configmaps",
    send: { method: "POST", body: "{}" },
    code: 405,
    message: /does not allow this method/,
  },
  {
    name: "K8S-98 a wrong token is refused",
    path: "/healthz",
    send: { token: "x" },
    code: 401,
    message: /Unauthorized/,
  },
  {
    name: "K8S-99 K8S-183 a stranger may not list",
    path: `${CM}`,
    send: { token: null },
    code: 403,
    message:
      /configmaps is forbidden: User \\"system:anonymous\\" cannot list resource \\"configmaps\\" in API group \\"\\" in the namespace \\"t\\"/,
  },
  {
    name: "K8S-99 a stranger may not read discovery",
    path: "/apis",
    send: { token: null },
    code: 403,
    message: /forbidden: User \\"system:anonymous\\" cannot get path \\"\/apis\\"/,
  },
  {
    name: "K8S-42 text is no body",
    path: CM,
    send: { method: "POST", headers: { "content-type": "text/plain" }, body: "x" },
    code: 415,
    message: /include: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf/,
  },
  {
    name: "K8S-90 a patch needs its type",
    path: `${CM}/x`,
    send: { method: "PATCH", headers: { "content-type": "application/json" }, body: "{}" },
    code: 415,
    message: /application\/strategic-merge-patch\+json/,
  },
  {
    name: "K8S-90 custom kinds take no strategic merge",
    path: "/apis/ex.io/v1/namespaces/t/widgets/x",
    send: { method: "PATCH", headers: { "content-type": "application/strategic-merge-patch+json" }, body: "{}" },
    code: 415,
    message: /include: application\/json-patch\+json, application\/merge-patch\+json, application\/apply-patch\+yaml"/,
  },
  {
    name: "K8S-144 a configuration is readable YAML",
    path: `${CM}/x?fieldManager=me`,
    send: { method: "PATCH", headers: { "content-type": "application/apply-patch+yaml" }, body: "a: [" },
    code: 400,
    message: /"error decoding YAML: /,
  },
  {
    name: "K8S-144 a configuration is an object",
    path: `${CM}/x?fieldManager=me`,
    send: { method: "PATCH", headers: { "content-type": "application/apply-patch+yaml" }, body: "- a" },
    code: 400,
    message: /"error decoding YAML: the configuration is not an object"/,
  },
  {
    name: "K8S-91 a merge patch is an object",
    path: `${CM}/x`,
    send: { method: "PATCH", headers: { "content-type": "application/merge-patch+json" }, body: "[]" },
    code: 400,
    message: /error decoding patch: /,
  },
  {
    name: "K8S-78 a broken body",
    path: CM,
    send: { method: "POST", body: "{bad" },
    code: 400,
    message: /\(must be of type ConfigMap\): couldn't get version\/kind; json parse error: /,
  },
  {
    name: "K8S-46 a huge body",
    path: CM,
    send: { method: "POST", body: Buffer.alloc(3_300_000, 0x20) },
    code: 413,
    message: /Request entity too large: limit is 3145728/,
  },
  {
    name: "K8S-43 an Accept that we cannot serve",
    path: `${CM}/x`,
    send: { headers: { accept: "text/html" } },
    code: 406,
    message: /406: Not Acceptable\\n\\nAvailable representations: /,
  },
  {
    name: "K8S-54 CBOR is refused",
    path: CM,
    send: { method: "POST", headers: { "content-type": "application/cbor" }, body: "x" },
    code: 415,
    message: /unknown format/,
  },
  {
    name: "exec names the missing feature",
    path: "/api/v1/namespaces/t/pods/p/exec?command=ls",
    send: { method: "POST" },
    code: 501,
    message: /pods \\"p\\": exec is not supported/,
  },
];

for (const { name, path, send: sent = {}, code, message } of refusals) {
  test(name, async () => {
    const reply = await send(path, sent);
    assert.match(reply.text, message);
    assert.equal(reply.code, code);
  });
}

for (const path of ["/healthz", "/livez", "/readyz"]) {
  test(`K8S-65 ${path} answers strangers`, async () => {
    const reply = await send(path, { token: null });
    assert.deepEqual([reply.code, reply.text], [200, "ok"]);
    assert.match((await send(`${path}?verbose`)).text, /^\[\+\]ping ok\n(.*\n)*\w+z check passed\n$/);
  });
}

test("K8S-59 the version can be compared", async () => {
  const { json } = await send("/version", { token: null });
  assert.match(json.gitVersion, /^v1\.34\.\d+\+fairway$/);
});

test("K8S-57 aggregated discovery has its exact type, K8S-48 and an ETag that is honoured", async () => {
  const accept =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
  const reply = await send("/apis", { headers: { accept } });
  assert.equal(reply.headers["content-type"], "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const apps = reply.json.items.find((item: { metadata: { name: string } }) => item.metadata.name === "apps");
  const names = apps.versions[0].resources[0].subresources.map((s: { subresource: string }) => s.subresource);
  assert.deepEqual(names, ["scale", "status"]);
  const again = await send("/apis", { headers: { accept, "if-none-match": String(reply.headers["etag"]) } });
  assert.deepEqual([again.code, again.text], [304, ""]);
});

test("K8S-56 plain discovery", async () => {
  assert.deepEqual((await send("/api")).json.versions, ["v1"]);
  assert.deepEqual(
    (await send("/apis")).json.groups.map(({ name }: { name: string }) => name),
    ["apps", "ex.io"],
  );
  assert.equal((await send("/apis/apps")).json.preferredVersion.groupVersion, "apps/v1");
  const { resources: listed } = (await send("/apis/apps/v1")).json;
  assert.deepEqual(
    listed.map(({ name, kind, group }: { name: string; kind: string; group?: string }) => [name, kind, group]),
    [
      ["deployments", "Deployment", undefined],
      ["deployments/scale", "Scale", "autoscaling"],
      ["deployments/status", "Deployment", undefined],
    ],
  );
});

test("K8S-61 the v3 document has a patch operation with fieldValidation, K8S-60 below a path with its hash", async () => {
  const index = (await send("/openapi/v3")).json;
  const { serverRelativeURL } = index.paths["apis/apps/v1"];
  const { paths } = (await send(serverRelativeURL)).json;
  const { patch } = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
  assert.deepEqual(patch["x-kubernetes-group-version-kind"], { group: "apps", version: "v1", kind: "Deployment" });
  assert.ok(patch.parameters.some(({ name }: { name: string }) => name === "fieldValidation"));
});

test("K8S-63 the v2 document is empty and in protobuf", async () => {
  const accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  const reply = await send("/openapi/v2", { headers: { accept } });
  assert.deepEqual([reply.code, reply.text], [200, ""]);
  assert.equal(reply.headers["content-type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
});

test("K8S-43 the representation follows Accept with its weights", async () => {
  api.answer = () => ({ code: 200, object: configMap("x", { data: { a: "b" } }) });
  const get = (accept: string) => send(`${CM}/x`, { headers: { accept } });
  assert.equal((await get("application/json, */*;q=0.8")).json.kind, "ConfigMap");
  assert.equal((await get("application/vnd.kubernetes.protobuf,application/json")).json.kind, "ConfigMap");
  assert.equal((await get("application/yaml;q=0.1, application/json;q=0.5")).json.kind, "ConfigMap");
  assert.match((await get("application/yaml")).text, /^kind: ConfigMap$/m);
  const partial = (await get("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")).json;
  assert.deepEqual(
    [partial.kind, partial.apiVersion, partial.data],
    ["PartialObjectMetadata", "meta.k8s.io/v1", undefined],
  );
});

test("K8S-2 K8S-162 a list as a Table, K8S-4 with what includeObject asks for", async () => {
  const list = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "9" }, items: [configMap("a")] };
  api.answer = () => ({ code: 200, object: list as unknown as KubeObject });
  const get = async (query: string) => (await send(`${CM}?${query}`, { headers: { accept: TABLE } })).json;
  const table = await get("limit=500");
  assert.deepEqual(
    [table.kind, table.metadata, table.columnDefinitions[0].name],
    ["Table", { resourceVersion: "9" }, "Name"],
  );
  assert.deepEqual([table.rows[0].cells, table.rows[0].object.kind], [["a"], "PartialObjectMetadata"]);
  assert.equal((await get("includeObject=Object")).rows[0].object.kind, "ConfigMap");
  assert.equal((await get("includeObject=None")).rows[0].object, undefined);
});

test("K8S-48 warnings are headers with quoted texts", async () => {
  api.answer = () => ({ code: 201, object: configMap("x"), warnings: ['unknown field "foo"', "b"] });
  const reply = await send(CM, { method: "POST", body: '{"metadata":{"name":"x"}}' });
  assert.equal([reply.headers["warning"]].flat().join(", "), '299 - "unknown field \\"foo\\"", 299 - "b"');
});

test("K8S-81 members that come twice reach the handler", async () => {
  api.answer = () => ({ code: 201, object: configMap("x") });
  const body = '{"metadata":{"name":"x"},"data":{"a":"1","a":"2"},"list":[{"k":1,"k":2}],"s":"\\"a\\":","data":{}}';
  await send(CM, { method: "POST", body });
  assert.deepEqual(api.requests.at(-1)?.duplicateFields, ["data.a", "list[0].k", "data"]);
});

test("K8S-42 YAML bodies are read, duplicates found", async () => {
  api.answer = () => ({ code: 201, object: configMap("x") });
  const body = "metadata:\n  name: x\ndata:\n  a: '1'\n  a: '2'\n";
  await send(CM, { method: "POST", body, headers: { "content-type": "application/yaml" } });
  assert.deepEqual(api.requests.at(-1)?.body, { metadata: { name: "x" }, data: { a: "2" } });
  assert.deepEqual(api.requests.at(-1)?.duplicateFields, ["data.a"]);
});

test("K8S-45 a large answer is packed for those who can read it", async () => {
  api.answer = () => ({ code: 200, object: configMap("x", { data: { a: "x".repeat(200_000) } }) });
  const packed = await send(`${CM}/x`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal((await send(`${CM}/x`)).headers["content-encoding"], undefined);
});

test("K8S-102 a fault of ours is a 500 with its text", async () => {
  api.answer = () => {
    throw new TypeError("boom");
  };
  const { code, json } = await send(`${CM}/x`);
  assert.deepEqual([code, json.reason, json.message], [500, "InternalError", "Internal error occurred: boom"]);
});

test("K8S-96 a Status with a delay says so in Retry-After", async () => {
  api.answer = () => {
    throw failure(504, "Timeout", "Timeout: Too large resource version: 9, current: 8", { retryAfterSeconds: 1 });
  };
  assert.equal((await send(`${CM}/x`)).headers["retry-after"], "1");
});

/** A watch whose lines are collected; `next` waits for one. */
async function openWatch(query: string, accept = "application/json") {
  const response = await agent.request({
    origin: server.url,
    path: `${CM}?watch=true&${query}`,
    method: "GET",
    headers: { authorization: `Bearer ${credentials.adminToken}`, accept },
    bodyTimeout: 0,
  });
  const chunks = response.body[Symbol.asyncIterator]();
  let rest = "";
  return {
    response,
    async next(): Promise<Loose> {
      while (!rest.includes("\n")) {
        const { value, done } = await chunks.next();
        if (done) return null;
        rest += value.toString();
      }
      const [line = "", ...others] = rest.split("\n");
      rest = others.join("\n");
      return JSON.parse(line);
    },
    close: () => response.body.destroy(),
  };
}

test("K8S-47 a watch shows its headers before any event", async () => {
  const watch = await openWatch("resourceVersion=7");
  assert.equal(watch.response.statusCode, 200);
  assert.equal(watch.response.headers["content-type"], "application/json");
  api.emit({ type: "ADDED", object: configMap("a") });
  assert.deepEqual(await watch.next(), { type: "ADDED", object: configMap("a") });
  for (const watcher of api.watchers) watcher.onEnd(failure(410, "Expired", "too old resource version: 5 (1010)"));
  const last = await watch.next();
  assert.deepEqual([last.type, last.object.code], ["ERROR", 410]);
  assert.equal(await watch.next(), null);
});

test("K8S-130 only the first row of a Table watch brings its columns", async () => {
  api.watchers.clear();
  const watch = await openWatch("", TABLE);
  api.emit({ type: "ADDED", object: configMap("a") });
  api.emit({ type: "MODIFIED", object: configMap("a") });
  const [first, second] = [await watch.next(), await watch.next()];
  assert.equal(first.object.columnDefinitions[0].name, "Name");
  assert.deepEqual(
    [second.type, second.object.columnDefinitions, second.object.rows[0].cells],
    ["MODIFIED", null, ["a"]],
  );
  watch.close();
});

test("K8S-93 a watch that is refused is refused before anything is sent", async () => {
  const reply = await send(`${CM}?watch=1&labelSelector=%3D%3D`);
  assert.equal(reply.code, 400);
});

test("K8S-131 a reader that has stopped is cut off and writers do not wait", async () => {
  api.watchers.clear();
  const watch = await openWatch("");
  const object = configMap("big", { data: { a: "x".repeat(100_000) } });
  for (let round = 0; round < 1000 && api.watchers.size > 0; round++) {
    api.emit({ type: "MODIFIED", object: { ...object } });
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(api.watchers.size, 0);
  watch.close();
});

function pod(changes: object = {}): KubeObject {
  const status = { containerStatuses: [{ name: "c", state: { running: {} } }] };
  const spec = { nodeName: "n", containers: [{ name: "c" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "t" }, spec, status, ...changes };
}

const LOG = "/api/v1/namespaces/t/pods/p/log";
const two = { nodeName: "n", containers: [{ name: "a" }, { name: "b" }] };
const waiting = { containerStatuses: [{ name: "c", state: { waiting: { reason: "ContainerCreating" } } }] };

const logCases: readonly { name: string; query: string; pod?: object; code: number; text: RegExp }[] = [
  { name: "the lines", query: "", code: 200, text: /^hello from c\nbye\n$/ },
  {
    name: "time stamps of nine digits",
    query: "timestamps=true",
    code: 200,
    text: /^2030-01-01T00:00:00.000000000Z hello from c\n2030-01-01T00:00:01.005000000Z bye\n$/,
  },
  { name: "a limit in bytes", query: "limitBytes=8", code: 200, text: /^hello fr$/ },
  {
    name: "two containers, none named",
    query: "",
    pod: { spec: two },
    code: 400,
    text: /a container name must be specified for pod p, choose one of: \[a b\]/,
  },
  {
    name: "a container that is not there",
    query: "container=zz",
    code: 400,
    text: /container zz is not valid for pod p/,
  },
  {
    name: "a container that waits",
    query: "",
    pod: { status: waiting },
    code: 400,
    text: /container \\"c\\" in pod \\"p\\" is waiting to start: ContainerCreating/,
  },
  {
    name: "no previous instance",
    query: "previous=true",
    code: 400,
    text: /previous terminated container \\"c\\" in pod \\"p\\" not found/,
  },
  {
    name: "a negative tail",
    query: "tailLines=-1",
    code: 422,
    text: /PodLogOptions \\"p\\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0/,
  },
  { name: "a pod without node", query: "", pod: { spec: { containers: [{ name: "c" }] } }, code: 204, text: /^$/ },
];

for (const { name, query, pod: changes = {}, code, text } of logCases) {
  test(`K8S-265 logs: ${name}`, async () => {
    api.answer = () => ({ code: 200, object: pod(changes) });
    const reply = await send(`${LOG}?${query}`);
    assert.match(reply.text, text);
    assert.equal(reply.code, code);
  });
}

test("K8S-40 HTTP/2 on the same port, K8S-175 K8S-176 and the certificate of kubernetes-admin", async () => {
  api.answer = () => ({ code: 200, object: configMap("x") });
  const authority = { certificatePem: credentials.caPem, keyPem: credentials.caKeyPem };
  const client = await issueCertificate(authority, {
    commonName: "kubernetes-admin",
    organizations: ["system:masters"],
    names: [],
    now: systemClock.now(),
  });
  const tls = { ca: credentials.caPem, cert: client.certificatePem, key: client.keyPem };
  const session = connectHttp2(server.url, tls);
  const status = await new Promise((resolve, reject) => {
    const stream = session.request({ ":path": `${CM}/x` });
    stream.on("response", (headers) => resolve(headers[":status"])).on("error", reject);
    stream.resume();
  });
  session.close();
  assert.equal(status, 200);
  const overHttp1 = await new Promise((resolve, reject) => {
    httpsRequest(`${server.url}${CM}/x`, tls, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
  assert.equal(overHttp1, 200);
});

test("K8S-40 credentials are private and kept over restarts; the kubeconfig names the context", async () => {
  const again = await loadOrCreateCredentials({ directory, clock: systemClock });
  assert.deepEqual(again, credentials);
  assert.equal((await stat(join(directory, "admin.token"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(directory, "ca.key"))).mode & 0o777, 0o600);
  const text = renderKubeconfig({ server: server.url, caPem: credentials.caPem, token: credentials.adminToken });
  assert.match(text, /^current-context: fairway$/m);
});
