import { type CrdSchema, flag, int32, object, oneOfTexts, text } from "../../kube/crd.ts";
import {
  gatewayName,
  groupName,
  hostname,
  kindName,
  namespaceName,
  parentRef,
  port,
  preciseHostname,
  setList,
} from "./schema-parts.ts";
import {
  backendRules,
  filterListRules,
  fractionRules,
  mirrorRules,
  parentRules,
  pathRules,
  routeRuleRules,
  timeoutRules,
  unionRules,
  withRules,
} from "./schema-rules.ts";

/** `spec` of an HTTPRoute. Defaults are the API's: readers repeat them, for objects that never saw this schema. */

const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$";
const headerName: CrdSchema = { ...text, minLength: 1, maxLength: 256, pattern: HEADER_NAME };
const headerValue: CrdSchema = { ...text, minLength: 1, maxLength: 4096 };
/** Of Go's durations what the API allows: whole numbers. */
const duration: CrdSchema = { ...text, pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$" };

const matchType = (...types: string[]): CrdSchema => ({ ...oneOfTexts(...types), default: types[0] });
const EVERY_PATH = { type: "PathPrefix", value: "/" };

const path: CrdSchema = {
  ...withRules(
    object({
      type: matchType("PathPrefix", "Exact", "RegularExpression"),
      value: { ...text, default: "/", maxLength: 1024 },
    }),
    pathRules,
  ),
  default: EVERY_PATH,
};

const named = (value: CrdSchema): CrdSchema =>
  setList(object({ type: matchType("Exact", "RegularExpression"), name: headerName, value }, ["name", "value"]), {
    maxItems: 16,
    type: "map",
    keys: ["name"],
  });

const match = object({
  path,
  headers: named(headerValue),
  queryParams: named({ ...text, minLength: 1, maxLength: 1024 }),
  method: oneOfTexts("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"),
});

const headerPairs = setList(object({ name: headerName, value: headerValue }, ["name", "value"]), {
  maxItems: 16,
  type: "map",
  keys: ["name"],
});
const headerModifier = object({
  set: headerPairs,
  add: headerPairs,
  remove: setList(text, { maxItems: 16, type: "set" }),
});

const backendFields = {
  group: { ...groupName, default: "" },
  kind: { ...kindName, default: "Service" },
  namespace: namespaceName,
  name: gatewayName,
  port,
};

const pathModifier = withRules(
  object(
    {
      type: oneOfTexts("ReplaceFullPath", "ReplacePrefixMatch"),
      replaceFullPath: { ...text, maxLength: 1024 },
      replacePrefixMatch: { ...text, maxLength: 1024 },
    },
    ["type"],
  ),
  unionRules({ ReplaceFullPath: "replaceFullPath", ReplacePrefixMatch: "replacePrefixMatch" }),
);

const corsNames = (items: CrdSchema): CrdSchema => setList(items, { maxItems: 64, type: "set" });

const cors = object({
  allowOrigins: corsNames({ ...text, minLength: 1, maxLength: 253 }),
  allowCredentials: flag,
  allowMethods: setList(
    oneOfTexts("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"),
    { maxItems: 9, type: "set" },
  ),
  allowHeaders: corsNames(headerName),
  exposeHeaders: corsNames(headerName),
  maxAge: { ...int32, default: 5, minimum: 1 },
});

const mirror = withRules(
  object(
    {
      backendRef: withRules(object(backendFields, ["name"]), backendRules),
      percent: { ...int32, minimum: 0, maximum: 100 },
      fraction: withRules(
        object({ numerator: { ...int32, minimum: 0 }, denominator: { ...int32, minimum: 1, default: 100 } }, [
          "numerator",
        ]),
        fractionRules,
      ),
    },
    ["backendRef"],
  ),
  mirrorRules,
);

const filterMembers = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestMirror: "requestMirror",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  CORS: "cors",
  ExtensionRef: "extensionRef",
};

const filter = object(
  {
    type: oneOfTexts(...Object.keys(filterMembers)),
    requestHeaderModifier: headerModifier,
    responseHeaderModifier: headerModifier,
    requestMirror: mirror,
    requestRedirect: object({
      scheme: oneOfTexts("http", "https"),
      hostname: preciseHostname,
      path: pathModifier,
      port,
      statusCode: { type: "integer", default: 302, enum: [301, 302, 303, 307, 308] },
    }),
    urlRewrite: object({ hostname: preciseHostname, path: pathModifier }),
    cors,
    extensionRef: object({ group: groupName, kind: kindName, name: gatewayName }, ["group", "kind", "name"]),
  },
  ["type"],
);

const filters = withRules(
  setList(withRules(filter, unionRules(filterMembers)), { maxItems: 16, type: "atomic" }),
  filterListRules,
);

const backendRef = withRules(
  object({ ...backendFields, weight: { ...int32, default: 1, minimum: 0, maximum: 1_000_000 }, filters }, ["name"]),
  backendRules,
);

const rule = object({
  name: gatewayName,
  matches: { ...setList(match, { maxItems: 64, type: "atomic" }), default: [{ path: EVERY_PATH }] },
  filters,
  backendRefs: setList(backendRef, { maxItems: 16, type: "atomic" }),
  timeouts: withRules(object({ request: duration, backendRequest: duration }), timeoutRules),
  retry: object({
    codes: setList({ type: "integer", minimum: 400, maximum: 599 }, { maxItems: 200, type: "set" }),
    attempts: { type: "integer", minimum: 1 },
    backoff: duration,
  }),
});

export const httpRouteSpec = object({
  parentRefs: withRules(setList(parentRef, { maxItems: 32, type: "atomic" }), parentRules),
  hostnames: setList(hostname, { maxItems: 16, type: "atomic" }),
  rules: {
    ...setList(withRules(rule, routeRuleRules), { maxItems: 16, type: "atomic" }),
    minItems: 1,
    default: [{ matches: [{ path: EVERY_PATH }] }],
  },
});
