import { sleep } from "../base/clock.ts";
import { redact, resolveMetric } from "./arguments.ts";
import { measureOnce, readArguments } from "./measure.ts";
import { dataPolicyProblem } from "./policy.ts";
import { type ProviderContext, type Providers, providerField, type SeenRequests } from "./provider.ts";
import { explainQuery, type SelectorExplanation } from "./providers/prometheus-explain.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import type { MeasurementOutcome } from "./status.ts";
import type { AnalysisRun, Measurement, Metric } from "./types.ts";
import { metricsProblem, validateRules } from "./validate.ts";

/** What a metric gives here and now (EC-024). */
export interface TriedMetric {
  readonly name: string;
  readonly provider: string;
  /** "Skipped": it is not measured here. */
  readonly phase: string;
  readonly value: string | null;
  readonly message: string;
  /** In numbers (EC-020). */
  readonly reason: string;
  readonly hint: string;
  readonly successCondition: string;
  readonly failureCondition: string;
  /** What was asked, of Prometheus only; "" otherwise. */
  readonly query: string;
  /** Who answered, where that is not the address of the template. */
  readonly address: string;
  readonly selectors: readonly SelectorExplanation[];
  readonly requests: SeenRequests | null;
}

export interface TryOutOptions {
  readonly providers: Providers;
  readonly context: ProviderContext;
}

/**
 * Takes one measurement of each metric with the controller's own means, and says what its query looked at. `run` is as a
 * controller would make it; it is stored nowhere. Throws `AnalysisSpecError` for a run that would end before it began.
 */
export async function tryOut(run: AnalysisRun, options: TryOutOptions): Promise<readonly TriedMetric[]> {
  const { context } = options;
  const { metrics = [], args, dryRun, measurementRetention } = run.spec;
  const namespace = run.metadata.namespace ?? "";
  const { values, secrets } = await readArguments(args, { namespace, secrets: context.secrets });
  const resolved = metrics.map((metric) => resolveMetric(metric, values));
  validateRules(resolved, { dryRun, measurementRetention });
  const problem = metricsProblem(resolved) ?? dataPolicyProblem(run, resolved);
  if (problem !== null) throw new AnalysisSpecError(problem);
  return Promise.all(
    metrics.map((metric, index) => tryMetric({ run, metric, resolved: resolved[index] ?? metric, secrets }, options)),
  );
}

interface Trial {
  readonly run: AnalysisRun;
  readonly metric: Metric;
  /** With its arguments in place. */
  readonly resolved: Metric;
  readonly secrets: readonly string[];
}

async function tryMetric({ run, metric, resolved, secrets }: Trial, options: TryOutOptions): Promise<TriedMetric> {
  const provider = providerField(metric);
  const { prometheus } = resolved.provider;
  const outcome: Partial<MeasurementOutcome> =
    provider === "job"
      ? { message: "a Job is not run for a trial: create an AnalysisRun for that" }
      : await measure({ run, metric }, options);
  const explained = provider === "prometheus" && prometheus ? await explainQuery(prometheus, options.context) : null;
  const hide = (text: string | undefined) => redact(text ?? "", secrets);
  return {
    name: metric.name,
    provider,
    phase: outcome.phase ?? "Skipped",
    value: outcome.value === undefined ? null : hide(outcome.value),
    message: hide(outcome.message),
    reason: hide(outcome.reason),
    hint: hide(outcome.metadata?.["hint"]),
    successCondition: hide(resolved.successCondition),
    failureCondition: hide(resolved.failureCondition),
    query: hide(prometheus?.query).trim(),
    address: hide(outcome.metricMetadata?.["PrometheusAddress"]),
    selectors: (explained?.selectors ?? []).map((one) => ({
      ...one,
      selector: hide(one.selector),
      hint: hide(one.hint),
    })),
    requests: explained?.requests ?? null,
  };
}

/** How long a provider that takes its time is asked again. */
const PATIENCE_MS = 120_000;

async function measure(
  { run, metric }: { readonly run: AnalysisRun; readonly metric: Metric },
  { providers, context }: TryOutOptions,
): Promise<MeasurementOutcome> {
  const { clock } = context;
  const deadline = clock.now() + PATIENCE_MS;
  const isAsynchronous = providers[providerField(metric)]?.resume !== undefined;
  let measurement: Measurement = { phase: "Running" };
  for (;;) {
    const outcome = await measureOnce({ run, metric, measurement }, { providers, context });
    const { resumeAt, phase, metadata } = outcome;
    if (!isAsynchronous || phase !== "Running" || resumeAt === undefined || resumeAt > deadline) return outcome;
    await sleep(clock, resumeAt - clock.now());
    measurement = {
      ...measurement,
      resumeAt: new Date(resumeAt).toISOString(),
      metadata: { ...measurement.metadata, ...metadata },
    };
  }
}
