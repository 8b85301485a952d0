/**
 * How Go spells the objects that go into a hash: for each struct its members in the order of declaration (ARC-032,
 * ARC-041). A hash is only a name, so a member that is missing here costs nothing but a different name.
 *
 *   name        left out when empty ("" 0 false [] {})
 *   name!       always there, as its type's empty value
 *   name*       a pointer: left out only when absent
 *   name:Type   a struct; name:Type[] a list of structs; name:Quantity{} a map of quantities
 */

const LOCAL_REFERENCE = "name key! optional*";

const declarations: Record<string, string> = {
  PodTemplate: "metadata!:ObjectMeta spec!:PodSpec",
  ObjectMeta: "name generateName namespace creationTimestamp! labels annotations finalizers",
  PodSpec:
    "volumes:Volume[] initContainers:Container[] containers!:Container[] ephemeralContainers:Container[] restartPolicy " +
    "terminationGracePeriodSeconds* activeDeadlineSeconds* dnsPolicy nodeSelector serviceAccountName serviceAccount " +
    "automountServiceAccountToken* nodeName hostNetwork hostPID hostIPC shareProcessNamespace* " +
    "securityContext:PodSecurityContext imagePullSecrets hostname subdomain affinity:Affinity schedulerName " +
    "tolerations:Toleration[] hostAliases:HostAlias[] priorityClassName priority* dnsConfig:DnsConfig " +
    "readinessGates:ReadinessGate[] runtimeClassName* enableServiceLinks* preemptionPolicy* overhead:Quantity{} " +
    "topologySpreadConstraints:TopologySpreadConstraint[] setHostnameAsFQDN* os:Named hostUsers* " +
    "schedulingGates:Named[] resourceClaims:ResourceClaim[] resources:ResourceRequirements hostnameOverride*",
  Container:
    "name! image command args workingDir ports:ContainerPort[] envFrom:EnvFrom[] env:EnvVar[] " +
    "resources!:ResourceRequirements resizePolicy:ResizePolicy[] restartPolicy* restartPolicyRules " +
    "volumeMounts:VolumeMount[] volumeDevices:VolumeDevice[] livenessProbe:Probe readinessProbe:Probe " +
    "startupProbe:Probe lifecycle:Lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy " +
    "securityContext:SecurityContext stdin stdinOnce tty",
  ContainerPort: "name hostPort containerPort! protocol hostIP",
  EnvFrom: "prefix configMapRef:OptionalReference secretRef:OptionalReference",
  OptionalReference: "name optional*",
  EnvVar: "name! value valueFrom:EnvVarSource",
  EnvVarSource:
    "fieldRef:FieldRef resourceFieldRef:ResourceFieldRef configMapKeyRef:KeyReference secretKeyRef:KeyReference",
  FieldRef: "apiVersion fieldPath!",
  ResourceFieldRef: "containerName resource! divisor!:Quantity",
  KeyReference: LOCAL_REFERENCE,
  ResourceRequirements: "limits:Quantity{} requests:Quantity{} claims:ContainerClaim[]",
  ContainerClaim: "name! request",
  ResizePolicy: "resourceName! restartPolicy!",
  VolumeMount: "name! readOnly recursiveReadOnly* mountPath! subPath mountPropagation* subPathExpr",
  VolumeDevice: "name! devicePath!",
  Probe:
    "exec:Exec httpGet:HttpGet tcpSocket:TcpSocket grpc:Grpc initialDelaySeconds timeoutSeconds periodSeconds " +
    "successThreshold failureThreshold terminationGracePeriodSeconds*",
  Lifecycle: "postStart:Handler preStop:Handler stopSignal*",
  Handler: "exec:Exec httpGet:HttpGet tcpSocket:TcpSocket sleep:Sleep",
  Sleep: "seconds!",
  Exec: "command",
  HttpGet: "path port! host scheme httpHeaders:HttpHeader[]",
  HttpHeader: "name! value!",
  TcpSocket: "port! host",
  Grpc: "port! service!",
  SecurityContext:
    "capabilities:Capabilities privileged* seLinuxOptions:SeLinux windowsOptions runAsUser* runAsGroup* runAsNonRoot* " +
    "readOnlyRootFilesystem* allowPrivilegeEscalation* procMount* seccompProfile:Profile appArmorProfile:Profile",
  PodSecurityContext:
    "seLinuxOptions:SeLinux windowsOptions runAsUser* runAsGroup* runAsNonRoot* supplementalGroups " +
    "supplementalGroupsPolicy* fsGroup* sysctls:HttpHeader[] fsGroupChangePolicy* seccompProfile:Profile " +
    "appArmorProfile:Profile",
  Capabilities: "add drop",
  SeLinux: "user role type level",
  Profile: "type! localhostProfile*",
  Toleration: "key operator value effect tolerationSeconds*",
  HostAlias: "ip! hostnames",
  DnsConfig: "nameservers searches options:DnsOption[]",
  DnsOption: "name value*",
  ReadinessGate: "conditionType!",
  Named: "name!",
  ResourceClaim: "name! resourceClaimName* resourceClaimTemplateName*",
  TopologySpreadConstraint:
    "maxSkew! topologyKey! whenUnsatisfiable! labelSelector:LabelSelector minDomains* nodeAffinityPolicy* " +
    "nodeTaintsPolicy* matchLabelKeys",
  LabelSelector: "matchLabels matchExpressions:Requirement[]",
  Requirement: "key! operator! values",
  Affinity: "nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAffinity",
  NodeAffinity:
    "requiredDuringSchedulingIgnoredDuringExecution:NodeSelector " +
    "preferredDuringSchedulingIgnoredDuringExecution:PreferredNode[]",
  NodeSelector: "nodeSelectorTerms!:NodeSelectorTerm[]",
  NodeSelectorTerm: "matchExpressions:Requirement[] matchFields:Requirement[]",
  PreferredNode: "weight! preference!:NodeSelectorTerm",
  PodAffinity:
    "requiredDuringSchedulingIgnoredDuringExecution:PodAffinityTerm[] " +
    "preferredDuringSchedulingIgnoredDuringExecution:WeightedPodAffinityTerm[]",
  PodAffinityTerm:
    "labelSelector:LabelSelector namespaces topologyKey! namespaceSelector:LabelSelector matchLabelKeys mismatchLabelKeys",
  WeightedPodAffinityTerm: "weight! podAffinityTerm!:PodAffinityTerm",
  Volume:
    "name! hostPath:HostPath emptyDir:EmptyDir secret:SecretVolume nfs persistentVolumeClaim:ClaimVolume " +
    "downwardAPI:DownwardVolume configMap:ConfigMapVolume projected:ProjectedVolume csi ephemeral image",
  HostPath: "path! type*",
  EmptyDir: "medium sizeLimit:Quantity",
  SecretVolume: "secretName items:KeyToPath[] defaultMode* optional*",
  ConfigMapVolume: "name items:KeyToPath[] defaultMode* optional*",
  ClaimVolume: "claimName! readOnly",
  KeyToPath: "key! path! mode*",
  DownwardVolume: "items:DownwardFile[] defaultMode*",
  DownwardFile: "path! fieldRef:FieldRef resourceFieldRef:ResourceFieldRef mode*",
  ProjectedVolume: "sources!:Projection[] defaultMode*",
  Projection:
    "secret:ConfigMapVolume downwardAPI:DownwardVolume configMap:ConfigMapVolume serviceAccountToken:TokenProjection",
  TokenProjection: "audience expirationSeconds* path!",

  Step:
    "setWeight* pause:Pause experiment:Experiment analysis:Analysis setCanaryScale:CanaryScale " +
    "setHeaderRoute:HeaderRoute setMirrorRoute:MirrorRoute plugin:Plugin",
  Pause: "duration*",
  CanaryScale: "weight* replicas* matchTrafficWeight",
  HeaderRoute: "name match:HeaderMatch[]",
  HeaderMatch: "headerName! headerValue:StringMatch",
  StringMatch: "exact prefix regex",
  MirrorRoute: "name! match:MirrorMatch[] percentage*",
  MirrorMatch: "method:StringMatch path:StringMatch headers",
  Plugin: "name! config",
  Analysis:
    "templates:TemplateReference[] args:AnalysisArgument[] dryRun:DryRun[] measurementRetention:Retention[] " +
    "analysisRunMetadata:TemplateMetadata",
  TemplateReference: "templateName! clusterScope",
  AnalysisArgument: "name! value valueFrom:ArgumentSource",
  ArgumentSource: "podTemplateHashValue* fieldRef:Field",
  Field: "fieldPath!",
  DryRun: "metricName!",
  Retention: "metricName! limit!",
  TemplateMetadata: "labels annotations",
  Experiment:
    "templates!:ExperimentTemplate[] duration analyses:ExperimentAnalysis[] dryRun:DryRun[] " +
    "analysisRunMetadata!:TemplateMetadata scaleDownDelaySeconds*",
  ExperimentTemplate:
    "name! specRef! replicas* metadata!:TemplateMetadata selector:LabelSelector weight* service:ExperimentService",
  ExperimentService: "name",
  ExperimentAnalysis: "name! templateName! clusterScope args:AnalysisArgument[] requiredForCompletion",
};

export interface GoField {
  readonly name: string;
  readonly isRequired: boolean;
  readonly isPointer: boolean;
  /** Absent: a plain value. */
  readonly type?: string;
  readonly shape: "one" | "list" | "map";
}

function parseField(text: string): GoField {
  const [, name = "", mark = "", type, suffix] = /^(\w+)([!*]?)(?::(\w+)(\[\]|\{\})?)?$/.exec(text) ?? [];
  return {
    name,
    isRequired: mark === "!",
    isPointer: mark === "*",
    ...(type === undefined ? {} : { type }),
    shape: suffix === "[]" ? "list" : suffix === "{}" ? "map" : "one",
  };
}

export const goTypes: ReadonlyMap<string, readonly GoField[]> = new Map(
  Object.entries(declarations).map(([name, fields]) => [name, fields.split(" ").map(parseField)]),
);
