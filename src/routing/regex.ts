/** The expressions of routes and conditions: RE2's, in linear time, which users may not spell at any length. */
export { compileRegex, compileReplacement, compileSearch, type Regex } from "../base/regex.ts";

export const REGEX_LENGTH_MAX = 1024; // MESH-446
