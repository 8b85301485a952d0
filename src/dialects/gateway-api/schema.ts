import type { KubeObject } from "../../api/meta.ts";
import {
  ageColumn,
  anyObject,
  type CrdSchema,
  customResourceDefinition,
  int32,
  list,
  mapOf,
  object,
  oneOfTexts,
  type PrinterColumn,
  text,
} from "../../kube/crd.ts";
import { GATEWAY_API_GROUP } from "../../routing/gateway-api/objects.ts";
import {
  conditions,
  gatewayName,
  groupName,
  hostname,
  kindName,
  labelSelector,
  parentRef,
  port,
  setList,
} from "./schema-parts.ts";
import { httpRouteSpec } from "./schema-route.ts";
import { listenerRules, withRules } from "./schema-rules.ts";

/**
 * The kinds of Gateway API that the data plane reads, with the fields that it knows: those of the standard channel, and
 * `retry` and `cors` of routes. A field that would have no effect is not in the schema, so that kubectl refuses it.
 */

const LABEL_COUNT_MAX = 64;

const parametersRef = object({ group: groupName, kind: kindName, name: gatewayName, namespace: text }, [
  "group",
  "kind",
  "name",
]);

const routeKind = object({ group: { ...groupName, default: GATEWAY_API_GROUP }, kind: kindName }, ["kind"]);

const FROM_SAME = { from: "Same" };

const listener = object(
  {
    name: gatewayName,
    hostname,
    port,
    protocol: { ...text, minLength: 1, maxLength: 255 },
    tls: object({
      mode: { ...oneOfTexts("Terminate", "Passthrough"), default: "Terminate" },
      certificateRefs: setList(
        object(
          {
            group: { ...groupName, default: "" },
            kind: { ...kindName, default: "Secret" },
            name: gatewayName,
            namespace: text,
          },
          ["name"],
        ),
        { maxItems: 64, type: "atomic" },
      ),
      options: mapOf(text),
    }),
    allowedRoutes: {
      ...object({
        namespaces: {
          ...object({ from: { ...oneOfTexts("All", "Selector", "Same"), default: "Same" }, selector: labelSelector }),
          default: FROM_SAME,
        },
        kinds: setList(routeKind, { maxItems: 8, type: "atomic" }),
      }),
      default: { namespaces: FROM_SAME },
    },
  },
  ["name", "port", "protocol"],
);

const address = (required: readonly string[]): CrdSchema =>
  object(
    { type: { ...text, default: "IPAddress", minLength: 1, maxLength: 253 }, value: { ...text, maxLength: 253 } },
    required,
  );

const gatewaySpec = object(
  {
    gatewayClassName: gatewayName,
    listeners: withRules(
      { ...setList(listener, { maxItems: 64, type: "map", keys: ["name"] }), minItems: 1 },
      listenerRules,
    ),
    addresses: setList(address([]), { maxItems: 16, type: "atomic" }),
    infrastructure: object({
      labels: { ...mapOf({ ...text, maxLength: 63 }), maxProperties: LABEL_COUNT_MAX },
      annotations: { ...mapOf({ ...text, maxLength: 4096 }), maxProperties: LABEL_COUNT_MAX },
      parametersRef,
    }),
    tls: anyObject,
  },
  ["gatewayClassName", "listeners"],
);

const pendingConditions = (...types: string[]) =>
  types.map((type) => ({
    type,
    status: "Unknown",
    reason: "Pending",
    message: "Waiting for controller",
    lastTransitionTime: "1970-01-01T00:00:00Z",
  }));

const gatewayStatus: CrdSchema = {
  ...object({
    addresses: setList(address(["value"]), { maxItems: 16, type: "atomic" }),
    conditions: { ...conditions, default: pendingConditions("Accepted", "Programmed") },
    listeners: setList(
      object({ name: gatewayName, supportedKinds: list(routeKind), attachedRoutes: int32, conditions }, [
        "name",
        "attachedRoutes",
        "conditions",
      ]),
      { maxItems: 64, type: "map", keys: ["name"] },
    ),
  }),
  default: { conditions: pendingConditions("Accepted", "Programmed") },
};

const CONTROLLER_NAME = String.raw`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/\S+$`;

const gatewayClassSpec = object(
  {
    controllerName: { ...text, minLength: 1, maxLength: 253, pattern: CONTROLLER_NAME },
    description: { ...text, maxLength: 64 },
    parametersRef,
  },
  ["controllerName"],
);

const gatewayClassStatus: CrdSchema = {
  ...object({
    conditions: { ...conditions, default: pendingConditions("Accepted") },
    supportedFeatures: setList(object({ name: text }, ["name"]), { maxItems: 64, type: "map", keys: ["name"] }),
  }),
  default: { conditions: pendingConditions("Accepted") },
};

const httpRouteStatus = object(
  {
    parents: setList(
      object({ parentRef, controllerName: { ...text, minLength: 1, maxLength: 253 }, conditions }, [
        "parentRef",
        "controllerName",
        "conditions",
      ]),
      { maxItems: 32, type: "atomic" },
    ),
  },
  ["parents"],
);

const referenceGrantSpec = object(
  {
    from: {
      ...setList(object({ group: groupName, kind: kindName, namespace: text }, ["group", "kind", "namespace"]), {
        maxItems: 16,
        type: "atomic",
      }),
      minItems: 1,
    },
    to: {
      ...setList(object({ group: groupName, kind: kindName, name: gatewayName }, ["group", "kind"]), {
        maxItems: 16,
        type: "atomic",
      }),
      minItems: 1,
    },
  },
  ["from", "to"],
);

const conditionColumn = (type: string): PrinterColumn => ({
  name: type,
  type: "string",
  jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
});

function column(name: string, jsonPath: string): PrinterColumn {
  return { name, type: "string", jsonPath };
}

interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly scope?: "Cluster";
  readonly shortName?: string;
  readonly spec: CrdSchema;
  readonly status?: CrdSchema;
  readonly columns: readonly PrinterColumn[];
  readonly stored?: "v1beta1";
}

/** v1 and v1beta1 are served with one schema. */
function gatewayApiKind({ kind, plural, scope, shortName, spec, status, columns, stored }: Kind): KubeObject {
  return customResourceDefinition({
    group: GATEWAY_API_GROUP,
    kind,
    plural,
    scope: scope ?? "Namespaced",
    ...(shortName ? { shortNames: [shortName] } : {}),
    categories: ["gateway-api"],
    versions: ["v1", "v1beta1"].map((name) => ({
      name,
      storage: name === (stored ?? "v1"),
      spec,
      ...(status ? { status } : {}),
      required: ["spec"],
      columns,
    })),
  });
}

export const gatewayApiCrds: readonly KubeObject[] = [
  gatewayApiKind({
    kind: "GatewayClass",
    plural: "gatewayclasses",
    scope: "Cluster",
    shortName: "gc",
    spec: gatewayClassSpec,
    status: gatewayClassStatus,
    columns: [
      column("Controller", ".spec.controllerName"),
      conditionColumn("Accepted"),
      ageColumn,
      { ...column("Description", ".spec.description"), priority: 1 },
    ],
  }),
  gatewayApiKind({
    kind: "Gateway",
    plural: "gateways",
    shortName: "gtw",
    spec: gatewaySpec,
    status: gatewayStatus,
    columns: [
      column("Class", ".spec.gatewayClassName"),
      column("Address", ".status.addresses[*].value"),
      conditionColumn("Programmed"),
      ageColumn,
    ],
  }),
  gatewayApiKind({
    kind: "HTTPRoute",
    plural: "httproutes",
    spec: httpRouteSpec,
    status: httpRouteStatus,
    columns: [column("Hostnames", ".spec.hostnames"), ageColumn],
  }),
  gatewayApiKind({
    kind: "ReferenceGrant",
    plural: "referencegrants",
    shortName: "refgrant",
    spec: referenceGrantSpec,
    columns: [ageColumn],
    stored: "v1beta1",
  }),
];
