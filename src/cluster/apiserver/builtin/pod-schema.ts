import type { Schema } from "../resource.ts";
import {
  atomic,
  bool,
  int,
  intOrString,
  list,
  listByKey,
  long,
  map,
  open,
  quantity,
  str,
  struct,
  time,
} from "../schema/dsl.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";
import { condition, labelSelector, localReference, typedLocalReference, typedReference } from "./shared-schema.ts";

/** core/v1 PodSpec, PodStatus and what they are made of, with every field of Kubernetes 1.34. */

const keyToPath = struct("KeyToPath", { key: str, path: str, mode: int }, ["key", "path"]);
const fieldRef = atomic(struct("ObjectFieldSelector", { apiVersion: str, fieldPath: str }, ["fieldPath"]));
const resourceFieldRef = atomic(
  struct("ResourceFieldSelector", { containerName: str, resource: str, divisor: quantity }, ["resource"]),
);

const handler = {
  exec: struct("ExecAction", { command: list(str) }),
  httpGet: struct(
    "HTTPGetAction",
    {
      path: str,
      port: intOrString,
      host: str,
      scheme: str,
      httpHeaders: list(struct("HTTPHeader", { name: str, value: str }, ["name", "value"])),
    },
    ["port"],
  ),
  tcpSocket: struct("TCPSocketAction", { port: intOrString, host: str }, ["port"]),
};

const probe = struct("Probe", {
  ...handler,
  grpc: struct("GRPCAction", { port: int, service: str }, ["port"]),
  initialDelaySeconds: int,
  timeoutSeconds: int,
  periodSeconds: int,
  successThreshold: int,
  failureThreshold: int,
  terminationGracePeriodSeconds: long,
});

const lifecycleHandler = struct("LifecycleHandler", {
  ...handler,
  sleep: struct("SleepAction", { seconds: long }, ["seconds"]),
});

const resources = struct("ResourceRequirements", {
  limits: map(quantity),
  requests: map(quantity),
  claims: listByKey(struct("ResourceClaim", { name: str, request: str }, ["name"]), "name"),
});

const keySelector = (name: string) => atomic(struct(name, { name: str, key: str, optional: bool }, ["key"]));

const envVar = struct(
  "EnvVar",
  {
    name: str,
    value: str,
    valueFrom: struct("EnvVarSource", {
      fieldRef,
      resourceFieldRef,
      configMapKeyRef: keySelector("ConfigMapKeySelector"),
      secretKeyRef: keySelector("SecretKeySelector"),
      fileKeyRef: atomic(
        struct("FileKeySelector", { volumeName: str, path: str, key: str, optional: bool }, [
          "volumeName",
          "path",
          "key",
        ]),
      ),
    }),
  },
  ["name"],
);

const seLinuxOptions = struct("SELinuxOptions", { user: str, role: str, type: str, level: str });
const seccompProfile = struct("SeccompProfile", { type: str, localhostProfile: str }, ["type"]);
const appArmorProfile = struct("AppArmorProfile", { type: str, localhostProfile: str }, ["type"]);
const windowsOptions = struct("WindowsSecurityContextOptions", {
  gmsaCredentialSpecName: str,
  gmsaCredentialSpec: str,
  runAsUserName: str,
  hostProcess: bool,
});

/** The default is part of a port's key, for those who leave it out. */
export const protocol: Schema = { ...str, default: "TCP" };

const containerFields = {
  name: str,
  image: str,
  command: list(str),
  args: list(str),
  workingDir: str,
  ports: listByKey(
    struct("ContainerPort", { name: str, hostPort: int, containerPort: int, protocol, hostIP: str }, ["containerPort"]),
    "containerPort",
    "protocol",
  ),
  envFrom: list(
    struct("EnvFromSource", {
      prefix: str,
      configMapRef: struct("ConfigMapEnvSource", { name: str, optional: bool }),
      secretRef: struct("SecretEnvSource", { name: str, optional: bool }),
    }),
  ),
  env: listByKey(envVar, "name"),
  resources,
  resizePolicy: list(
    struct("ContainerResizePolicy", { resourceName: str, restartPolicy: str }, ["resourceName", "restartPolicy"]),
  ),
  restartPolicy: str,
  restartPolicyRules: list(
    struct("ContainerRestartRule", {
      action: str,
      exitCodes: struct("ContainerRestartRuleOnExitCodes", { operator: str, values: list(int) }),
    }),
  ),
  volumeMounts: listByKey(
    struct(
      "VolumeMount",
      {
        name: str,
        readOnly: bool,
        recursiveReadOnly: str,
        mountPath: str,
        subPath: str,
        mountPropagation: str,
        subPathExpr: str,
      },
      ["name", "mountPath"],
    ),
    "mountPath",
  ),
  volumeDevices: listByKey(
    struct("VolumeDevice", { name: str, devicePath: str }, ["name", "devicePath"]),
    "devicePath",
  ),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: struct("Lifecycle", { postStart: lifecycleHandler, preStop: lifecycleHandler, stopSignal: str }),
  terminationMessagePath: str,
  terminationMessagePolicy: str,
  imagePullPolicy: str,
  securityContext: struct("SecurityContext", {
    capabilities: struct("Capabilities", { add: list(str), drop: list(str) }),
    privileged: bool,
    seLinuxOptions,
    windowsOptions,
    runAsUser: long,
    runAsGroup: long,
    runAsNonRoot: bool,
    readOnlyRootFilesystem: bool,
    allowPrivilegeEscalation: bool,
    procMount: str,
    seccompProfile,
    appArmorProfile,
  }),
  stdin: bool,
  stdinOnce: bool,
  tty: bool,
};

const container = struct("Container", containerFields, ["name"]);
const ephemeralContainer = struct("EphemeralContainer", { ...containerFields, targetContainerName: str }, ["name"]);

const downwardItems = list(
  struct("DownwardAPIVolumeFile", { path: str, fieldRef, resourceFieldRef, mode: int }, ["path"]),
);
const keyProjection = (name: string) => struct(name, { name: str, items: list(keyToPath), optional: bool });

export const volumeClaimSpec: Schema = struct("PersistentVolumeClaimSpec", {
  accessModes: list(str),
  selector: labelSelector,
  resources: struct("VolumeResourceRequirements", { limits: map(quantity), requests: map(quantity) }),
  volumeName: str,
  storageClassName: str,
  volumeMode: str,
  dataSource: typedLocalReference,
  dataSourceRef: typedReference,
  volumeAttributesClassName: str,
});

/** Volume sources that need a storage system: named, so that they are no unknown fields, and kept as they are. */
const foreignVolumeSources = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
  "csi",
];

export const foreignVolumeFields: Readonly<Record<string, Schema>> = Object.fromEntries(
  foreignVolumeSources.map((name) => [name, open]),
);

export const hostPathSource = struct("HostPathVolumeSource", { path: str, type: str }, ["path"]);

const volume = struct(
  "Volume",
  {
    name: str,
    hostPath: hostPathSource,
    emptyDir: struct("EmptyDirVolumeSource", { medium: str, sizeLimit: quantity }),
    secret: struct("SecretVolumeSource", {
      secretName: str,
      items: list(keyToPath),
      defaultMode: int,
      optional: bool,
    }),
    persistentVolumeClaim: struct("PersistentVolumeClaimVolumeSource", { claimName: str, readOnly: bool }, [
      "claimName",
    ]),
    downwardAPI: struct("DownwardAPIVolumeSource", { items: downwardItems, defaultMode: int }),
    configMap: struct("ConfigMapVolumeSource", {
      name: str,
      items: list(keyToPath),
      defaultMode: int,
      optional: bool,
    }),
    projected: struct("ProjectedVolumeSource", {
      sources: list(
        struct("VolumeProjection", {
          secret: keyProjection("SecretProjection"),
          downwardAPI: struct("DownwardAPIProjection", { items: downwardItems }),
          configMap: keyProjection("ConfigMapProjection"),
          serviceAccountToken: struct(
            "ServiceAccountTokenProjection",
            { audience: str, expirationSeconds: long, path: str },
            ["path"],
          ),
          clusterTrustBundle: open,
          podCertificate: open,
        }),
      ),
      defaultMode: int,
    }),
    ephemeral: struct("EphemeralVolumeSource", {
      volumeClaimTemplate: struct(
        "PersistentVolumeClaimTemplate",
        { metadata: objectMetaSchema, spec: volumeClaimSpec },
        ["spec"],
      ),
    }),
    image: struct("ImageVolumeSource", { reference: str, pullPolicy: str }),
    ...foreignVolumeFields,
  },
  ["name"],
);

const nodeSelectorRequirements = list(
  struct("NodeSelectorRequirement", { key: str, operator: str, values: list(str) }, ["key", "operator"]),
);
const nodeSelectorTerm = atomic(
  struct("NodeSelectorTerm", { matchExpressions: nodeSelectorRequirements, matchFields: nodeSelectorRequirements }),
);
export const nodeSelector: Schema = atomic(
  struct("NodeSelector", { nodeSelectorTerms: list(nodeSelectorTerm) }, ["nodeSelectorTerms"]),
);
const podAffinityTerm = struct(
  "PodAffinityTerm",
  {
    labelSelector,
    namespaces: list(str),
    topologyKey: str,
    namespaceSelector: labelSelector,
    matchLabelKeys: list(str),
    mismatchLabelKeys: list(str),
  },
  ["topologyKey"],
);
const podAffinity = (name: string) =>
  struct(name, {
    requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
    preferredDuringSchedulingIgnoredDuringExecution: list(
      struct("WeightedPodAffinityTerm", { weight: int, podAffinityTerm }, ["weight", "podAffinityTerm"]),
    ),
  });

const affinity = struct("Affinity", {
  nodeAffinity: struct("NodeAffinity", {
    requiredDuringSchedulingIgnoredDuringExecution: nodeSelector,
    preferredDuringSchedulingIgnoredDuringExecution: list(
      struct("PreferredSchedulingTerm", { weight: int, preference: nodeSelectorTerm }, ["weight", "preference"]),
    ),
  }),
  podAffinity: podAffinity("PodAffinity"),
  podAntiAffinity: podAffinity("PodAntiAffinity"),
});

const toleration = struct("Toleration", {
  key: str,
  operator: str,
  value: str,
  effect: str,
  tolerationSeconds: long,
});

const topologySpreadConstraint = struct(
  "TopologySpreadConstraint",
  {
    maxSkew: int,
    topologyKey: str,
    whenUnsatisfiable: str,
    labelSelector,
    minDomains: int,
    nodeAffinityPolicy: str,
    nodeTaintsPolicy: str,
    matchLabelKeys: list(str),
  },
  ["maxSkew", "topologyKey", "whenUnsatisfiable"],
);

const podSecurityContext = struct("PodSecurityContext", {
  seLinuxOptions,
  windowsOptions,
  runAsUser: long,
  runAsGroup: long,
  runAsNonRoot: bool,
  supplementalGroups: list(long),
  supplementalGroupsPolicy: str,
  fsGroup: long,
  sysctls: list(struct("Sysctl", { name: str, value: str }, ["name", "value"])),
  fsGroupChangePolicy: str,
  seccompProfile,
  appArmorProfile,
  seLinuxChangePolicy: str,
});

export const podSpec: Schema = struct(
  "PodSpec",
  {
    volumes: listByKey(volume, "name"),
    initContainers: listByKey(container, "name"),
    containers: listByKey(container, "name"),
    ephemeralContainers: listByKey(ephemeralContainer, "name"),
    restartPolicy: str,
    terminationGracePeriodSeconds: long,
    activeDeadlineSeconds: long,
    dnsPolicy: str,
    nodeSelector: atomic(map(str)),
    serviceAccountName: str,
    serviceAccount: str,
    automountServiceAccountToken: bool,
    nodeName: str,
    hostNetwork: bool,
    hostPID: bool,
    hostIPC: bool,
    shareProcessNamespace: bool,
    securityContext: podSecurityContext,
    imagePullSecrets: listByKey(localReference, "name"),
    hostname: str,
    subdomain: str,
    affinity,
    schedulerName: str,
    tolerations: list(toleration),
    hostAliases: listByKey(struct("HostAlias", { ip: str, hostnames: list(str) }, ["ip"]), "ip"),
    priorityClassName: str,
    priority: int,
    dnsConfig: struct("PodDNSConfig", {
      nameservers: list(str),
      searches: list(str),
      options: list(struct("PodDNSConfigOption", { name: str, value: str })),
    }),
    readinessGates: list(struct("PodReadinessGate", { conditionType: str }, ["conditionType"])),
    runtimeClassName: str,
    enableServiceLinks: bool,
    preemptionPolicy: str,
    overhead: map(quantity),
    topologySpreadConstraints: listByKey(topologySpreadConstraint, "topologyKey", "whenUnsatisfiable"),
    setHostnameAsFQDN: bool,
    os: struct("PodOS", { name: str }, ["name"]),
    hostUsers: bool,
    schedulingGates: listByKey(struct("PodSchedulingGate", { name: str }, ["name"]), "name"),
    resourceClaims: listByKey(
      struct("PodResourceClaim", { name: str, resourceClaimName: str, resourceClaimTemplateName: str }, ["name"]),
      "name",
    ),
    resources,
    hostnameOverride: str,
  },
  ["containers"],
);

const containerState = struct("ContainerState", {
  waiting: struct("ContainerStateWaiting", { reason: str, message: str }),
  running: struct("ContainerStateRunning", { startedAt: time }),
  terminated: struct(
    "ContainerStateTerminated",
    {
      exitCode: int,
      signal: int,
      reason: str,
      message: str,
      startedAt: time,
      finishedAt: time,
      containerID: str,
    },
    ["exitCode"],
  ),
});

const containerStatuses = list(
  struct(
    "ContainerStatus",
    {
      name: str,
      state: containerState,
      lastState: containerState,
      ready: bool,
      restartCount: int,
      image: str,
      imageID: str,
      containerID: str,
      started: bool,
      allocatedResources: map(quantity),
      resources,
      volumeMounts: list(
        struct("VolumeMountStatus", { name: str, mountPath: str, readOnly: bool, recursiveReadOnly: str }),
      ),
      user: open,
      allocatedResourcesStatus: list(open),
      stopSignal: str,
    },
    ["name"],
  ),
);

export const podStatus: Schema = struct("PodStatus", {
  observedGeneration: long,
  phase: str,
  conditions: listByKey(condition("PodCondition"), "type"),
  message: str,
  reason: str,
  nominatedNodeName: str,
  hostIP: str,
  hostIPs: list(struct("HostIP", { ip: str }, ["ip"])),
  podIP: str,
  podIPs: listByKey(struct("PodIP", { ip: str }, ["ip"]), "ip"),
  startTime: time,
  initContainerStatuses: containerStatuses,
  containerStatuses,
  ephemeralContainerStatuses: containerStatuses,
  qosClass: str,
  resize: str,
  resourceClaimStatuses: listByKey(
    struct("PodResourceClaimStatus", { name: str, resourceClaimName: str }, ["name"]),
    "name",
  ),
  extendedResourceClaimStatus: open,
  allocatedResources: map(quantity),
  resources,
});

export const podTemplate: Schema = struct("PodTemplateSpec", { metadata: objectMetaSchema, spec: podSpec });
