import assert from "node:assert/strict";
import type { Cluster, HttpOptions, KubectlOptions, KubectlResult, Loose, OpenWatch, Reply } from "./cluster.ts";

/** One numbered row of the conformance list. */
export interface Check {
  readonly number: number;
  readonly title: string;
  /** What the embedded cluster lacks for it; the check runs and is reported, but does not fail the suite. */
  readonly missing?: string;
  run(scene: Scene): Promise<void>;
}

export function check(number: number, title: string, run: (scene: Scene) => Promise<void>, missing?: string): Check {
  return { number, title, run, ...(missing === undefined ? {} : { missing }) };
}

/** Checks that share a namespace, run in order. */
export interface CheckGroup {
  readonly name: string;
  readonly setUp?: (scene: Scene) => Promise<void>;
  readonly checks: readonly Check[];
}

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
} as const;

/** A cluster and the namespace of a group, with the paths that the checks use again and again. */
export class Scene {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly CM: string;
  readonly DEP: string;
  readonly POD: string;
  readonly SVC: string;
  readonly WD: string;

  constructor(cluster: Cluster, namespace: string) {
    this.cluster = cluster;
    this.namespace = namespace;
    this.CM = `/api/v1/namespaces/${namespace}/configmaps`;
    this.DEP = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    this.POD = `/api/v1/namespaces/${namespace}/pods`;
    this.SVC = `/api/v1/namespaces/${namespace}/services`;
    this.WD = `/apis/ex.io/v1/namespaces/${namespace}/widgets`;
  }

  http(path: string, options?: HttpOptions): Promise<Reply> {
    return this.cluster.http(path, options);
  }

  watch(path: string, headers?: Record<string, string>): Promise<OpenWatch> {
    return this.cluster.watch(path, headers);
  }

  /** Runs kubectl in the group's namespace. */
  kubectl(command: string | readonly string[], options?: KubectlOptions): Promise<KubectlResult> {
    const args = typeof command === "string" ? command.split(" ") : command;
    return this.cluster.kubectl(["-n", this.namespace, ...args], options);
  }

  post(path: string, body: unknown, options: HttpOptions = {}): Promise<Reply> {
    return this.http(path, { method: "POST", body, ...options });
  }

  put(path: string, body: unknown, options: HttpOptions = {}): Promise<Reply> {
    return this.http(path, { method: "PUT", body, ...options });
  }

  patch(path: string, kind: keyof typeof PATCH_TYPES, body: unknown): Promise<Reply> {
    return this.http(path, { method: "PATCH", body, type: PATCH_TYPES[kind] });
  }

  delete(path: string, body?: unknown): Promise<Reply> {
    return this.http(path, { method: "DELETE", ...(body === undefined ? {} : { body }) });
  }

  /** The object at `path`, which must be there. */
  async get(path: string): Promise<Loose> {
    return succeeded(await this.http(path), 200);
  }

  async create(path: string, body: unknown): Promise<Loose> {
    return succeeded(await this.post(path, body), 201);
  }
}

export function succeeded(reply: Reply, code = 200): Loose {
  assert.equal(reply.code, code, reply.text);
  return reply.json;
}

/** A Status of the given code whose message matches. */
export function refused(reply: Reply, code: number, message: RegExp | string, reason?: string): Loose {
  assert.equal(reply.code, code, reply.text);
  assert.equal(reply.json?.kind, "Status", reply.text);
  if (typeof message === "string") assert.ok(reply.json.message.includes(message), reply.json.message);
  else assert.match(reply.json.message, message);
  if (reason !== undefined) assert.equal(reply.json.reason, reason);
  return reply.json;
}

/** `[field, reason]` of each cause, sorted. */
export function causes(status: Loose): [string, string][] {
  const pairs = (status.details?.causes ?? []).map(({ field, reason }: Loose) => [field, reason]);
  return pairs.sort((left: string[], right: string[]) => left.join().localeCompare(right.join()));
}
