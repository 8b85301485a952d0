import type { KubeObject } from "../api/meta.ts";

/** The analysis part of argoproj.io/v1alpha1 (AN section 2). Types only: nothing here runs. */

/** A number, or a text that becomes one after substitution (AN-002). */
export type IntOrString = number | string;

export interface Metric {
  name: string;
  interval?: string;
  initialDelay?: string;
  count?: IntOrString;
  successCondition?: string;
  failureCondition?: string;
  failureLimit?: IntOrString;
  inconclusiveLimit?: IntOrString;
  consecutiveErrorLimit?: IntOrString;
  consecutiveSuccessLimit?: IntOrString;
  /** Exactly one member (AN-024). */
  provider: MetricProvider;
}

export interface MetricProvider {
  prometheus?: PrometheusMetric;
  web?: WebMetric;
  job?: JobMetric;
  kayenta?: Record<string, unknown>;
  datadog?: Record<string, unknown>;
  newRelic?: Record<string, unknown>;
  wavefront?: Record<string, unknown>;
  graphite?: Record<string, unknown>;
  influxdb?: Record<string, unknown>;
  cloudWatch?: Record<string, unknown>;
  skywalking?: Record<string, unknown>;
  plugin?: Record<string, unknown>;
}

export interface OAuth2 {
  tokenUrl?: string;
  clientId?: string;
  clientSecret?: string;
  scopes?: string[];
}

export interface Sigv4 {
  region?: string;
  profile?: string;
  roleArn?: string;
}

export interface HeaderField {
  key: string;
  value: string;
}

export interface PrometheusMetric {
  address?: string;
  query?: string;
  timeout?: number;
  insecure?: boolean;
  headers?: HeaderField[];
  rangeQuery?: { start?: string; end?: string; step?: string };
  authentication?: { sigv4?: Sigv4; oauth2?: OAuth2; basicAuth?: { username?: string; password?: string } };
}

export interface WebMetric {
  url?: string;
  method?: string;
  headers?: HeaderField[];
  body?: string;
  jsonBody?: unknown;
  timeoutSeconds?: number;
  jsonPath?: string;
  insecure?: boolean;
  authentication?: { sigv4?: Sigv4; oauth2?: OAuth2 };
}

export interface JobMetric {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

export interface Argument {
  name: string;
  value?: string;
  valueFrom?: ArgumentSource;
}

export interface ArgumentSource {
  secretKeyRef?: { name: string; key: string };
  fieldRef?: { fieldPath: string };
  /** Only on the side of a Rollout. */
  podTemplateHashValue?: "Stable" | "Latest";
}

export interface DryRun {
  metricName: string;
}

export interface MeasurementRetention {
  metricName: string;
  limit?: number;
}

export interface TemplateRef {
  templateName: string;
  clusterScope?: boolean;
}

export interface AnalysisTemplateSpec {
  metrics?: Metric[];
  args?: Argument[];
  dryRun?: DryRun[];
  measurementRetention?: MeasurementRetention[];
  templates?: TemplateRef[];
}

export interface AnalysisTemplate extends KubeObject {
  spec: AnalysisTemplateSpec;
}

export interface TtlStrategy {
  secondsAfterCompletion?: number;
  secondsAfterFailure?: number;
  secondsAfterSuccess?: number;
}

export interface AnalysisRunSpec {
  metrics?: Metric[];
  args?: Argument[];
  terminate?: boolean;
  dryRun?: DryRun[];
  measurementRetention?: MeasurementRetention[];
  ttlStrategy?: TtlStrategy;
}

export type AnalysisPhase = "Pending" | "Running" | "Successful" | "Failed" | "Error" | "Inconclusive";

export interface Measurement {
  phase: AnalysisPhase;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
  /** When an asynchronous provider wants to be asked again. */
  resumeAt?: string;
  value?: string;
  metadata?: Record<string, string>;
}

/** Zero counters are left out (AN-004). */
export interface MetricResult {
  name: string;
  phase: AnalysisPhase;
  message?: string;
  measurements?: Measurement[];
  count?: number;
  successful?: number;
  failed?: number;
  inconclusive?: number;
  error?: number;
  consecutiveError?: number;
  consecutiveSuccess?: number;
  dryRun?: boolean;
  metadata?: Record<string, string>;
}

export interface RunSummary {
  count?: number;
  successful?: number;
  failed?: number;
  inconclusive?: number;
  error?: number;
}

export interface AnalysisRunStatus {
  phase?: AnalysisPhase;
  message?: string;
  startedAt?: string;
  completedAt?: string;
  runSummary?: RunSummary;
  dryRunSummary?: RunSummary;
  metricResults?: MetricResult[];
}

export interface AnalysisRun extends KubeObject {
  spec: AnalysisRunSpec;
  status?: AnalysisRunStatus;
}
