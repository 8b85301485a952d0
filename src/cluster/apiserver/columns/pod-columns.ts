import type { KubeObject } from "../../../api/meta.ts";
import { formatAge, type Instant, parseTime } from "../../../base/time.ts";
import type { TableColumn } from "../resource.ts";
import { ageColumn, at, column, count, items, type Members, nameColumn, orNone, text, wide } from "./cells.ts";

/** K8S-192: what `kubectl get pods` shows. */
export const podColumns: readonly TableColumn[] = [
  nameColumn,
  column("Ready", (pod) => {
    const { readyCount, totalCount } = summarize(pod);
    return `${readyCount}/${totalCount}`;
  }),
  column("Status", (pod) => summarize(pod).status),
  column("Restarts", (pod, now) => restartsText(summarize(pod), now)),
  ageColumn,
  wide("IP", (pod) => orNone(text(items(pod, "status.podIPs")[0], "ip", text(pod, "status.podIP")))),
  wide("Node", (pod) => orNone(text(pod, "spec.nodeName"))),
  wide("Nominated Node", (pod) => orNone(text(pod, "status.nominatedNodeName"))),
  wide("Readiness Gates", readinessGates),
];

interface PodSummary {
  readonly status: string;
  readonly readyCount: number;
  readonly totalCount: number;
  readonly restartCount: number;
  readonly lastRestartAt: Instant | null;
}

function summarize(pod: KubeObject): PodSummary {
  const init = summarizeInit(pod);
  const totalCount = items(pod, "spec.containers").length + sidecarNames(pod).size;
  const isInitialized = conditionStatus(pod, "Initialized") === "True";
  const main = init.reason === null || isInitialized ? summarizeMain(pod) : null;
  const waitingInit = main === null ? init : init.sidecars;
  const restarts = [...waitingInit.restarts, ...(main?.restarts ?? [])];
  const status = main?.reason ?? (main === null ? init.reason : null) ?? podReason(pod);
  return {
    status: terminationStatus(pod) ?? (status === "Completed" && main?.hasRunning ? runningStatus(pod) : status),
    readyCount: init.readyCount + (main?.readyCount ?? 0),
    totalCount,
    restartCount: restarts.reduce((sum, { restartCount }) => sum + restartCount, 0),
    lastRestartAt: latest(restarts.map(({ at }) => at)),
  };
}

function podReason(pod: KubeObject): string {
  const isGated = items(pod, "status.conditions").some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  return isGated ? "SchedulingGated" : text(pod, "status.reason", text(pod, "status.phase"));
}

function terminationStatus(pod: KubeObject): string | null {
  if (pod.metadata.deletionTimestamp === undefined) return null;
  if (text(pod, "status.reason") === "NodeLost") return "Unknown";
  return ["Succeeded", "Failed"].includes(text(pod, "status.phase")) ? null : "Terminating";
}

/** A finished container among running ones does not make the pod complete. */
function runningStatus(pod: KubeObject): string {
  return conditionStatus(pod, "Ready") === "True" ? "Running" : "NotReady";
}

interface Restart {
  readonly restartCount: number;
  readonly at: Instant | null;
}

function restartOf(container: Members): Restart {
  const finishedAt = at(container, "lastState.terminated.finishedAt");
  return {
    restartCount: count(container, "restartCount"),
    at: typeof finishedAt === "string" ? parseTime(finishedAt) : null,
  };
}

/** Init containers that keep running beside the main ones (restartPolicy Always). */
function sidecarNames(pod: KubeObject): ReadonlySet<unknown> {
  const sidecars = items(pod, "spec.initContainers").filter(({ restartPolicy }) => restartPolicy === "Always");
  return new Set(sidecars.map(({ name }) => name));
}

/** The first init container that has not done its work gives the reason; null when all have. */
function summarizeInit(pod: KubeObject) {
  const sidecars = sidecarNames(pod);
  const restarts: Restart[] = [];
  const sidecarRestarts: Restart[] = [];
  let readyCount = 0;
  let reason: string | null = null;
  for (const [index, container] of items(pod, "status.initContainerStatuses").entries()) {
    restarts.push(restartOf(container));
    const isSidecar = sidecars.has(container["name"]);
    if (isSidecar) sidecarRestarts.push(restartOf(container));
    const terminated = at(container, "state.terminated");
    if (terminated && count(terminated, "exitCode") === 0) continue;
    if (isSidecar && container["started"] === true) {
      if (container["ready"] === true) readyCount++;
      continue;
    }
    const waiting = text(container, "state.waiting.reason");
    if (terminated) reason = `Init:${terminatedReason(terminated)}`;
    else if (waiting !== "" && waiting !== "PodInitializing") reason = `Init:${waiting}`;
    else reason = `Init:${index}/${items(pod, "spec.initContainers").length}`;
    break;
  }
  return { reason, readyCount, restarts, sidecars: { restarts: sidecarRestarts } };
}

/** Of several containers with something to tell, the first one in the list is heard. */
function summarizeMain(pod: KubeObject) {
  const restarts: Restart[] = [];
  let reason: string | null = null;
  let readyCount = 0;
  for (const container of items(pod, "status.containerStatuses").toReversed()) {
    restarts.push(restartOf(container));
    const waiting = text(container, "state.waiting.reason");
    const terminated = at(container, "state.terminated");
    if (waiting !== "") reason = waiting;
    else if (terminated) reason = terminatedReason(terminated);
    else if (container["ready"] === true && at(container, "state.running")) readyCount++;
  }
  return { reason, readyCount, restarts, hasRunning: readyCount > 0 };
}

function terminatedReason(terminated: unknown): string {
  const reason = text(terminated, "reason");
  if (reason !== "") return reason;
  const signal = count(terminated, "signal");
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${count(terminated, "exitCode")}`;
}

function conditionStatus(pod: KubeObject, type: string): unknown {
  return items(pod, "status.conditions").find((condition) => condition["type"] === type)?.["status"];
}

function latest(instants: readonly (Instant | null)[]): Instant | null {
  return instants.reduce((newest, instant) => (instant !== null && instant > (newest ?? 0) ? instant : newest), null);
}

function restartsText({ restartCount, lastRestartAt }: PodSummary, now: Instant): string {
  if (restartCount === 0 || lastRestartAt === null) return String(restartCount);
  return `${restartCount} (${formatAge(now - lastRestartAt)} ago)`;
}

function readinessGates(pod: KubeObject): string {
  const gates = items(pod, "spec.readinessGates");
  if (gates.length === 0) return "<none>";
  const passed = gates.filter(({ conditionType }) => conditionStatus(pod, String(conditionType)) === "True");
  return `${passed.length}/${gates.length}`;
}
