import type { Condition, KubeObject } from "./meta.ts";

/** The fields of core/v1 objects that release engines read. Types only. */
export interface Pod extends KubeObject {
  status?: { phase?: string; conditions?: Condition[] };
}
