import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/meta.ts";
import { containerEnvironment, type EnvironmentInput, expandVariables } from "./environment.ts";
import type { Container, Pod } from "./pod.ts";

function object(kind: string, name: string, fields: Record<string, unknown>): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name, namespace: "t" }, ...fields };
}

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "t", uid: "u1", labels: { app: "web" }, annotations: { "a/b": "note" } },
  spec: { containers: [] },
};

function environment(container: Partial<Container>, more: Partial<EnvironmentInput> = {}) {
  return containerEnvironment({
    pod,
    container: { name: "c", image: "app:1.0", ...container },
    image: { repository: "app", tag: "1.0", entry: { image: "app", command: ["app"] } },
    podIp: "127.64.0.3",
    hostIp: "127.0.0.1",
    nodeName: "n1",
    proxyPort: 15001,
    host: { PATH: "/bin", HOME: "/root", LANG: "C" },
    configMaps: new Map([["cm", object("ConfigMap", "cm", { data: { k: "v", k2: "v2" } })]]),
    secrets: new Map([["s", object("Secret", "s", { data: { p: Buffer.from("geheim").toString("base64") } })]]),
    services: [],
    ...more,
  });
}

test("K8S-260 a pod without env gets the cluster's variables and nothing else of ours", () => {
  const result = environment({ ports: [{ containerPort: 8000 }] });
  assert.deepEqual(result, {
    ok: true,
    env: {
      PATH: "/bin",
      HOME: "/root",
      LANG: "C",
      HOSTNAME: "web",
      POD_IP: "127.64.0.3",
      HOST: "127.64.0.3",
      PORT: "8000",
      IMAGE: "app:1.0",
      IMAGE_TAG: "1.0",
      http_proxy: "http://127.64.0.3:15001",
      HTTP_PROXY: "http://127.64.0.3:15001",
      NODE_USE_ENV_PROXY: "1",
      NO_PROXY: "127.0.0.1,localhost",
      no_proxy: "127.0.0.1,localhost",
    },
  });
});

interface Case {
  name: string;
  container: Partial<Container>;
  more?: Partial<EnvironmentInput>;
  expect: Record<string, string | undefined> | string;
}

const ref = (fieldPath: string) => ({ name: "X", valueFrom: { fieldRef: { fieldPath } } });
const services = [
  object("Service", "my-db", { spec: { clusterIP: "127.96.0.9", ports: [{ name: "sql", port: 5432 }] } }),
  object("Service", "headless", { spec: { clusterIP: "None", ports: [{ port: 1 }] } }),
];

const cases: Case[] = [
  { name: "a plain value", container: { env: [{ name: "X", value: "1" }] }, expect: { X: "1" } },
  { name: "an env var without value is empty", container: { env: [{ name: "X" }] }, expect: { X: "" } },
  {
    name: "$(VAR) sees the variables before it",
    container: {
      env: [
        { name: "A", value: "1" },
        { name: "X", value: "$(A)-$(B)-$$(A)" },
        { name: "B", value: "2" },
      ],
    },
    expect: { X: "1-$(B)-$(A)" },
  },
  { name: "fieldRef status.podIP", container: { env: [ref("status.podIP")] }, expect: { X: "127.64.0.3" } },
  {
    name: "fieldRef metadata.labels['app']",
    container: { env: [ref("metadata.labels['app']")] },
    expect: { X: "web" },
  },
  {
    name: "fieldRef of an annotation with a slash",
    container: { env: [ref("metadata.annotations['a/b']")] },
    expect: { X: "note" },
  },
  { name: "fieldRef spec.nodeName", container: { env: [ref("spec.nodeName")] }, expect: { X: "n1" } },
  {
    name: "configMapKeyRef",
    container: { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "cm", key: "k" } } }] },
    expect: { X: "v" },
  },
  {
    name: "secretKeyRef is decoded",
    container: { env: [{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "p" } } }] },
    expect: { X: "geheim" },
  },
  {
    name: "a missing ConfigMap is a config error",
    container: { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "x", key: "k" } } }] },
    expect: 'configmap "x" not found',
  },
  {
    name: "a missing key is a config error",
    container: { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "cm", key: "zz" } } }] },
    expect: "couldn't find key zz in ConfigMap t/cm",
  },
  {
    name: "a missing optional ConfigMap leaves the variable out",
    container: { env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "x", key: "k", optional: true } } }] },
    expect: { X: undefined },
  },
  {
    name: "envFrom with a prefix",
    container: { envFrom: [{ prefix: "P_", configMapRef: { name: "cm" } }] },
    expect: { P_k: "v", P_k2: "v2" },
  },
  {
    name: "env wins over envFrom",
    container: { envFrom: [{ configMapRef: { name: "cm" } }], env: [{ name: "k", value: "mine" }] },
    expect: { k: "mine" },
  },
  {
    name: "envFrom of a missing Secret",
    container: { envFrom: [{ secretRef: { name: "no" } }] },
    expect: 'secret "no" not found',
  },
  {
    name: "envFrom of a missing optional Secret",
    container: { envFrom: [{ secretRef: { name: "no", optional: true } }] },
    expect: {},
  },
  {
    name: "service variables of the namespace",
    container: {},
    more: { services },
    expect: {
      MY_DB_SERVICE_HOST: "127.96.0.9",
      MY_DB_SERVICE_PORT_SQL: "5432",
      MY_DB_PORT_5432_TCP_ADDR: "127.96.0.9",
      HEADLESS_SERVICE_HOST: undefined,
    },
  },
  {
    name: "no service variables without enableServiceLinks",
    container: {},
    more: { services, pod: { ...pod, spec: { containers: [], enableServiceLinks: false } } },
    expect: { MY_DB_SERVICE_HOST: undefined },
  },
  {
    name: "what the image has built in wins over the manifest",
    container: { env: [{ name: "version", value: "v1" }] },
    more: {
      image: { repository: "app", tag: "2.0", entry: { image: "app", command: [], environment: { version: "v2" } } },
    },
    expect: { version: "v2" },
  },
  {
    name: "no proxy without a mesh",
    container: {},
    more: { proxyPort: null },
    expect: { http_proxy: undefined, NODE_USE_ENV_PROXY: undefined },
  },
];

for (const { name, container, more, expect } of cases) {
  test(`K8S-260 ${name}`, () => {
    const result = environment(container, more);
    if (typeof expect === "string") return assert.deepEqual(result, { ok: false, message: expect });
    assert.ok(result.ok);
    for (const [key, value] of Object.entries(expect)) assert.equal(result.env[key], value, key);
  });
}

test("K8S-260 expansion: $$(X) escapes, an unknown name stays", () => {
  assert.equal(expandVariables("$(A) $(B) $$(A) $A $", { A: "1" }), "1 $(B) $(A) $A $");
});
