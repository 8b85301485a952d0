import { fnv1a32, safeEncode } from "../../../base/hash.ts";
import { type Fields, fieldsOf, listOf, setDefaults } from "./define.ts";

/** K8S-185: what a pod spec gets when it is silent. Changes the private copy that it is given. */
export function defaultPodSpec(spec: Fields): void {
  setDefaults(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
  });
  spec["securityContext"] ??= {};
  // Both names of the field are kept equal; the older one follows.
  if (spec["serviceAccountName"] !== undefined || spec["serviceAccount"] !== undefined) {
    spec["serviceAccountName"] ??= spec["serviceAccount"];
    spec["serviceAccount"] = spec["serviceAccountName"];
  }
  for (const container of containersOf(spec)) defaultContainer(container);
  for (const volume of listOf(spec, "volumes")) defaultVolume(volume);
}

/** All three lists of containers. */
export function containersOf(spec: Fields): readonly Fields[] {
  return [...listOf(spec, "initContainers"), ...listOf(spec, "containers"), ...listOf(spec, "ephemeralContainers")];
}

function defaultContainer(container: Fields): void {
  setDefaults(container, {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: isLatest(container["image"]) ? "Always" : "IfNotPresent",
  });
  container["resources"] ??= {};
  const containerResources = fieldsOf(container, "resources");
  for (const part of ["limits", "requests"]) quantitiesAsText(fieldsOf(containerResources, part));
  defaultRequests(containerResources);
  for (const port of listOf(container, "ports")) setDefaults(port, { protocol: "TCP" });
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"]) defaultProbe(fieldsOf(container, name));
  for (const name of ["postStart", "preStop"]) {
    defaultHttpGet(fieldsOf(fieldsOf(container, "lifecycle"), name));
  }
  for (const variable of listOf(container, "env")) {
    const fieldRef = fieldsOf(fieldsOf(variable, "valueFrom"), "fieldRef");
    if (fieldRef) setDefaults(fieldRef, { apiVersion: "v1" });
    const resourceRef = fieldsOf(fieldsOf(variable, "valueFrom"), "resourceFieldRef");
    if (resourceRef) setDefaults(resourceRef, { divisor: "0" });
  }
}

/** `cpu: 1` may be written as a number; readers of the API rely on text. */
function quantitiesAsText(quantities: Fields | undefined): void {
  for (const [name, quantity] of Object.entries(quantities ?? {})) {
    if (quantities && typeof quantity === "number") quantities[name] = String(quantity);
  }
}

/** A limit without a request asks for as much as it may use. */
function defaultRequests(resources: Fields | undefined): void {
  const limits = fieldsOf(resources, "limits");
  if (!resources || !limits) return;
  resources["requests"] ??= {};
  setDefaults(fieldsOf(resources, "requests") ?? {}, limits);
}

/** No tag counts as `latest`; a digest pins the image whatever the tag says. */
function isLatest(image: unknown): boolean {
  if (typeof image !== "string" || image.includes("@")) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest";
}

function defaultProbe(probe: Fields | undefined): void {
  if (!probe) return;
  // Zero stands for "not said" in these fields, as they are plain integers in Go.
  for (const [key, value] of Object.entries({
    periodSeconds: 10,
    timeoutSeconds: 1,
    successThreshold: 1,
    failureThreshold: 3,
  })) {
    probe[key] = probe[key] || value;
  }
  defaultHttpGet(probe);
  const grpc = fieldsOf(probe, "grpc");
  if (grpc) setDefaults(grpc, { service: "" });
}

function defaultHttpGet(handler: Fields | undefined): void {
  const httpGet = fieldsOf(handler, "httpGet");
  if (!httpGet) return;
  httpGet["path"] = httpGet["path"] || "/";
  httpGet["scheme"] = httpGet["scheme"] || "HTTP";
}

/** 0644: how files of mounted volumes are written. */
const DEFAULT_MODE = 420;
const SOURCES_WITH_MODE = ["configMap", "secret", "projected", "downwardAPI"];

function defaultVolume(volume: Fields): void {
  for (const name of SOURCES_WITH_MODE) {
    const source = fieldsOf(volume, name);
    if (source) setDefaults(source, { defaultMode: DEFAULT_MODE });
  }
  const hostPath = fieldsOf(volume, "hostPath");
  if (hostPath) setDefaults(hostPath, { type: "" });
  for (const source of listOf(fieldsOf(volume, "projected"), "sources")) {
    const token = fieldsOf(source, "serviceAccountToken");
    if (token) setDefaults(token, { expirationSeconds: 3600 });
    defaultDownward(fieldsOf(source, "downwardAPI"));
  }
  defaultDownward(fieldsOf(volume, "downwardAPI"));
  // A volume that says nothing of its source is an empty directory.
  if (Object.keys(volume).length === 1 && volume["name"] !== undefined) volume["emptyDir"] = {};
}

function defaultDownward(source: Fields | undefined): void {
  for (const item of listOf(source, "items")) {
    const fieldRef = fieldsOf(item, "fieldRef");
    if (fieldRef) setDefaults(fieldRef, { apiVersion: "v1" });
  }
}

/** Seconds that a pod stays on a node that is not ready or cannot be reached. */
const NODE_TROUBLE_TOLERATION_SECONDS = 300;

/** K8S-185: what only pods get, not templates. */
export function defaultPod(pod: Fields): void {
  const spec = fieldsOf(pod, "spec");
  if (!spec) return;
  defaultPodSpec(spec);
  setDefaults(spec, {
    enableServiceLinks: true,
    serviceAccountName: "default",
    serviceAccount: "default",
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
  });
  spec["serviceAccount"] = spec["serviceAccountName"];
  addTolerations(spec);
  addTokenVolume(pod, spec);
  pod["status"] ??= {};
  setDefaults(pod["status"] as Fields, { phase: "Pending", qosClass: qosClass(spec) });
}

function addTolerations(spec: Fields): void {
  const tolerations = [...listOf(spec, "tolerations")];
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    const isCovered = tolerations.some(
      (toleration) =>
        (toleration["key"] === key || toleration["key"] === undefined) &&
        (toleration["effect"] === undefined || toleration["effect"] === "NoExecute"),
    );
    if (isCovered) continue;
    const effect = { effect: "NoExecute", tolerationSeconds: NODE_TROUBLE_TOLERATION_SECONDS };
    tolerations.push({ key, operator: "Exists", ...effect });
  }
  spec["tolerations"] = tolerations;
}

const TOKEN_MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
/** An hour and seven seconds, as the ServiceAccount admission of Kubernetes asks for. */
const TOKEN_EXPIRATION_SECONDS = 3607;

/**
 * The API access of the pod's service account. Kubernetes draws the end of the volume's name; here it follows from the
 * pod's name, because defaults are pure: a pod has one such volume, so that nothing depends on it being random.
 */
function addTokenVolume(pod: Fields, spec: Fields): void {
  if (spec["automountServiceAccountToken"] === false) return;
  const containers = [...listOf(spec, "initContainers"), ...listOf(spec, "containers")];
  const needing = containers.filter((container) =>
    listOf(container, "volumeMounts").every(({ mountPath }) => mountPath !== TOKEN_MOUNT_PATH),
  );
  if (needing.length === 0) return;
  const volumes = [...listOf(spec, "volumes")];
  const known = volumes.find(({ name }) => typeof name === "string" && name.startsWith("kube-api-access-"));
  const name = known?.["name"] ?? `kube-api-access-${nameSuffix(String(fieldsOf(pod, "metadata")?.["name"] ?? ""))}`;
  if (!known) spec["volumes"] = [...volumes, tokenVolume(name)];
  for (const container of needing) {
    const mount = { name, readOnly: true, mountPath: TOKEN_MOUNT_PATH };
    container["volumeMounts"] = [...listOf(container, "volumeMounts"), mount];
  }
}

function nameSuffix(podName: string): string {
  return safeEncode(fnv1a32(podName).toString(10).padStart(5, "0")).slice(-5);
}

function tokenVolume(name: unknown): Fields {
  const namespace = { path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } };
  const sources = [
    { serviceAccountToken: { expirationSeconds: TOKEN_EXPIRATION_SECONDS, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [namespace] } },
  ];
  return { name, projected: { sources, defaultMode: DEFAULT_MODE } };
}

/** Guaranteed: every container limits CPU and memory and asks for just that much. BestEffort: none says anything. */
function qosClass(spec: Fields): string {
  const containers = [...listOf(spec, "initContainers"), ...listOf(spec, "containers")];
  let isBestEffort = true;
  let isGuaranteed = true;
  for (const container of containers) {
    const resources = fieldsOf(container, "resources");
    const [limits, requests] = [fieldsOf(resources, "limits") ?? {}, fieldsOf(resources, "requests") ?? {}];
    for (const name of ["cpu", "memory"]) {
      if (limits[name] !== undefined || requests[name] !== undefined) isBestEffort = false;
      if (limits[name] === undefined || (requests[name] ?? limits[name]) !== limits[name]) isGuaranteed = false;
    }
  }
  if (isBestEffort) return "BestEffort";
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
