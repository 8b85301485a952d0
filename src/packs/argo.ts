import { abortOrder } from "../dialects/argo/abort-order.ts";
import { argoCrds } from "../dialects/argo/crds.ts";
import { surpriseWarnings } from "../dialects/argo/surprises.ts";
import { keptCrds } from "./kept-crds.ts";
import type { Pack } from "./pack.ts";

/**
 * Argo Rollouts: argoproj.io. The original has no webhook; its controller defaults and validates (ARC-005).
 * Ours only notes in which order an abort and a new template came, and warns of what means more than it seems to.
 * Not installed by default: its resource name `rollouts` is also Kruise's, and the first installed answers to it (SEED-090).
 */
export const argoPack: Pack = {
  name: "argo",
  crds: argoCrds,
  converters: {},
  admission: [abortOrder, surpriseWarnings, keptCrds("argo", argoCrds)],
};
