import type { IncomingMessage } from "node:http";
import type { Cluster, Endpoint } from "../routing/types.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptEvents } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { requestKey } from "./hash-key.ts";
import type { Hop, RequestFacts } from "./request.ts";
import type { ResponseHead } from "./response-parser.ts";

/**
 * Copies of a request for other destinations (MESH-155, MESH-156): same method, path after rewrite, headers and body.
 * Nobody waits for them, their answers are dropped, and they are tried once. A copy is sent when the whole body is
 * there, so that a slow mirror holds nobody back.
 */
export interface Mirrored {
  readonly hop: Hop;
  readonly facts: RequestFacts;
  readonly req: IncomingMessage;
  /** As every attempt sends it, without its own lines and the empty line. */
  readonly head: string;
  /** After rewrite. */
  readonly path: string;
  readonly timeoutMs: number | null;
  readonly clusters: readonly Cluster[];
}

/** Envoy's buffer (MESH-144): a larger request is not copied. */
const BODY_BYTES_MAX = 1_048_576;
/** Envoy's default for a route without timeout. A copy that nobody waits for must end some day. */
const TIMEOUT_MS_DEFAULT = 15_000;

export function mirror(plane: DataPlane, mirrored: Mirrored): void {
  const { facts, req, clusters } = mirrored;
  const send = (body: readonly Buffer[]) => {
    for (const cluster of clusters) new MirroredRequest(plane, mirrored, cluster).send(body);
  };
  if (!facts.hasBody) {
    send([]);
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  req.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= BODY_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
  });
  req.on("end", () => {
    if (size <= BODY_BYTES_MAX) send(chunks);
  });
}

class MirroredRequest implements AttemptEvents {
  readonly #plane: DataPlane;
  readonly #mirrored: Mirrored;
  readonly #cluster: Cluster;
  #attempt: Attempt | null = null;
  #status = 0;
  #bytes = 0;
  #bodyBytes = 0;

  constructor(plane: DataPlane, mirrored: Mirrored, cluster: Cluster) {
    this.#plane = plane;
    this.#mirrored = mirrored;
    this.#cluster = cluster;
  }

  send(body: readonly Buffer[]): void {
    const { facts, head, timeoutMs } = this.#mirrored;
    const endpoint = this.#pickEndpoint();
    if (endpoint === null) return;
    const attempt = this.#open(endpoint);
    if (attempt === null) return;
    this.#attempt = attempt;
    attempt.send(this, `${head}\r\n`, facts);
    for (const chunk of body) {
      this.#bodyBytes += chunk.length;
      attempt.connection.write(chunk, facts.isChunked);
    }
    if (facts.hasBody) attempt.connection.endBody(facts.isChunked);
    attempt.limit(timeoutMs ?? TIMEOUT_MS_DEFAULT, () => {
      attempt.abort();
      this.#plane.outliers.record(endpoint, this.#cluster, null);
    });
  }

  #pickEndpoint(): Endpoint | null {
    const { hash } = this.#cluster;
    const { facts, path, req } = this.#mirrored;
    const key = hash === null ? null : requestKey(hash, { facts, path, socket: req.socket }).key;
    return this.#plane.balancer.pick(this.#cluster, [], key);
  }

  /** Null: no room. A copy waits for nobody either: a slow mirror would gather them without end. */
  #open(endpoint: Endpoint): Attempt | null {
    const { facts, hop } = this.#mirrored;
    const target = { endpoint, cluster: this.#cluster, facts };
    const breaker = this.#plane.breakers.of(hop.source, this.#cluster);
    if (breaker === null) return Attempt.open(this.#plane, target);
    const connection = breaker.takeNow(endpoint);
    return connection === null ? null : Attempt.within(breaker, this.#plane, target, connection);
  }

  onInformation(): void {}

  onHead({ status }: ResponseHead): void {
    this.#status = status;
  }

  onData(chunk: Buffer): void {
    this.#bytes += chunk.length;
  }

  onDrain(): void {}

  /** MESH-399: counted by its receiver alone. */
  onEnd(): void {
    const attempt = this.#attempt!;
    attempt.close();
    this.#plane.outliers.record(attempt.endpoint, this.#cluster, this.#status);
    this.#plane.telemetry.count({
      isMirrored: true,
      source: this.#mirrored.hop.source,
      cluster: this.#cluster,
      clusterName: this.#cluster.name,
      destination: attempt.endpoint.pod,
      code: this.#status,
      flags: "-",
      durationMs: this.#plane.clock.now() - attempt.startedAt,
      requestBytes: this.#mirrored.head.length + this.#bodyBytes,
      responseBytes: this.#bytes,
    });
  }

  onFailure(): void {
    const attempt = this.#attempt!;
    attempt.close();
    this.#plane.outliers.record(attempt.endpoint, this.#cluster, null);
  }
}
