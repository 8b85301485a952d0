/** A change to a file's text: the characters from `start` to `end` become `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export type Level = "error" | "warning" | "info";

/** Something a person should know about a manifest. Lint never changes what the API server accepts (SEED-001). */
export interface Finding {
  /**
   * The behaviour that it is about: `KRL-nn` for what concerns Kruise Rollouts, `LANE-nnn` for lanes, `ARC-nnn` and
   * `SE-nnn` for Argo Rollouts, `PQ-nnn` for PromQL, `EX-nnn` for conditions, `K8S-nn` for what the API server refuses.
   */
  readonly code: string;
  readonly level: Level;
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** `Deployment default/mocka-v1`; "" when it concerns the text. */
  readonly object: string;
  readonly message: string;
  /** What `--fix` does about it; absent where only a person can know. */
  readonly edit?: Edit | null;
}
