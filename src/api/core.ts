import type { Condition, KubeObject } from "./meta.ts";

/** The fields of core/v1 objects that release engines read. Types only. */
export interface Pod extends KubeObject {
  status?: { phase?: string; conditions?: Condition[] };
}

export interface Secret extends KubeObject {
  /** Base64. */
  data?: Record<string, string>;
  type?: string;
}
