import type { PodTemplate } from "../../../api/apps.ts";
import { deepEqual, isRecord } from "../../../base/json.ts";
import { POD_TEMPLATE_HASH } from "../keys.ts";
import { canonicalQuantity } from "./quantity.ts";

/**
 * Whether two pod templates mean the same (ARC-035, INV-27). A ReplicaSet's template went through the API server's
 * defaulting and a Rollout's did not, so members that only say what is the default anyway are left out of both.
 */
export function sameTemplate(left: PodTemplate, right: PodTemplate): boolean {
  return deepEqual(normalize(left), normalize(right));
}

const POD_DEFAULTS: Record<string, unknown> = {
  restartPolicy: "Always",
  dnsPolicy: "ClusterFirst",
  schedulerName: "default-scheduler",
  terminationGracePeriodSeconds: 30,
  enableServiceLinks: true,
};

const CONTAINER_DEFAULTS: Record<string, unknown> = {
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};

const PROBE_DEFAULTS: Record<string, unknown> = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
};

/** Defaults of members that are found below others. */
const NESTED_DEFAULTS: Record<string, Record<string, unknown>> = {
  ports: { protocol: "TCP" },
  httpGet: { scheme: "HTTP", path: "/" },
  fieldRef: { apiVersion: "v1" },
  grpc: { service: "" },
  livenessProbe: PROBE_DEFAULTS,
  readinessProbe: PROBE_DEFAULTS,
  startupProbe: PROBE_DEFAULTS,
  secret: { defaultMode: 420 },
  configMap: { defaultMode: 420 },
  downwardAPI: { defaultMode: 420 },
  projected: { defaultMode: 420 },
  hostPath: { type: "" },
  serviceAccountToken: { expirationSeconds: 3600 },
};

function normalize({ metadata, spec }: PodTemplate): unknown {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = metadata?.labels ?? {};
  const { serviceAccount: __, ...pod } = spec ?? {};
  const containers = (list: unknown) => (Array.isArray(list) ? list.map(normalizeContainer) : list);
  return {
    labels,
    annotations: metadata?.annotations ?? {},
    spec: clean({
      ...without(pod, POD_DEFAULTS),
      containers: containers(pod["containers"]),
      initContainers: containers(pod["initContainers"]),
    }),
  };
}

function normalizeContainer(container: unknown): unknown {
  if (!isRecord(container)) return container;
  const { imagePullPolicy, ...rest } = without(container, CONTAINER_DEFAULTS);
  const isDefault = imagePullPolicy === undefined || imagePullPolicy === defaultPullPolicy(container["image"]);
  const { resources } = rest;
  const quantities = (map: unknown) =>
    isRecord(map)
      ? Object.fromEntries(Object.entries(map).map(([key, text]) => [key, canonicalQuantity(String(text))]))
      : map;
  return {
    ...rest,
    ...(isDefault ? {} : { imagePullPolicy }),
    ...(isRecord(resources)
      ? {
          resources: {
            ...resources,
            limits: quantities(resources["limits"]),
            requests: quantities(resources["requests"]),
          },
        }
      : {}),
  };
}

function defaultPullPolicy(image: unknown): string {
  const name = String(image).split("/").at(-1) ?? "";
  if (name.includes("@")) return "IfNotPresent";
  const tag = name.split(":")[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

/** Leaves out what is empty or a known default, at every level. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const defaults = NESTED_DEFAULTS[key];
    const stripped = defaults ? strip(member, defaults) : member;
    const cleaned = clean(stripped);
    // `emptyDir: {}` means something; an empty list or an empty bag of settings does not.
    const isEmpty =
      cleaned === null ||
      cleaned === undefined ||
      (Array.isArray(cleaned) && cleaned.length === 0) ||
      (isRecord(cleaned) && Object.keys(cleaned).length === 0 && key !== "emptyDir");
    return isEmpty ? [] : [[key, cleaned] as const];
  });
  return Object.fromEntries(members);
}

function strip(member: unknown, defaults: Record<string, unknown>): unknown {
  if (Array.isArray(member)) return member.map((item) => strip(item, defaults));
  return isRecord(member) ? without(member, defaults) : member;
}

function without(record: Record<string, unknown>, defaults: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([key, member]) => !deepEqual(defaults[key], member)));
}
