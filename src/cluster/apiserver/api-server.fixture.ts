import type { KubeObject } from "../../api/meta.ts";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import type { ApiError } from "../../kube/errors.ts";
import { isApiError } from "../../kube/errors.ts";
import { MemoryLog } from "../store/memory-log.ts";
import type { RevisionLog } from "../store/revision-log.ts";
import { ApiServer, type ApiServerOptions } from "./api-server.ts";
import type { ApiRequest, ApiResult, ServerWatchEvent } from "./request.ts";
import { testKinds } from "./test-kinds.fixture.ts";

/** A running server on virtual time for tests, and short forms of what tests ask of it. */
export interface TestServer {
  readonly server: ApiServer;
  readonly clock: VirtualClock;
  readonly log: RevisionLog;
  call(verb: ApiRequest["verb"], path: string, options?: CallOptions): Promise<ApiResult>;
  /** The refusal; fails the test when the request is accepted. */
  refusal(verb: ApiRequest["verb"], path: string, options?: CallOptions): Promise<ApiError>;
  watch(path: string): TestWatch;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly patchType?: ApiRequest["patchType"];
  readonly duplicateFields?: readonly string[];
}

export interface TestWatch {
  readonly events: ServerWatchEvent[];
  /** Undefined while it runs; null after an orderly end. */
  ended: ApiError | null | undefined;
  stop(): void;
}

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const clock = new VirtualClock();
  const log = options.log ?? new MemoryLog();
  const server = new ApiServer({ log, clock, random: seededRandom(1), builtins: testKinds, ...options });
  await server.start();
  const call = (verb: ApiRequest["verb"], path: string, rest: CallOptions = {}) =>
    server.handle({
      ...parsePath(path),
      verb,
      userAgent: "test",
      patchType: null,
      duplicateFields: [],
      body: undefined,
      ...rest,
      // A body from the wire belongs to the server, so a test's shared one must not get there.
      ...("body" in rest ? { body: structuredClone(rest.body) } : {}),
    });
  return {
    server,
    clock,
    log,
    call,
    async refusal(verb, path, rest) {
      try {
        await call(verb, path, rest);
      } catch (error) {
        if (isApiError(error)) return error;
        throw error;
      }
      throw new Error(`${verb} ${path} was accepted`);
    },
    watch(path) {
      const watch: TestWatch = { events: [], ended: undefined, stop: () => handle.stop() };
      const handle = server.watch(parsePath(path), {
        onEvent: (event) => watch.events.push(event),
        onEnd: (error) => {
          watch.ended = error;
        },
      });
      return watch;
    },
  };
}

/** `/api/v1/namespaces/t/pods/p/status?x=y`, as in a URL. */
export function parsePath(path: string) {
  const [pathname = "", search = ""] = path.split("?");
  const parts = pathname.split("/").filter((part) => part !== "");
  const group = parts.shift() === "api" ? "" : parts.shift()!;
  const version = parts.shift()!;
  let namespace = "";
  if (parts[0] === "namespaces" && parts.length > 2 && !["finalize", "status"].includes(parts[2]!)) {
    parts.shift();
    namespace = parts.shift()!;
  }
  const [plural = "", name = "", subresource = ""] = parts;
  return { group, version, plural, namespace, name, subresource, query: new URLSearchParams(search) };
}

export function metadataOf(result: ApiResult): KubeObject["metadata"] {
  return result.object.metadata;
}

/** `ADDED a`, `MODIFIED a`, … of a watch. */
export function eventNames(watch: TestWatch): string[] {
  return watch.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
}
