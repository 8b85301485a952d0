/**
 * Field numbers of the protobuf messages that clients send (Kubernetes 1.34, the `generated.proto` files; K8S-51), one
 * message a line, in a notation that `protobuf.ts` reads: `number name[suffix][:type]`, fields parted by commas.
 * Suffix `[]` repeated, `{}` map with string keys. Types: none string, `i` integer varint, `b` bool, `B` bytes,
 * `d` double, `@` the message named like the field, else a message name; a name is looked up in its own group
 * first. A field whose message has no line is skipped.
 */
export const MESSAGES = `
ConfigMap = 1 metadata:ObjectMeta, 4 immutable:b, 2 data{}, 3 binaryData{}:B
Secret = 1 metadata:ObjectMeta, 5 immutable:b, 2 data{}:B, 4 stringData{}, 3 type
ServiceAccount = 1 metadata:ObjectMeta, 2 secrets[]:ObjectReference, 3 imagePullSecrets[]:LocalObjectReference, 4 automountServiceAccountToken:b
Event = 1 metadata:ObjectMeta, 2 involvedObject:ObjectReference, 3 reason, 4 message, 5 source:EventSource, 6 firstTimestamp:Time, 7 lastTimestamp:Time, 8 count:i, 9 type, 10 eventTime:MicroTime, 11 series:EventSeries, 12 action, 13 related:ObjectReference, 14 reportingComponent, 15 reportingInstance
Endpoints = 1 metadata:ObjectMeta, 2 subsets[]:EndpointSubset
Binding = 1 metadata:ObjectMeta, 2 target:ObjectReference
ControllerRevision(apps/v1) = 1 metadata:ObjectMeta, 2 data:RawExtension, 3 revision:i
Eviction(policy/v1) = 1 metadata:ObjectMeta, 2 deleteOptions:@
Role(rbac/v1) = 1 metadata:ObjectMeta, 2 rules[]:PolicyRule
RoleBinding(rbac/v1) = 1 metadata:ObjectMeta, 2 subjects[]:Subject, 3 roleRef:@
ClusterRole(rbac/v1) = 1 metadata:ObjectMeta, 2 rules[]:PolicyRule, 3 aggregationRule:@
ClusterRoleBinding(rbac/v1) = 1 metadata:ObjectMeta, 2 subjects[]:Subject, 3 roleRef:@
SelfSubjectAccessReview(authorization/v1) = 1 metadata:ObjectMeta, 2 spec:SelfSubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
SelfSubjectRulesReview(authorization/v1) = 1 metadata:ObjectMeta, 2 spec:SelfSubjectRulesReviewSpec, 3 status:SubjectRulesReviewStatus
LocalSubjectAccessReview(authorization/v1) = 1 metadata:ObjectMeta, 2 spec:SubjectAccessReviewSpec, 3 status:SubjectAccessReviewStatus
SelfSubjectReview(authentication/v1) = 1 metadata:ObjectMeta, 2 status:SelfSubjectReviewStatus
EndpointSlice(discovery/v1) = 1 metadata:ObjectMeta, 4 addressType, 2 endpoints[]:Endpoint, 3 ports[]:EndpointPort
Event(events/v1) = 1 metadata:ObjectMeta, 2 eventTime:MicroTime, 3 series:EventSeries, 4 reportingController, 5 reportingInstance, 6 action, 7 reason, 8 regarding:ObjectReference, 9 related:ObjectReference, 10 note, 11 type, 12 deprecatedSource:EventSource, 13 deprecatedFirstTimestamp:Time, 14 deprecatedLastTimestamp:Time, 15 deprecatedCount:i
PriorityClass(scheduling/v1) = 1 metadata:ObjectMeta, 2 value:i, 3 globalDefault:b, 4 description, 5 preemptionPolicy
DeleteOptions = 1 gracePeriodSeconds:i, 2 preconditions:@, 3 orphanDependents:b, 4 propagationPolicy, 5 dryRun[], 6 ignoreStoreReadErrorWithClusterBreakingPotential:b
Unknown = 1 typeMeta:@, 2 raw:B, 3 contentEncoding, 4 contentType
ObjectMeta = 1 name, 2 generateName, 3 namespace, 4 selfLink, 5 uid, 6 resourceVersion, 7 generation:i, 8 creationTimestamp:Time, 9 deletionTimestamp:Time, 10 deletionGracePeriodSeconds:i, 11 labels{}, 12 annotations{}, 13 ownerReferences[]:OwnerReference, 14 finalizers[], 17 managedFields[]:ManagedFieldsEntry
PodSpec = 1 volumes[]:Volume, 20 initContainers[]:Container, 2 containers[]:Container, 34 ephemeralContainers[]:EphemeralContainer, 3 restartPolicy, 4 terminationGracePeriodSeconds:i, 5 activeDeadlineSeconds:i, 6 dnsPolicy, 7 nodeSelector{}, 8 serviceAccountName, 9 serviceAccount, 21 automountServiceAccountToken:b, 10 nodeName, 11 hostNetwork:b, 12 hostPID:b, 13 hostIPC:b, 27 shareProcessNamespace:b, 14 securityContext:PodSecurityContext, 15 imagePullSecrets[]:LocalObjectReference, 16 hostname, 17 subdomain, 18 affinity:@, 19 schedulerName, 22 tolerations[]:Toleration, 23 hostAliases[]:HostAlias, 24 priorityClassName, 25 priority:i, 26 dnsConfig:PodDNSConfig, 28 readinessGates[]:PodReadinessGate, 29 runtimeClassName, 30 enableServiceLinks:b, 31 preemptionPolicy, 32 overhead{}:Quantity, 33 topologySpreadConstraints[]:TopologySpreadConstraint, 35 setHostnameAsFQDN:b, 36 os:PodOS, 37 hostUsers:b, 38 schedulingGates[]:PodSchedulingGate, 39 resourceClaims[]:PodResourceClaim, 40 resources:ResourceRequirements, 41 hostnameOverride
NamespaceSpec = 1 finalizers[]
ServiceSpec = 1 ports[]:ServicePort, 2 selector{}, 3 clusterIP, 18 clusterIPs[], 4 type, 5 externalIPs[], 7 sessionAffinity, 8 loadBalancerIP, 9 loadBalancerSourceRanges[], 10 externalName, 11 externalTrafficPolicy, 12 healthCheckNodePort:i, 13 publishNotReadyAddresses:b, 14 sessionAffinityConfig:@, 19 ipFamilies[], 17 ipFamilyPolicy, 20 allocateLoadBalancerNodePorts:b, 21 loadBalancerClass, 22 internalTrafficPolicy, 23 trafficDistribution
ObjectReference = 1 kind, 2 namespace, 3 name, 4 uid, 5 apiVersion, 6 resourceVersion, 7 fieldPath
LocalObjectReference = 1 name
ResourceQuotaSpec = 1 hard{}:Quantity, 2 scopes[], 3 scopeSelector:@
EventSource = 1 component, 2 host
Time = 1 seconds:i, 2 nanos:i
MicroTime = 1 seconds:i, 2 nanos:i
EventSeries = 1 count:i, 2 lastObservedTime:MicroTime
EndpointSubset = 1 addresses[]:EndpointAddress, 2 notReadyAddresses[]:EndpointAddress, 3 ports[]:EndpointPort
DeploymentSpec(apps/v1) = 1 replicas:i, 2 selector:LabelSelector, 3 template:PodTemplateSpec, 4 strategy:DeploymentStrategy, 5 minReadySeconds:i, 6 revisionHistoryLimit:i, 7 paused:b, 9 progressDeadlineSeconds:i
DeploymentStatus(apps/v1) = 1 observedGeneration:i, 2 replicas:i, 3 updatedReplicas:i, 7 readyReplicas:i, 4 availableReplicas:i, 5 unavailableReplicas:i, 9 terminatingReplicas:i, 6 conditions[]:DeploymentCondition, 8 collisionCount:i
ReplicaSetSpec(apps/v1) = 1 replicas:i, 4 minReadySeconds:i, 2 selector:LabelSelector, 3 template:PodTemplateSpec
ReplicaSetStatus(apps/v1) = 1 replicas:i, 2 fullyLabeledReplicas:i, 4 readyReplicas:i, 5 availableReplicas:i, 7 terminatingReplicas:i, 3 observedGeneration:i, 6 conditions[]:ReplicaSetCondition
StatefulSetSpec(apps/v1) = 1 replicas:i, 2 selector:LabelSelector, 3 template:PodTemplateSpec, 4 volumeClaimTemplates[]:PersistentVolumeClaim, 5 serviceName, 6 podManagementPolicy, 7 updateStrategy:StatefulSetUpdateStrategy, 8 revisionHistoryLimit:i, 9 minReadySeconds:i, 10 persistentVolumeClaimRetentionPolicy:StatefulSetPersistentVolumeClaimRetentionPolicy, 11 ordinals:StatefulSetOrdinals
DaemonSetSpec(apps/v1) = 1 selector:LabelSelector, 2 template:PodTemplateSpec, 3 updateStrategy:DaemonSetUpdateStrategy, 4 minReadySeconds:i, 6 revisionHistoryLimit:i
RawExtension = 1 raw:B
JobSpec(batch/v1) = 1 parallelism:i, 2 completions:i, 3 activeDeadlineSeconds:i, 11 podFailurePolicy:@, 16 successPolicy:@, 7 backoffLimit:i, 12 backoffLimitPerIndex:i, 13 maxFailedIndexes:i, 4 selector:LabelSelector, 5 manualSelector:b, 6 template:PodTemplateSpec, 8 ttlSecondsAfterFinished:i, 9 completionMode, 10 suspend:b, 14 podReplacementPolicy, 15 managedBy
CronJobSpec(batch/v1) = 1 schedule, 8 timeZone, 2 startingDeadlineSeconds:i, 3 concurrencyPolicy, 4 suspend:b, 5 jobTemplate:JobTemplateSpec, 6 successfulJobsHistoryLimit:i, 7 failedJobsHistoryLimit:i
IngressSpec(networking/v1) = 4 ingressClassName, 1 defaultBackend:IngressBackend, 2 tls[]:IngressTLS, 3 rules[]:IngressRule
PodDisruptionBudgetSpec(policy/v1) = 1 minAvailable:IntOrString, 2 selector:LabelSelector, 3 maxUnavailable:IntOrString, 4 unhealthyPodEvictionPolicy
HorizontalPodAutoscalerSpec(autoscaling/v1) = 1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas:i, 3 maxReplicas:i, 4 targetCPUUtilizationPercentage:i
ScaleSpec(autoscaling/v1) = 1 replicas:i
ScaleStatus(autoscaling/v1) = 1 replicas:i, 2 selector
HorizontalPodAutoscalerSpec(autoscaling/v2) = 1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas:i, 3 maxReplicas:i, 4 metrics[]:MetricSpec, 5 behavior:HorizontalPodAutoscalerBehavior
PolicyRule(rbac/v1) = 1 verbs[], 2 apiGroups[], 3 resources[], 4 resourceNames[], 5 nonResourceURLs[]
Subject(rbac/v1) = 1 kind, 2 apiGroup, 3 name, 4 namespace
RoleRef(rbac/v1) = 1 apiGroup, 2 kind, 3 name
AggregationRule(rbac/v1) = 1 clusterRoleSelectors[]:LabelSelector
SelfSubjectAccessReviewSpec(authorization/v1) = 1 resourceAttributes:@, 2 nonResourceAttributes:@
SubjectAccessReviewStatus(authorization/v1) = 1 allowed:b, 4 denied:b, 2 reason, 3 evaluationError
SelfSubjectRulesReviewSpec(authorization/v1) = 1 namespace
SubjectRulesReviewStatus(authorization/v1) = 1 resourceRules[]:ResourceRule, 2 nonResourceRules[]:NonResourceRule, 3 incomplete:b, 4 evaluationError
SubjectAccessReviewSpec(authorization/v1) = 1 resourceAttributes:@, 2 nonResourceAttributes:@, 3 user, 4 groups[], 5 extra{}:ExtraValue, 6 uid
TokenRequestSpec(authentication/v1) = 1 audiences[], 4 expirationSeconds:i, 3 boundObjectRef:BoundObjectReference
TokenRequestStatus(authentication/v1) = 1 token, 2 expirationTimestamp:Time
TokenReviewSpec(authentication/v1) = 1 token, 2 audiences[]
TokenReviewStatus(authentication/v1) = 1 authenticated:b, 2 user:UserInfo, 4 audiences[], 3 error
SelfSubjectReviewStatus(authentication/v1) = 1 userInfo:@
LeaseSpec(coordination/v1) = 1 holderIdentity, 2 leaseDurationSeconds:i, 3 acquireTime:MicroTime, 4 renewTime:MicroTime, 5 leaseTransitions:i, 6 strategy, 7 preferredHolder
Endpoint(discovery/v1) = 1 addresses[], 2 conditions:EndpointConditions, 3 hostname, 4 targetRef:ObjectReference, 5 deprecatedTopology{}, 6 nodeName, 7 zone, 8 hints:EndpointHints
EndpointPort(discovery/v1) = 1 name, 2 protocol, 3 port:i, 4 appProtocol
EventSeries(events/v1) = 1 count:i, 2 lastObservedTime:MicroTime
Preconditions = 1 uid, 2 resourceVersion
TypeMeta = 1 apiVersion, 2 kind
OwnerReference = 5 apiVersion, 1 kind, 3 name, 4 uid, 6 controller:b, 7 blockOwnerDeletion:b
ManagedFieldsEntry = 1 manager, 2 operation, 3 apiVersion, 4 time:@, 6 fieldsType, 7 fieldsV1:@, 8 subresource
Volume = 1 name, 2 volumeSource:@
Container = 1 name, 2 image, 3 command[], 4 args[], 5 workingDir, 6 ports[]:ContainerPort, 19 envFrom[]:EnvFromSource, 7 env[]:EnvVar, 8 resources:ResourceRequirements, 23 resizePolicy[]:ContainerResizePolicy, 24 restartPolicy, 25 restartPolicyRules[]:ContainerRestartRule, 9 volumeMounts[]:VolumeMount, 21 volumeDevices[]:VolumeDevice, 10 livenessProbe:Probe, 11 readinessProbe:Probe, 22 startupProbe:Probe, 12 lifecycle:@, 13 terminationMessagePath, 20 terminationMessagePolicy, 14 imagePullPolicy, 15 securityContext:@, 16 stdin:b, 17 stdinOnce:b, 18 tty:b
EphemeralContainer = 1 ephemeralContainerCommon:@, 2 targetContainerName
PodSecurityContext = 1 seLinuxOptions:@, 8 windowsOptions:WindowsSecurityContextOptions, 2 runAsUser:i, 6 runAsGroup:i, 3 runAsNonRoot:b, 4 supplementalGroups[]:i, 12 supplementalGroupsPolicy, 5 fsGroup:i, 7 sysctls[]:Sysctl, 9 fsGroupChangePolicy, 10 seccompProfile:@, 11 appArmorProfile:@, 13 seLinuxChangePolicy
Affinity = 1 nodeAffinity:@, 2 podAffinity:@, 3 podAntiAffinity:@
Toleration = 1 key, 2 operator, 3 value, 4 effect, 5 tolerationSeconds:i
HostAlias = 1 ip, 2 hostnames[]
PodDNSConfig = 1 nameservers[], 2 searches[], 3 options[]:PodDNSConfigOption
PodReadinessGate = 1 conditionType
Quantity = 1 string
TopologySpreadConstraint = 1 maxSkew:i, 2 topologyKey, 3 whenUnsatisfiable, 4 labelSelector:@, 5 minDomains:i, 6 nodeAffinityPolicy, 7 nodeTaintsPolicy, 8 matchLabelKeys[]
PodOS = 1 name
PodSchedulingGate = 1 name
ResourceRequirements = 1 limits{}:Quantity, 2 requests{}:Quantity, 3 claims[]:ResourceClaim
ServicePort = 1 name, 2 protocol, 6 appProtocol, 3 port:i, 4 targetPort:IntOrString, 5 nodePort:i
SessionAffinityConfig = 1 clientIP:ClientIPConfig
EndpointAddress = 1 ip, 3 hostname, 4 nodeName, 2 targetRef:ObjectReference
EndpointPort = 1 name, 2 port:i, 3 protocol, 4 appProtocol
LabelSelector = 1 matchLabels{}, 2 matchExpressions[]:LabelSelectorRequirement
PodTemplateSpec = 1 metadata:ObjectMeta, 2 spec:PodSpec
DeploymentStrategy(apps/v1) = 1 type, 2 rollingUpdate:RollingUpdateDeployment
DeploymentCondition(apps/v1) = 1 type, 2 status, 6 lastUpdateTime:Time, 7 lastTransitionTime:Time, 4 reason, 5 message
ReplicaSetCondition(apps/v1) = 1 type, 2 status, 3 lastTransitionTime:Time, 4 reason, 5 message
StatefulSetUpdateStrategy(apps/v1) = 1 type, 2 rollingUpdate:RollingUpdateStatefulSetStrategy
StatefulSetPersistentVolumeClaimRetentionPolicy(apps/v1) = 1 whenDeleted, 2 whenScaled
StatefulSetOrdinals(apps/v1) = 1 start:i
DaemonSetUpdateStrategy(apps/v1) = 1 type, 2 rollingUpdate:RollingUpdateDaemonSet
JobTemplateSpec(batch/v1) = 1 metadata:ObjectMeta, 2 spec:JobSpec
IngressBackend(networking/v1) = 4 service:IngressServiceBackend, 3 resource:TypedLocalObjectReference
IngressTLS(networking/v1) = 1 hosts[], 2 secretName
IngressRule(networking/v1) = 1 host, 2 ingressRuleValue:@
IntOrString = 1 type:i, 2 intVal:i, 3 strVal
CrossVersionObjectReference(autoscaling/v1) = 1 kind, 2 name, 3 apiVersion
CrossVersionObjectReference(autoscaling/v2) = 1 kind, 2 name, 3 apiVersion
MetricSpec(autoscaling/v2) = 1 type, 2 object:ObjectMetricSource, 3 pods:PodsMetricSource, 4 resource:ResourceMetricSource, 7 containerResource:ContainerResourceMetricSource, 5 external:ExternalMetricSource
ResourceAttributes(authorization/v1) = 1 namespace, 2 verb, 3 group, 4 version, 5 resource, 6 subresource, 7 name, 8 fieldSelector:FieldSelectorAttributes, 9 labelSelector:LabelSelectorAttributes
NonResourceAttributes(authorization/v1) = 1 path, 2 verb
ResourceRule(authorization/v1) = 1 verbs[], 2 apiGroups[], 3 resources[], 4 resourceNames[]
NonResourceRule(authorization/v1) = 1 verbs[], 2 nonResourceURLs[]
ExtraValue(authorization/v1) = 1 items[]
BoundObjectReference(authentication/v1) = 1 kind, 2 apiVersion, 3 name, 4 uID
UserInfo(authentication/v1) = 1 username, 2 uid, 3 groups[], 4 extra{}:ExtraValue
EndpointConditions(discovery/v1) = 1 ready:b, 2 serving:b, 3 terminating:b
EndpointHints(discovery/v1) = 1 forZones[]:ForZone, 2 forNodes[]:ForNode
FieldsV1 = 1 Raw:B
VolumeSource = 1 hostPath:HostPathVolumeSource, 2 emptyDir:EmptyDirVolumeSource, 3 gcePersistentDisk:GCEPersistentDiskVolumeSource, 4 awsElasticBlockStore:AWSElasticBlockStoreVolumeSource, 5 gitRepo:GitRepoVolumeSource, 6 secret:SecretVolumeSource, 7 nfs:NFSVolumeSource, 8 iscsi:ISCSIVolumeSource, 9 glusterfs:GlusterfsVolumeSource, 10 persistentVolumeClaim:PersistentVolumeClaimVolumeSource, 11 rbd:RBDVolumeSource, 12 flexVolume:FlexVolumeSource, 13 cinder:CinderVolumeSource, 14 cephfs:CephFSVolumeSource, 15 flocker:FlockerVolumeSource, 16 downwardAPI:DownwardAPIVolumeSource, 17 fc:FCVolumeSource, 18 azureFile:AzureFileVolumeSource, 19 configMap:ConfigMapVolumeSource, 20 vsphereVolume:VsphereVirtualDiskVolumeSource, 21 quobyte:QuobyteVolumeSource, 22 azureDisk:AzureDiskVolumeSource, 23 photonPersistentDisk:PhotonPersistentDiskVolumeSource, 26 projected:ProjectedVolumeSource, 24 portworxVolume:PortworxVolumeSource, 25 scaleIO:ScaleIOVolumeSource, 27 storageos:StorageOSVolumeSource, 28 csi:CSIVolumeSource, 29 ephemeral:EphemeralVolumeSource, 30 image:ImageVolumeSource
ContainerPort = 1 name, 2 hostPort:i, 3 containerPort:i, 4 protocol, 5 hostIP
EnvFromSource = 1 prefix, 2 configMapRef:ConfigMapEnvSource, 3 secretRef:SecretEnvSource
EnvVar = 1 name, 2 value, 3 valueFrom:EnvVarSource
ContainerResizePolicy = 1 resourceName, 2 restartPolicy
VolumeMount = 1 name, 2 readOnly:b, 7 recursiveReadOnly, 3 mountPath, 4 subPath, 5 mountPropagation, 6 subPathExpr
Probe = 1 handler:ProbeHandler, 2 initialDelaySeconds:i, 3 timeoutSeconds:i, 4 periodSeconds:i, 5 successThreshold:i, 6 failureThreshold:i, 7 terminationGracePeriodSeconds:i
Lifecycle = 1 postStart:LifecycleHandler, 2 preStop:LifecycleHandler, 3 stopSignal
SecurityContext = 1 capabilities:@, 2 privileged:b, 3 seLinuxOptions:@, 10 windowsOptions:WindowsSecurityContextOptions, 4 runAsUser:i, 8 runAsGroup:i, 5 runAsNonRoot:b, 6 readOnlyRootFilesystem:b, 7 allowPrivilegeEscalation:b, 9 procMount, 11 seccompProfile:@, 12 appArmorProfile:@
EphemeralContainerCommon = 1 name, 2 image, 3 command[], 4 args[], 5 workingDir, 6 ports[]:ContainerPort, 19 envFrom[]:EnvFromSource, 7 env[]:EnvVar, 8 resources:ResourceRequirements, 23 resizePolicy[]:ContainerResizePolicy, 24 restartPolicy, 25 restartPolicyRules[]:ContainerRestartRule, 9 volumeMounts[]:VolumeMount, 21 volumeDevices[]:VolumeDevice, 10 livenessProbe:Probe, 11 readinessProbe:Probe, 22 startupProbe:Probe, 12 lifecycle:@, 13 terminationMessagePath, 20 terminationMessagePolicy, 14 imagePullPolicy, 15 securityContext:@, 16 stdin:b, 17 stdinOnce:b, 18 tty:b
Sysctl = 1 name, 2 value
NodeAffinity = 1 requiredDuringSchedulingIgnoredDuringExecution:NodeSelector, 2 preferredDuringSchedulingIgnoredDuringExecution[]:PreferredSchedulingTerm
PodAffinity = 1 requiredDuringSchedulingIgnoredDuringExecution[]:PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution[]:WeightedPodAffinityTerm
PodAntiAffinity = 1 requiredDuringSchedulingIgnoredDuringExecution[]:PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution[]:WeightedPodAffinityTerm
PodDNSConfigOption = 1 name, 2 value
ClientIPConfig = 1 timeoutSeconds:i
LabelSelectorRequirement = 1 key, 2 operator, 3 values[]
RollingUpdateDeployment(apps/v1) = 1 maxUnavailable:IntOrString, 2 maxSurge:IntOrString
PersistentVolumeClaimSpec = 1 accessModes[], 4 selector:LabelSelector, 2 resources:VolumeResourceRequirements, 3 volumeName, 5 storageClassName, 6 volumeMode, 7 dataSource:TypedLocalObjectReference, 8 dataSourceRef:TypedObjectReference, 9 volumeAttributesClassName
RollingUpdateStatefulSetStrategy(apps/v1) = 1 partition:i, 2 maxUnavailable:IntOrString
RollingUpdateDaemonSet(apps/v1) = 1 maxUnavailable:IntOrString, 2 maxSurge:IntOrString
IngressServiceBackend(networking/v1) = 1 name, 2 port:ServiceBackendPort
TypedLocalObjectReference = 1 apiGroup, 2 kind, 3 name
IngressRuleValue(networking/v1) = 1 http:HTTPIngressRuleValue
ResourceMetricSource(autoscaling/v2) = 1 name, 2 target:MetricTarget
ExtraValue(authentication/v1) = 1 items[]
ForZone(discovery/v1) = 1 name
ForNode(discovery/v1) = 1 name
HostPathVolumeSource = 1 path, 2 type
EmptyDirVolumeSource = 1 medium, 2 sizeLimit:Quantity
SecretVolumeSource = 1 secretName, 2 items[]:KeyToPath, 3 defaultMode:i, 4 optional:b
PersistentVolumeClaimVolumeSource = 1 claimName, 2 readOnly:b
DownwardAPIVolumeSource = 1 items[]:DownwardAPIVolumeFile, 2 defaultMode:i
ConfigMapVolumeSource = 1 localObjectReference:@, 2 items[]:KeyToPath, 3 defaultMode:i, 4 optional:b
ProjectedVolumeSource = 1 sources[]:VolumeProjection, 2 defaultMode:i
EphemeralVolumeSource = 1 volumeClaimTemplate:PersistentVolumeClaimTemplate
ImageVolumeSource = 1 reference, 2 pullPolicy
ConfigMapEnvSource = 1 localObjectReference:@, 2 optional:b
SecretEnvSource = 1 localObjectReference:@, 2 optional:b
EnvVarSource = 1 fieldRef:ObjectFieldSelector, 2 resourceFieldRef:ResourceFieldSelector, 3 configMapKeyRef:ConfigMapKeySelector, 4 secretKeyRef:SecretKeySelector, 5 fileKeyRef:FileKeySelector
ProbeHandler = 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 grpc:GRPCAction
LifecycleHandler = 1 exec:ExecAction, 2 httpGet:HTTPGetAction, 3 tcpSocket:TCPSocketAction, 4 sleep:SleepAction
Capabilities = 1 add[], 2 drop[]
NodeSelector = 1 nodeSelectorTerms[]:NodeSelectorTerm
PreferredSchedulingTerm = 1 weight:i, 2 preference:NodeSelectorTerm
PodAffinityTerm = 1 labelSelector:@, 2 namespaces[], 3 topologyKey, 4 namespaceSelector:LabelSelector, 5 matchLabelKeys[], 6 mismatchLabelKeys[]
WeightedPodAffinityTerm = 1 weight:i, 2 podAffinityTerm:@
VolumeResourceRequirements = 1 limits{}:Quantity, 2 requests{}:Quantity
TypedObjectReference = 1 apiGroup, 2 kind, 3 name, 4 namespace
ServiceBackendPort(networking/v1) = 1 name, 2 number:i
HTTPIngressRuleValue(networking/v1) = 1 paths[]:HTTPIngressPath
MetricTarget(autoscaling/v2) = 1 type, 2 value:Quantity, 3 averageValue:Quantity, 4 averageUtilization:i
KeyToPath = 1 key, 2 path, 3 mode:i
DownwardAPIVolumeFile = 1 path, 2 fieldRef:ObjectFieldSelector, 3 resourceFieldRef:ResourceFieldSelector, 4 mode:i
VolumeProjection = 1 secret:SecretProjection, 2 downwardAPI:DownwardAPIProjection, 3 configMap:ConfigMapProjection, 4 serviceAccountToken:ServiceAccountTokenProjection, 5 clusterTrustBundle:ClusterTrustBundleProjection, 6 podCertificate:PodCertificateProjection
PersistentVolumeClaimTemplate = 1 metadata:ObjectMeta, 2 spec:PersistentVolumeClaimSpec
ObjectFieldSelector = 1 apiVersion, 2 fieldPath
ResourceFieldSelector = 1 containerName, 2 resource, 3 divisor:Quantity
ConfigMapKeySelector = 1 localObjectReference:@, 2 key, 3 optional:b
SecretKeySelector = 1 localObjectReference:@, 2 key, 3 optional:b
ExecAction = 1 command[]
HTTPGetAction = 1 path, 2 port:IntOrString, 3 host, 4 scheme, 5 httpHeaders[]:HTTPHeader
TCPSocketAction = 1 port:IntOrString, 2 host
GRPCAction = 1 port:i, 2 service
SleepAction = 1 seconds:i
NodeSelectorTerm = 1 matchExpressions[]:NodeSelectorRequirement, 2 matchFields[]:NodeSelectorRequirement
HTTPIngressPath(networking/v1) = 1 path, 3 pathType, 2 backend:IngressBackend
SecretProjection = 1 localObjectReference:@, 2 items[]:KeyToPath, 4 optional:b
DownwardAPIProjection = 1 items[]:DownwardAPIVolumeFile
ConfigMapProjection = 1 localObjectReference:@, 2 items[]:KeyToPath, 4 optional:b
ServiceAccountTokenProjection = 1 audience, 2 expirationSeconds:i, 3 path
HTTPHeader = 1 name, 2 value
NodeSelectorRequirement = 1 key, 2 operator, 3 values[]
`;

/** Fields that are pointers in Go: a 0, false or "" that is present was meant, and is kept (K8S-52). */
export const POINTER_FIELDS: ReadonlySet<string> = new Set(
  `
    replicas minReplicas partition maxUnavailable maxSurge revisionHistoryLimit progressDeadlineSeconds
    terminationGracePeriodSeconds activeDeadlineSeconds gracePeriodSeconds deletionGracePeriodSeconds backoffLimit
    completions parallelism ttlSecondsAfterFinished startingDeadlineSeconds successfulJobsHistoryLimit
    failedJobsHistoryLimit suspend manualSelector tolerationSeconds expirationSeconds defaultMode mode optional
    immutable controller blockOwnerDeletion orphanDependents automountServiceAccountToken enableServiceLinks
    shareProcessNamespace hostUsers setHostnameAsFQDN privileged allowPrivilegeEscalation readOnlyRootFilesystem
    runAsNonRoot runAsUser runAsGroup fsGroup started ready serving terminating port leaseDurationSeconds
    leaseTransitions priority allocateLoadBalancerNodePorts storageClassName ingressClassName averageUtilization
    targetCPUUtilizationPercentage
  `
    .trim()
    .split(/\s+/),
);

/** Kinds whose message is `1 metadata, 2 spec, 3 status`, with messages named after the kind. */
export const SPEC_STATUS_KINDS: ReadonlySet<string> = new Set(
  `
    Pod Namespace Service ResourceQuota Deployment ReplicaSet StatefulSet DaemonSet Job CronJob Ingress
    PodDisruptionBudget HorizontalPodAutoscaler Scale SubjectAccessReview TokenRequest TokenReview Lease
    PersistentVolumeClaim
  `
    .trim()
    .split(/\s+/),
);
