import { type TSchema, Type } from "typebox";
import type { PodTemplate } from "../../api/apps.ts";
import type { LabelSelector } from "../../api/meta.ts";
import type { IntOrPercent } from "../../base/int-or-percent.ts";

/**
 * The one source of the kinds of argoproj.io: TypeScript types (`Static`, in types.ts) and CRD schemas (crds.ts) follow
 * from these values. As in the original there are no defaults, enumerations or bounds: the controller defaults and
 * checks (ARC-005).
 */

const optional = Type.Optional;
const text = Type.String();
const int32 = Type.Integer({ format: "int32" });
const int64 = Type.Integer({ format: "int64" });
const flag = Type.Boolean();
const time = Type.String({ format: "date-time" });
const textMap = Type.Unsafe<Record<string, string>>({ type: "object", additionalProperties: { type: "string" } });
const intOrString = Type.Unsafe<IntOrPercent>({ "x-kubernetes-int-or-string": true });
const anyObject = Type.Unsafe<Record<string, unknown>>({
  type: "object",
  "x-kubernetes-preserve-unknown-fields": true,
});
const anything = Type.Unsafe<unknown>({ "x-kubernetes-preserve-unknown-fields": true });
const anyMap = Type.Unsafe<Record<string, unknown>>({
  type: "object",
  additionalProperties: { "x-kubernetes-preserve-unknown-fields": true },
});

function listOf<T extends TSchema>(items: T) {
  return Type.Array(items);
}

const metadata = Type.Object({ labels: optional(textMap), annotations: optional(textMap) });

const labelSelector = Type.Unsafe<LabelSelector>(
  Type.Object({
    matchLabels: optional(textMap),
    matchExpressions: optional(listOf(Type.Object({ key: text, operator: text, values: optional(listOf(text)) }))),
  }),
);

/** ARC-006: with another selector every version would be orphaned. */
const keptSelector = Type.Unsafe<LabelSelector>({
  ...labelSelector,
  "x-kubernetes-validations": [{ rule: "self == oldSelf", message: ".spec.selector is immutable" }],
});

/**
 * The pod itself is described by its own kind: here only what the original's schema requires (ARC-007). What a pod
 * cannot have stays in the object and is never compared or hashed (hash.ts).
 */
const podTemplate = Type.Unsafe<PodTemplate>(
  Type.Object({
    metadata: optional(metadata),
    spec: optional(
      Type.Unsafe<Record<string, unknown>>({
        type: "object",
        properties: {
          containers: { type: "array", items: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
        required: ["containers"],
        "x-kubernetes-preserve-unknown-fields": true,
      }),
    ),
  }),
);

// Analysis ------------------------------------------------------------------------------------------------------------

const templateReference = Type.Object({ templateName: optional(text), clusterScope: optional(flag) });
const dryRun = Type.Object({ metricName: text });
const measurementRetention = Type.Object({ metricName: text, limit: int32 });

/** An argument as a Rollout or Experiment gives it. */
const analysisRunArgument = Type.Object({
  name: text,
  value: optional(text),
  valueFrom: optional(
    Type.Object({
      podTemplateHashValue: optional(text),
      fieldRef: optional(Type.Object({ fieldPath: text })),
    }),
  ),
});

const rolloutAnalysisFields = {
  templates: optional(listOf(templateReference)),
  args: optional(listOf(analysisRunArgument)),
  dryRun: optional(listOf(dryRun)),
  measurementRetention: optional(listOf(measurementRetention)),
  analysisRunMetadata: optional(metadata),
};
export const rolloutAnalysis = Type.Object(rolloutAnalysisFields);

/** An argument as a template declares it and a run carries it. */
export const argument = Type.Object({
  name: text,
  value: optional(text),
  valueFrom: optional(
    Type.Object({
      secretKeyRef: optional(Type.Object({ name: text, key: text })),
      fieldRef: optional(Type.Object({ fieldPath: text })),
    }),
  ),
});

const keyValue = Type.Object({ key: text, value: text });
const sigv4 = Type.Object({ region: optional(text), profile: optional(text), roleArn: optional(text) });
const oauth2 = Type.Object({
  tokenUrl: optional(text),
  clientId: optional(text),
  clientSecret: optional(text),
  scopes: optional(listOf(text)),
});
const basicAuth = Type.Object({ username: optional(text), password: optional(text) });
const authentication = Type.Object({
  sigv4: optional(sigv4),
  oauth2: optional(oauth2),
  basicAuth: optional(basicAuth),
});

const prometheus = Type.Object({
  address: optional(text),
  query: optional(text),
  timeout: optional(int64),
  insecure: optional(flag),
  headers: optional(listOf(keyValue)),
  rangeQuery: optional(Type.Object({ start: optional(text), end: optional(text), step: optional(text) })),
  authentication: optional(authentication),
});

const web = Type.Object({
  url: text,
  method: optional(text),
  headers: optional(listOf(keyValue)),
  body: optional(text),
  jsonBody: optional(anything),
  timeoutSeconds: optional(int64),
  jsonPath: optional(text),
  insecure: optional(flag),
  authentication: optional(authentication),
});

const job = Type.Object({ metadata: optional(metadata), spec: anyObject });

const kayentaScope = Type.Object({
  scope: text,
  region: text,
  step: int64,
  start: text,
  end: text,
});
const kayenta = Type.Object({
  address: text,
  application: text,
  canaryConfigName: text,
  metricsAccountName: text,
  configurationAccountName: text,
  storageAccountName: text,
  lookback: optional(flag),
  threshold: Type.Object({ pass: int64, marginal: int64 }),
  scopes: listOf(Type.Object({ name: text, controlScope: kayentaScope, experimentScope: kayentaScope })),
});

const datadog = Type.Object({
  apiVersion: optional(text),
  interval: optional(text),
  query: optional(text),
  queries: optional(textMap),
  formula: optional(text),
  aggregator: optional(text),
  requestTimeout: optional(text),
  secretRef: optional(Type.Object({ name: optional(text), namespaced: optional(flag) })),
});

export const provider = Type.Object({
  prometheus: optional(prometheus),
  web: optional(web),
  job: optional(job),
  kayenta: optional(kayenta),
  datadog: optional(datadog),
  wavefront: optional(Type.Object({ address: optional(text), query: optional(text) })),
  newRelic: optional(Type.Object({ profile: optional(text), query: text, timeout: optional(int64) })),
  cloudWatch: optional(Type.Object({ interval: optional(text), metricDataQueries: listOf(anyObject) })),
  graphite: optional(Type.Object({ address: optional(text), query: optional(text) })),
  influxdb: optional(Type.Object({ profile: optional(text), query: optional(text) })),
  skywalking: optional(Type.Object({ address: optional(text), query: optional(text), interval: optional(text) })),
  plugin: optional(anyMap),
});

export const metric = Type.Object({
  name: text,
  interval: optional(text),
  initialDelay: optional(text),
  count: optional(intOrString),
  successCondition: optional(text),
  failureCondition: optional(text),
  failureLimit: optional(intOrString),
  inconclusiveLimit: optional(intOrString),
  consecutiveErrorLimit: optional(intOrString),
  consecutiveSuccessLimit: optional(intOrString),
  provider,
});

export const analysisTemplateSpec = Type.Object({
  metrics: optional(listOf(metric)),
  args: optional(listOf(argument)),
  dryRun: optional(listOf(dryRun)),
  measurementRetention: optional(listOf(measurementRetention)),
  templates: optional(listOf(templateReference)),
});

export const analysisRunSpec = Type.Object({
  metrics: listOf(metric),
  args: optional(listOf(argument)),
  terminate: optional(flag),
  dryRun: optional(listOf(dryRun)),
  measurementRetention: optional(listOf(measurementRetention)),
  ttlStrategy: optional(
    Type.Object({
      secondsAfterCompletion: optional(int32),
      secondsAfterFailure: optional(int32),
      secondsAfterSuccess: optional(int32),
    }),
  ),
});

export const measurement = Type.Object({
  phase: text,
  message: optional(text),
  startedAt: optional(time),
  finishedAt: optional(time),
  resumeAt: optional(time),
  value: optional(text),
  metadata: optional(textMap),
});

export const metricResult = Type.Object({
  name: text,
  phase: text,
  message: optional(text),
  measurements: optional(listOf(measurement)),
  count: optional(int32),
  successful: optional(int32),
  failed: optional(int32),
  inconclusive: optional(int32),
  error: optional(int32),
  consecutiveError: optional(int32),
  consecutiveSuccess: optional(int32),
  dryRun: optional(flag),
  metadata: optional(textMap),
});

const runSummary = Type.Object({
  count: optional(int32),
  successful: optional(int32),
  failed: optional(int32),
  inconclusive: optional(int32),
  error: optional(int32),
});

export const analysisRunStatus = Type.Object({
  phase: text,
  message: optional(text),
  metricResults: optional(listOf(metricResult)),
  startedAt: optional(time),
  completedAt: optional(time),
  runSummary: optional(runSummary),
  dryRunSummary: optional(runSummary),
});

// Experiment ----------------------------------------------------------------------------------------------------------

const serviceName = Type.Object({ name: optional(text) });

const experimentAnalysis = Type.Object({
  name: text,
  templateName: text,
  clusterScope: optional(flag),
  args: optional(listOf(argument)),
  requiredForCompletion: optional(flag),
});

const experimentTemplate = Type.Object({
  name: text,
  replicas: optional(int32),
  minReadySeconds: optional(int32),
  selector: labelSelector,
  template: podTemplate,
  service: optional(serviceName),
});

export const experimentSpec = Type.Object({
  templates: listOf(experimentTemplate),
  duration: optional(text),
  progressDeadlineSeconds: optional(int32),
  terminate: optional(flag),
  analyses: optional(listOf(experimentAnalysis)),
  scaleDownDelaySeconds: optional(int32),
  dryRun: optional(listOf(dryRun)),
  measurementRetention: optional(listOf(measurementRetention)),
  analysisRunMetadata: optional(metadata),
});

const condition = Type.Object({
  type: text,
  status: Type.Unsafe<"True" | "False" | "Unknown">({ type: "string" }),
  lastUpdateTime: optional(time),
  lastTransitionTime: optional(time),
  reason: optional(text),
  message: optional(text),
});

export const experimentStatus = Type.Object({
  phase: optional(text),
  message: optional(text),
  availableAt: optional(time),
  templateStatuses: optional(
    listOf(
      Type.Object({
        name: text,
        replicas: int32,
        updatedReplicas: int32,
        readyReplicas: int32,
        availableReplicas: int32,
        collisionCount: optional(int32),
        status: optional(text),
        message: optional(text),
        lastTransitionTime: optional(time),
        serviceName: optional(text),
        podTemplateHash: optional(text),
      }),
    ),
  ),
  analysisRuns: optional(listOf(Type.Object({ name: text, analysisRun: text, phase: text, message: optional(text) }))),
  conditions: optional(listOf(condition)),
});

// Rollout -------------------------------------------------------------------------------------------------------------

const stringMatch = Type.Object({ exact: optional(text), prefix: optional(text), regex: optional(text) });

const experimentStep = Type.Object({
  templates: listOf(
    Type.Object({
      name: text,
      specRef: text,
      replicas: optional(int32),
      metadata: optional(metadata),
      selector: optional(labelSelector),
      weight: optional(int32),
      service: optional(serviceName),
    }),
  ),
  duration: optional(text),
  analyses: optional(
    listOf(
      Type.Object({
        name: text,
        templateName: text,
        clusterScope: optional(flag),
        args: optional(listOf(analysisRunArgument)),
        requiredForCompletion: optional(flag),
      }),
    ),
  ),
  dryRun: optional(listOf(dryRun)),
  analysisRunMetadata: optional(metadata),
  scaleDownDelaySeconds: optional(int32),
});

/** Members in the order in which the step hash spells them (ARC-041). */
export const step = Type.Object({
  setWeight: optional(int32),
  pause: optional(Type.Object({ duration: optional(intOrString) })),
  experiment: optional(experimentStep),
  analysis: optional(rolloutAnalysis),
  setCanaryScale: optional(
    Type.Object({ weight: optional(int32), replicas: optional(int32), matchTrafficWeight: optional(flag) }),
  ),
  setHeaderRoute: optional(
    Type.Object({
      name: optional(text),
      match: optional(listOf(Type.Object({ headerName: text, headerValue: stringMatch }))),
    }),
  ),
  setMirrorRoute: optional(
    Type.Object({
      name: text,
      match: optional(
        listOf(
          Type.Object({
            method: optional(stringMatch),
            path: optional(stringMatch),
            headers: optional(Type.Record(Type.String(), stringMatch)),
          }),
        ),
      ),
      percentage: optional(int32),
    }),
  ),
  plugin: optional(Type.Object({ name: text, config: optional(anything) })),
});

const istioVirtualService = Type.Object({
  name: text,
  routes: optional(listOf(text)),
  tlsRoutes: optional(listOf(Type.Object({ port: optional(int64), sniHosts: optional(listOf(text)) }))),
  tcpRoutes: optional(listOf(Type.Object({ port: optional(int64) }))),
});

const istio = Type.Object({
  virtualService: optional(istioVirtualService),
  virtualServices: optional(listOf(istioVirtualService)),
  destinationRule: optional(
    Type.Object({
      name: text,
      canarySubsetName: text,
      stableSubsetName: text,
      additionalSubsetNames: optional(listOf(text)),
    }),
  ),
});

const stickinessConfig = Type.Object({ enabled: flag, durationSeconds: int64 });

export const trafficRouting = Type.Object({
  istio: optional(istio),
  nginx: optional(
    Type.Object({
      annotationPrefix: optional(text),
      stableIngress: optional(text),
      stableIngresses: optional(listOf(text)),
      additionalIngressAnnotations: optional(textMap),
      canaryIngressAnnotations: optional(textMap),
    }),
  ),
  alb: optional(
    Type.Object({
      ingress: optional(text),
      ingresses: optional(listOf(text)),
      servicePort: int32,
      rootService: optional(text),
      annotationPrefix: optional(text),
      stickinessConfig: optional(stickinessConfig),
    }),
  ),
  smi: optional(Type.Object({ rootService: optional(text), trafficSplitName: optional(text) })),
  ambassador: optional(Type.Object({ mappings: listOf(text) })),
  appMesh: optional(anyObject),
  traefik: optional(Type.Object({ weightedTraefikServiceName: text })),
  apisix: optional(Type.Object({ route: optional(Type.Object({ name: text, rules: optional(listOf(text)) })) })),
  plugins: optional(anyMap),
  managedRoutes: optional(listOf(Type.Object({ name: text }))),
  maxTrafficWeight: optional(int32),
});

const antiAffinity = Type.Object({
  preferredDuringSchedulingIgnoredDuringExecution: optional(Type.Object({ weight: int32 })),
  requiredDuringSchedulingIgnoredDuringExecution: optional(anyObject),
});

const canaryStrategy = Type.Object({
  canaryService: optional(text),
  stableService: optional(text),
  steps: optional(listOf(step)),
  maxSurge: optional(intOrString),
  maxUnavailable: optional(intOrString),
  analysis: optional(Type.Object({ ...rolloutAnalysisFields, startingStep: optional(int32) })),
  antiAffinity: optional(antiAffinity),
  canaryMetadata: optional(metadata),
  stableMetadata: optional(metadata),
  scaleDownDelaySeconds: optional(int32),
  scaleDownDelayRevisionLimit: optional(int32),
  abortScaleDownDelaySeconds: optional(int32),
  dynamicStableScale: optional(flag),
  pingPong: optional(Type.Object({ pingService: text, pongService: text })),
  minPodsPerReplicaSet: optional(int32),
  replicaProgressThreshold: optional(Type.Object({ type: text, value: int32 })),
  trafficRouting: optional(trafficRouting),
});

const blueGreenStrategy = Type.Object({
  activeService: text,
  previewService: optional(text),
  previewReplicaCount: optional(int32),
  autoPromotionEnabled: optional(flag),
  autoPromotionSeconds: optional(int32),
  maxUnavailable: optional(intOrString),
  scaleDownDelaySeconds: optional(int32),
  scaleDownDelayRevisionLimit: optional(int32),
  abortScaleDownDelaySeconds: optional(int32),
  prePromotionAnalysis: optional(rolloutAnalysis),
  postPromotionAnalysis: optional(rolloutAnalysis),
  antiAffinity: optional(antiAffinity),
  previewMetadata: optional(metadata),
  activeMetadata: optional(metadata),
});

export const rolloutSpec = Type.Object({
  replicas: optional(int32),
  selector: optional(keptSelector),
  template: optional(podTemplate),
  workloadRef: optional(
    Type.Object({
      apiVersion: optional(text),
      kind: optional(text),
      name: optional(text),
      scaleDown: optional(text),
    }),
  ),
  minReadySeconds: optional(int32),
  rollbackWindow: optional(Type.Object({ revisions: optional(int32) })),
  strategy: optional(Type.Object({ canary: optional(canaryStrategy), blueGreen: optional(blueGreenStrategy) })),
  revisionHistoryLimit: optional(int32),
  paused: optional(flag),
  progressDeadlineSeconds: optional(int32),
  progressDeadlineAbort: optional(flag),
  restartAt: optional(time),
  analysis: optional(
    Type.Object({ successfulRunHistoryLimit: optional(int32), unsuccessfulRunHistoryLimit: optional(int32) }),
  ),
});

const runStatus = Type.Object({ name: text, status: text, message: optional(text) });

const weightDestination = Type.Object({
  weight: int32,
  serviceName: optional(text),
  podTemplateHash: optional(text),
});

export const rolloutStatus = Type.Object({
  abort: optional(flag),
  abortedAt: optional(time),
  pauseConditions: optional(listOf(Type.Object({ reason: text, startTime: time }))),
  controllerPause: optional(flag),
  currentPodHash: optional(text),
  currentStepHash: optional(text),
  currentStepIndex: optional(int32),
  stableRS: optional(text),
  replicas: optional(int32),
  updatedReplicas: optional(int32),
  readyReplicas: optional(int32),
  availableReplicas: optional(int32),
  HPAReplicas: optional(int32),
  selector: optional(text),
  collisionCount: optional(int32),
  observedGeneration: optional(text),
  workloadObservedGeneration: optional(text),
  conditions: optional(listOf(condition)),
  phase: optional(text),
  message: optional(text),
  promoteFull: optional(flag),
  restartedAt: optional(time),
  canary: optional(
    Type.Object({
      weights: optional(
        Type.Object({
          canary: weightDestination,
          stable: weightDestination,
          additional: optional(listOf(weightDestination)),
          verified: optional(flag),
        }),
      ),
      currentStepAnalysisRunStatus: optional(runStatus),
      currentBackgroundAnalysisRunStatus: optional(runStatus),
      currentExperiment: optional(text),
      stablePingPong: optional(text),
      stepPluginStatuses: optional(listOf(anyObject)),
    }),
  ),
  blueGreen: optional(
    Type.Object({
      activeSelector: optional(text),
      previewSelector: optional(text),
      scaleUpPreviewCheckPoint: optional(flag),
      prePromotionAnalysisRunStatus: optional(runStatus),
      postPromotionAnalysisRunStatus: optional(runStatus),
    }),
  ),
  alb: optional(anyObject),
  albs: optional(listOf(anyObject)),
  duration: optional(
    Type.Object({
      rolloutStartedAt: optional(time),
      manualPauseStartedAt: optional(time),
      totalManualPauseDurationSeconds: optional(int64),
      finishedAt: optional(time),
      completionStatus: optional(text),
    }),
  ),
});
