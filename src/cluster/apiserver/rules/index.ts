/** The CEL rules of custom resources (K8S-157, K8S-158): checked with the CRD, evaluated with every write. */
export { checkRules } from "./check-rules.ts";
export { validateRules } from "./validate-rules.ts";
