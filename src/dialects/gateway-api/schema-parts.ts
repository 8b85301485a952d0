import { type CrdSchema, int32, list, mapOf, object, oneOfTexts, text } from "../../kube/crd.ts";
import { GATEWAY_API_GROUP } from "../../routing/gateway-api/objects.ts";

/** Pieces that several kinds of Gateway API share. */

const DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_NAME = String.raw`${DNS_LABEL}(\.${DNS_LABEL})*`;

export const gatewayName: CrdSchema = { ...text, minLength: 1, maxLength: 253 };
/** With `*.` in front for all names below. */
export const hostname: CrdSchema = {
  ...text,
  minLength: 1,
  maxLength: 253,
  pattern: String.raw`^(\*\.)?${DNS_NAME}$`,
};
/** One name, without wildcard. */
export const preciseHostname: CrdSchema = { ...text, minLength: 1, maxLength: 253, pattern: `^${DNS_NAME}$` };
export const groupName: CrdSchema = { ...text, maxLength: 253, pattern: `^$|^${DNS_NAME}$` };
export const kindName: CrdSchema = {
  ...text,
  minLength: 1,
  maxLength: 63,
  pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
};
export const namespaceName: CrdSchema = { ...text, minLength: 1, maxLength: 63, pattern: `^${DNS_LABEL}$` };
export const port: CrdSchema = { ...int32, minimum: 1, maximum: 65_535 };

/** A list with a bound and the rule by which two writers' lists are merged. */
export function setList(
  items: CrdSchema,
  { maxItems, type, keys }: { maxItems: number; type: "atomic" | "set" | "map"; keys?: readonly string[] },
): CrdSchema {
  return {
    ...list(items),
    maxItems,
    "x-kubernetes-list-type": type,
    ...(keys ? { "x-kubernetes-list-map-keys": [...keys] } : {}),
  };
}

export const labelSelector: CrdSchema = object({
  matchLabels: mapOf(text),
  matchExpressions: list(object({ key: text, operator: text, values: list(text) }, ["key", "operator"])),
});

export const conditions: CrdSchema = setList(
  object(
    {
      type: text,
      status: oneOfTexts("True", "False", "Unknown"),
      reason: { ...text, minLength: 1, maxLength: 1024 },
      message: { ...text, maxLength: 32_768 },
      lastTransitionTime: { ...text, format: "date-time" },
      observedGeneration: { type: "integer", format: "int64", minimum: 0 },
    },
    ["type", "status", "reason", "message", "lastTransitionTime"],
  ),
  { maxItems: 8, type: "map", keys: ["type"] },
);

export const parentRef: CrdSchema = object(
  {
    group: { ...groupName, default: GATEWAY_API_GROUP },
    kind: { ...kindName, default: "Gateway" },
    namespace: namespaceName,
    name: gatewayName,
    sectionName: gatewayName,
    port,
  },
  ["name"],
);
