import type { Condition } from "../../api/meta.ts";
import { formatTime, type Instant } from "../../base/time.ts";
import type { ContainerFacts, ContainerPhase, PodFacts, Terminated } from "./container-facts.ts";
import { restartPolicyOf, willRestart } from "./next-action.ts";
import type { ContainerState, ContainerStatus, Pod, PodPhase, PodStatus, TerminatedState } from "./pod.ts";

/**
 * What the node reports for a pod (K8S-252…255). Pure: the same pod, facts and time give the same status. Conditions of
 * other writers (readiness gates) are read but not repeated: the patch merges conditions by type, so they stay.
 *
 * `before` is what the node reported last: the pod that the cache shows may still be older, and its conditions would give
 * wrong transition times.
 */
export function podStatus(
  pod: Pod,
  facts: PodFacts,
  { now, before }: { now: Instant; before: PodStatus | undefined },
): PodStatus {
  const phase = podPhase(pod, facts);
  const isEnded = phase === "Succeeded" || phase === "Failed";
  return {
    phase,
    ...(facts.isPastDeadline && {
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    }),
    conditions: conditions(pod, facts, phase).map((each) => withTransitionTime(each, before?.conditions ?? [], now)),
    hostIP: facts.hostIp,
    hostIPs: [{ ip: facts.hostIp }],
    ...(facts.podIp !== "" && { podIP: facts.podIp, podIPs: [{ ip: facts.podIp }] }),
    startTime: formatTime(facts.startedAt),
    qosClass: pod.status?.qosClass ?? "BestEffort",
    ...(facts.initContainers.length > 0 && {
      initContainerStatuses: facts.initContainers.map((each) => containerStatus(each, hasSucceeded(each), !isEnded)),
    }),
    containerStatuses: facts.containers.map((each) => containerStatus(each, isServing(each, facts), !isEnded)),
  };
}

/** K8S-252 */
function podPhase(pod: Pod, facts: PodFacts): PodPhase {
  if (facts.isPastDeadline) return "Failed";
  const policy = restartPolicyOf(pod);
  const canRestart = (each: ContainerFacts) => !facts.isDeleting && willRestart(each, policy);

  if (facts.initContainers.some((each) => each.state.kind === "terminated" && !hasSucceeded(each) && !canRestart(each)))
    return "Failed";
  if (!facts.initContainers.every(hasSucceeded)) return facts.isDeleting && allEnded(facts) ? "Failed" : "Pending";
  if (facts.containers.some((each) => each.state.kind === "waiting" && each.last === null)) {
    // A pod that is deleted before it ever ran will not run any more.
    return facts.isDeleting && facts.containers.every((each) => each.state.kind !== "running") ? "Failed" : "Pending";
  }
  if (facts.containers.some((each) => each.state.kind !== "terminated" || canRestart(each))) return "Running";
  return facts.containers.every(hasSucceeded) ? "Succeeded" : "Failed";
}

function allEnded(facts: PodFacts): boolean {
  return [...facts.initContainers, ...facts.containers].every((each) => each.state.kind !== "running");
}

function hasSucceeded(facts: ContainerFacts): boolean {
  return facts.state.kind === "terminated" && facts.state.exitCode === 0;
}

/** Ready to get requests: a pod that is being deleted is not, from the first moment on (K8S-258, MESH-211). */
function isServing(container: ContainerFacts, pod: PodFacts): boolean {
  return container.state.kind === "running" && container.isStarted && container.isReady && !pod.isDeleting;
}

function conditions(pod: Pod, facts: PodFacts, phase: PodPhase): Condition[] {
  const isEnded = phase === "Succeeded" || phase === "Failed";
  const containersReady = containersReadyCondition(facts, phase);
  return [
    { type: "PodReadyToStartContainers", status: isEnded ? "False" : "True" },
    initializedCondition(facts, phase),
    readyCondition(pod, containersReady),
    containersReady,
    scheduledCondition(pod),
  ];
}

function initializedCondition(facts: PodFacts, phase: PodPhase): Condition {
  const incomplete = facts.initContainers.filter((each) => !hasSucceeded(each)).map(({ name }) => name);
  if (incomplete.length === 0) {
    return { type: "Initialized", status: "True", ...(phase === "Succeeded" && { reason: "PodCompleted" }) };
  }
  return {
    type: "Initialized",
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
}

function containersReadyCondition(facts: PodFacts, phase: PodPhase): Condition {
  const type = "ContainersReady";
  if (phase === "Succeeded") return { type, status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { type, status: "False", reason: "PodFailed" };
  const unready = facts.containers.filter((each) => !isServing(each, facts)).map(({ name }) => name);
  if (unready.length === 0) return { type, status: "True" };
  return {
    type,
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

function readyCondition(pod: Pod, containersReady: Condition): Condition {
  if (containersReady.status !== "True") return { ...containersReady, type: "Ready" };
  const stored = pod.status?.conditions ?? [];
  const problems = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = stored.find(({ type }) => type === conditionType);
    if (gate === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return gate.status === "True"
      ? []
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
  });
  if (problems.length === 0) return { type: "Ready", status: "True" };
  return { type: "Ready", status: "False", reason: "ReadinessGatesNotReady", message: problems.join(", ") };
}

/** The scheduler's; a pod whose nodeName a user set never met the scheduler and gets it here. */
function scheduledCondition({ status }: Pod): Condition {
  const known = status?.conditions?.find((each) => each.type === "PodScheduled" && each.status === "True");
  return known ?? { type: "PodScheduled", status: "True" };
}

function withTransitionTime(condition: Condition, before: readonly Condition[], now: Instant): Condition {
  const old = before.find(({ type }) => type === condition.type);
  const isUnchanged = old?.status === condition.status && old.lastTransitionTime !== undefined;
  return { ...condition, lastTransitionTime: isUnchanged ? old.lastTransitionTime! : formatTime(now) };
}

function containerStatus(facts: ContainerFacts, ready: boolean, isPodActive: boolean): ContainerStatus {
  const { state, last } = facts;
  const containerId = state.kind === "waiting" ? (last?.containerId ?? null) : state.containerId;
  return {
    name: facts.name,
    image: facts.image,
    imageID: containerId === null ? "" : facts.image,
    ...(containerId !== null && { containerID: containerId }),
    ready,
    started: isPodActive && state.kind === "running" && facts.isStarted,
    restartCount: facts.restartCount,
    state: renderState(state),
    lastState: last === null || last === state ? {} : { terminated: renderTerminated(last) },
  };
}

function renderState(state: ContainerPhase): ContainerState {
  switch (state.kind) {
    case "waiting":
      return { waiting: { reason: state.reason, ...(state.message !== null && { message: state.message }) } };
    case "running":
      return { running: { startedAt: formatTime(state.startedAt) } };
    case "terminated":
      return { terminated: renderTerminated(state) };
  }
}

function renderTerminated(state: Terminated): TerminatedState {
  return {
    exitCode: state.exitCode,
    reason: state.reason,
    ...(state.message !== null && { message: state.message }),
    startedAt: formatTime(state.startedAt),
    finishedAt: formatTime(state.finishedAt),
    containerID: state.containerId,
  };
}
