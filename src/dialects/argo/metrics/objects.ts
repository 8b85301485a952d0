import { providerField } from "../../../analysis/provider.ts";
import { isDryRun } from "../../../analysis/validate.ts";
import type { KubeObject } from "../../../api/meta.ts";
import { type GaugeSample, gauge, type Rendered } from "../../../base/metrics.ts";
import { resources } from "../../../kube/resource.ts";
import type { CacheReader } from "../../../runtime/controller.ts";
import { isOfInstance } from "../instance.ts";
import { conditionOf } from "../status/conditions.ts";
import type {
  AnalysisPhase,
  AnalysisRun,
  AnalysisTemplate,
  ClusterAnalysisTemplate,
  Experiment,
  Metric,
  Rollout,
} from "../types.ts";

/** The gauges that tell of objects as the cache has them now (ARC-800, AN section 9). Pure. */
export function objectMetrics(cache: CacheReader, instanceId: string): readonly Rendered[] {
  const ours = <T extends KubeObject>(objects: readonly T[]) => objects.filter((one) => isOfInstance(one, instanceId));
  return [
    ...rolloutMetrics(ours(cache.list<Rollout>(resources.argoRollouts))),
    ...analysisRunMetrics(ours(cache.list<AnalysisRun>(resources.analysisRuns))),
    ...templateMetrics([
      ...cache.list<AnalysisTemplate>(resources.analysisTemplates),
      ...cache.list<ClusterAnalysisTemplate>(resources.clusterAnalysisTemplates),
    ]),
    ...experimentMetrics(ours(cache.list<Experiment>(resources.experiments))),
  ];
}

const OBJECT = ["namespace", "name"] as const;

/** One gauge; `read` gives the label values behind namespace and name, and the value, of each of its series. */
function gaugeOf<T extends KubeObject>(
  [name, help, labels]: readonly [name: string, help: string, labels: readonly string[]],
  objects: readonly T[],
  read: (object: T) => readonly GaugeSample[],
): Rendered {
  const samples = objects.flatMap((object) => {
    const { namespace = "", name: objectName } = object.metadata;
    return read(object).map(({ labels: values, value }) => ({ labels: [namespace, objectName, ...values], value }));
  });
  return gauge({ name, help, labels: [...OBJECT, ...labels] }, samples);
}

/** One series for each of the phases, 1 at the one that holds. */
function oneOf(phases: readonly string[], current: string, before: readonly string[] = []): readonly GaugeSample[] {
  return phases.map((phase) => ({ labels: [...before, phase], value: phase === current ? 1 : 0 }));
}

// Rollouts ------------------------------------------------------------------------------------------------------------

/** The phase of the metrics is not that of the status: it follows the reason of the Progressing condition (ARC-800). */
const PHASE_OF_REASON: Readonly<Record<string, string>> = {
  NewReplicaSetAvailable: "Completed",
  RolloutPaused: "Paused",
  ReplicaSetCreateError: "Error",
  ProgressDeadlineExceeded: "Timeout",
  RolloutAborted: "Abort",
};

const ROLLOUT_PHASES = ["Completed", "Progressing", "Paused", "Timeout", "Error", "Abort"] as const;

export function metricPhase({ status = {} }: Rollout): string {
  if (conditionOf(status, "InvalidSpec")) return "InvalidSpec";
  return PHASE_OF_REASON[conditionOf(status, "Progressing")?.reason ?? ""] ?? "Progressing";
}

/** Where several are named, the last one counts, as in the original. */
const ROUTERS = [
  ["alb", "ALB"],
  ["ambassador", "Ambassador"],
  ["istio", "Istio"],
  ["nginx", "Nginx"],
  ["smi", "SMI"],
  ["appMesh", "AppMesh"],
] as const;

function strategyAndRouter({ spec: { strategy } }: Rollout): readonly [strategy: string, router: string] {
  if (strategy?.blueGreen) return ["blueGreen", ""];
  if (!strategy?.canary) return ["none", ""];
  const { trafficRouting } = strategy.canary;
  return ["canary", ROUTERS.findLast(([field]) => trafficRouting?.[field] !== undefined)?.[1] ?? ""];
}

function rolloutMetrics(rollouts: readonly Rollout[]): readonly Rendered[] {
  const count = (name: string, what: string, read: (rollout: Rollout) => number) =>
    gaugeOf([`rollout_info_replicas_${name}`, `The number of ${what} replicas per rollout.`, []], rollouts, (one) => [
      { labels: [], value: read(one) },
    ]);
  return [
    gaugeOf(
      ["rollout_info", "Information about rollout.", ["strategy", "traffic_router", "phase"]],
      rollouts,
      (rollout) => [{ labels: [...strategyAndRouter(rollout), metricPhase(rollout)], value: 1 }],
    ),
    count("available", "available", ({ status }) => status?.availableReplicas ?? 0),
    count("unavailable", "unavailable", ({ status }) => (status?.replicas ?? 0) - (status?.availableReplicas ?? 0)),
    count("desired", "desired", ({ spec }) => spec.replicas ?? 1),
    count("updated", "updated", ({ status }) => status?.updatedReplicas ?? 0),
    gaugeOf(
      ["rollout_phase", "The phase of the rollout (deprecated: use rollout_info).", ["strategy", "phase"]],
      rollouts,
      (rollout) => oneOf(ROLLOUT_PHASES, metricPhase(rollout), [strategyAndRouter(rollout)[0]]),
    ),
  ];
}

// Analysis and experiments --------------------------------------------------------------------------------------------

const RUN_PHASES = ["Pending", "Error", "Failed", "Successful", "Running", "Inconclusive"] as const;
const EXPERIMENT_PHASES = ["Pending", "Error", "Successful", "Running", "Inconclusive"] as const;

/** As the original spells the members of `provider`. */
const PROVIDER_TYPES: Readonly<Record<string, string>> = {
  prometheus: "Prometheus",
  job: "Job",
  kayenta: "Kayenta",
  web: "Web",
  datadog: "Datadog",
  wavefront: "Wavefront",
  newRelic: "NewRelic",
  cloudWatch: "CloudWatch",
  graphite: "Graphite",
  influxdb: "Influxdb",
  skywalking: "skywalking",
  plugin: "RPCPlugin",
};

function typeOf(metric: Metric): string {
  return PROVIDER_TYPES[providerField(metric)] ?? "Unknown Provider";
}

function orPending(phase: AnalysisPhase | string | undefined): string {
  return phase || "Pending";
}

function analysisRunMetrics(runs: readonly AnalysisRun[]): readonly Rendered[] {
  return [
    gaugeOf(["analysis_run_info", "Information about analysis run.", ["phase"]], runs, ({ status }) => [
      { labels: [status?.phase ?? ""], value: 1 },
    ]),
    gaugeOf(
      ["analysis_run_phase", "The phase of the analysis run (deprecated: use analysis_run_info).", ["phase"]],
      runs,
      ({ status }) => oneOf(RUN_PHASES, orPending(status?.phase)),
    ),
    gaugeOf(
      ["analysis_run_metric_type", "The type of a metric of an analysis run.", ["metric", "type"]],
      runs,
      ({ spec }) => (spec.metrics ?? []).map((metric) => ({ labels: [metric.name, typeOf(metric)], value: 1 })),
    ),
    gaugeOf(
      [
        "analysis_run_metric_phase",
        "The phase of a metric of an analysis run.",
        ["metric", "type", "dry_run", "phase"],
      ],
      runs,
      ({ spec, status }) =>
        (spec.metrics ?? []).flatMap((metric) => {
          const result = status?.metricResults?.find(({ name }) => name === metric.name);
          const before = [metric.name, typeOf(metric), String(isDryRun(metric.name, spec.dryRun))];
          return oneOf(RUN_PHASES, orPending(result?.phase), before);
        }),
    ),
  ];
}

function templateMetrics(templates: readonly (AnalysisTemplate | ClusterAnalysisTemplate)[]): readonly Rendered[] {
  return [
    gaugeOf(["analysis_template_info", "Information about analysis templates.", []], templates, () => [
      { labels: [], value: 1 },
    ]),
    gaugeOf(
      ["analysis_template_metric_info", "Information on metrics in analysis templates.", ["type", "metric"]],
      templates,
      ({ spec }) => (spec.metrics ?? []).map((metric) => ({ labels: [typeOf(metric), metric.name], value: 1 })),
    ),
  ];
}

function experimentMetrics(experiments: readonly Experiment[]): readonly Rendered[] {
  return [
    gaugeOf(["experiment_info", "Information about Experiment.", ["phase"]], experiments, ({ status }) => [
      { labels: [status?.phase ?? ""], value: 1 },
    ]),
    gaugeOf(
      ["experiment_phase", "The phase of the experiment (deprecated: use experiment_info).", ["phase"]],
      experiments,
      ({ status }) => oneOf(EXPERIMENT_PHASES, orPending(status?.phase)),
    ),
  ];
}
