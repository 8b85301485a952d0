import type { Clock } from "../base/clock.ts";
import type { Result } from "./condition.ts";
import type { MeasurementOutcome } from "./status.ts";
import type { Measurement, Metric } from "./types.ts";

/** A mistake or refusal that the measurement reports in its message (phase Error). */
export class MeasurementError extends Error {
  override readonly name = "MeasurementError";
  /** Told with the error: of the metric (MP-007). */
  readonly metricMetadata: Readonly<Record<string, string>>;

  /** The provider answered, and had nothing to tell. */
  readonly isNoData: boolean;

  constructor(
    message: string,
    metricMetadata: Readonly<Record<string, string>> = {},
    { isNoData = false }: { readonly isNoData?: boolean } = {},
  ) {
    super(message);
    this.metricMetadata = metricMetadata;
    this.isNoData = isNoData;
  }
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Accept any certificate. */
  readonly insecure?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** One HTTP exchange. Rejects with the text for the user when no answer came (`http.ts` has the production one). */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>;

/** Data of a Secret, decoded; rejects with the API's own text when there is none. */
export type SecretReader = (key: {
  readonly namespace: string;
  readonly name: string;
}) => Promise<Record<string, string>>;

/** All that providers may use of the world. */
export interface ProviderContext {
  readonly http: Http;
  readonly clock: Clock;
  readonly secrets: SecretReader;
  /** Environment variables that the original reads, e.g. `ARGO_ROLLOUTS_PROMETHEUS_ADDRESS`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where controller-wide Secrets live. */
  readonly controllerNamespace: string;
  /** SE-008: an address of the manifests → the one to call. Absent: as written. */
  readonly addressOf?: (address: string) => string | Promise<string>;
}

export interface MeasureRequest {
  /** With all arguments in place. */
  readonly metric: Metric;
  readonly namespace: string;
  /** What is measured, as it stands in the status: for a provider that is asked again. */
  readonly measurement: Measurement;
}

/** A result to be judged by the metric's conditions, or an outcome that the provider decided itself. */
export type ProviderAnswer =
  | ({ readonly kind: "result"; readonly result: Result } & AnswerMetadata)
  | { readonly kind: "outcome"; readonly outcome: MeasurementOutcome };

interface AnswerMetadata {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly metricMetadata?: Readonly<Record<string, string>>;
  /** How far back the value looks, where there is one answer to that. */
  readonly windowMs?: number;
  /**
   * Counts the requests behind the value, where it can be told; null: no answer came. Asked only when somebody wants to
   * know, since it costs the provider another query.
   */
  readonly countRequests?: () => Promise<SeenRequests | null>;
}

export interface SeenRequests {
  readonly windowMs: number;
  /** The value is of the last two scrapes in the window; the counts are of all of it. */
  readonly isOfLastTwo: boolean;
  /** Rounded: counters are read now and then, and what happened between is estimated. */
  readonly total: number;
  /** Code → number, most frequent first; empty where the metric does not tell codes. */
  readonly codes: readonly (readonly [code: string, count: number])[];
}

/**
 * One kind of metric source. `measure` throws `MeasurementError` for whatever goes wrong; nothing else leaves it. An
 * asynchronous provider answers Running with `resumeAt` and is then asked by `resume`.
 */
export interface Provider {
  /** The name in controller metrics and events (MP-040). */
  readonly type: string;
  measure(request: MeasureRequest, context: ProviderContext): Promise<ProviderAnswer>;
  resume?(request: MeasureRequest, context: ProviderContext): Promise<ProviderAnswer>;
}

/** `field` of `metric.provider` → who performs it. */
export type Providers = Readonly<Record<string, Provider>>;

/** The one member of `provider` that is set. */
export function providerField({ provider }: Metric): string {
  const found = Object.entries(provider ?? {}).find(([, value]) => value !== undefined && value !== null);
  return found?.[0] ?? "";
}
