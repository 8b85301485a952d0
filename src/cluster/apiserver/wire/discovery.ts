import { createHash } from "node:crypto";
import { apiVersionOf } from "../../../kube/resource.ts";
import type { ApiHandler } from "../request.ts";
import type { ResourceDefinition } from "../resource.ts";
import { JSON_TYPE, wantsAggregatedDiscovery } from "./negotiation.ts";
import { type Exchange, sendBytes } from "./responses.ts";
import type { DiscoveryRoute } from "./url.ts";

/** Clients compare this text as it stands, parameters in this order (K8S-57). */
const AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

interface CachedDocument {
  readonly bytes: Buffer;
  readonly etag: string;
}

/** Answers `/api`, `/apis` and below (K8S-56…58). Documents are made once for each set of served kinds. */
export class Discovery {
  readonly #api: ApiHandler;
  #revision = Number.NaN;
  #documents = new Map<string, CachedDocument | null>();

  constructor(api: ApiHandler) {
    this.#api = api;
  }

  /** False when the group or version is not served. */
  async answer(exchange: Exchange, route: DiscoveryRoute): Promise<boolean> {
    const { accept } = exchange.request.headers;
    const isRoot = route.kind === "core-versions" || route.kind === "groups";
    const aggregated = isRoot && wantsAggregatedDiscovery(accept);
    const document = this.#document(route, aggregated);
    if (!document) return false;
    await sendCached(exchange, document, aggregated ? AGGREGATED_TYPE : JSON_TYPE);
    return true;
  }

  /** What `GET /` lists. */
  paths(): string[] {
    const versions = groupsOf(this.#api.definitions()).flatMap(({ name, versions }) =>
      name === "" ? ["/api", "/api/v1"] : [`/apis/${name}`, ...versions.map((version) => `/apis/${name}/${version}`)],
    );
    return [...versions, "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].sort();
  }

  #document(route: DiscoveryRoute, aggregated: boolean): CachedDocument | null {
    const revision = this.#api.discoveryRevision();
    if (revision !== this.#revision) {
      this.#documents.clear();
      this.#revision = revision;
    }
    const key = JSON.stringify([route, aggregated]);
    let document = this.#documents.get(key);
    if (document === undefined) {
      const value = aggregated ? renderAggregated(route, this.#api) : renderPlain(route, this.#api);
      document = value && cacheable(value);
      // Asking for groups that do not exist must not fill the memory.
      if (document) this.#documents.set(key, document);
    }
    return document;
  }
}

function cacheable(value: object): CachedDocument {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`, "utf8");
  return { bytes, etag: `"${createHash("sha256").update(bytes).digest("hex").toUpperCase()}"` };
}

async function sendCached(exchange: Exchange, { bytes, etag }: CachedDocument, type: string): Promise<void> {
  const { request, response } = exchange;
  const headers = { "cache-control": "public", etag, vary: "Accept" };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  await sendBytes(exchange, 200, { ...headers, "content-type": type }, bytes);
}

interface Group {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly string[];
  readonly definitions: readonly ResourceDefinition[];
}

function groupsOf(definitions: readonly ResourceDefinition[]): Group[] {
  const byGroup = Map.groupBy(definitions, ({ type }) => type.group);
  return [...byGroup].map(([name, ofGroup]) => ({
    name,
    versions: [...new Set(ofGroup.map(({ type }) => type.version))].sort(compareVersions),
    definitions: ofGroup,
  }));
}

/** Kubernetes' order: v2, v1, v2beta1, v1beta1, v1alpha1, then anything else by name. */
export function compareVersions(left: string, right: string): number {
  const [leftRank, rightRank] = [rankOf(left), rankOf(right)];
  if (!leftRank || !rightRank) return leftRank ? -1 : rightRank ? 1 : left < right ? -1 : left > right ? 1 : 0;
  return (
    rightRank.stability - leftRank.stability || rightRank.major - leftRank.major || rightRank.minor - leftRank.minor
  );
}

function rankOf(version: string): { stability: number; major: number; minor: number } | null {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return null;
  const stability = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
  return { stability, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}

function renderPlain(route: DiscoveryRoute, api: ApiHandler): object | null {
  const groups = groupsOf(api.definitions());
  switch (route.kind) {
    case "core-versions": {
      const { versions = [] } = groups.find(({ name }) => name === "") ?? {};
      return { kind: "APIVersions", versions, serverAddressByClientCIDRs: [] };
    }
    case "groups":
      return {
        kind: "APIGroupList",
        apiVersion: "v1",
        groups: groups.filter(({ name }) => name !== "").map(renderGroup),
      };
    case "group": {
      const group = groups.find(({ name }) => name !== "" && name === route.group);
      return group ? { kind: "APIGroup", apiVersion: "v1", ...renderGroup(group) } : null;
    }
    case "resources": {
      const { group, version } = route;
      const served = api.definitions().filter(({ type }) => type.group === group && type.version === version);
      if (served.length === 0) return null;
      const groupVersion = apiVersionOf(served[0]!.type);
      return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: served.flatMap(renderResources) };
    }
  }
}

function renderGroup({ name, versions }: Group) {
  const rendered = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: rendered, preferredVersion: rendered[0] };
}

function renderResources(definition: ResourceDefinition): object[] {
  const { type, singular, verbs, shortNames, categories } = definition;
  const main = {
    name: type.plural,
    singularName: singular,
    namespaced: type.namespaced,
    kind: type.kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const below = subresourcesOf(definition).map(({ name, kind, verbs, group, version }) => ({
    name: `${type.plural}/${name}`,
    singularName: "",
    namespaced: type.namespaced,
    ...(group === undefined ? {} : { group, version }),
    kind,
    verbs,
  }));
  return [main, ...below];
}

interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly verbs: readonly string[];
  /** Only where it is not that of the object. */
  readonly group?: string;
  readonly version?: string;
}

const OBJECT_VERBS = ["get", "patch", "update"];

/** Kinds and verbs of the subresources that are not the object's own; others are read and written like it. */
const SUBRESOURCES: Readonly<Record<string, Omit<Subresource, "name">>> = {
  scale: { kind: "Scale", group: "autoscaling", version: "v1", verbs: OBJECT_VERBS },
  eviction: { kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
  token: { kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: ["create"] },
  binding: { kind: "Binding", verbs: ["create"] },
  exec: { kind: "PodExecOptions", verbs: ["create", "get"] },
  attach: { kind: "PodAttachOptions", verbs: ["create", "get"] },
  portforward: { kind: "PodPortForwardOptions", verbs: ["create", "get"] },
};

const OWN_VERBS: Readonly<Record<string, readonly string[]>> = { log: ["get"], finalize: ["update"] };

function subresourcesOf(definition: ResourceDefinition): Subresource[] {
  const { hasStatus, scale, subresources, type } = definition;
  const names = new Set([...subresources, ...(hasStatus ? ["status"] : []), ...(scale ? ["scale"] : [])]);
  return [...names].sort().map((name) => {
    const special = SUBRESOURCES[name];
    return special ? { name, ...special } : { name, kind: type.kind, verbs: OWN_VERBS[name] ?? OBJECT_VERBS };
  });
}

function renderAggregated(route: DiscoveryRoute, api: ApiHandler): object {
  const groups = groupsOf(api.definitions()).filter(({ name }) => (name === "") === (route.kind === "core-versions"));
  const items = groups.map(({ name, versions, definitions }) => ({
    metadata: name === "" ? { creationTimestamp: null } : { name, creationTimestamp: null },
    versions: versions.map((version) => ({
      version,
      resources: definitions.filter(({ type }) => type.version === version).map(renderAggregatedResource),
      freshness: "Current",
    })),
  }));
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items };
}

function renderAggregatedResource(definition: ResourceDefinition): object {
  const { type, singular, verbs, shortNames, categories } = definition;
  const own = { group: type.group, version: type.version };
  const subresources = subresourcesOf(definition).map(({ name, kind, verbs, group, version }) => ({
    subresource: name,
    responseKind: group === undefined ? { ...own, kind } : { group, version, kind },
    verbs,
  }));
  return {
    resource: type.plural,
    responseKind: { ...own, kind: type.kind },
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
