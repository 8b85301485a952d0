import { createRequire } from "node:module";

type Apply = typeof import("./apply/index.ts");

let loaded: Apply | null = null;

/** Server-side apply and field ownership; loaded when the first object comes that is applied this way (cf. lazy-rules.ts). */
export function fieldOwnership(): Apply {
  loaded ??= createRequire(import.meta.url)("./apply/index.ts") as Apply;
  return loaded;
}
