import { redact, resolveArguments, resolveMetric } from "./arguments.ts";
import { judge } from "./condition.ts";
import {
  MeasurementError,
  type ProviderAnswer,
  type ProviderContext,
  type Providers,
  providerField,
  type SecretReader,
} from "./provider.ts";
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
  try {
    // Only asynchronous measurements can be met here while the run ends.
    if (measurement.resumeAt !== undefined && isTerminating(run, run.status ?? {})) {
      return { phase: "Inconclusive", message: "Metric Terminated" };
    }
    const resolved = await readArguments(run.spec.args, { namespace, secrets: context.secrets });
    secrets = resolved.secrets;
    const request = { metric: resolveMetric(metric, resolved.values), namespace, measurement };
    const provider = providers[providerField(metric)];
    if (!provider)
      throw new MeasurementError(`provider "${providerField(metric)}" is not available in this installation`);
    const isAsked = measurement.resumeAt !== undefined && provider.resume;
    const answer = await (isAsked ? provider.resume!(request, context) : provider.measure(request, context));
    return hidden(outcomeOf(request.metric, answer, context), secrets);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const metricMetadata = error instanceof MeasurementError ? error.metricMetadata : {};
    return hidden({ phase: "Error", message, metricMetadata }, secrets);
  }
}

export interface MeasureOnce {
  readonly run: AnalysisRun;
  readonly metric: Metric;
  readonly measurement: Measurement;
}

function outcomeOf(metric: Metric, answer: ProviderAnswer, { clock }: ProviderContext): MeasurementOutcome {
  if (answer.kind === "outcome") return answer.outcome;
  const verdict = judge(metric, answer.result, clock.now());
  const { metadata, metricMetadata } = answer;
  return {
    ...verdict,
    // Kept even when the condition cannot be evaluated (EX-005).
    value: answer.result.text,
    ...(metadata ? { metadata } : {}),
    ...(metricMetadata ? { metricMetadata } : {}),
  };
}

/** AN-019: secrets are read anew for each measurement. */
async function readArguments(
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
    ...(outcome.metadata ? { metadata: texts(outcome.metadata) } : {}),
    ...(outcome.metricMetadata ? { metricMetadata: texts(outcome.metricMetadata) } : {}),
  };
}
