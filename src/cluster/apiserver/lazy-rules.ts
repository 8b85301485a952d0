import { createRequire } from "node:module";

type Rules = typeof import("./rules/index.ts");

let loaded: Rules | null = null;

/**
 * The evaluator of CEL rules. A cluster starts without it: the rules of our own packs are known to be in order. It is
 * loaded with the first object or definition that has rules, inside a write, which cannot wait: hence `require`.
 */
export function rulesEngine(): Rules {
  loaded ??= createRequire(import.meta.url)("./rules/index.ts") as Rules;
  return loaded;
}
