import type { Clock } from "../base/clock.ts";
import { inboundLane } from "../routing/lane.ts";
import { type TraceRecord, TraceTable } from "../routing/trace-table.ts";
import type { LaneContext, Source, TraceLane } from "../routing/types.ts";

/**
 * The trace tables of all pods (LANE-260…268). The request that we forward to a pod is that pod's inbound request: it is
 * recorded before it is sent, and closed when its response is finished.
 */
export class Traces {
  readonly #clock: Clock;
  readonly #tables = new Map<string, TraceTable>();
  /** Counts of tables whose pod is gone: a counter never goes back. */
  #droppedBefore = 0;
  #conflictsBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers the request in the table of `pod`. Give the result to `close` when the request is finished. */
  open(pod: Source, lanes: readonly LaneContext[], header: (name: string) => string | null): readonly OpenTrace[] {
    const open: OpenTrace[] = [];
    for (const context of lanes) {
      const inbound = inboundLane(context, pod.labels, header);
      if (inbound === null) continue;
      const table = this.#tableOf(pod);
      const record = table.open(context.group, inbound.traceValue, inbound.lane, this.#clock.now());
      if (record !== null) open.push({ table, record });
    }
    return open;
  }

  close(open: readonly OpenTrace[]): void {
    const now = this.#clock.now();
    for (const { table, record } of open) table.close(record, now);
  }

  /** What the pod's outbound calls ask (LANE-261). */
  lane(pod: Source, group: string, traceValue: string): TraceLane | null {
    return this.#tables.get(keyOf(pod))?.lane(group, traceValue, this.#clock.now()) ?? null;
  }

  /** The pod is gone, and its table with it. */
  forget(pod: Source): void {
    const table = this.#tables.get(keyOf(pod));
    if (table === undefined) return;
    this.#tables.delete(keyOf(pod));
    this.#droppedBefore += table.droppedCount;
    this.#conflictsBefore += table.conflictCount;
  }

  /** LANE-263, LANE-264. */
  counters(): readonly { readonly name: string; readonly value: number }[] {
    let dropped = this.#droppedBefore;
    let conflicts = this.#conflictsBefore;
    for (const table of this.#tables.values()) {
      dropped += table.droppedCount;
      conflicts += table.conflictCount;
    }
    return [
      { name: "lane_context_dropped_total", value: dropped },
      { name: "lane_context_conflicts_total", value: conflicts },
    ];
  }

  #tableOf(pod: Source): TraceTable {
    const key = keyOf(pod);
    let table = this.#tables.get(key);
    if (table === undefined) {
      table = new TraceTable();
      this.#tables.set(key, table);
    }
    return table;
  }
}

export interface OpenTrace {
  readonly table: TraceTable;
  readonly record: TraceRecord;
}

function keyOf(pod: Source): string {
  return `${pod.namespace}/${pod.name}`;
}
