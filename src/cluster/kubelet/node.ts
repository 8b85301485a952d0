import { availableParallelism, release, totalmem, type } from "node:os";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { formatMicroTime, formatTime, type Instant } from "../../base/time.ts";
import type { KubeClient } from "../../kube/client.ts";
import { isAlreadyExists } from "../../kube/errors.ts";
import { resources } from "../../kube/resource.ts";
import { SERVER_VERSION } from "../version.ts";
import type { Node } from "./pod.ts";

/** What the Node object tells of this machine (K8S-250). */
export interface HostFacts {
  readonly name: string;
  readonly ip: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly podsMax: number;
}

const LEASE_DURATION_SECONDS = 40;
const LEASE_RENEWAL_MS = 10_000;
const LEASE_NAMESPACE = "kube-node-lease";

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

export function readHostFacts(name: string, podsMax: number): HostFacts {
  return {
    name: name.toLowerCase(),
    ip: "127.0.0.1",
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    os: process.platform === "win32" ? "windows" : process.platform,
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    kernelVersion: `${type()} ${release()}`,
    podsMax,
  };
}

function nodeObject(host: HostFacts): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: host.name,
      labels: {
        "kubernetes.io/hostname": host.name,
        "kubernetes.io/os": host.os,
        "kubernetes.io/arch": host.architecture,
      },
    },
    spec: {},
  };
}

export function nodeStatus(host: HostFacts, now: Instant) {
  const capacity = {
    cpu: String(host.cpus),
    memory: `${Math.floor(host.memoryBytes / 1024)}Ki`,
    pods: String(host.podsMax),
  };
  return {
    capacity,
    allocatable: capacity,
    conditions: nodeConditions(formatTime(now)),
    addresses: [
      { type: "InternalIP", address: host.ip },
      { type: "Hostname", address: host.name },
    ],
    nodeInfo: {
      architecture: host.architecture,
      operatingSystem: host.os,
      osImage: "Fairway local processes",
      kernelVersion: host.kernelVersion,
      containerRuntimeVersion: `fairway://${process.versions.node}`,
      // One program is both, and kubectl warns about a node that is newer than its API server.
      kubeletVersion: SERVER_VERSION.gitVersion,
      kubeProxyVersion: "",
      bootID: "",
      machineID: "",
      systemUUID: "",
    },
  };
}

function nodeConditions(time: string) {
  const pressures = [
    ["MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
    ["DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
    ["PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  ] as const;
  const times = { lastHeartbeatTime: time, lastTransitionTime: time };
  return [
    ...pressures.map(([type, reason, message]) => ({ type, status: "False", reason, message, ...times })),
    { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status", ...times },
  ];
}

function leaseObject(nodeName: string, acquiredAt: Instant, now: Instant) {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: nodeName, namespace: LEASE_NAMESPACE },
    spec: {
      holderIdentity: nodeName,
      leaseDurationSeconds: LEASE_DURATION_SECONDS,
      acquireTime: formatMicroTime(acquiredAt),
      renewTime: formatMicroTime(now),
    },
  };
}

export interface NodeOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly host: HostFacts;
}

/** Registers the node (an existing one keeps its labels, taints and cordon) and starts renewing its lease. */
export async function registerNode({ client, clock, logger, host }: NodeOptions): Promise<{ stop(): void }> {
  const startedAt = clock.now();
  try {
    await client.create(resources.nodes, nodeObject(host));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const status = nodeStatus(host, startedAt);
  const patch = { kind: "merge", body: { status } } as const;
  await client.patch(resources.nodes, { namespace: "", name: host.name }, patch, { subresource: "status" });

  let cancel = () => {};
  let isStopped = false;
  const renew = async () => {
    try {
      // PUT of a missing lease creates it (K8S-114).
      await client.update(resources.leases, leaseObject(host.name, startedAt, clock.now()));
    } catch (error) {
      logger.warn({ node: host.name, error: String(error) }, "renewing the node lease failed");
    }
    if (!isStopped) cancel = clock.schedule(LEASE_RENEWAL_MS, () => void renew());
  };
  await renew();
  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
