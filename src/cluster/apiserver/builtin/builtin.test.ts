import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { checkTypes, dropNulls, pruneUnknown, validateStructural } from "../schema/index.ts";
import { decoded, definitionOf, problemsOf } from "./builtin.fixture.ts";
import { builtinConverters, builtinDefinitions } from "./index.ts";

const pods = definitionOf("pods");
const deployments = definitionOf("deployments");
const services = definitionOf("services");
const configMaps = definitionOf("configmaps");
const secrets = definitionOf("secrets");

const labels = { app: "web" };
const container = { name: "c", image: "echo:1" };
const template = { metadata: { labels }, spec: { containers: [container] } };
const deployment = (spec: object = {}) => ({ spec: { selector: { matchLabels: labels }, template, ...spec } });

test("section 12: every P0 kind is there once per version, core first", () => {
  const names = builtinDefinitions.map(({ type }) => `${type.group}/${type.version}/${type.plural}`);
  assert.equal(new Set(names).size, names.length);
  for (const expected of [
    "/v1/bindings",
    "/v1/configmaps",
    "/v1/endpoints",
    "/v1/events",
    "/v1/limitranges",
    "/v1/namespaces",
    "/v1/nodes",
    "/v1/persistentvolumeclaims",
    "/v1/persistentvolumes",
    "/v1/pods",
    "/v1/podtemplates",
    "/v1/replicationcontrollers",
    "/v1/resourcequotas",
    "/v1/secrets",
    "/v1/serviceaccounts",
    "/v1/services",
    "apps/v1/controllerrevisions",
    "apps/v1/daemonsets",
    "apps/v1/deployments",
    "apps/v1/replicasets",
    "apps/v1/statefulsets",
    "batch/v1/jobs",
    "batch/v1/cronjobs",
    "networking.k8s.io/v1/ingresses",
    "networking.k8s.io/v1/ingressclasses",
    "networking.k8s.io/v1/networkpolicies",
    "discovery.k8s.io/v1/endpointslices",
    "events.k8s.io/v1/events",
    "coordination.k8s.io/v1/leases",
    "autoscaling/v1/horizontalpodautoscalers",
    "autoscaling/v2/horizontalpodautoscalers",
    "policy/v1/poddisruptionbudgets",
    "rbac.authorization.k8s.io/v1/roles",
    "rbac.authorization.k8s.io/v1/clusterroles",
    "rbac.authorization.k8s.io/v1/rolebindings",
    "rbac.authorization.k8s.io/v1/clusterrolebindings",
    "authentication.k8s.io/v1/tokenreviews",
    "authorization.k8s.io/v1/selfsubjectaccessreviews",
    "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "apiextensions.k8s.io/v1/customresourcedefinitions",
    "apiregistration.k8s.io/v1/apiservices",
    "scheduling.k8s.io/v1/priorityclasses",
    "storage.k8s.io/v1/storageclasses",
  ]) {
    assert.ok(names.includes(expected), expected);
  }
  assert.equal(names[0], "/v1/bindings");
});

test("section 12: the category all", () => {
  const all = builtinDefinitions.filter(({ categories }) => categories.includes("all")).map(({ type }) => type.plural);
  assert.deepEqual([...new Set(all)].sort(), [
    "cronjobs",
    "daemonsets",
    "deployments",
    "horizontalpodautoscalers",
    "jobs",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "services",
    "statefulsets",
  ]);
});

test("every built-in schema is structural", () => {
  for (const { type, schema } of builtinDefinitions) {
    // The zero value of a list's items (K8S-108) need not be a valid item.
    const problems = validateStructural(schema, type.kind).filter(({ field }) => !field.includes(".default."));
    assert.deepEqual(problems, [], type.kind);
  }
});

/** Defaults: the body, and what it has become, as a part that must be contained. */
const defaults: [name: string, plural: string, body: object, expected: object][] = [
  [
    "K8S-186 Deployment",
    "deployments",
    deployment(),
    {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      },
    },
  ],
  ["K8S-186 a zero is kept", "deployments", deployment({ replicas: 0 }), { spec: { replicas: 0 } }],
  [
    "K8S-185 a template gets no pod-only fields",
    "deployments",
    deployment(),
    {
      spec: {
        template: {
          spec: {
            restartPolicy: "Always",
            terminationGracePeriodSeconds: 30,
            dnsPolicy: "ClusterFirst",
            schedulerName: "default-scheduler",
            securityContext: {},
            enableServiceLinks: undefined,
            serviceAccountName: undefined,
          },
        },
      },
    },
  ],
  [
    "K8S-185 probes",
    "pods",
    { spec: { containers: [{ ...container, readinessProbe: { httpGet: { port: 80 } } }] } },
    {
      spec: {
        containers: [
          {
            readinessProbe: {
              httpGet: { path: "/", port: 80, scheme: "HTTP" },
              periodSeconds: 10,
              timeoutSeconds: 1,
              successThreshold: 1,
              failureThreshold: 3,
            },
          },
        ],
      },
    },
  ],
  [
    "K8S-185 images",
    "pods",
    {
      spec: {
        containers: [
          { name: "a", image: "echo" },
          { name: "b", image: "host:5000/echo" },
          { name: "c", image: "echo:latest" },
          { name: "d", image: "host:5000/echo:1" },
        ],
      },
    },
    {
      spec: {
        containers: [
          {
            imagePullPolicy: "Always",
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          },
          { imagePullPolicy: "Always" },
          { imagePullPolicy: "Always" },
          { imagePullPolicy: "IfNotPresent", resources: {} },
        ],
      },
    },
  ],
  [
    "K8S-185 Pod",
    "pods",
    { spec: { containers: [container] } },
    {
      spec: {
        enableServiceLinks: true,
        serviceAccountName: "default",
        serviceAccount: "default",
        priority: 0,
        preemptionPolicy: "PreemptLowerPriority",
        tolerations: [
          { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
          { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
        ],
        containers: [
          { volumeMounts: [{ readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }] },
        ],
      },
      status: { phase: "Pending", qosClass: "BestEffort" },
    },
  ],
  [
    "K8S-185 a limit is also the request, and both make the pod Guaranteed",
    "pods",
    { spec: { containers: [{ ...container, resources: { limits: { cpu: 1, memory: "1Gi" } } }] } },
    {
      spec: { containers: [{ resources: { requests: { cpu: "1", memory: "1Gi" } } }] },
      status: { qosClass: "Guaranteed" },
    },
  ],
  [
    "check 50: Service",
    "services",
    { spec: { ports: [{ port: 80 }] } },
    {
      spec: {
        type: "ClusterIP",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        ports: [{ port: 80, targetPort: 80, protocol: "TCP" }],
      },
      status: { loadBalancer: {} },
    },
  ],
  ["check 51: a headless Service", "services", { spec: { clusterIP: "None" } }, { spec: { clusterIP: "None" } }],
  [
    "K8S-188 LoadBalancer",
    "services",
    { spec: { type: "LoadBalancer", ports: [{ port: 80, targetPort: "http" }] } },
    {
      spec: { externalTrafficPolicy: "Cluster", allocateLoadBalancerNodePorts: true, ports: [{ targetPort: "http" }] },
    },
  ],
  [
    "K8S-188 ExternalName has none of these",
    "services",
    { spec: { type: "ExternalName", externalName: "a.b" } },
    { spec: { internalTrafficPolicy: undefined, ipFamilies: undefined } },
  ],
  [
    "check 54: stringData",
    "secrets",
    { data: { a: "eA==" }, stringData: { b: "y" } },
    { type: "Opaque", data: { a: "eA==", b: "eQ==" }, stringData: undefined },
  ],
  [
    "K8S-189 Namespace",
    "namespaces",
    {},
    {
      metadata: { labels: { "kubernetes.io/metadata.name": "x" } },
      spec: { finalizers: ["kubernetes"] },
      status: { phase: "Active" },
    },
  ],
  [
    "K8S-189 RoleBinding",
    "rolebindings",
    { roleRef: { kind: "Role", name: "r" }, subjects: [{ kind: "User", name: "u" }] },
    {
      roleRef: { apiGroup: "rbac.authorization.k8s.io" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io" }],
    },
  ],
  [
    "K8S-189 EndpointSlice",
    "endpointslices",
    { addressType: "IPv4", endpoints: [], ports: [{ port: 80 }] },
    { ports: [{ name: "", protocol: "TCP", port: 80 }] },
  ],
  [
    "K8S-187 Job",
    "jobs",
    { metadata: { uid: "u" }, spec: { template: { spec: { containers: [container], restartPolicy: "Never" } } } },
    {
      metadata: { labels: { "job-name": "x", "batch.kubernetes.io/controller-uid": "u" } },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: "NonIndexed",
        selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "u" } },
        template: { metadata: { labels: { "controller-uid": "u" } } },
      },
    },
  ],
  [
    "K8S-150 CustomResourceDefinition",
    "customresourcedefinitions",
    { spec: { group: "ex.io", scope: "Namespaced", names: { plural: "widgets", kind: "Widget" }, versions: [] } },
    { spec: { names: { singular: "widget", listKind: "WidgetList" }, conversion: { strategy: "None" } } },
  ],
];
for (const [name, plural, body, expected] of defaults) {
  test(`${name}: defaults`, () => assertContains(decoded(definitionOf(plural), body), expected, ""));
}

/** `undefined` in what is expected means absent. */
function assertContains(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected !== "object" || expected === null || Object.keys(expected).length === 0) {
    assert.deepEqual(actual, expected, path);
    return;
  }
  for (const [key, value] of Object.entries(expected)) {
    assertContains((actual as Record<string, unknown> | undefined)?.[key], value, `${path}.${key}`);
  }
}

for (const { type, applyDefaults } of builtinDefinitions) {
  test(`defaults of ${type.kind} ${type.version} stand alone and change nothing the second time`, () => {
    const object = { apiVersion: "v1", kind: type.kind, metadata: { name: "x" } } as KubeObject;
    applyDefaults(object);
    const once = structuredClone(object);
    applyDefaults(object);
    assert.deepEqual(object, once);
  });
}

const selectorText =
  'spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`';

/** New objects and what is wrong with them; an empty list: nothing. */
const refusals: [name: string, plural: string, body: object, problems: readonly string[]][] = [
  ["K8S-190 a good Deployment", "deployments", deployment(), []],
  [
    "check 46: the selector does not match",
    "deployments",
    { spec: { selector: { matchLabels: { a: "b" } }, template: { ...template, metadata: { labels: { a: "c" } } } } },
    [selectorText],
  ],
  [
    "check 47: neither selector nor containers",
    "deployments",
    { spec: { template: { metadata: { labels: { a: "c" } }, spec: {} } } },
    ["spec.selector: Required value", selectorText, "spec.template.spec.containers: Required value"],
  ],
  [
    "K8S-140 Recreate with rollingUpdate",
    "deployments",
    deployment({ strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } }),
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    "K8S-190 neither surge nor unavailable",
    "deployments",
    deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } } }),
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    "K8S-190 negative replicas",
    "deployments",
    deployment({ replicas: -1 }),
    ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
  ],
  [
    "K8S-190 restartPolicy of a template",
    "deployments",
    deployment({ template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } }),
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    "K8S-190 containers: image and unique names",
    "pods",
    { spec: { containers: [{ name: "a" }, { name: "a", image: "x" }] } },
    ["spec.containers[0].image: Required value", 'spec.containers[1].name: Duplicate value: "a"'],
  ],
  [
    "K8S-190 a mount without volume",
    "pods",
    { spec: { containers: [{ ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }] } },
    ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  ],
  ["K8S-190 a Service needs ports", "services", { spec: {} }, ["spec.ports: Required value"]],
  ["K8S-190 a headless one does not", "services", { spec: { clusterIP: "None" } }, []],
  [
    "K8S-190 port range",
    "services",
    { spec: { ports: [{ port: 65536, targetPort: 80 }] } },
    ["spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive"],
  ],
  [
    "K8S-190 several ports need names, each its own",
    "services",
    { spec: { ports: [{ port: 80 }, { name: "a", port: 81 }, { name: "a", port: 82 }] } },
    ["spec.ports[0].name: Required value", 'spec.ports[2].name: Duplicate value: "a"'],
  ],
  [
    "K8S-189 a TLS secret needs both keys",
    "secrets",
    { type: "kubernetes.io/tls", data: { "tls.crt": "eA==" } },
    ["data[tls.key]: Required value"],
  ],
  [
    "K8S-190 a ConfigMap over 1 MiB",
    "configmaps",
    { data: { a: "x".repeat(1024 * 1024 + 1) } },
    [": Too long: may not be more than 1048576 bytes"],
  ],
  ["K8S-190 a ConfigMap of 1 MiB", "configmaps", { data: { a: "x".repeat(1024 * 1024) } }, []],
  [
    "K8S-190 an event in another namespace",
    "events",
    { involvedObject: { kind: "Pod", namespace: "other" } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  [
    "an Ingress path without type",
    "ingresses",
    {
      spec: {
        rules: [{ http: { paths: [{ path: "/", backend: { service: { name: "s", port: { number: 80 } } } }] } }],
      },
    },
    ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
  ],
];
for (const [name, plural, body, problems] of refusals) {
  test(`${name}: validation`, () => assert.deepEqual(problemsOf(definitionOf(plural), body), problems));
}

const pod = { spec: { containers: [{ ...container, env: [{ name: "A", value: "1" }] }] } };
const podText = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,";

const changes: [name: string, plural: string, old: object, body: object, problems: readonly string[]][] = [
  [
    "check 48: the selector",
    "deployments",
    deployment(),
    {
      spec: {
        selector: { matchLabels: { app: "api" } },
        template: { ...template, metadata: { labels: { app: "api" } } },
      },
    },
    ['spec.selector: Invalid value: {"matchLabels":{"app":"api"}}: field is immutable'],
  ],
  ["check 48: replicas may change", "deployments", deployment(), deployment({ replicas: 3 }), []],
  [
    "check 53: clusterIP",
    "services",
    { spec: { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports: [{ port: 80 }] } },
    { spec: { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"], ports: [{ port: 80 }] } },
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  ],
  [
    "check 59: an image may change",
    "pods",
    pod,
    { spec: { containers: [{ ...pod.spec.containers[0], image: "echo:2", imagePullPolicy: "IfNotPresent" }] } },
    [],
  ],
  [
    "check 60: data of an immutable ConfigMap",
    "configmaps",
    { data: { a: "1" }, immutable: true },
    { data: { a: "2" }, immutable: true },
    ["data: Forbidden: field is immutable when `immutable` is set"],
  ],
  [
    "K8S-190 immutable cannot be unset",
    "configmaps",
    { data: { a: "1" }, immutable: true },
    { data: { a: "1" } },
    ["immutable: Forbidden: field is immutable when `immutable` is set"],
  ],
  ["a secret's type", "secrets", { type: "a" }, { type: "b" }, ['type: Invalid value: "b": field is immutable']],
];
for (const [name, plural, old, body, problems] of changes) {
  test(`${name}: change`, () => assert.deepEqual(problemsOf(definitionOf(plural), body, old), problems));
}

test("check 59: another field of a pod may not change", () => {
  const next = { spec: { containers: [{ ...container, env: [{ name: "A", value: "2" }] }] } };
  const [problem, ...others] = problemsOf(pods, next, pod);
  assert.ok(problem?.startsWith(podText), `found ${problem}`);
  assert.deepEqual(others, []);
});

test("K8S-190 tolerations may be added, not taken away", () => {
  const more = { spec: { ...pod.spec, tolerations: [{ key: "a", operator: "Exists" }] } };
  assert.deepEqual(problemsOf(pods, more, pod), []);
  assert.equal(problemsOf(pods, pod, more).length, 1);
});

test("K8S-108, SEED-010: null in a string map is the empty text, elsewhere it is absence", () => {
  const body = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", labels: { version: null }, finalizers: null },
    spec: { replicas: null, template: { metadata: { labels: { app: null } }, spec: { containers: [null] } } },
  };
  assert.equal(checkTypes(deployments.schema, body, "Deployment"), null);
  assert.deepEqual(dropNulls(deployments.schema, body), {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", labels: { version: "" } },
    spec: { template: { metadata: { labels: { app: "" } }, spec: { containers: [{}] } } },
  });
  assert.deepEqual(dropNulls(configMaps.schema, { data: { a: null } }), { data: { a: "" } });
});

const typeCases: [plural: string, body: object, text: string][] = [
  ["configmaps", { data: { x: 1 } }, "number into Go struct field ConfigMap.data of type string"],
  [
    "configmaps",
    { metadata: { labels: { x: 1 } } },
    "number into Go struct field ObjectMeta.metadata.labels of type string",
  ],
  [
    "deployments",
    { spec: { replicas: "1" } },
    "string into Go struct field DeploymentSpec.spec.replicas of type int32",
  ],
  [
    "deployments",
    { spec: { replicas: 1.5 } },
    "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
  ],
  ["deployments", { spec: [] }, "array into Go struct field Deployment.spec of type v1.DeploymentSpec"],
  [
    "pods",
    { spec: { containers: [{ env: [{ name: "a", value: true }] }] } },
    "bool into Go struct field EnvVar.spec.containers.env.value of type string",
  ],
  ["pods", { spec: { containers: {} } }, "object into Go struct field PodSpec.spec.containers of type []v1.Container"],
];
for (const [plural, body, text] of typeCases) {
  test(`K8S-80 ${text}`, () => {
    const { schema, type } = definitionOf(plural);
    assert.equal(checkTypes(schema, body, type.kind), `json: cannot unmarshal ${text}`);
  });
}

test("K8S-81 unknown fields are named with their paths and dropped", () => {
  const body = { spec: { ports: [{ port: 80, foo: 1 }], bar: {} }, baz: 1, metadata: { name: "s", qux: 1 } };
  const { object, unknownFields } = pruneUnknown<object>(services.schema, body);
  assert.deepEqual([...unknownFields].sort(), ["baz", "metadata.qux", "spec.bar", "spec.ports[0].foo"]);
  assert.deepEqual(object, { spec: { ports: [{ port: 80 }] }, metadata: { name: "s" } });
});

test("events: both shapes tell the same", () => {
  const convert = builtinConverters["events"]!;
  const core = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: { kind: "Pod" },
    message: "m",
    source: { component: "c" },
    count: 2,
    reason: "R",
  };
  const renamed = convert(core, "v1");
  assert.deepEqual(renamed["regarding"], { kind: "Pod" });
  assert.equal(renamed["note"], "m");
  assert.equal(renamed["message"], undefined);
  assert.deepEqual(convert(renamed, "v1"), core);
});

test("HPA: the CPU target survives the older version", () => {
  const convert = builtinConverters["horizontalpodautoscalers.autoscaling"]!;
  const v2 = decoded(definitionOf("horizontalpodautoscalers", "v2"), {
    spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3 },
  });
  const v1 = convert(v2, "v1");
  assert.equal((v1["spec"] as Record<string, unknown>)["targetCPUUtilizationPercentage"], 80);
  assert.deepEqual(convert(v1, "v2")["spec"], v2["spec"]);
  const current = { averageUtilization: 42, averageValue: "42m" };
  const status = { desiredReplicas: 1, currentMetrics: [{ type: "Resource", resource: { name: "cpu", current } }] };
  const measured = convert({ ...v2, status } as never, "v1");
  assert.deepEqual(measured["status"], { desiredReplicas: 1, currentCPUUtilizationPercentage: 42 });
});

test("K8S-190 bad base64 in a secret is refused", () => {
  assert.deepEqual(problemsOf(secrets, { data: { a: "%%%" } }), [
    'data[a]: Invalid value: "<secret contents redacted>": illegal base64 data',
  ]);
});
