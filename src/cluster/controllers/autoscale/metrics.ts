import type { MetricSpec, MetricStatus, MetricTarget, MetricValue } from "../../../api/autoscaling.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { formatMilli, parseMilli } from "../../../base/quantity.ts";
import type { Instant } from "../../../base/time.ts";
import type { PodUsage, UsageSnapshot } from "../../usage.ts";
import { unservedMetric } from "./other-metrics.ts";
import { replicasOf, type Sample, type Tolerance } from "./replicas.ts";

/** What one metric of an autoscaler asks for (K8S-242): resources of pods, as shares of their requests or as amounts. */

export interface MetricInput {
  readonly namespace: string;
  readonly pods: readonly KubeObject[];
  readonly usage: UsageSnapshot;
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly now: Instant;
}

export interface Proposal {
  readonly replicas: number;
  /** How the event of a scaling names the metric. */
  readonly name: string;
  readonly status: MetricStatus;
}

export interface MetricFailure {
  /** Of condition ScalingActive and of an event. */
  readonly reason: string;
  readonly message: string;
  /** What went wrong before that, as the summary of all metrics tells it. */
  readonly context: string;
}

export function proposalOf(metric: MetricSpec, input: MetricInput): Proposal | MetricFailure {
  const { resource, containerResource } = metric;
  if (metric.type === "Resource" && resource) {
    return resourceProposal({ ...resource, container: null, type: "Resource" }, input);
  }
  if (metric.type === "ContainerResource" && containerResource) {
    return resourceProposal({ ...containerResource, type: "ContainerResource" }, input);
  }
  return unservedMetric(metric, input.namespace);
}

export function isFailure(result: Proposal | MetricFailure): result is MetricFailure {
  return "reason" in result;
}

interface ResourceSource {
  readonly type: "Resource" | "ContainerResource";
  readonly name: string;
  /** Null: all containers of a pod together. */
  readonly container: string | null;
  readonly target: MetricTarget;
}

function resourceProposal(source: ResourceSource, input: MetricInput): Proposal | MetricFailure {
  const { type, name, container, target } = source;
  const kind = container === null ? "resource" : "container resource";
  const fail = (message: string, doing: string): MetricFailure => ({
    reason: container === null ? "FailedGetResourceMetric" : "FailedGetContainerResourceMetric",
    message,
    context: `failed to get ${name} ${kind} metric value: ${doing}${message}`,
  });
  const averageMilli = target.averageValue === undefined ? null : parseMilli(target.averageValue);
  const percent = target.averageUtilization;
  if (averageMilli === null && percent === undefined) {
    return fail(
      `invalid ${kind} metric source: neither an average utilization nor an average value target was set`,
      "",
    );
  }
  const doing = `failed to get ${name} ${averageMilli === null ? "utilization" : "usage"}: `;
  const samples = samplesOf(source, input);
  if (typeof samples === "string") return fail(samples, doing);
  const answer =
    averageMilli === null ? byShare(source, percent!, samples, input) : byAmount(source, averageMilli, samples, input);
  if (typeof answer === "string") return fail(answer, doing);
  const { replicas, current } = answer;
  return {
    replicas,
    name: averageMilli === null ? `${name} ${kind} utilization (percentage of request)` : `${name} ${kind}`,
    status:
      container === null
        ? { type, resource: { name, current } }
        : { type, containerResource: { name, container, current } },
  };
}

/** Of a pod's containers together, or of the one that is asked for. */
function samplesOf(
  { name, container }: ResourceSource,
  { pods, usage, namespace }: MetricInput,
): Map<string, Sample> | string {
  const prefix = `unable to get metrics for resource ${name}: `;
  if (usage.problem !== null) return `${prefix}unable to fetch metrics from resource metrics API: ${usage.problem}`;
  if (name !== "cpu" && name !== "memory") return `${prefix}of pods only cpu and memory are measured`;
  const byUid = new Map(usage.pods.map((measured) => [measured.uid, measured]));
  const samples = new Map<string, Sample>();
  for (const { metadata } of pods) {
    const measured = byUid.get(metadata.uid ?? "");
    if (!measured) continue;
    const value = milliOf(measured, name, container);
    if (value === null)
      return `${prefix}container ${container} not present in metrics for pod ${namespace}/${metadata.name}`;
    samples.set(metadata.name, { value, at: measured.at, windowMs: measured.windowMs });
  }
  return samples.size === 0 ? `${prefix}no metrics returned from resource metrics API` : samples;
}

function milliOf({ containers }: PodUsage, name: "cpu" | "memory", container: string | null): number | null {
  const chosen = container === null ? containers : containers.filter((each) => each.name === container);
  if (chosen.length === 0) return null;
  return chosen.reduce(
    (sum, { cpuNanos, memoryBytes }) => sum + (name === "cpu" ? Math.ceil(cpuNanos / 1e6) : memoryBytes * 1000),
    0,
  );
}

type Answer = { readonly replicas: number; readonly current: MetricValue } | string;

/** Target Utilization: a whole percentage of what the pods request together. */
function byShare(
  source: ResourceSource,
  percent: number,
  samples: ReadonlyMap<string, Sample>,
  input: MetricInput,
): Answer {
  if (input.pods.length === 0) return "no pods returned by selector while calculating replica count";
  const requests = requestsOf(source, input.pods);
  if (typeof requests === "string") return requests;
  const utilization = (values: ReadonlyMap<string, number>) => {
    const requested = sum([...values.keys()].map((pod) => requests.get(pod) ?? 0));
    return requested === 0 ? null : Math.trunc((sum([...values.values()]) * 100) / requested);
  };
  const answer = replicasOf({
    ...input,
    samples,
    isCpu: source.name === "cpu",
    ratioOf(values) {
      const now = utilization(values);
      return now === null ? null : now / percent;
    },
    assumedValue: (pod) => ((requests.get(pod) ?? 0) * Math.max(100, percent)) / 100,
  });
  if (typeof answer === "string") return answer;
  const { replicas, measured } = answer;
  const averageUtilization = utilization(measured)!;
  return { replicas, current: { averageUtilization, averageValue: formatMilli(average(measured)) } };
}

/** Target AverageValue: an amount for each pod. */
function byAmount(
  source: ResourceSource,
  targetMilli: number,
  samples: ReadonlyMap<string, Sample>,
  input: MetricInput,
): Answer {
  if (input.pods.length === 0) return "no pods returned by selector while calculating replica count";
  const answer = replicasOf({
    ...input,
    samples,
    isCpu: source.name === "cpu",
    ratioOf: (values) => (targetMilli === 0 ? null : average(values) / targetMilli),
    assumedValue: () => targetMilli,
  });
  if (typeof answer === "string") return answer;
  return { replicas: answer.replicas, current: { averageValue: formatMilli(average(answer.measured)) } };
}

interface ContainerSpec {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Readonly<Record<string, string>> };
}

/** In thousandths, by pod name. A sidecar is an init container that stays, and counts. */
function requestsOf({ name, container }: ResourceSource, pods: readonly KubeObject[]): Map<string, number> | string {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const { containers = [], initContainers = [] } = (spec ?? {}) as {
      containers?: readonly ContainerSpec[];
      initContainers?: readonly ContainerSpec[];
    };
    const running = [...containers, ...initContainers.filter(({ restartPolicy }) => restartPolicy === "Always")];
    let total = 0;
    for (const each of running) {
      if (container !== null && each.name !== container) continue;
      const milli = parseMilli(each.resources?.requests?.[name] ?? "");
      if (milli === null) return `missing request for ${name} in container ${each.name} of Pod ${metadata.name}`;
      total += milli;
    }
    requests.set(metadata.name, total);
  }
  return requests;
}

function average(values: ReadonlyMap<string, number>): number {
  return Math.trunc(sum([...values.values()]) / values.size);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
