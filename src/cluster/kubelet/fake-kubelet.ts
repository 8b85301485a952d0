import { fnv1a32 } from "../../base/hash.ts";
import { type Instant, parseTime } from "../../base/time.ts";
import type { CacheReader } from "../../kube/cache.ts";
import { isTerminating } from "../../kube/pods.ts";
import { formatKey, keyOf, type ObjectKey, resources } from "../../kube/resource.ts";
import type { Controller } from "../../runtime/controller.ts";
import { emptyPlan, type Plan } from "../../runtime/plan.ts";
import type { ContainerFacts, ContainerPhase, PodFacts, Terminated } from "./container-facts.ts";
import { restartPolicyOf } from "./next-action.ts";
import type { Container, Pod } from "./pod.ts";
import { podStatus } from "./pod-status.ts";

/**
 * A scheduler and a node without processes, for the simulation and for scale: pods are bound at once and then go
 * through their life after given times, with the statuses that the real node would report (K8S-252…254).
 *
 * All it knows is in the pods: times come from their status and are whole seconds, as everything in a status is.
 */
export interface FakeKubeletOptions {
  /** How this pod behaves; asked anew at each look, so it must answer the same for the same pod. */
  behaviourOf?(pod: Pod): Partial<PodBehaviour>;
  /** The real node's gate before SIGTERM: while false, a leaving pod still answers requests. */
  isDrained?(pod: Pod): boolean;
}

export interface PodBehaviour {
  /** From creation to running containers. */
  readonly startMs: number;
  /** From running to ready; null: it never gets ready. */
  readonly readyMs: number | null;
  /** From the delete to the end, at most the grace period. */
  readonly stopMs: number;
  /** From running to the end of all its containers, by themselves and at once; null: they run until stopped. */
  readonly exitMs: number | null;
  /** What they end with. */
  readonly exitCode: number;
}

const DEFAULT_BEHAVIOUR: PodBehaviour = { startMs: 1000, readyMs: 1000, stopMs: 1000, exitMs: null, exitCode: 0 };
/** How often a pod that waits for its gate is looked at. */
const GATE_POLL_MS = 100;
const NODE_NAME = "fake-node";
const HOST_IP = "10.0.0.1";

interface FakePodView {
  readonly pod: Pod;
  readonly behaviour: PodBehaviour;
  readonly isDrained: boolean;
  /** The pod's address, or a free one. */
  readonly podIp: string;
  readonly now: Instant;
}

export function fakeKubelet(options: FakeKubeletOptions = {}): Controller<FakePodView> {
  return {
    name: "fake-kubelet",
    component: "kubelet",
    watches: [{ type: resources.pods, keysOf: (pod) => [formatKey(keyOf(pod))] }],
    gather(key, cache, now) {
      const pod = cache.get<Pod>(resources.pods, key);
      if (!pod) return null;
      const behaviour = { ...DEFAULT_BEHAVIOUR, ...options.behaviourOf?.(pod) };
      const isDrained = !isTerminating(pod) || (options.isDrained?.(pod) ?? true);
      return { pod, behaviour, isDrained, podIp: pod.status?.podIP ?? freeIp(key, pod, cache), now };
    },
    reconcile,
  };
}

/** 10.64.0.0/10, starting from a hash so that the same pods get the same addresses in every run. */
function freeIp(key: ObjectKey, pod: Pod, cache: CacheReader): string {
  const taken = new Set(cache.list<Pod>(resources.pods).map(({ status }) => status?.podIP));
  const start = fnv1a32(`${formatKey(key)} ${pod.metadata.uid}`);
  for (let offset = 0; ; offset++) {
    const host = (start + offset) % 2 ** 22;
    const ip = `10.${64 + (host >>> 16)}.${(host >>> 8) % 256}.${host % 256}`;
    if (!taken.has(ip)) return ip;
  }
}

function reconcile(view: FakePodView): Plan {
  const { pod } = view;
  if (!pod.spec.nodeName) return isTerminating(pod) ? emptyPlan : bind(pod);
  if (isTerminating(pod)) return stop(view);
  const { phase } = pod.status ?? {};
  return phase === "Succeeded" || phase === "Failed" ? emptyPlan : run(view);
}

function bind({ metadata }: Pod): Plan {
  const { name, namespace = "", uid = "" } = metadata;
  const object = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name, namespace, uid },
    target: { kind: "Node", name: NODE_NAME },
  };
  return { ...emptyPlan, writes: [{ op: "update", type: resources.pods, object, subresource: "binding" }] };
}

function run(view: FakePodView): Plan {
  const { pod, behaviour, now } = view;
  const startsAt = (parseTime(pod.metadata.creationTimestamp) ?? now) + behaviour.startMs;
  const runningSince = runningSinceOf(pod) ?? (now >= startsAt ? now : null);
  const exitsAt = runningSince === null || behaviour.exitMs === null ? null : runningSince + behaviour.exitMs;
  if (runningSince !== null && exitsAt !== null && now >= exitsAt) return exit(view, runningSince);
  const readyAt = runningSince === null || behaviour.readyMs === null ? null : runningSince + behaviour.readyMs;
  const next = [startsAt, readyAt, exitsAt].filter((at) => at !== null && at > now) as Instant[];
  return {
    ...emptyPlan,
    status: statusWrite(view, { runningSince, isReady: readyAt !== null && now >= readyAt }),
    requeueAt: next.length > 0 ? Math.min(...next) : null,
  };
}

/** The containers end; those that are started again are so at once, without back-off. */
function exit(view: FakePodView, startedAt: Instant): Plan {
  const { pod, behaviour, now } = view;
  const { exitCode, exitMs } = behaviour;
  const ended = { exitCode, reason: exitCode === 0 ? "Completed" : "Error", message: null };
  const policy = restartPolicyOf(pod);
  const isRestarted = policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
  return {
    ...emptyPlan,
    status: statusWrite(view, { runningSince: now, isReady: false, exit: { ...ended, startedAt, isRestarted } }),
    requeueAt: isRestarted ? now + (exitMs ?? 0) : null,
  };
}

/** Not ready from the first moment on; gone when the processes would be. */
function stop(view: FakePodView): Plan {
  const { pod, behaviour, now } = view;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
  const graceMs = deletionGracePeriodSeconds * 1000;
  const deadline = parseTime(deletionTimestamp) ?? now;
  const endsAt = deadline - graceMs + Math.min(behaviour.stopMs, graceMs);
  if (now >= endsAt && view.isDrained) {
    return { ...emptyPlan, writes: [{ op: "delete", type: resources.pods, object: pod, gracePeriodSeconds: 0 }] };
  }
  const runningSince = runningSinceOf(pod);
  const requeueAt = Math.max(endsAt, now + GATE_POLL_MS);
  return { ...emptyPlan, status: statusWrite(view, { runningSince, isReady: false }), requeueAt };
}

function runningSinceOf(pod: Pod): Instant | null {
  return parseTime(pod.status?.containerStatuses?.[0]?.state?.running?.startedAt);
}

interface Progress {
  readonly runningSince: Instant | null;
  readonly isReady: boolean;
  /** How the containers ended just now. */
  readonly exit?: Pick<Terminated, "exitCode" | "reason" | "message" | "startedAt"> & { readonly isRestarted: boolean };
}

function statusWrite({ pod, podIp, now }: FakePodView, progress: Progress): Plan["status"] {
  const facts: PodFacts = {
    podIp,
    hostIp: HOST_IP,
    startedAt: parseTime(pod.status?.startTime) ?? now,
    isDeleting: isTerminating(pod),
    isPastDeadline: false,
    initContainers: [],
    containers: pod.spec.containers.map((container) => containerFacts(pod, container, progress, now)),
  };
  return { type: resources.pods, object: pod, status: podStatus(pod, facts, { now, before: pod.status }) };
}

function containerFacts(
  pod: Pod,
  { name, image }: Container,
  { runningSince, isReady, exit: ended }: Progress,
  now: Instant,
): ContainerFacts {
  const containerId = `fairway://${pod.metadata.uid}/${name}`;
  const running: ContainerPhase =
    runningSince === null
      ? { kind: "waiting", reason: "ContainerCreating", message: null }
      : { kind: "running", containerId, startedAt: runningSince };
  const { restartCount = 0 } = pod.status?.containerStatuses?.find((status) => status.name === name) ?? {};
  const common = { name, image, isStarted: true, isReady, retryAt: 0 };
  if (!ended) return { ...common, state: running, last: null, restartCount };
  const { isRestarted, ...how } = ended;
  const terminated: Terminated = { kind: "terminated", containerId, finishedAt: now, ...how };
  if (!isRestarted) return { ...common, state: terminated, last: null, restartCount };
  return { ...common, state: running, last: terminated, restartCount: restartCount + 1 };
}
