/** The structural schema engine: what a schema prunes, fills in, refuses, and whether it is itself in order. */
export { objectMetaSchema } from "./object-meta.ts";
export { compilePattern } from "./patterns.ts";
export { applySchemaDefaults, dropNulls, pruneUnknown } from "./prune.ts";
export { validateStructural } from "./structural.ts";
export { checkTypes } from "./types.ts";
export { hasValidationRules, validateSchema } from "./validate.ts";
