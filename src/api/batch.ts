import type { Condition, KubeObject } from "./meta.ts";

/** The fields of batch/v1 Job that our code reads or writes. Types only. */
export interface Job extends KubeObject {
  spec: Record<string, unknown>;
  status?: { conditions?: Condition[] };
}
