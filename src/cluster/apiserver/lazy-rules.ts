import { createRequire } from "node:module";

type Rules = typeof import("./rules/index.ts");

let loaded: Rules | null = null;

/**
 * The evaluator of CEL rules. Our packs' CRDs have none, so that a cluster starts without it; it is loaded when the
 * first schema with rules comes, inside a write, which cannot wait: hence `require`.
 */
export function rulesEngine(): Rules {
  loaded ??= createRequire(import.meta.url)("./rules/index.ts") as Rules;
  return loaded;
}
