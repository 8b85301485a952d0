import type { Loose } from "./cluster.ts";

/** Deployment web: 2 replicas, container c, image echo:1, port 8080, readiness by GET /. */
export function web(name = "web", changes: { spec?: Loose; metadata?: Loose } = {}): Loose {
  const app = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: app, ...changes.metadata },
    spec: {
      replicas: 2,
      selector: { matchLabels: app },
      template: {
        metadata: { labels: app },
        spec: {
          containers: [
            {
              name: "c",
              image: "echo:1",
              ports: [{ containerPort: 8080 }],
              readinessProbe: { httpGet: { path: "/", port: 8080 } },
            },
          ],
        },
      },
      ...changes.spec,
    },
  };
}

export function pod(name: string, labels: Record<string, string> = {}): Loose {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { containers: [{ name: "c", image: "echo:1", env: [{ name: "A", value: "1" }] }] },
  };
}

export function configMap(name: string, data: Record<string, string> = { a: "1" }, metadata: Loose = {}): Loose {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

export function service(name: string, spec: Loose = {}): Loose {
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

export function widget(name: string, spec: Loose = { size: 2 }, extra: Loose = {}): Loose {
  return { apiVersion: "ex.io/v1", kind: "Widget", metadata: { name }, spec, ...extra };
}

const text = { type: "string" };
const anything = { "x-kubernetes-preserve-unknown-fields": true };

/** The custom kind of the conformance list: every schema feature that a check looks at. */
export const widgetSchema: Loose = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, maximum: 10, default: 3, description: "How big it is." },
        replicas: { type: "integer", default: 1 },
        color: { ...text, enum: ["red", "blue"], default: "red" },
        nn: { ...text, nullable: true, default: "zz" },
        nd: { ...text, default: "dd" },
        pat: { ...text, pattern: "^a+$", maxLength: 3 },
        ios: { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true },
        raw: { type: "object", ...anything },
        emb: { type: "object", ...anything, "x-kubernetes-embedded-resource": true },
        m: { type: "object", additionalProperties: text },
        items: {
          type: "array",
          maxItems: 3,
          items: {
            type: "object",
            required: ["name"],
            properties: { name: text, v: { type: "integer", default: 7 } },
          },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
        },
        set: { type: "array", items: text, "x-kubernetes-list-type": "set" },
        imm: { ...text, "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "imm is immutable" }] },
      },
    },
    status: {
      type: "object",
      properties: {
        phase: text,
        when: { ...text, format: "date-time" },
        replicas: { type: "integer" },
        selector: text,
        conditions: { type: "array", items: { type: "object", properties: { type: text, status: text } } },
      },
    },
  },
};

const columns = [
  { name: "Size", type: "integer", jsonPath: ".spec.size" },
  { name: "Phase", type: "string", jsonPath: ".status.phase" },
  { name: "When", type: "date", jsonPath: ".status.when" },
  { name: "Wide", type: "string", priority: 1, jsonPath: ".spec.items[*].name" },
  { name: "Cond", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
];

const scale = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
  labelSelectorPath: ".status.selector",
};

export const widgetCrd: Loose = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.ex.io" },
  spec: {
    group: "ex.io",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget", shortNames: ["wd"], categories: ["all"] },
    versions: ["v1", "v2"].map((name) => ({
      name,
      served: true,
      storage: name === "v1",
      schema: { openAPIV3Schema: widgetSchema },
      subresources: { status: {}, scale },
      selectableFields: [{ jsonPath: ".spec.color" }],
      additionalPrinterColumns: columns,
    })),
  },
};
