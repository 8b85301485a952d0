import type { KubeObject } from "../api/meta.ts";
import type { AdmissionPlugin } from "../kube/admission.ts";

/**
 * Istio's sidecar injection, for pods that ask for it themselves (SE-009). The data plane here needs no container: it
 * listens on every pod's address. But what counts containers (`READY 2/2`, `ready:2/2`) must see the one that a mesh brings.
 */
const INJECT = "sidecar.istio.io/inject";
const STATUS = "sidecar.istio.io/status";
/** `kubectl logs` and `exec` mean the application when they are told no container. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";
const NAME = "istio-proxy";

interface Container {
  readonly name: string;
}

interface PodSpec {
  readonly containers?: readonly Container[];
  readonly hostNetwork?: boolean;
}

export const sidecarInjection: AdmissionPlugin = {
  name: "sidecar-injector.istio.io",
  kind: "mutating",
  admit({ operation, type, subresource, object }) {
    const isPod = type.group === "" && type.plural === "pods" && subresource === "";
    if (!isPod || operation !== "CREATE" || object === null || !wantsSidecar(object)) return { allowed: true };
    return { allowed: true, object: withSidecar(object) };
  },
};

/** As in Istio the label is asked first, and a pod on the host's own network gets none. */
function wantsSidecar({ metadata, ...pod }: KubeObject): boolean {
  const { containers = [], hostNetwork = false } = (pod["spec"] ?? {}) as PodSpec;
  const wish = metadata.labels?.[INJECT] ?? metadata.annotations?.[INJECT];
  return wish === "true" && !hostNetwork && containers.every(({ name }) => name !== NAME);
}

function withSidecar(pod: KubeObject): KubeObject {
  const spec = (pod["spec"] ?? {}) as PodSpec;
  const containers = spec.containers ?? [];
  const annotations: Record<string, string> = {
    ...(containers[0] ? { [DEFAULT_CONTAINER]: containers[0].name } : {}),
    ...pod.metadata.annotations,
    [STATUS]: JSON.stringify({ initContainers: [], containers: [NAME], volumes: [], imagePullSecrets: [] }),
  };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations },
    spec: { ...spec, containers: [...containers, sidecar] },
  };
}

const sidecar = { name: NAME, image: "docker.io/istio/proxyv2:1.24.0" };
