import { silentLogger } from "../../src/base/log.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { Acknowledgement } from "../../src/mesh/acknowledge.ts";
import { ConfigSource, type Revisions } from "../../src/mesh/config.ts";
import type { Table } from "../../src/routing/types.ts";
import { FaultyClient } from "../support/faulty-client.ts";
import type { World } from "../support/world.ts";

/** The mesh's configuration side, as in production, behind a slow network: what it runs lags behind what is written. */
export class SimulatedMesh {
  readonly #source: ConfigSource;
  #table: Table | null = null;
  #revisions: Revisions = {};
  #onTable: (() => void)[] = [];

  constructor(world: World, lagMs: number) {
    const client: KubeClient = new FaultyClient(world.client, {
      clock: world.clock,
      random: world.random,
      faults: { staleMs: lagMs, conflict: 0, failedWrite: 0, lostAnswer: 0, droppedWatch: 0.01 },
    });
    this.#source = new ConfigSource({
      client,
      clock: world.clock,
      random: world.random,
      logger: silentLogger,
      rootNamespace: "istio-system",
      onTable: (table, revisions) => {
        this.#table = table;
        this.#revisions = revisions;
        for (const listener of [...this.#onTable]) listener();
      },
    });
  }

  start(): void {
    this.#source.start();
  }

  stop(): void {
    this.#source.stop();
  }

  /** What every new request obeys. */
  get table(): Table | null {
    return this.#table;
  }

  acknowledged(): Acknowledgement | null {
    if (this.#table === null) return null;
    const kinds = Object.fromEntries(Object.entries(this.#revisions).map(([kind, at]) => [kind, String(at)]));
    return { kinds, revision: Math.min(...Object.values(this.#revisions)), pods: {}, gateways: {} };
  }

  onAcknowledgement(listener: () => void): () => void {
    this.#onTable.push(listener);
    return () => {
      this.#onTable = this.#onTable.filter((other) => other !== listener);
    };
  }
}
