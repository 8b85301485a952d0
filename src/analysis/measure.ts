import { redact, resolveArguments, resolveMetric } from "./arguments.ts";
import { judge } from "./condition.ts";
import { tooFew, withoutData } from "./no-data.ts";
import { type DataPolicy, dataPolicyOf, type NoDataPolicy } from "./policy.ts";
import {
  MeasurementError,
  type ProviderAnswer,
  type ProviderContext,
  type Providers,
  providerField,
  type SecretReader,
} from "./provider.ts";
import { reasonText } from "./reason.ts";
import { AnalysisSpecError } from "./spec-error.ts";
import { isTerminating, type MeasurementOutcome } from "./status.ts";
import type { AnalysisRun, Argument, Measurement, Metric } from "./types.ts";

/** Asks the provider once. Never rejects: whatever goes wrong is an outcome of phase Error (AN-038). */
export async function measureOnce(
  { run, metric, measurement }: MeasureOnce,
  { providers, context }: { readonly providers: Providers; readonly context: ProviderContext },
): Promise<MeasurementOutcome> {
  const namespace = run.metadata.namespace ?? "";
  let secrets: readonly string[] = [];
  let resolvedMetric = metric;
  let onNoData: NoDataPolicy | null = null;
  try {
    // Only asynchronous measurements, and those that wait for data, can be met here while the run ends.
    if (measurement.resumeAt !== undefined && isTerminating(run, run.status ?? {})) {
      return { phase: "Inconclusive", message: "Metric Terminated" };
    }
    const resolved = await readArguments(run.spec.args, { namespace, secrets: context.secrets });
    secrets = resolved.secrets;
    resolvedMetric = resolveMetric(metric, resolved.values);
    const policy = dataPolicyOf(run, metric.name);
    onNoData = policy.onNoData;
    const request = { metric: resolvedMetric, namespace, measurement };
    const provider = providers[providerField(metric)];
    if (!provider)
      throw new MeasurementError(`provider "${providerField(metric)}" is not available in this installation`);
    const isAsked = measurement.resumeAt !== undefined && provider.resume;
    const answer = await (isAsked ? provider.resume!(request, context) : provider.measure(request, context));
    return hidden(await outcomeOf(request.metric, answer, { policy, context }), secrets);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof MeasurementError)) return hidden({ phase: "Error", message, metricMetadata: {} }, secrets);
    const { metricMetadata, isNoData } = error;
    const failed: MeasurementOutcome = { phase: "Error", message, metricMetadata };
    if (!isNoData || onNoData === null) return hidden(failed, secrets);
    const options = { policy: onNoData, metric: resolvedMetric, now: context.clock.now() };
    return hidden(withoutData(failed, options), secrets);
  }
}

export interface MeasureOnce {
  readonly run: AnalysisRun;
  readonly metric: Metric;
  readonly measurement: Measurement;
}

async function outcomeOf(
  metric: Metric,
  answer: ProviderAnswer,
  { policy: dataPolicy, context }: { readonly policy: DataPolicy; readonly context: ProviderContext },
): Promise<MeasurementOutcome> {
  if (answer.kind === "outcome") return answer.outcome;
  const now = context.clock.now();
  const verdict = judge(metric, answer.result, now);
  const { metadata, metricMetadata, windowMs } = answer;
  const { onNoData: policy, minSamples } = dataPolicy;
  const isTold = verdict.phase === "Failed" || verdict.phase === "Inconclusive";
  const seen = isTold || minSamples > 0 ? ((await answer.countRequests?.()) ?? null) : null;
  const { text } = answer.result;
  const outcome: MeasurementOutcome = {
    ...verdict,
    // Kept even when the condition cannot be evaluated (EX-005).
    value: text,
    ...(metadata ? { metadata } : {}),
    ...(metricMetadata ? { metricMetadata } : {}),
    ...(isTold ? { reason: reasonText(metric, { phase: verdict.phase, text, windowMs, seen }) } : {}),
  };
  if (policy === null) return outcome;
  if (verdict.isNoData) return withoutData(outcome, { policy, metric, now });
  if (minSamples === 0 || (seen && seen.total >= minSamples)) return outcome;
  return tooFew(outcome, { policy, minSamples, seen, metric, now });
}

/** AN-019: secrets are read anew for each measurement. */
export async function readArguments(
  args: readonly Argument[] | undefined,
  { namespace, secrets }: { readonly namespace: string; readonly secrets: SecretReader },
) {
  const read = new Map<string, Record<string, string>>();
  for (const { valueFrom } of args ?? []) {
    const name = valueFrom?.secretKeyRef?.name;
    if (name !== undefined && !read.has(name)) read.set(name, await secrets({ namespace, name }));
  }
  return resolveArguments(args, ({ name, key }) => secretValue(read.get(name) ?? {}, { name, key }));
}

export function secretValue(
  data: Readonly<Record<string, string>>,
  { name, key }: { readonly name: string; readonly key: string },
): string {
  const value = data[key];
  if (value === undefined) throw new AnalysisSpecError(`key '${key}' does not exist in secret '${name}'`);
  return value;
}

function hidden(outcome: MeasurementOutcome, secrets: readonly string[]): MeasurementOutcome {
  if (secrets.length === 0) return outcome;
  const texts = (map: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(map).map(([key, text]) => [key, redact(text, secrets)]));
  return {
    ...outcome,
    ...(outcome.message === undefined ? {} : { message: redact(outcome.message, secrets) }),
    ...(outcome.reason === undefined ? {} : { reason: redact(outcome.reason, secrets) }),
    ...(outcome.metadata ? { metadata: texts(outcome.metadata) } : {}),
    ...(outcome.metricMetadata ? { metricMetadata: texts(outcome.metricMetadata) } : {}),
  };
}
