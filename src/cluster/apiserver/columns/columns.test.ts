import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../../api/meta.ts";
import { definitionOf } from "../builtin/builtin.fixture.ts";
import { crdColumns } from "./crd-columns.ts";

const created = "2030-01-01T00:00:00Z";
const now = Date.parse("2030-01-01T00:03:12Z");

function cells(plural: string, body: object, version = "v1"): Record<string, unknown> {
  const { metadata = {}, ...rest } = body as { metadata?: object };
  const object = { metadata: { name: "x", creationTimestamp: created, ...metadata }, ...rest } as KubeObject;
  return Object.fromEntries(definitionOf(plural, version).columns.map(({ name, cell }) => [name, cell(object, now)]));
}

/** Names as section 12 lists them; `*` marks those of the wide view only. */
const headers: [plural: string, names: string][] = [
  ["pods", "Name Ready Status Restarts Age IP* Node* Nominated Node* Readiness Gates*"],
  ["deployments", "Name Ready Up-to-date Available Age Containers* Images* Selector*"],
  ["replicasets", "Name Desired Current Ready Age Containers* Images* Selector*"],
  ["statefulsets", "Name Ready Age Containers* Images*"],
  ["daemonsets", "Name Desired Current Ready Up-to-date Available Node Selector Age Containers* Images* Selector*"],
  ["jobs", "Name Status Completions Duration Age Containers* Images* Selector*"],
  ["cronjobs", "Name Schedule Timezone Suspend Active Last Schedule Age Containers* Images* Selector*"],
  ["services", "Name Type Cluster-IP External-IP Port(s) Age Selector*"],
  ["endpoints", "Name Endpoints Age"],
  ["endpointslices", "Name AddressType Ports Endpoints Age"],
  ["ingresses", "Name Class Hosts Address Ports Age"],
  ["configmaps", "Name Data Age"],
  ["secrets", "Name Type Data Age"],
  ["namespaces", "Name Status Age"],
  ["nodes", "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*"],
  ["serviceaccounts", "Name Secrets Age"],
  ["events", "Last Seen Type Reason Object Subobject* Source* Message First Seen* Count* Name*"],
  ["horizontalpodautoscalers", "Name Reference Targets MinPods MaxPods Replicas Age"],
  ["poddisruptionbudgets", "Name Min Available Max Unavailable Allowed Disruptions Age"],
  ["roles", "Name Created At"],
  ["customresourcedefinitions", "Name Created At"],
  ["rolebindings", "Name Role Age Users* Groups* ServiceAccounts*"],
  ["leases", "Name Holder Age"],
  ["controllerrevisions", "Name Controller Revision Age"],
  ["ingressclasses", "Name Controller Parameters Age"],
  ["networkpolicies", "Name Pod-Selector Age"],
  [
    "persistentvolumeclaims",
    "Name Status Volume Capacity Access Modes StorageClass VolumeAttributesClass Age VolumeMode*",
  ],
  ["priorityclasses", "Name Value Global-Default Age PreemptionPolicy"],
  ["mutatingwebhookconfigurations", "Name Webhooks Age"],
  ["apiservices", "Name Service Available Age"],
];
for (const [plural, names] of headers) {
  test(`section 12: the columns of ${plural}`, () => {
    const { columns } = definitionOf(plural);
    assert.equal(columns.map(({ name, priority }) => name + (priority > 0 ? "*" : "")).join(" "), names);
    assert.equal(columns.filter(({ format }) => format === "name").length, 1);
    const bare = { metadata: { name: "x" } } as KubeObject;
    for (const { name, cell } of columns) assert.notEqual(cell(bare, now), undefined, name);
  });
}

const running = { ready: true, restartCount: 0, state: { running: {} } };
const waiting = (reason: string) => ({ ready: false, restartCount: 0, state: { waiting: { reason } } });
const terminated = (state: object) => ({ ready: false, restartCount: 0, state: { terminated: state } });
const two = { containers: [{ name: "a" }, { name: "b" }] };
const initialized = { type: "Initialized", status: "True" };
const ready = { type: "Ready", status: "True" };

const pods: [name: string, pod: object, ready: string, status: string, restarts: string][] = [
  ["pending", { spec: two, status: { phase: "Pending" } }, "0/2", "Pending", "0"],
  [
    "running",
    { spec: two, status: { phase: "Running", containerStatuses: [running, running] } },
    "2/2",
    "Running",
    "0",
  ],
  [
    "creating",
    { spec: two, status: { phase: "Pending", containerStatuses: [waiting("ContainerCreating"), running] } },
    "1/2",
    "ContainerCreating",
    "0",
  ],
  [
    "the first container is heard",
    { spec: two, status: { phase: "Running", containerStatuses: [waiting("CrashLoopBackOff"), waiting("Other")] } },
    "0/2",
    "CrashLoopBackOff",
    "0",
  ],
  [
    "completed among running, ready",
    {
      spec: two,
      status: {
        phase: "Running",
        conditions: [ready],
        containerStatuses: [terminated({ exitCode: 0, reason: "Completed" }), running],
      },
    },
    "1/2",
    "Running",
    "0",
  ],
  [
    "completed among running, not ready",
    {
      spec: two,
      status: { phase: "Running", containerStatuses: [terminated({ exitCode: 0, reason: "Completed" }), running] },
    },
    "1/2",
    "NotReady",
    "0",
  ],
  [
    "completed",
    {
      spec: { containers: [{ name: "a" }] },
      status: { phase: "Succeeded", containerStatuses: [terminated({ exitCode: 0, reason: "Completed" })] },
    },
    "0/1",
    "Completed",
    "0",
  ],
  [
    "an exit code without reason",
    { spec: two, status: { phase: "Failed", containerStatuses: [terminated({ exitCode: 3 }), running] } },
    "1/2",
    "ExitCode:3",
    "0",
  ],
  [
    "a signal",
    { spec: two, status: { phase: "Failed", containerStatuses: [terminated({ exitCode: 137, signal: 9 }), running] } },
    "1/2",
    "Signal:9",
    "0",
  ],
  [
    "init under way",
    {
      spec: { ...two, initContainers: [{ name: "i" }, { name: "j" }] },
      status: {
        phase: "Pending",
        initContainerStatuses: [terminated({ exitCode: 0 }), { restartCount: 0, state: { running: {} } }],
        containerStatuses: [waiting("PodInitializing")],
      },
    },
    "0/2",
    "Init:1/2",
    "0",
  ],
  [
    "init failed",
    {
      spec: { ...two, initContainers: [{ name: "i" }] },
      status: { phase: "Pending", initContainerStatuses: [terminated({ exitCode: 1, reason: "Error" })] },
    },
    "0/2",
    "Init:Error",
    "0",
  ],
  [
    "init done",
    {
      spec: { ...two, initContainers: [{ name: "i" }] },
      status: {
        phase: "Running",
        conditions: [initialized],
        initContainerStatuses: [terminated({ exitCode: 0, reason: "Completed" })],
        containerStatuses: [running, running],
      },
    },
    "2/2",
    "Running",
    "0",
  ],
  [
    "terminating",
    {
      metadata: { deletionTimestamp: created },
      spec: two,
      status: { phase: "Running", containerStatuses: [running, running] },
    },
    "2/2",
    "Terminating",
    "0",
  ],
  [
    "restarted",
    {
      spec: { containers: [{ name: "a" }] },
      status: {
        phase: "Running",
        containerStatuses: [
          { ...running, restartCount: 2, lastState: { terminated: { finishedAt: "2030-01-01T00:01:12Z" } } },
        ],
      },
    },
    "1/1",
    "Running",
    "2 (2m ago)",
  ],
];
for (const [name, pod, readyCell, status, restarts] of pods) {
  test(`K8S-192 a pod, ${name}`, () => {
    const { Ready, Status, Restarts, Age } = cells("pods", pod);
    assert.deepEqual([Ready, Status, Restarts, Age], [readyCell, status, restarts, "3m12s"]);
  });
}

const rows: [name: string, plural: string, body: object, expected: object][] = [
  [
    "a NodePort service",
    "services",
    {
      spec: {
        type: "NodePort",
        clusterIP: "10.0.0.1",
        ports: [
          { port: 80, nodePort: 30099, protocol: "TCP" },
          { port: 53, protocol: "UDP" },
        ],
        selector: { app: "web" },
      },
    },
    { "Cluster-IP": "10.0.0.1", "External-IP": "<none>", "Port(s)": "80:30099/TCP,53/UDP", Selector: "app=web" },
  ],
  [
    "a waiting load balancer",
    "services",
    { spec: { type: "LoadBalancer" } },
    { "External-IP": "<pending>", "Port(s)": "<none>" },
  ],
  [
    "five endpoints",
    "endpoints",
    { subsets: [{ addresses: [1, 2, 3, 4, 5].map((n) => ({ ip: `10.0.0.${n}` })), ports: [{ port: 80 }] }] },
    { Endpoints: "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more..." },
  ],
  ["no endpoints", "endpoints", {}, { Endpoints: "<none>" }],
  [
    "a slice without ports",
    "endpointslices",
    { ports: null, endpoints: null },
    { Ports: "<unset>", Endpoints: "<unset>" },
  ],
  ["an ingress", "ingresses", { spec: { rules: [{}] } }, { Class: "<none>", Hosts: "*", Address: "", Ports: "80" }],
  [
    "an ingress with TLS",
    "ingresses",
    { spec: { rules: [{ host: "a.b" }], tls: [{}] } },
    { Hosts: "a.b", Ports: "80, 443" },
  ],
  [
    "a deployment",
    "deployments",
    {
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: "web" } },
        template: { spec: { containers: [{ name: "c", image: "i:1" }] } },
      },
      status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
    },
    { Ready: "2/3", "Up-to-date": 1, Available: 2, Containers: "c", Images: "i:1", Selector: "app=web" },
  ],
  ["a job", "jobs", { spec: { completions: 2 } }, { Status: "Running", Completions: "0/2", Duration: "" }],
  [
    "a finished job",
    "jobs",
    {
      spec: { completions: 1 },
      status: {
        succeeded: 1,
        startTime: created,
        completionTime: "2030-01-01T00:00:05Z",
        conditions: [{ type: "Complete", status: "True" }],
      },
    },
    { Status: "Complete", Completions: "1/1", Duration: "5s" },
  ],
  [
    "a cordoned node",
    "nodes",
    {
      metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } },
      spec: { unschedulable: true },
      status: { conditions: [ready] },
    },
    { Status: "Ready,SchedulingDisabled", Roles: "control-plane" },
  ],
  [
    "an event",
    "events",
    { involvedObject: { kind: "Pod", name: "p" }, message: "m\n", lastTimestamp: created, count: 3 },
    { "Last Seen": "3m12s", Object: "pod/p", Message: "m", Count: 3 },
  ],
  [
    "a binding",
    "rolebindings",
    {
      roleRef: { kind: "Role", name: "r" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "ServiceAccount", name: "s", namespace: "n" },
      ],
    },
    { Role: "Role/r", Users: "u", Groups: "", ServiceAccounts: "n/s" },
  ],
  [
    "a revision",
    "controllerrevisions",
    {
      metadata: { ownerReferences: [{ apiVersion: "apps/v1", kind: "DaemonSet", name: "d", controller: true }] },
      revision: 2,
    },
    { Controller: "daemonset.apps/d", Revision: 2 },
  ],
  ["a role", "roles", {}, { "Created At": created }],
];
for (const [name, plural, body, expected] of rows) {
  test(`K8S-193 ${name}`, () => {
    const actual = cells(plural, body);
    for (const [column, value] of Object.entries(expected)) assert.equal(actual[column], value, column);
  });
}

const widget = {
  apiVersion: "ex.io/v1",
  kind: "Widget",
  metadata: { name: "w", creationTimestamp: created },
  spec: { size: 3, items: [{ name: "a" }, { name: "b" }], raw: { z: 1 }, when: "2030-01-01T00:01:12Z", bad: "x" },
  status: { conditions: [{ type: "Ready", status: "True" }] },
} as unknown as KubeObject;

const crdCells: [type: string, path: string, expected: unknown][] = [
  ["integer", ".spec.size", 3],
  ["string", ".spec.size", "3"],
  ["string", ".spec.items[*].name", "a"],
  ["string", ".spec.raw", '{"z":1}'],
  ["string", ".spec.missing", null],
  ["date", ".spec.when", "2m"],
  ["date", ".spec.bad", "<invalid>"],
  ["date", ".spec.missing", null],
  ["string", '.status.conditions[?(@.type=="Ready")].status', "True"],
  ["boolean", ".spec.size", null],
];
for (const [type, jsonPath, expected] of crdCells) {
  test(`K8S-161 a column of type ${type} at ${jsonPath}`, () => {
    const [, column] = crdColumns([{ name: "C", type, jsonPath }]);
    assert.equal(column?.cell(widget, now), expected);
    assert.equal(column?.description, `Custom resource definition column (in JSONPath format): ${jsonPath}`);
  });
}

test("K8S-161 without columns there is the age, with columns only what was asked for", () => {
  assert.deepEqual(
    crdColumns(undefined).map(({ name }) => name),
    ["Name", "Age"],
  );
  const columns = crdColumns([{ name: "Size", type: "integer", jsonPath: ".spec.size", priority: 1 }]);
  assert.deepEqual(
    columns.map(({ name, format, priority }) => [name, format, priority]),
    [
      ["Name", "name", 0],
      ["Size", "", 1],
    ],
  );
});
